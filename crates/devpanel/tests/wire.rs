//! The panel's side of the wire, seen by raw clients: it must be what the contract says the stock panels are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, helpers included")]

mod wire {
    mod client;
    mod commands;
    mod handshake;
    mod http;
    mod misbehaviour;
    mod presence;
}
