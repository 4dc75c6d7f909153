//! Rules of the Ctrl-Alt-Play Agent: ids, specs, the server state machine, policies.
//!
//! Pure: no async, no IO, no clock, no randomness, no wire format. The same calls give the same answers; time comes in
//! as [`Millis`], random numbers as arguments. `serde` derives exist only for what the store keeps.

pub mod ansi;
pub mod backoff;
pub mod command;
pub mod failure;
pub mod identity;
pub mod ids;
pub mod journal;
pub mod lines;
pub mod observation;
pub mod outbox;
pub mod phase;
pub mod ports;
pub mod rate;
pub mod readiness;
pub mod spec;
pub mod startup;

/// A moment on the owner's monotonic clock, in milliseconds since an origin of the owner's choosing.
pub type Millis = u64;
pub mod server;
