//! The real agent program against a real Docker Engine and the dev panel.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod actions;
mod adoption;
mod basics;
mod commands;
mod faults;
mod lifecycle_of_agent;
mod limits;
mod misuse;
mod outside;
mod payloads;
mod preemption;
mod reload;
