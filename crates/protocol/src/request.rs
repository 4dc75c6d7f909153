//! A command, normalised: the same value whatever shape and transport it came in.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::Object;
use crate::action::Action;
use crate::code::Code;
use crate::number::integer;

pub(crate) mod normalise;
#[cfg(test)]
mod tests;

/// A command as a panel sent it, its envelope taken off.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// To be echoed with its JSON type.
    pub id: RequestId,
    /// What is asked.
    pub action: Action,
    /// The server as the caller names it, well-formed but not resolved; always there if the action needs one.
    pub server_id: Option<String>,
    /// Further ids in the same command that are spelled differently. If they do not resolve to the same server, the
    /// command is INVALID_REQUEST (P-173); only the dispatcher can tell.
    pub other_server_ids: Vec<String>,
    /// `data` overlaid by `payload` (P-179), without `serverId`.
    pub params: Object,
    /// How it came, and so how it is answered.
    pub style: Style,
    /// The parameters came in `data` alone, as the former Go agent's clients send them: `content` without `encoding`
    /// is then base64 (P-199).
    pub go_envelope: bool,
}

/// How a command came, and so how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A `command` frame: one `response` frame, with `id:null` if it had none (P-31).
    CommandFrame,
    /// A frame without an id of its own (legacy commands; `resume`, `ack` and `link_policy` when refused): failures are
    /// one `error` frame (P-32, P-46).
    LegacyFrame {
        /// It did carry an `id` or `messageId`, so it gets a `response` as well.
        reply: bool,
    },
    /// `POST /api/command`: the HTTP reply, with `id` only if one was sent.
    Http,
}

/// The id a caller gave its command (P-31).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// No `id` key.
    #[default]
    Absent,
    /// `id:null`.
    Null,
    /// 1 to 128 characters.
    Text(String),
    /// A JSON integer.
    Number(i64),
}

/// Longest text id, in characters (P-31).
const MAX_ID: usize = 128;

impl RequestId {
    /// Reads the value of an `id` key, if there is one. None if it is neither null, nor 1 to 128 characters, nor an
    /// integer of 64 bits.
    pub fn from_value(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(Self::Absent),
            Some(Value::Null) => Some(Self::Null),
            Some(Value::String(text)) => {
                let fits = !text.is_empty() && text.chars().nth(MAX_ID).is_none();
                fits.then(|| Self::Text(text.clone()))
            }
            Some(number) => integer(number).map(Self::Number),
        }
    }

    /// Whether the command can be told from others by it.
    pub fn is_given(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Number(_))
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
        }
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(Some(&value)).ok_or_else(|| serde::de::Error::custom("not a command id"))
    }
}

/// A command that is refused before anybody looks at what it would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// To be echoed; null if it was none.
    pub id: RequestId,
    /// How it is to be answered.
    pub style: Style,
    /// Why.
    pub code: Code,
    /// Why, as a sentence for people.
    pub message: String,
    /// The server it names, if that is well-formed.
    pub server_id: Option<String>,
}

/// Whether a text may be a server id: `[A-Za-z0-9_-]{1,64}` (P-168).
pub fn is_server_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}
