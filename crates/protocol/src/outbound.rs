//! What the agent sends over the link: every frame of sections 4, 6 and 7, written in the contract's key order and
//! read back for the dev panel.

use serde::Serialize;
use serde_json::Value;

use crate::Object;
use crate::code::Code;
use crate::request::{Rejection, RequestId, Style};
use crate::timestamp::Timestamp;

mod event;
pub mod figures;
mod node;
mod number_format;
mod read;
mod response;
mod server;
pub mod status_detail;
#[cfg(test)]
mod tests;
mod write;

pub use event::{
    ConsoleGap, Event, EventBody, EventGap, EventPlace, GapReason, LogLevel, OperationCompleted, OperationError,
    ResourceUpdate, ResumeComplete, ServerLog, ServerStatusChanged, Usage,
};
pub use node::{AgentLoad, Pong, ResumeState, SystemInfo};
pub use read::ReadError;
pub use response::{Outcome, Response, object_of};
pub use server::{ErrorData, FileContent, NetworkBytes, ServerOutput, ServerStats, ServerStatus, Stream};
pub use status_detail::StatusDetail;

/// One frame from the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// When it was made.
    pub timestamp: Timestamp,
    /// What it says.
    pub body: Body,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The agent is there (P-36).
    Heartbeat {
        /// The node's id.
        node_id: String,
    },
    /// What the node is (P-37).
    SystemInfo(Box<SystemInfo>),
    /// The status of a server, short (P-38).
    ServerStatus(ServerStatus),
    /// The status of a server, in full (P-39).
    ServerStatusDetail(Box<StatusDetail>),
    /// Console lines (P-67).
    ServerOutput {
        /// The lines.
        data: ServerOutput,
        /// They were sent before, or happened before the subscription (P-74).
        replay: bool,
    },
    /// The answer to a legacy file frame (P-41).
    FileContent(FileContent),
    /// The answer to a command (P-42).
    Response(Response),
    /// Something happened (P-43).
    Event(Event),
    /// A frame without an id failed (P-46).
    Error(ErrorData),
    /// The answer to a ping (P-47).
    Pong(Pong),
}

impl Frame {
    /// A frame made now.
    pub fn new(timestamp: Timestamp, body: Body) -> Self {
        Self { timestamp, body }
    }

    /// The frame as one JSON object, without a newline.
    pub fn to_text(&self) -> String {
        write::text(self)
    }

    /// Reads a frame as the agent sends it; keys that are not known are ignored (P-35).
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        read::frame(text)
    }

    /// The frames that answer a refused command: a `response`, an `error`, or both (P-31, P-32, P-212).
    ///
    /// Over HTTP there are no frames; the answer is [`crate::http_reply::refused`].
    pub fn refusals(rejection: &Rejection, timestamp: Timestamp) -> Vec<Self> {
        let response = || {
            let outcome = Outcome::Error { code: rejection.code, message: rejection.message.clone() };
            Self::new(timestamp, Body::Response(Response { id: rejection.id.clone(), outcome }))
        };
        let error = || {
            let data = ErrorData {
                code: rejection.code,
                message: rejection.message.clone(),
                details: None,
                server_id: rejection.server_id.clone(),
            };
            Self::new(timestamp, Body::Error(data))
        };
        match rejection.style {
            Style::CommandFrame => vec![response()],
            Style::LegacyFrame { reply: false } => vec![error()],
            Style::LegacyFrame { reply: true } => vec![error(), response()],
            Style::Http => Vec::new(),
        }
    }

    /// A successful answer.
    pub fn response_ok(id: RequestId, timestamp: Timestamp, message: Option<String>, data: &impl Serialize) -> Self {
        let outcome = Outcome::Ok { message, data: object_of(data) };
        Self::new(timestamp, Body::Response(Response { id, outcome }))
    }

    /// A failed answer.
    pub fn response_error(id: RequestId, timestamp: Timestamp, code: Code, message: impl Into<String>) -> Self {
        let outcome = Outcome::Error { code, message: message.into() };
        Self::new(timestamp, Body::Response(Response { id, outcome }))
    }

    /// An event that is not durable.
    pub fn event(timestamp: Timestamp, body: EventBody) -> Self {
        Self::new(timestamp, Body::Event(Event { place: None, replay: false, body }))
    }
}

/// A value as JSON; the types of this crate can always be written.
fn value_of(data: &impl Serialize) -> Value {
    serde_json::to_value(data).unwrap_or_else(|_| Value::Object(Object::new()))
}
