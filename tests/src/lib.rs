//! Acceptance.

pub mod browser;
