//! Data of the remaining answers: lifecycle, console and figures.

use serde::{Deserialize, Serialize};

use super::number_format::{finite, finite_list};
use super::server::{NetworkBytes, Stream};
use super::status_detail::PortEntry;
use crate::timestamp::Timestamp;

/// Data of the lifecycle actions (P-85 to P-94): the outcome, or the in-progress word with its operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// The id the caller used.
    pub server_id: String,
    /// A status word, or an in-progress word.
    pub status: String,
    /// To ask for, while it is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
}

/// Data of create_server (P-84).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAnswer {
    /// The id the caller used.
    pub server_id: String,
    /// A status word, or `creating`.
    pub status: String,
    /// To ask for, while it is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// The server was there before.
    pub existing: bool,
    /// What it listens on.
    pub ports: Vec<PortEntry>,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// When an update takes effect (P-167).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Applied {
    Now,
    NextStart,
}

/// Data of update_server (P-90).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAnswer {
    /// The id the caller used.
    pub server_id: String,
    /// A status word.
    pub status: String,
    /// When it takes effect.
    pub applied: Applied,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// Data of bind_alias (P-100).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Aliases {
    /// The id the caller used.
    pub server_id: String,
    /// All other names of the server now.
    pub aliases: Vec<String>,
}

/// Data of console:command, console:input and console:interrupt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The id the caller used.
    pub server_id: String,
    /// Always true.
    pub sent: bool,
}

/// Data of console:connect and console:disconnect (P-102).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connected {
    /// The id the caller used.
    pub server_id: String,
    /// What was asked for.
    pub connected: bool,
}

/// Data of console:status (P-101).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleStatus {
    /// The id the caller used.
    pub server_id: String,
    /// The console is live.
    pub connected: bool,
    /// Of the newest line; none if there was none.
    pub last_activity: Option<Timestamp>,
    /// Number of kept lines.
    pub buffer_size: u64,
    /// Oldest kept line.
    pub first_seq: u64,
    /// Newest line; 0 = none yet.
    pub last_seq: u64,
    /// What the numbers belong to.
    pub console_epoch: String,
}

/// Data of console:history (P-107).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleHistory {
    /// The id the caller used.
    pub server_id: String,
    /// Lines, oldest first.
    pub history: Vec<String>,
    /// How many.
    pub lines: usize,
}

/// Data of get_server_logs (P-112).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerLogs {
    /// The id the caller used.
    pub server_id: String,
    /// Lines, oldest first.
    pub logs: Vec<String>,
}

/// Data of get_console_history (P-111).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsolePage {
    /// The id the caller used.
    pub server_id: String,
    /// Ascending.
    pub lines: Vec<ConsoleLine>,
    /// Oldest kept line.
    pub first_seq: u64,
    /// Newest line.
    pub last_seq: u64,
    /// Where the next page begins; none at the end.
    pub next_seq: Option<u64>,
    /// What the numbers belong to.
    pub console_epoch: String,
    /// Lines asked for that are no longer kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<LineRange>,
}

/// One console line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleLine {
    /// Its number.
    pub seq: u64,
    /// Its stream.
    pub stream: Stream,
    /// When it came.
    pub timestamp: Timestamp,
    /// Without its newline.
    pub text: String,
}

/// A range of lines, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct LineRange {
    pub from_seq: u64,
    pub to_seq: u64,
}

/// Data of console:subscribe and console:unsubscribe (P-110).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The id the caller used.
    pub server_id: String,
    /// Whether output of this server is pushed now.
    pub subscribed: bool,
    /// First line that will be sent; none if none was asked for.
    pub from_seq: Option<u64>,
    /// Oldest kept line.
    pub first_seq: u64,
    /// Newest line.
    pub last_seq: u64,
    /// What the numbers belong to.
    pub console_epoch: String,
}

/// Data of get_server_metrics (P-186). Every number is finite, nothing is null (P-187).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerMetrics {
    /// The id the caller used.
    pub server_id: String,
    /// Percent of the limit, 0 to 100.
    #[serde(serialize_with = "finite")]
    pub cpu: f64,
    /// Percent of the limit, 0 to 100.
    #[serde(serialize_with = "finite")]
    pub memory: f64,
    /// Percent of the limit, 0 to 100.
    #[serde(serialize_with = "finite")]
    pub disk: f64,
    /// Since the start.
    pub network: NetworkBytes,
    /// 0 if unknown.
    pub players: u32,
    /// Now.
    pub timestamp: Timestamp,
    /// Exact.
    pub memory_bytes: u64,
    /// Exact; of the host if unlimited.
    pub memory_limit_bytes: u64,
    /// Exact.
    pub disk_bytes: u64,
    /// Exact; of the host if unlimited.
    pub disk_limit_bytes: u64,
    /// Percent of one core.
    #[serde(serialize_with = "finite")]
    pub cpu_absolute: f64,
    /// Of the process, in seconds.
    pub uptime: u64,
    /// A status word.
    pub status: String,
}

/// Data of get_system_metrics (P-189).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemMetrics {
    /// Percent of the host.
    #[serde(serialize_with = "finite")]
    pub cpu: f64,
    /// Bytes used.
    pub memory: u64,
    /// Bytes.
    pub memory_total: u64,
    /// Percent used.
    #[serde(serialize_with = "finite")]
    pub memory_percentage: f64,
    /// Of the file system that holds the servers.
    pub disk: SystemDisk,
    /// Of all interfaces.
    pub network: SystemNetwork,
    /// Of the machine, in seconds.
    pub uptime: u64,
    /// Over 1, 5 and 15 minutes.
    #[serde(serialize_with = "finite_list")]
    pub load_average: [f64; 3],
    /// Now.
    pub timestamp: Timestamp,
}

/// Disk of the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemDisk {
    /// Bytes.
    pub used: u64,
    /// Bytes.
    pub total: u64,
    /// Percent used.
    #[serde(serialize_with = "finite")]
    pub percentage: f64,
}

/// Network of the node, under both names that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemNetwork {
    /// Received.
    pub bytes_in: u64,
    /// Sent.
    pub bytes_out: u64,
    /// Received.
    #[serde(rename = "in")]
    pub received: u64,
    /// Sent.
    #[serde(rename = "out")]
    pub sent: u64,
}

impl SystemNetwork {
    /// From the two figures there are.
    pub fn new(received: u64, sent: u64) -> Self {
        Self { bytes_in: received, bytes_out: sent, received, sent }
    }
}

/// Data of system.ping (P-132).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingAnswer {
    /// `pong`.
    pub message: String,
    /// Now.
    pub timestamp: Timestamp,
}

impl PingAnswer {
    /// The only answer there is.
    pub fn new(timestamp: Timestamp) -> Self {
        Self { message: "pong".to_owned(), timestamp }
    }
}
