//! What the panel must learn, in the agent's words. Everybody may hold a `Recipient<Report>`; only the outbox answers it.

use actix::Message;
use cap_domain::failure::Failure;
use cap_domain::ids::{CommandId, OperationId, ServerId};
use cap_domain::phase::{Phase, Status, StatusChange};

use crate::figures::ServerFigures;

/// One thing the panel must learn.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub enum Report {
    /// A server's status changed (P-33).
    StatusChanged {
        /// Whose.
        server: ServerId,
        /// From what to what, and why.
        change: StatusChange,
        /// When, unix milliseconds.
        unix_ms: i64,
    },
    /// A server is there with this status; nothing changed (after a start of the agent, so that a new link can tell).
    StatusKnown {
        /// Whose.
        server: ServerId,
        /// What it is.
        status: Status,
    },
    /// A notice beside the states: `created`, or how far an install is (P-40).
    Notice {
        /// Whose.
        server: ServerId,
        /// The phase it is in, or none for the notice `created`.
        phase: Option<Phase>,
        /// For people.
        message: String,
        /// When, unix milliseconds.
        unix_ms: i64,
    },
    /// An operation that was answered with an in-progress word has its outcome (P-20).
    OperationCompleted {
        /// Which.
        operation: OperationId,
        /// The id of the command that began it.
        command: Option<CommandId>,
        /// The server as the caller named it.
        server: String,
        /// Canonical action name.
        action: &'static str,
        /// How it went; `Ok` carries a note for people.
        outcome: Result<Option<String>, Failure>,
        /// When, unix milliseconds.
        unix_ms: i64,
    },
    /// Figures of a running server (P-45).
    Figures {
        /// Whose.
        server: ServerId,
        /// What was read.
        figures: ServerFigures,
    },
    /// The server is gone for good: nothing of it is to be told to a new link.
    Forgotten {
        /// Which.
        server: ServerId,
    },
}
