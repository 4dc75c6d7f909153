//! The browser that the tests of the dev panel's page drive.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{apt, environment};

/// A headless browser and its WebDriver server. Both come from the same source: their versions must match.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    /// `chromium`.
    pub(crate) browser: PathBuf,
    /// `chromedriver`.
    pub(crate) driver: PathBuf,
}

/// Finds them, or installs Debian's.
pub(crate) fn ensure() -> Result<Browser> {
    if let Some(found) = find() {
        println!("    {} with {}", found.browser.display(), found.driver.display());
        return Ok(found);
    }
    apt::install(&["chromium", "chromium-driver"])
        .context("no chromium with chromedriver on this machine (`--skip-browser` leaves the page's tests out)")?;
    match find() {
        Some(found) => Ok(found),
        None => bail!("chromium was installed, but `chromium` or `chromedriver` is still not in PATH"),
    }
}

fn find() -> Option<Browser> {
    let browser = environment::program("chromium")?;
    let driver = environment::program("chromedriver")?;
    Some(Browser { browser, driver })
}
