//! The side browsers connect to: the page and its JSON API, documented in the crate's documentation.

use actix_web::middleware::from_fn;
use actix_web::web;

mod api;
mod events;
mod guard;
mod page;

pub(crate) use events::EventStreams;

/// Largest body the API takes, in bytes; a create with a long environment fits many times.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Registers the page and the API behind the guard.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    let guarded = web::scope("")
        .wrap(from_fn(guard::check))
        .app_data(web::JsonConfig::default().limit(MAX_BODY_BYTES).error_handler(api::bad_json))
        .configure(page::configure)
        .route("/api/state", web::get().to(api::state))
        .route("/api/events", web::get().to(events::stream))
        .route("/api/command", web::post().to(api::command))
        .default_service(web::to(page::not_found));
    app.service(guarded);
}
