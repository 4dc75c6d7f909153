//! `cargo xtask demo --check`: a server's whole life, unattended, each step checked.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::world::{COMMAND_DEADLINE, World};
use crate::interrupt::Interrupt;
use crate::steps::Steps;

/// Figures are read every second and sent every two.
const FIGURES_DEADLINE: Duration = Duration::from_secs(30);
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Goes through all steps; the error names the one that failed.
pub(super) fn run(world: &mut World, steps: &mut Steps, interrupt: &Interrupt) -> Result<()> {
    steps.step("connect", || world.bring_up(interrupt))?;
    steps.step("create", || {
        world.create_server(interrupt)?;
        status_becomes("stopped", world, interrupt)
    })?;
    steps.step("start", || {
        world.command("start_server", None, interrupt)?;
        status_becomes("running", world, interrupt)
    })?;
    steps.step("console", || printed("Done (", world, interrupt))?;
    steps.step("input", || {
        world.command("console:command", Some(json!({"command": "list"})), interrupt)?;
        printed("players online", world, interrupt)
    })?;
    steps.step("figures", || {
        world.wait("figures of a living process", FIGURES_DEADLINE, interrupt, |view| {
            Ok(view.figures().filter(|figures| figures.memory_bytes > 0.0).map(drop))
        })
    })?;
    steps.step("stop", || {
        world.command("stop_server", Some(json!({"timeout": 20})), interrupt)?;
        status_becomes("stopped", world, interrupt)
    })?;
    steps.step("delete", || {
        world.command("delete_server", None, interrupt)?;
        world.wait("the panel no longer shows the server", ANSWER_DEADLINE, interrupt, |view| {
            Ok(view.status().is_none_or(|status| status == "deleted").then_some(()))
        })
    })?;
    steps.step("agent ends", || world.end_agent())?;
    steps.step("nothing left", || world.nothing_left_in_docker())
}

fn status_becomes(status: &str, world: &mut World, interrupt: &Interrupt) -> Result<()> {
    world.wait(&format!("status `{status}`"), COMMAND_DEADLINE, interrupt, |view| {
        Ok((view.status() == Some(status)).then_some(()))
    })
}

fn printed(words: &str, world: &mut World, interrupt: &Interrupt) -> Result<()> {
    world.wait(&format!("`{words}` in the console"), ANSWER_DEADLINE, interrupt, |view| {
        Ok(view.game_printed(words).then_some(()))
    })
}
