//! The panel's web side: the API, and who may use it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, helpers included")]

mod web {
    mod access;
    mod api;
    mod client;
}
