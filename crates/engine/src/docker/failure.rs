//! From what can go wrong on the socket to what the port says about it.

use std::future::Future;
use std::io;
use std::time::Duration;

use crate::docker::clean::clean;
use crate::docker::taken_port::taken_port;
use crate::error::{EngineError, Result};

/// What went wrong on the socket, before it is known what it means for the call. Never leaves the adapter.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// No connection, or it broke.
    #[error("no connection")]
    Connection {
        /// What the system or the HTTP client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine answered with a status that is no success.
    #[error("status {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The engine's words, as they came.
        message: String,
    },
    /// Something answers that is not a Docker engine, or not one we understand.
    #[error("not understood: {what}")]
    Garbage {
        /// What was found; for the log only.
        what: String,
    },
}

impl Fault {
    /// A fault of the connection itself.
    pub(super) fn connection(source: io::Error) -> Self {
        Self::Connection { source: Box::new(source) }
    }

    /// Whether the engine says that a container does not exist. A 404 alone says too little: an absent network and an
    /// absent image are 404 as well.
    pub(super) fn is_missing_container(&self) -> bool {
        matches!(self, Self::Refused { status: 404, message } if message.to_ascii_lowercase().contains("no such container"))
    }

    /// Whether the engine answered 404, for whatever reason.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// What this means for a call.
    pub(super) fn during(self, call: &'static str) -> EngineError {
        match self {
            Self::Connection { source } => EngineError::Unreachable { source },
            Self::Garbage { what } => {
                log::warn!("answer of the engine to `{call}` not understood: {what}");
                EngineError::Failed { call, message: "the answer was not understood".to_owned() }
            }
            Self::Refused { status, message } => refusal(call, status, &message),
        }
    }
}

impl From<hyper::Error> for Fault {
    fn from(source: hyper::Error) -> Self {
        if source.is_parse() {
            Self::Garbage { what: source.to_string() }
        } else {
            Self::Connection { source: Box::new(source) }
        }
    }
}

fn refusal(call: &'static str, status: u16, message: &str) -> EngineError {
    if let Some(port) = taken_port(message) {
        return EngineError::PortTaken { port };
    }
    let lower = message.to_ascii_lowercase();
    match status {
        404 if lower.contains("no such container") => EngineError::NotFound { what: "container" },
        404 if lower.contains("no such image") => EngineError::NotFound { what: "image" },
        409 => EngineError::Conflict { call, message: clean(message) },
        _ if message.trim().is_empty() => EngineError::Failed { call, message: format!("status {status}") },
        _ => EngineError::Failed { call, message: clean(message) },
    }
}

/// Runs a whole call, however many requests it takes, within its deadline.
pub(super) async fn within<T>(
    call: &'static str,
    deadline: Duration,
    work: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    match tokio::time::timeout(deadline, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(EngineError::TimedOut { call, after: deadline }),
    }
}
