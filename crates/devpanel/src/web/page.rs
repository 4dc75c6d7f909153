//! The page's files, embedded. No build step makes them and they fetch nothing from elsewhere.

use actix_web::{HttpResponse, web};
use serde_json::json;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, content type and text of each file.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("page/index.html")),
    ("/devpanel.css", "text/css; charset=utf-8", include_str!("page/devpanel.css")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/devpanel.js", SCRIPT, include_str!("page/devpanel.js")),
    ("/charts.js", SCRIPT, include_str!("page/charts.js")),
    ("/console.js", SCRIPT, include_str!("page/console.js")),
    ("/dialogs.js", SCRIPT, include_str!("page/dialogs.js")),
    ("/dom.js", SCRIPT, include_str!("page/dom.js")),
    ("/store.js", SCRIPT, include_str!("page/store.js")),
    ("/views.js", SCRIPT, include_str!("page/views.js")),
];

/// Registers a route for each file.
pub(super) fn configure(scope: &mut web::ServiceConfig) {
    for (path, content_type, text) in FILES.iter().copied() {
        let file = move || async move { HttpResponse::Ok().content_type(content_type).body(text) };
        scope.route(path, web::get().to(file));
    }
}

pub(super) async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": "no such page"}))
}
