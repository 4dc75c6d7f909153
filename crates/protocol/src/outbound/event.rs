//! Events (P-43): what happened, durable or not.

use serde::{Deserialize, Serialize};

use super::number_format::finite;
use super::server::Stream;
use super::status_detail::StatusDetail;
use crate::code::Code;
use crate::request::RequestId;

/// An `event` frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the journal, if it is durable (P-55).
    pub place: Option<EventPlace>,
    /// It is sent again after a resume (P-59).
    pub replay: bool,
    /// What happened.
    pub body: EventBody,
}

/// The place of a durable event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPlace {
    /// Grows by 1 in each epoch.
    pub seq: u64,
    /// The boot it belongs to.
    pub epoch: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventBody {
    /// A server's status is another one; durable.
    ServerStatusChanged(ServerStatusChanged),
    /// An operation that was answered with an in-progress word has ended; durable.
    OperationCompleted(OperationCompleted),
    /// The full status, asked for (P-39).
    ServerStatus(Box<StatusDetail>),
    /// Console lines once more, for old readers (P-72).
    ServerLog(ServerLog),
    /// Figures of a running server (P-45).
    ResourceUpdate(ResourceUpdate),
    /// Events that are lost (P-60, P-61).
    EventGap(EventGap),
    /// Console lines that are lost (P-70).
    ConsoleGap(ConsoleGap),
    /// The end of a resume (P-62).
    ResumeComplete(ResumeComplete),
}

impl EventBody {
    /// The name in `event`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ServerStatusChanged(_) => "server_status_changed",
            Self::OperationCompleted(_) => "operation_completed",
            Self::ServerStatus(_) => "server_status",
            Self::ServerLog(_) => "server_log",
            Self::ResourceUpdate(_) => "resource_update",
            Self::EventGap(_) | Self::ConsoleGap(_) => "gap",
            Self::ResumeComplete(_) => "resume_complete",
        }
    }
}

/// Data of `server_status_changed` (P-44).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatusChanged {
    /// The canonical id.
    pub server_id: String,
    /// The status word before.
    pub previous_status: String,
    /// The status word now.
    pub current_status: String,
    /// The same once more.
    pub status: String,
    /// A word such as `command`, `crash` or `oom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What went wrong, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Of the process that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Of the process that started, on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
}

impl ServerStatusChanged {
    /// A change and nothing more.
    pub fn new(server_id: impl Into<String>, previous: impl Into<String>, current: impl Into<String>) -> Self {
        let current = current.into();
        Self {
            server_id: server_id.into(),
            previous_status: previous.into(),
            current_status: current.clone(),
            status: current,
            reason: None,
            error: None,
            exit_code: None,
            pid: None,
        }
    }
}

/// Data of `operation_completed` (P-20).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationCompleted {
    /// As it was given out.
    pub operation_id: String,
    /// The command's id; null if it had none.
    pub command_id: RequestId,
    /// The id the caller used.
    pub server_id: String,
    /// The canonical action name.
    pub action: String,
    /// Whether it worked.
    pub success: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<OperationError>,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationError {
    /// Stable.
    pub code: Code,
    /// For people.
    pub message: String,
}

/// The highest level found in console lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Data of `server_log` (P-72).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerLog {
    /// The canonical id.
    pub server_id: String,
    /// The highest found in the lines, else INFO.
    pub log_level: LogLevel,
    /// The same text as the `output` of the twin frame.
    pub message: String,
    /// Its stream.
    pub stream: Stream,
    /// Number of the first line.
    pub seq: u64,
    /// Number of the last line.
    pub last_seq: u64,
    /// What the numbers belong to.
    pub console_epoch: String,
}

/// Data of `resource_update` (P-45).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUpdate {
    /// The canonical id.
    pub server_id: String,
    /// Percent.
    #[serde(serialize_with = "finite")]
    pub cpu: f64,
    /// As text and percent of the limit.
    pub memory: Usage,
    /// As text and percent of the limit.
    pub disk: Usage,
    /// Exact.
    pub memory_bytes: u64,
    /// Exact.
    pub disk_bytes: u64,
}

/// An amount for people, and its share of the limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Such as `1200m` or `2.1g`.
    pub used: String,
    /// Percent.
    #[serde(serialize_with = "finite")]
    pub percentage: f64,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Events rolled out of the journal.
    Overflow,
    /// The panel had acknowledged the events.
    Acknowledged,
    /// The numbers belong to another epoch.
    EpochChanged,
    /// The link was slower than the console.
    ConsoleOverflow,
    /// The lines are no longer kept.
    HistoryLost,
}

/// Data of a `gap` in the events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventGap {
    /// The epoch the numbers belong to.
    pub epoch: String,
    /// First missing event.
    pub from_seq: u64,
    /// Last missing event; none = not known.
    pub to_seq: Option<u64>,
    /// Why.
    pub reason: GapReason,
}

/// Data of a `gap` in a console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleGap {
    /// The canonical id.
    pub server_id: String,
    /// The console epoch the numbers belong to.
    pub epoch: String,
    /// First missing line.
    pub from_seq: u64,
    /// Last missing line; none = not known.
    pub to_seq: Option<u64>,
    /// Why.
    pub reason: GapReason,
}

/// Data of `resume_complete` (P-62).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResumeComplete {
    /// The current epoch.
    pub epoch: String,
    /// First event replayed of it; `to_seq` + 1 if none.
    pub from_seq: u64,
    /// Last event of it.
    pub to_seq: u64,
    /// How many were replayed, of all epochs.
    pub replayed: u64,
}
