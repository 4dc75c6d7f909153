//! The Ctrl-Alt-Play Agent: actors, their wiring, the program.

pub mod app;
pub mod cli;
pub mod config;
pub mod logging;
pub mod panel;
pub mod secret;
pub mod store;
