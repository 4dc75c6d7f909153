//! Installing Debian packages, where that is allowed.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{command, environment};

/// Installs packages with `apt-get`, without recommended extras and without questions.
///
/// Fails at once, with the command to run by hand, unless this is root on a system of the Debian family.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get update && apt-get install --no-install-recommends {}", packages.join(" "));
    if !environment::is_debian_family() {
        bail!("{} must be installed; this is not Debian or Ubuntu, so use your system's own way", packages.join(", "));
    }
    if !environment::is_root() {
        bail!("{} must be installed, which needs root. Run:\n    sudo sh -c '{by_hand}'", packages.join(", "));
    }
    println!("    installing {} (this is root on a Debian system)", packages.join(", "));
    // One broken extra source must not matter when the package can be had all the same: the install decides.
    if let Err(error) = command::run(&mut apt_get(&["update"])) {
        println!("    {error:#}; trying the install all the same");
    }
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend_from_slice(packages);
    command::run(&mut apt_get(&arguments))
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        // Another apt may be at work on a machine that has just started; five minutes is longer than any upgrade run.
        .args(["--quiet", "--option", "DPkg::Lock::Timeout=300", "--option", "Acquire::Retries=3"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("PATH", environment::search_path());
    command
}
