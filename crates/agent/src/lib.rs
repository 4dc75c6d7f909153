//! The Ctrl-Alt-Play Agent: actors, their wiring, the program.

pub mod app;
pub mod cli;
pub mod config;
pub mod health_http;
pub mod heartbeat;
pub mod logging;
pub mod panel;
pub mod secret;
pub mod store;
