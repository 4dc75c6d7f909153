//! `cargo xtask dist`: what is handed to operators, in one archive with its checksum.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::steps::Steps;
use crate::workspace::Workspace;

const PROGRAM: &str = "ctrl-alt-play-agent";

/// Files of the repository that go along, and how they are called in the archive.
const FILES: [(&str, &str); 5] = [
    ("LICENSE", "LICENSE"),
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("config/agent.toml", "agent.toml"),
    ("packaging/ctrl-alt-play-agent.service", "ctrl-alt-play-agent.service"),
];

/// Runs the chore; the archive is in `target/dist`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::begin();
    steps.step("release build", || {
        let arguments = ["build", "--release", "--locked", "--package", "cap-agent", "--bin", PROGRAM];
        command::run(workspace.cargo().args(arguments))
    })?;
    steps.step("archive", || archive(workspace))?;
    steps.summary();
    Ok(())
}

fn archive(workspace: &Workspace) -> Result<()> {
    let name = format!("{PROGRAM}-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let dist = workspace.target().join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    copy(&workspace.target().join("release").join(PROGRAM), &folder.join(PROGRAM))?;
    for (from, to) in FILES {
        copy(&workspace.root().join(from), &folder.join(to))?;
    }
    let file = format!("{name}.tar.gz");
    // The same input gives the same archive: order, owner and times say nothing about who packed it, and when.
    let mut tar = Command::new("tar");
    tar.current_dir(&dist).args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    command::run(tar.args(["--create", "--gzip", "--file", &file, &name]))?;
    let sum = command::output(Command::new("sha256sum").arg(&file).current_dir(&dist))?;
    let sum = String::from_utf8(sum).context("sha256sum does not speak UTF-8")?;
    if !sum.trim_end().ends_with(&file) {
        bail!("sha256sum gave no checksum of {file}");
    }
    fs::write(dist.join(format!("{file}.sha256")), &sum).context("cannot write the checksum")?;
    println!("    {}\n    {}", dist.join(&file).display(), sum.trim_end());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
