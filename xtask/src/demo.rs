//! `cargo xtask demo`: a live game server on this machine, from nothing, over the real wire.
//!
//! The dev panel and the agent run as processes of their own and talk over a WebSocket on loopback. Everything they
//! make carries the demo's own node id, lives in a temporary folder, and is gone when the demo ends.

mod check;
mod configuration;
mod live;
mod panel;
mod process;
mod screen;
mod world;

use anyhow::Result;
use clap::Args;

use crate::interrupt::Interrupt;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{engine, sample_image};

use world::World;

/// How the demo runs.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DemoOptions {
    /// Unattended: go through the whole life of a server, check each step, and end.
    #[arg(long)]
    check: bool,
}

/// Runs the chore.
pub(crate) fn run(workspace: &Workspace, options: DemoOptions) -> Result<()> {
    let mut steps = Steps::begin();
    let engine = steps.step("engine", || engine::ensure(workspace))?;
    // Not optimised: it is built in a third of the time, and one server is no load.
    steps.step("build", || workspace.build_programs())?;
    steps.step("image", || sample_image::build(workspace, &engine.socket))?;

    // From here on there is something to clean up: a signal no longer ends us at once.
    let interrupt = Interrupt::listen()?;
    let mut world = World::prepare(workspace, &engine.socket)?;
    let outcome = match options.check {
        true => check::run(&mut world, &mut steps, &interrupt),
        false => live::run(&mut world, &mut steps, &interrupt),
    };
    if outcome.is_err() {
        world.show_logs();
    }
    let left_clean = world.clean_up(&interrupt);
    outcome.and(left_clean)?;
    if options.check {
        steps.summary();
        println!("\ndemo check passed");
    }
    Ok(())
}
