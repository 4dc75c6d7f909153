//! The Ctrl-Alt-Play Agent: actors, their wiring, the program.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod data_dirs;
pub mod dispatcher;
pub mod engine_watch;
pub mod figures;
pub mod health_http;
pub mod heartbeat;
pub mod http_commands;
pub mod logging;
pub mod outbox;
pub mod panel;
pub mod reply;
pub mod report;
pub mod sampler;
pub mod secret;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod trash;
