//! The dev panel's page in headless Chromium, with an agent that is a fake but speaks the real wire.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, helpers included")]

mod fake_agent;
mod hostile;
mod journey;
mod keyboard;
mod live;
mod looks;
mod presence;
mod stage;
