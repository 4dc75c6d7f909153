//! Test doubles and helpers: nothing in here is part of the product.
//!
//! [`image`] makes the sample game server's image for tests against a real engine; [`Probe`] stands for an actor that is
//! told things; [`wait_until`] waits for a condition.

pub mod docker;
pub mod image;
pub mod probe;
pub mod static_binary;
pub mod wait_until;

pub use probe::Probe;
pub use wait_until::wait_until;
