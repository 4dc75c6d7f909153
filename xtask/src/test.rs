//! `cargo xtask test`: everything the tests need, then all tests.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::engine::Engine;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{browser, command, engine, environment, sample_image};

/// All tests share one engine, which serves calls one after the other where it matters: more tests at a time make it
/// slow, not the run fast.
const MOST_TESTS_AT_A_TIME: usize = 4;

/// Test programs and tests with this in their name drive a browser.
const BROWSER: &str = "browser";

/// Which tests are run.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TestOptions {
    /// Only tests whose name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Leave out the tests that drive a browser.
    #[arg(long)]
    skip_browser: bool,
}

/// Runs the chore; the error of the first step that fails ends it.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions) -> Result<()> {
    let mut steps = Steps::begin();
    let engine = steps.step("Docker Engine", || engine::ensure(workspace))?;
    if !options.skip_browser {
        steps.step("browser", browser::ensure)?;
    }
    steps.step("build programs", || workspace.build_programs())?;
    steps.step("sample image", || sample_image::build(workspace, &engine.socket))?;
    steps.step("build tests", || {
        command::run(workspace.cargo().args(["test", "--workspace", "--locked", "--no-run", "--quiet"]))
    })?;
    for (name, mut cargo) in test_commands(workspace, options, &engine) {
        steps.step(name, || command::run(&mut cargo))?;
    }
    steps.summary();
    Ok(())
}

/// The runs of cargo that run the tests: one for all, or, to leave a test program out, one that names the others and one
/// for the examples in the documentation, which cargo does not run beside named programs.
fn test_commands(workspace: &Workspace, options: &TestOptions, engine: &Engine) -> Vec<(&'static str, Command)> {
    if !options.skip_browser {
        return vec![("tests", cargo_test(workspace, options, engine, &[]))];
    }
    let mut targets = vec!["--lib", "--bins"];
    for program in workspace.test_programs().iter().filter(|program| !program.contains(BROWSER)) {
        targets.extend(["--test", program.as_str()]);
    }
    vec![
        ("tests", cargo_test(workspace, options, engine, &targets)),
        ("examples", cargo_test(workspace, options, engine, &["--doc"])),
    ]
}

fn cargo_test(workspace: &Workspace, options: &TestOptions, engine: &Engine, targets: &[&str]) -> Command {
    let mut cargo = workspace.cargo();
    // `--no-fail-fast`: one failing test program must not hide what the others would have said.
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(targets);
    cargo.env("CAP_TEST_DOCKER_SOCKET", &engine.socket);
    // The tests start `chromedriver` by its name.
    cargo.env("PATH", environment::search_path());
    if environment::variable("RUST_TEST_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        cargo.env("RUST_TEST_THREADS", cores.min(MOST_TESTS_AT_A_TIME).to_string());
    }
    cargo.arg("--");
    if options.skip_browser {
        cargo.args(["--skip", BROWSER]);
    }
    if let Some(name) = &options.only {
        cargo.arg(name);
    }
    cargo
}
