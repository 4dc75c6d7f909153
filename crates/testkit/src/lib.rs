//! Test doubles and helpers: nothing in here is part of the product.
//!
//! [`SimEngine`] stands for a container engine in tests with a paused clock. [`image`] makes the sample game server's image for tests against a real engine; [`Probe`] stands for an actor that is
//! told things; [`wait_until()`] waits for a condition.

pub mod docker;
pub mod image;
pub mod probe;
pub mod sim_engine;
pub mod static_binary;
pub mod wait_until;

pub use probe::Probe;
pub use sim_engine::SimEngine;
pub use wait_until::wait_until;
