//! The panel's side of the agent: the WebSocket link that dials out to it.

pub mod connection;
pub mod inbox;
pub mod translate;
