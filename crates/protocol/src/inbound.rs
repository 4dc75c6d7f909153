//! What a panel sends over the link: one text or binary message in, one [`Inbound`] out.

use std::time::Duration;

use serde_json::Value;

use crate::Object;
use crate::action::Action;
use crate::code::Code;
use crate::json::{self, JsonError};
use crate::number::integer;
use crate::request::{Rejection, Request, RequestId, Style, normalise};

#[cfg(test)]
mod tests;

/// One message of a panel.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// Answer with `system_info` within a second (P-37).
    SystemInfoRequest,
    /// Answer with `pong`, with this id if there is one (P-47).
    Ping {
        /// As the panel sent it; [`RequestId::Absent`] if it sent none, or one that is none.
        id: RequestId,
    },
    /// Replay what was missed (P-58).
    Resume {
        /// The epoch the panel knows; none = it knows nothing.
        epoch: Option<String>,
        /// The last event it has processed in that epoch; 0 = none.
        last_seq: u64,
    },
    /// Events up to here may be forgotten (P-63).
    Ack {
        /// None = the current epoch.
        epoch: Option<String>,
        /// Cumulative.
        seq: u64,
    },
    /// Wishes about the link (P-66).
    LinkPolicy {
        /// Spread of the first retry after a lost link, at most 600 s; none = leave it as it is.
        reconnect_spread: Option<Duration>,
    },
    /// A command.
    Request(Box<Request>),
    /// A command, or one of the frames above, that must be refused.
    Rejected(Rejection),
    /// A frame of the browser mock that some panels serve in place of the link (P-12).
    MockPanel,
    /// Nothing to answer: count it, log it at most once a minute (P-212).
    Ignored {
        /// Why.
        why: Ignored,
    },
}

/// Why a message is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// Not UTF-8: the link is to be closed with 1007 (P-212).
    NotUtf8,
    /// Not JSON.
    NotJson,
    /// Nested too deeply, or too many values (P-215).
    TooDeep,
    /// JSON, but not an object.
    NotAnObject,
    /// No `type`, or one that is not a text.
    NoType,
    /// A `type` no panel is known to send.
    UnknownType,
}

impl Ignored {
    /// For logs and counters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not UTF-8",
            Self::NotJson => "not JSON",
            Self::TooDeep => "nested too deeply",
            Self::NotAnObject => "not an object",
            Self::NoType => "no type",
            Self::UnknownType => "unknown type",
        }
    }
}

/// Longest spread a panel may ask for, in seconds (P-66).
const MAX_RECONNECT_SPREAD: f64 = 600.0;

/// Reads one message of the link, text or binary (P-15).
pub fn parse_frame(text: &[u8]) -> Inbound {
    let frame = match json::parse(text) {
        Ok(Value::Object(frame)) => frame,
        Ok(_) => return Inbound::Ignored { why: Ignored::NotAnObject },
        Err(JsonError::NotUtf8) => return Inbound::Ignored { why: Ignored::NotUtf8 },
        Err(JsonError::NotJson) => return Inbound::Ignored { why: Ignored::NotJson },
        Err(JsonError::TooDeep | JsonError::TooManyValues) => return Inbound::Ignored { why: Ignored::TooDeep },
    };
    let Some(kind) = frame.get("type").and_then(Value::as_str) else {
        return Inbound::Ignored { why: Ignored::NoType };
    };
    match kind {
        "system_info_request" => Inbound::SystemInfoRequest,
        "ping" => Inbound::Ping { id: RequestId::from_value(frame.get("id")).unwrap_or_default() },
        "resume" => answered(&frame, resume),
        "ack" => answered(&frame, ack),
        "link_policy" => answered(&frame, link_policy),
        "command" => outcome(normalise::command(frame, Style::CommandFrame)),
        "console" | "stats" => Inbound::MockPanel,
        other => match legacy_action(other) {
            Some(action) => outcome(normalise::legacy(frame, action)),
            None => Inbound::Ignored { why: Ignored::UnknownType },
        },
    }
}

/// The action of a legacy frame. Exact names only: `server_status` and the like are words of the agent (P-49, P-176).
fn legacy_action(kind: &str) -> Option<Action> {
    Some(match kind {
        "server_start" => Action::StartServer,
        "server_stop" => Action::StopServer,
        "server_restart" => Action::RestartServer,
        "server_command" => Action::ConsoleCommand,
        "file_read" => Action::ReadFile,
        "file_write" => Action::WriteFile,
        "server_create" => Action::CreateServer,
        "server_update" => Action::UpdateServer,
        "server_delete" => Action::DeleteServer,
        "server_suspend" => Action::SuspendServer,
        "server_unsuspend" => Action::UnsuspendServer,
        "server_reinstall" => Action::ReinstallServer,
        "server_power" => Action::ServerPower,
        _ => return None,
    })
}

fn outcome(result: Result<Request, Rejection>) -> Inbound {
    match result {
        Ok(request) => Inbound::Request(Box::new(request)),
        Err(rejection) => Inbound::Rejected(rejection),
    }
}

/// Reads a frame of the resume extension; a broken one is answered with an error (P-65).
fn answered(frame: &Object, read: fn(&Object) -> Result<Inbound, String>) -> Inbound {
    match read(frame) {
        Ok(inbound) => inbound,
        Err(message) => Inbound::Rejected(normalise::legacy_refusal(frame, Code::InvalidRequest, message)),
    }
}

fn resume(frame: &Object) -> Result<Inbound, String> {
    let data = required_data(frame)?;
    let epoch = match data.get("epoch") {
        None => return Err("epoch is required".to_owned()),
        Some(epoch) => read_epoch(epoch)?,
    };
    Ok(Inbound::Resume { epoch, last_seq: read_seq(data, "lastSeq")? })
}

fn ack(frame: &Object) -> Result<Inbound, String> {
    let data = required_data(frame)?;
    let epoch = data.get("epoch").map_or(Ok(None), read_epoch)?;
    Ok(Inbound::Ack { epoch, seq: read_seq(data, "seq")? })
}

fn link_policy(frame: &Object) -> Result<Inbound, String> {
    let spread = match frame.get("data") {
        None | Some(Value::Null) => None,
        Some(Value::Object(data)) => data.get("reconnectSpread"),
        Some(_) => return Err("data must be an object".to_owned()),
    };
    let reconnect_spread = match spread {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_f64() {
            Some(seconds) if (0.0..=MAX_RECONNECT_SPREAD).contains(&seconds) => Some(Duration::from_secs_f64(seconds)),
            _ => return Err("reconnectSpread must be a number of seconds from 0 to 600".to_owned()),
        },
    };
    Ok(Inbound::LinkPolicy { reconnect_spread })
}

fn required_data(frame: &Object) -> Result<&Object, String> {
    frame.get("data").and_then(Value::as_object).ok_or_else(|| "data must be an object".to_owned())
}

/// An epoch as P-56 defines it; `""` and null mean that the panel knows none.
fn read_epoch(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        // The alphabet of an epoch is that of a server id.
        Value::String(text) if crate::request::is_server_id(text) => Ok(Some(text.clone())),
        _ => Err("epoch must be a text of at most 64 letters, digits, _ or -".to_owned()),
    }
}

fn read_seq(data: &Object, key: &str) -> Result<u64, String> {
    let seq = data.get(key).and_then(integer).and_then(|seq| u64::try_from(seq).ok());
    seq.ok_or_else(|| format!("{key} must be an integer of at least 0"))
}
