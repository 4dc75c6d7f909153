//! Claims about the core of the agent, on a simulated engine.

#![allow(clippy::unwrap_used, reason = "tests and their rig")]

mod commands;
mod identity;
mod keeping;
mod outbox;
mod rig;
mod servers;
mod wire;
