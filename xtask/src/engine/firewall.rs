//! Which iptables dockerd is to use: a machine may have none that works.
//!
//! dockerd ends at its start if `iptables` fails. On some kernels Debian's default (nftables) fails and the legacy program
//! works; on others neither does. The machine's own choice of alternatives is not changed: dockerd gets a `PATH`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, environment};

/// What dockerd is to do about the firewall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Firewall {
    /// The machine's `iptables` works.
    Usual,
    /// Only the legacy program works: this folder, first in dockerd's `PATH`, holds links that name it `iptables`.
    Legacy(PathBuf),
    /// Nothing works.
    Without,
}

/// Finds out what works.
pub(super) fn choose(target: &Path) -> Result<Firewall> {
    if works("iptables") {
        return Ok(Firewall::Usual);
    }
    if works("iptables-legacy") {
        println!("    `iptables` does not work here and `iptables-legacy` does: dockerd is given the latter");
        return Ok(Firewall::Legacy(links_to_legacy(target)?));
    }
    Ok(Firewall::Without)
}

impl Firewall {
    /// The options dockerd gets; says loudly what will not work.
    pub(super) fn options(&self) -> &'static [&'static str] {
        match self {
            Self::Usual | Self::Legacy(_) => &[],
            Self::Without => {
                println!(
                    "    !!! iptables does not work on this machine: dockerd is started with --iptables=false.\n    \
                     !!! Published ports still work (through Docker's userland proxy);\n    \
                     !!! containers cannot reach other machines, and nothing keeps them from this one."
                );
                &["--iptables=false", "--ip6tables=false"]
            }
        }
    }

    /// The `PATH` dockerd gets.
    pub(super) fn search_path(&self) -> String {
        let usual = environment::search_path();
        match self {
            Self::Legacy(folder) => format!("{}:{usual}", folder.display()),
            Self::Usual | Self::Without => usual,
        }
    }
}

/// Whether a program of this name can read the table in which dockerd publishes ports.
fn works(name: &str) -> bool {
    let Some(program) = environment::program(name) else { return false };
    command::succeeds(Command::new(program).args(["--wait", "10", "--table", "nat", "--numeric", "--list"]))
}

fn links_to_legacy(target: &Path) -> Result<PathBuf> {
    let folder = target.join("iptables-legacy");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in ["iptables", "ip6tables"] {
        let link = folder.join(name);
        let legacy = environment::program(&name.replace("tables", "tables-legacy"));
        if let Some(program) = legacy.filter(|_| !link.exists()) {
            std::os::unix::fs::symlink(program, &link).with_context(|| format!("cannot make {}", link.display()))?;
        }
    }
    Ok(folder)
}
