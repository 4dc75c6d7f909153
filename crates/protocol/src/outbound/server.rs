//! Legacy-style frames about one server: status, output, files, errors.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::number_format::finite;
use crate::code::Code;
use crate::timestamp::Timestamp;

/// Data of `server_status`, short (P-38).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// The canonical id.
    pub server_id: String,
    /// A status word, or the notice `created` (P-40).
    pub status: String,
    /// The panel's database word for it.
    pub state: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What went wrong, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Figures, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<ServerStats>,
}

/// Figures of a server in bytes and percent (P-188).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerStats {
    /// Percent.
    #[serde(serialize_with = "finite")]
    pub cpu: f64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub disk: u64,
    /// Since the start.
    pub network: NetworkBytes,
    /// 0 if unknown.
    pub players: u32,
    /// When they were read.
    pub timestamp: Timestamp,
}

/// Bytes in and out, seen from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkBytes {
    /// Received.
    #[serde(rename = "in")]
    pub received: u64,
    /// Sent.
    #[serde(rename = "out")]
    pub sent: u64,
}

/// Where a console line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Data of `server_output` (P-67).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerOutput {
    /// The canonical id.
    pub server_id: String,
    /// One or more lines of one stream, separated by `\n`, without a final one.
    pub output: String,
    /// Their stream.
    pub stream: Stream,
    /// Of the first line.
    pub timestamp: Timestamp,
    /// Number of the first line.
    pub seq: u64,
    /// Number of the last line.
    pub last_seq: u64,
    /// What the numbers belong to.
    pub console_epoch: String,
    /// Bytes that were not UTF-8 have been replaced.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lossy: bool,
    /// A part of a long line that goes on in the next frame.
    #[serde(default, skip_serializing_if = "is_false")]
    pub partial: bool,
}

pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// Data of `file_content` (P-41). What stands in it depends on the frame that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileContent {
    /// The id the caller used.
    pub server_id: String,
    /// The path as asked for.
    pub path: String,
    /// The text, answering a read that worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The file is not UTF-8 (P-196).
    #[serde(default, skip_serializing_if = "is_false")]
    pub binary: bool,
    /// Its exact bytes then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// Whether a write worked; false for anything that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// Answering a write that worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Answering what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was read or written.
    pub timestamp: Timestamp,
}

/// Data of `error` (P-46).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorData {
    /// Why.
    pub code: Code,
    /// Why, for people.
    pub message: String,
    /// More, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// The server it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
}
