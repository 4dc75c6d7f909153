//! Frames about the node itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::number_format::finite;
use crate::request::RequestId;

/// Data of `system_info` (P-37).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemInfo {
    /// The node's id.
    pub node_id: String,
    /// In Node's words, such as `linux`.
    pub os: String,
    /// In Node's words, such as `x64` or `arm64`.
    pub arch: String,
    /// Whole M.
    pub memory: u64,
    /// The processor's name.
    pub cpu: String,
    /// The engine's version; empty while it cannot be reached.
    pub docker_version: String,
    /// What the agent can do; [`SystemInfo::CAPABILITIES`].
    pub capabilities: Vec<String>,
    /// Interface to address.
    pub networks: BTreeMap<String, String>,
    /// The same as `os`.
    pub platform: String,
    /// Logical processors.
    pub cpu_count: u32,
    /// Bytes.
    pub total_memory: u64,
    /// Bytes.
    pub free_memory: u64,
    /// Bytes.
    pub total_disk: u64,
    /// Bytes.
    pub free_disk: u64,
    /// Of the machine, in seconds.
    pub uptime: u64,
    /// This program's version.
    pub agent_version: String,
    /// Where the journal of durable events stands.
    pub resume: ResumeState,
}

impl SystemInfo {
    /// The words old panels look for, then those of our extensions.
    pub const CAPABILITIES: [&str; 5] = ["docker", "file_management", "console_access", "resume.v1", "console_seq.v1"];
}

/// The journal of durable events (P-56).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResumeState {
    /// Of this boot.
    pub epoch: String,
    /// Oldest event kept.
    pub first_seq: u64,
    /// Newest event; 0 = none yet.
    pub last_seq: u64,
}

/// The answer to a ping (P-47).
#[derive(Clone, Debug, PartialEq)]
pub struct Pong {
    /// The ping's id; left out if it had none.
    pub id: RequestId,
    /// Servers that run.
    pub active_servers: u32,
    /// Load of the node.
    pub system_load: AgentLoad,
}

/// Load of the node in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentLoad {
    /// Percent of all cores.
    #[serde(serialize_with = "finite")]
    pub cpu: f64,
    /// Percent used.
    #[serde(serialize_with = "finite")]
    pub memory: f64,
    /// Percent used.
    #[serde(serialize_with = "finite")]
    pub disk: f64,
}
