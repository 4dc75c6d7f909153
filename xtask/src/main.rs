//! `cargo xtask`: the chores of this repository, in Rust, so that they run the same for everybody.
//!
//! A plain blocking program. It needs cargo, and for some chores git or root on Debian; what else is missing it installs
//! (root on Debian or Ubuntu), or it says which commands to run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program is for")]

mod apt;
mod browser;
mod ci;
mod clock;
mod command;
mod demo;
mod dist;
mod engine;
mod environment;
mod http;
mod interrupt;
mod sample_image;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the Ctrl-Alt-Play Agent.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Bring up a live game server on this machine and show its console; Ctrl-C ends and removes everything.
    Demo(demo::DemoOptions),
    /// Make sure that everything the tests need is there, then run all tests.
    Test(test::TestOptions),
    /// All checks a change must pass: form, lints, documentation, dependencies, repository rules, tests.
    Ci(ci::CiOptions),
    /// Make the archive for operators: the program, its configuration, its systemd unit, and a checksum.
    Dist,
    /// Make sure that a Docker Engine answers: install and start one where that is allowed.
    Engine {
        #[command(subcommand)]
        order: Option<EngineOrder>,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum EngineOrder {
    /// Make sure that one answers (the default).
    Start,
    /// Say who answers, and change nothing.
    Status,
    /// End the engine that this command started earlier. One that somebody else started is left alone.
    Stop,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments.chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            command::exit_code(&error)
        }
    }
}

fn perform(chore: Chore) -> anyhow::Result<()> {
    let workspace = workspace::Workspace::find()?;
    match chore {
        Chore::Demo(options) => demo::run(&workspace, options),
        Chore::Ci(options) => ci::run(&workspace, &options),
        Chore::Dist => dist::run(&workspace),
        Chore::Test(options) => test::run(&workspace, &options),
        Chore::Engine { order } => match order.unwrap_or(EngineOrder::Start) {
            EngineOrder::Start => engine::ensure(&workspace).map(|_| ()),
            EngineOrder::Status => engine::status(),
            EngineOrder::Stop => engine::stop(&workspace),
        },
    }
}
