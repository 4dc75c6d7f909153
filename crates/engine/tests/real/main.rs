//! The Docker adapter against a real engine: the one at `CAP_TEST_DOCKER_SOCKET`, or the machine's own.

#![allow(clippy::unwrap_used, reason = "tests")]

mod console;
mod hardening;
mod life;
mod logs;
mod owners;
mod workbench;
