//! Skeleton.

pub mod panel;
