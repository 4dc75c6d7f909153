//! `cargo xtask ci`: everything a change must pass. All checks run; what failed is listed at the end.

mod long_files;
mod manifests;
mod markdown;
mod tree;

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::clock::{Stopwatch, readable};
use crate::test::TestOptions;
use crate::workspace::Workspace;
use crate::{command, test};

/// Which checks run.
#[derive(Clone, Debug, Args)]
pub(crate) struct CiOptions {
    /// Leave out the demo and the tests, which take the most time.
    #[arg(long)]
    skip_tests: bool,
    #[command(flatten)]
    tests: TestOptions,
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// Runs the chore; fails if any check failed.
pub(crate) fn run(workspace: &Workspace, options: &CiOptions) -> Result<()> {
    let mut report = Report::default();
    report.check("manifests", || findings(manifests::check(workspace.root())?));
    report.check("markdown", || findings(markdown::check(workspace.root())?));
    report.check("long files", || findings(long_files::check(workspace.root())?));
    report.check("format", || command::run(workspace.cargo().args(["fmt", "--all", "--check"])));
    report.check("clippy", || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
        command::run(workspace.cargo().args(arguments))
    });
    report.check("documentation", || {
        let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
        command::run(workspace.cargo().env("RUSTDOCFLAGS", "--deny warnings").args(arguments))
    });
    if command::succeeds(workspace.cargo().args(["deny", "--version"])) {
        report.check("dependencies", || command::run(workspace.cargo().args(["deny", "--workspace", "check"])));
    } else {
        report.skip("dependencies", "cargo-deny is not installed (`cargo install --locked cargo-deny`)");
    }
    if command::succeeds(Command::new("shellcheck").arg("--version")) {
        report.check("shell", || command::run(Command::new("shellcheck").arg(".ci/run").current_dir(workspace.root())));
    } else {
        report.skip("shell", "shellcheck is not installed");
    }
    if options.skip_tests {
        report.skip("demo", "asked for by --skip-tests");
        report.skip("tests", "asked for by --skip-tests");
    } else {
        // A program of its own: it takes the signals of the process it runs in.
        report.check("demo", || command::run(workspace.cargo().args(["xtask", "demo", "--check"])));
        report.check("tests", || test::run(workspace, &options.tests));
    }
    report.end()
}

/// A check that looks itself: what it found, one line each.
fn findings(found: Vec<String>) -> Result<()> {
    for finding in &found {
        println!("    {finding}");
    }
    if found.is_empty() { Ok(()) } else { bail!("{} finding(s)", found.len()) }
}

/// The checks done so far.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<(String, Verdict, String)>,
}

impl Report {
    fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        println!("\n==> {name}");
        let watch = Stopwatch::start();
        let (verdict, words) = match check() {
            Ok(()) => (Verdict::Passed, readable(watch.elapsed())),
            Err(error) => (Verdict::Failed, format!("{error:#}")),
        };
        self.lines.push((name.to_owned(), verdict, words));
    }

    fn skip(&mut self, name: &str, why: &str) {
        println!("\n==> {name}\n    skipped: {why}");
        self.lines.push((name.to_owned(), Verdict::Skipped, why.to_owned()));
    }

    fn end(&self) -> Result<()> {
        println!();
        for (name, verdict, words) in &self.lines {
            let verdict = match verdict {
                Verdict::Passed => "passed",
                Verdict::Failed => "FAILED",
                Verdict::Skipped => "skipped",
            };
            println!("    {name:<16} {verdict:<8} {words}");
        }
        let failed: Vec<&str> =
            self.lines.iter().filter(|line| line.1 == Verdict::Failed).map(|line| &*line.0).collect();
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_runs_and_all_that_failed_are_named() {
        let mut report = Report::default();
        report.check("first", || bail!("broken"));
        report.check("second", || Ok(()));
        report.skip("third", "not here");
        report.check("fourth", || findings(vec!["a finding".to_owned()]));
        assert_eq!(report.end().unwrap_err().to_string(), "failed: first, fourth");
    }

    #[test]
    fn what_is_skipped_is_no_failure() {
        let mut report = Report::default();
        report.skip("tests", "asked for");
        assert!(report.end().is_ok());
    }

    #[test]
    fn this_repository_keeps_its_own_rules() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert_eq!(manifests::check(root).unwrap(), [] as [String; 0]);
        assert_eq!(markdown::check(root).unwrap(), [] as [String; 0]);
        assert_eq!(long_files::check(root).unwrap(), [] as [String; 0]);
    }
}
