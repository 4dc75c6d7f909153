//! What the registry is told and what it tells: plain facts about servers and their names.

use serde::{Deserialize, Serialize};

use crate::ids::ServerId;

/// How an alias came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AliasKind {
    /// Somebody said so: `bind_alias`, the configuration, or fields of a create (P-166).
    Explicit,
    /// Concluded from the time inside a cuid (P-172). Not good enough to remove anything by (P-139).
    Learned,
}

/// One alias, as the store keeps it. The alias is the key: writing a binding replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasBinding {
    /// The other name; has the shape of a server id (P-168).
    pub alias: String,
    /// Whose name it is.
    pub server: ServerId,
    /// How it came to be.
    pub kind: AliasKind,
}

/// Whether an alias may be taken from another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// An explicit alias of another server is a conflict.
    Refuse,
    /// It is taken from the other server.
    Allow,
}

/// Whether database ids may be learned (`learn_aliases`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Learning {
    On,
    Off,
}

/// Where a server came from, which decides whether its database id can be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Creation {
    /// A create command, received at this time (unix milliseconds, the agent's clock).
    ByCommand {
        /// Unix milliseconds.
        received_at_ms: u64,
    },
    /// Found on the node and adopted. Never a candidate for learning, but it counts in the guard if its age is known.
    Adopted {
        /// When its container was made, unix milliseconds.
        created_at_ms: Option<u64>,
    },
}

impl Creation {
    pub(super) fn created_at_ms(self) -> Option<u64> {
        match self {
            Self::ByCommand { received_at_ms } => Some(received_at_ms),
            Self::Adopted { created_at_ms } => created_at_ms,
        }
    }
}
