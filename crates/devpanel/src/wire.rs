//! The frames a panel sends, byte for byte as the stock panels write them (contract, section 5).

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock;

/// The first frame after accept, and the only one a stock panel sends unasked (P-48).
pub(crate) const SYSTEM_INFO_REQUEST: &str = r#"{"type":"system_info_request"}"#;

/// What [`Misbehave::Garbage`](crate::Misbehave::Garbage) sends as text. None of it may end the connection (P-212).
pub(crate) const GARBAGE_TEXTS: &[&str] = &[
    "",
    "not json",
    "{\"type\":\"command\",",
    "[1,2,3]",
    "null",
    "42",
    "{}",
    "{\"type\":17}",
    "{\"type\":\"no_such_frame\",\"data\":{}}",
    "{\"type\":\"server_status\",\"data\":{\"serverId\":\"x\",\"status\":\"running\"}}",
    "{\"type\":\"server_start\"}",
    "{\"type\":\"server_start\",\"data\":null}",
    "{\"type\":\"command\",\"id\":{\"a\":1},\"action\":\"start_server\"}",
    "{\"type\":\"system_info_request\"} trailing",
];

/// What it sends as binary: valid UTF-8, since bad UTF-8 does end a link (P-212), and nothing that means anything.
pub(crate) const GARBAGE_BINARIES: &[&[u8]] = &[b"", b"\0\0\0\0", b"not json either"];

/// A command frame; the order of the fields is the order on the wire (P-51).
#[derive(Debug, Serialize)]
pub(crate) struct CommandFrame<'a> {
    pub(crate) id: &'a str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) timestamp: String,
    #[serde(rename = "agentId")]
    pub(crate) agent_id: &'a str,
    pub(crate) action: &'a str,
    #[serde(rename = "serverId", skip_serializing_if = "Option::is_none")]
    pub(crate) server_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<&'a Value>,
}

impl CommandFrame<'_> {
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("strings and JSON values always serialize")
    }
}

/// A new command id: `cmd_<milliseconds>_<9 base-36 characters>` (P-51).
pub(crate) fn new_command_id() -> String {
    let random: String = std::iter::repeat_with(|| fastrand::digit(36)).take(9).collect();
    format!("cmd_{}_{random}", clock::unix_milliseconds())
}

/// A local id for a command over HTTP: the stock panels send none there.
pub(crate) fn new_http_id() -> String {
    new_command_id().replacen("cmd", "http", 1)
}

/// The legacy frame for an action, if the old panels had one (P-49): `{"type":T,"data":{"serverId":..., ...}}`.
///
/// `action` is a canonical action name or the frame's own type; the parameters of `payload` follow `serverId`.
pub(crate) fn legacy_frame(action: &str, server_id: &str, payload: Option<&Value>) -> Option<String> {
    let kind = match action {
        "start_server" | "server_start" => "server_start",
        "stop_server" | "server_stop" => "server_stop",
        "restart_server" | "server_restart" => "server_restart",
        "kill_server" => return Some(legacy_text("server_power", server_id, Some(&json!({"action": "kill"})))),
        "server_power" => "server_power",
        "console:command" | "server_command" => "server_command",
        "create_server" | "server_create" => "server_create",
        "update_server" | "server_update" => "server_update",
        "delete_server" | "server_delete" => "server_delete",
        "suspend_server" | "server_suspend" => "server_suspend",
        "unsuspend_server" | "server_unsuspend" => "server_unsuspend",
        "reinstall_server" | "server_reinstall" => "server_reinstall",
        "read_file" | "file_read" => "file_read",
        "write_file" | "file_write" => "file_write",
        _ => return None,
    };
    Some(legacy_text(kind, server_id, payload))
}

fn legacy_text(kind: &str, server_id: &str, payload: Option<&Value>) -> String {
    // Written by hand because `serverId` comes first on the wire and a JSON map would sort it among the parameters.
    let mut data = format!("\"serverId\":{}", Value::from(server_id));
    let empty = Map::new();
    let parameters = payload.and_then(Value::as_object).unwrap_or(&empty);
    // The order the old panels wrote parameters in; what they never sent follows in alphabetical order.
    const ORDER: &[&str] = &["path", "command", "action", "image", "startup", "environment", "limits", "content"];
    let known = ORDER.iter().filter_map(|name| parameters.get_key_value(*name));
    let others = parameters.iter().filter(|(name, _)| !ORDER.contains(&name.as_str()) && *name != "serverId");
    for (name, value) in known.chain(others) {
        data.push_str(&format!(",{}:{value}", Value::from(name.as_str())));
    }
    format!("{{\"type\":\"{kind}\",\"data\":{{{data}}}}}")
}

#[cfg(test)]
mod tests;
