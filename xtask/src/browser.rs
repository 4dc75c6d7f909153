//! The browser that the tests of the dev panel's page drive.

use anyhow::{Context, Result, bail};

use crate::{apt, environment};

/// A headless browser and its WebDriver server. Both come from the same source: their versions must match.
const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];

/// Makes sure that they can be started by their names, or installs Debian's.
pub(crate) fn ensure() -> Result<()> {
    if missing().is_none() {
        println!("    {} are there", PROGRAMS.join(" and "));
        return Ok(());
    }
    apt::install(&["chromium", "chromium-driver"])
        .context("no chromium with chromedriver on this machine (`--skip-browser` leaves the page's tests out)")?;
    match missing() {
        None => Ok(()),
        Some(program) => bail!("the browser was installed, but `{program}` is still not in PATH"),
    }
}

fn missing() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| environment::program(program).is_none())
}
