//! What the acceptance tests are made with: a node to test, its wire and its engine looked at, fixtures, a browser.

#![allow(clippy::unwrap_used, reason = "a library for tests: a panic is how a test fails")]

pub mod browser;
pub mod engine_proxy;
pub mod fixtures;
pub mod node;
pub mod outside;
pub mod raw_http;
pub mod raw_panel;
