//! The side browsers connect to: the page and its JSON API.

use actix_web::web;

/// Registers the page and the API.
pub(crate) fn configure(_app: &mut web::ServiceConfig) {}
