//! Identities: parsed once at the edge, then passed by type.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The canonical id of a server: the id it was created with, byte for byte (P-168, P-169).
///
/// Matches `[A-Za-z0-9_-]{1,64}`, so it is safe in container names, labels and directory names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerId(String);

/// Why a text is not an id. The text itself is not repeated: it comes from outside and may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not a server id.
    #[error("a server id has 1 to 64 characters, each a letter, a digit, `_` or `-`")]
    Server,
    /// Not a node id.
    #[error("a node id has 1 to 64 characters, each a letter, a digit, `.`, `_`, `~` or `-`")]
    Node,
}

impl ServerId {
    /// Takes a text that matches `[A-Za-z0-9_-]{1,64}`; anything else is refused.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId::Server) }
    }

    /// The id as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the server's container (P-174), the same that the Go agent used.
    pub fn container_name(&self) -> String {
        format!("ctrl-alt-play-{}", self.0)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ServerId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<ServerId> for String {
    fn from(id: ServerId) -> Self {
        id.0
    }
}

/// The id of this node: `[A-Za-z0-9._~-]{1,64}`, written raw into the link's URL (P-7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(String);

impl NodeId {
    /// Takes a text the panel reads back unchanged without decoding; anything else is refused.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId::Node) }
    }

    /// The id as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for NodeId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

/// The id of one operation, made by the agent: `op_` and a ULID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationId(String);

impl OperationId {
    /// Wraps a text the agent made (or read back from its store).
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id a caller gave a command, echoed with the JSON type it came in (P-31).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommandId {
    /// 1 to 128 characters.
    Text(String),
    /// A JSON integer.
    Number(i64),
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}
