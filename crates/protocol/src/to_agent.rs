//! What panels send, built: for the dev panel and for tests. Keys and their order are those of the real panels.

use serde::Serialize;
use serde_json::{Value, json};

use crate::Object;
use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// A command frame of WS-2 (P-51).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandFrame {
    /// To be echoed.
    pub id: String,
    r#type: &'static str,
    /// When the panel made it.
    pub timestamp: Timestamp,
    /// The agent as the panel names it; not checked by agents.
    #[serde(rename = "agentId")]
    pub agent_id: String,
    /// Any action name.
    pub action: String,
    /// The server, for actions of servers.
    #[serde(rename = "serverId", skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// Parameters; none = no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Object>,
}

impl CommandFrame {
    /// A command without server and payload.
    pub fn new(id: impl Into<String>, timestamp: Timestamp, agent_id: impl Into<String>, action: &str) -> Self {
        Self {
            id: id.into(),
            r#type: "command",
            timestamp,
            agent_id: agent_id.into(),
            action: action.to_owned(),
            server_id: None,
            payload: None,
        }
    }

    /// The same for a server.
    #[must_use]
    pub fn server(mut self, server_id: impl Into<String>) -> Self {
        self.server_id = Some(server_id.into());
        self
    }

    /// The same with parameters.
    #[must_use]
    pub fn payload(mut self, payload: Object) -> Self {
        self.payload = Some(payload);
        self
    }

    /// One JSON object.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a command has text keys and no failing serializers")
    }
}

/// The first frame of a panel (P-48).
pub fn system_info_request() -> String {
    json!({ "type": "system_info_request" }).to_string()
}

/// A ping of the Docs generation (P-54).
pub fn ping(id: &str, timestamp: Timestamp) -> String {
    json!({ "id": id, "type": "ping", "timestamp": timestamp }).to_string()
}

/// A legacy frame (P-49): `kind` is the frame's type, `data` holds `serverId` and the parameters.
pub fn legacy(kind: &str, data: &Object) -> String {
    json!({ "type": kind, "data": data }).to_string()
}

/// Asks for what was missed (P-58); no epoch = the panel knows nothing.
pub fn resume(epoch: Option<&str>, last_seq: u64) -> String {
    json!({ "type": "resume", "data": { "epoch": epoch.unwrap_or_default(), "lastSeq": last_seq } }).to_string()
}

/// Releases events (P-63); no epoch = the current one.
pub fn ack(epoch: Option<&str>, seq: u64) -> String {
    let mut data = json!({ "seq": seq });
    if let Some(epoch) = epoch {
        data["epoch"] = Value::from(epoch);
    }
    json!({ "type": "ack", "data": data }).to_string()
}

/// Sets the spread of first retries in seconds (P-66).
pub fn link_policy(reconnect_spread: u32) -> String {
    json!({ "type": "link_policy", "data": { "reconnectSpread": reconnect_spread } }).to_string()
}

/// The body of `POST /api/command` (P-79).
pub fn http_command(action: &str, server_id: Option<&str>, payload: Option<&Object>) -> String {
    let mut body = json!({ "action": action });
    if let Some(server_id) = server_id {
        body["serverId"] = Value::from(server_id);
    }
    if let Some(payload) = payload {
        body["payload"] = Value::Object(payload.clone());
    }
    body.to_string()
}
