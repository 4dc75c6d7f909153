//! `cargo xtask test`: everything the tests need, then all tests.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::browser::Browser;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{browser, command, engine, environment, sample_image};

/// All tests share one engine, which serves calls one after the other where it matters: more tests at a time make it
/// slow, not the run fast.
const MOST_TESTS_AT_A_TIME: usize = 4;

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
    let browser = if options.skip_browser { None } else { Some(steps.step("browser", browser::ensure)?) };
    steps.step("build programs", || {
        command::run(workspace.cargo().args(["build", "--workspace", "--bins", "--locked"]))
    })?;
    steps.step("sample image", || sample_image::build(workspace, &engine.socket))?;
    steps.step("build tests", || {
        command::run(workspace.cargo().args(["test", "--workspace", "--locked", "--no-run", "--quiet"]))
    })?;
    steps.step("tests", || command::run(&mut cargo_test(workspace, options, &engine, browser.as_ref())))?;
    steps.summary();
    Ok(())
}

fn cargo_test(
    workspace: &Workspace,
    options: &TestOptions,
    engine: &engine::Engine,
    browser: Option<&Browser>,
) -> Command {
    let mut cargo = workspace.cargo();
    // `--no-fail-fast`: one failing test program must not hide what the others would have said.
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    cargo.env("CAP_TEST_DOCKER_SOCKET", &engine.socket);
    if let Some(browser) = browser {
        cargo.env("CAP_TEST_CHROMIUM", &browser.browser).env("CAP_TEST_CHROMEDRIVER", &browser.driver);
    }
    if environment::variable("RUST_TEST_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        cargo.env("RUST_TEST_THREADS", cores.min(MOST_TESTS_AT_A_TIME).to_string());
    }
    cargo.arg("--");
    if options.skip_browser {
        cargo.args(["--skip", "browser"]);
    }
    if let Some(name) = &options.only {
        cargo.arg(name);
    }
    cargo
}
