//! The side agents connect to: one WebSocket listener, any path (contract, sections 2 and 5).

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{CloseCode, CloseReason};

use crate::config::{MAX_MESSAGE_BYTES, Misbehave};
use crate::hub::{Hub, Outgoing};
use crate::record::ConnectionEnd;

mod handshake;
mod session;

/// Registers the listener's only handler: agents may use any path.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.default_service(web::to(upgrade));
}

/// Answers an upgrade as the stock panels do: 401 unless the secret is right, then accept, then look at the node id.
async fn upgrade(request: HttpRequest, body: web::Payload, hub: web::Data<Hub>) -> actix_web::Result<HttpResponse> {
    let hub: Arc<Hub> = hub.into_inner();
    let misbehave = hub.misbehave();
    let mut attempt = handshake::attempt(&request);
    let authorized = handshake::authorized(&request, &hub.config.secret);
    if !authorized || misbehave == Some(Misbehave::Refuse401) {
        // Not inside the log call: where that level is off, its arguments are never looked at.
        let connection = hub.record_attempt(attempt);
        log::info!("connection {connection}: refused with 401");
        return Ok(HttpResponse::Unauthorized().finish());
    }
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    let messages =
        messages.max_frame_size(MAX_MESSAGE_BYTES).aggregate_continuations().max_continuation_size(MAX_MESSAGE_BYTES);
    attempt.accepted = true;

    if attempt.node_id.is_empty() {
        let connection = hub.record_attempt(attempt);
        log::info!("connection {connection}: no node id in the URL, closing with 1008");
        hub.closed(connection, ConnectionEnd::ClosedByPanel(1008));
        let reason = CloseReason { code: CloseCode::Policy, description: Some("Invalid node ID".to_owned()) };
        // The agent may be gone already; then there is nobody left to tell.
        session.close(Some(reason)).await.ok();
        return Ok(response);
    }

    let node_id = attempt.node_id.clone();
    let ends = hub.accept(attempt);
    log::info!("connection {}: node {node_id} connected", ends.connection);
    actix_web::rt::spawn(session::run(hub, node_id, ends, session, messages, misbehave));
    Ok(response)
}

/// The first messages of a connection, in order.
fn opening(misbehave: Option<Misbehave>) -> Vec<Outgoing> {
    let first = Outgoing::Text(crate::wire::SYSTEM_INFO_REQUEST.to_owned());
    match misbehave {
        Some(Misbehave::CloseWith(code)) => vec![Outgoing::Close { code, reason: "misbehaving".to_owned() }],
        Some(Misbehave::Garbage) => {
            let texts = crate::wire::GARBAGE_TEXTS.iter().map(|text| Outgoing::Text((*text).to_owned()));
            let binaries = crate::wire::GARBAGE_BINARIES.iter().map(|binary| Outgoing::Binary((*binary).into()));
            std::iter::once(first).chain(texts).chain(binaries).collect()
        }
        _ => vec![first],
    }
}
