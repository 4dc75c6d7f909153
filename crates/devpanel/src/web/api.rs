//! `GET /api/state` and `POST /api/command`.

use actix_web::error::{InternalError, JsonPayloadError};
use actix_web::{Error, HttpRequest as WebRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::agent_http::HttpCommand;
use crate::hub::{Hub, Refused};
use crate::wire;

/// Body of `POST /api/command`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CommandRequest {
    /// Node id; may be left out while there is only one node.
    node: Option<String>,
    action: String,
    server_id: Option<String>,
    payload: Option<Value>,
    #[serde(default)]
    via: Via,
    /// A query of the page itself, not worth showing to anybody.
    #[serde(default)]
    quiet: bool,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Via {
    #[default]
    Ws,
    Legacy,
    Http,
}

pub(super) async fn state(hub: web::Data<Hub>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(hub.snapshot())
}

/// Sends a command and answers its id at once; what becomes of it comes as `operation` events.
pub(super) async fn command(hub: web::Data<Hub>, body: web::Json<CommandRequest>) -> HttpResponse {
    let CommandRequest { node, action, server_id, payload, via, quiet } = body.into_inner();
    if let Via::Http = via {
        let id = wire::new_http_id();
        let command = HttpCommand { id: id.clone(), action, server_id, payload, quiet };
        return match hub.http_start(command) {
            Ok(()) => HttpResponse::Accepted().json(json!({"id": id})),
            Err(error) => HttpResponse::ServiceUnavailable().json(json!({"error": error.to_string()})),
        };
    }
    let Some(node) = node.or_else(|| hub.only_node()) else {
        return HttpResponse::BadRequest().json(json!({"error": "name the node: there is not exactly one"}));
    };
    let server_id = server_id.as_deref();
    let sent = match via {
        Via::Legacy => hub.send_legacy(&node, &action, server_id, payload.as_ref()),
        Via::Ws | Via::Http => hub.send_command(&node, &action, server_id, payload.as_ref(), quiet),
    };
    match sent {
        Ok(id) => HttpResponse::Accepted().json(json!({"id": id})),
        Err(refused) => {
            let mut status = match refused {
                Refused::UnknownNode => HttpResponse::NotFound(),
                Refused::NoLegacyFrame => HttpResponse::BadRequest(),
                Refused::Offline | Refused::NotConnected | Refused::Backlog => HttpResponse::Conflict(),
            };
            status.json(json!({"error": refused.to_string()}))
        }
    }
}

pub(super) fn bad_json(error: JsonPayloadError, _request: &WebRequest) -> Error {
    // Also the answer to a form posted across sites: only `application/json` is read, and that needs the same origin.
    let answer = HttpResponse::BadRequest().json(json!({"error": error.to_string()}));
    InternalError::from_response(error, answer).into()
}
