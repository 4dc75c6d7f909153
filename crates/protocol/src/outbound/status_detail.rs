//! The data of get_server_status (P-134), list_servers (P-98) and get_operation (P-99).

use serde::{Deserialize, Serialize};

use super::event::OperationError;
use super::number_format::finite;
use crate::request::RequestId;
use crate::timestamp::Timestamp;

/// The full status of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDetail {
    /// The id the caller used, or the canonical one in pushes.
    pub server_id: String,
    /// A status word.
    pub status: String,
    /// The panel's database word for it.
    pub state: String,
    /// None if there is no container.
    pub container_id: Option<String>,
    /// Of the process, in seconds; 0 if it does not run.
    pub uptime: u64,
    /// Figures.
    pub resources: Resources,
    /// Who plays.
    pub players: Players,
    /// What it listens on, the primary port first.
    pub ports: Vec<PortEntry>,
    /// The newest operation, if there was one (P-21).
    pub last_operation: Option<OperationRecord>,
    /// The same once more, for clients of the former Go agent.
    pub server: GoServer,
}

/// Figures of [`StatusDetail`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Percent.
    #[serde(serialize_with = "finite")]
    pub cpu: f64,
    /// Memory.
    pub memory: MemoryUse,
    /// Data directory.
    pub disk: DiskUse,
    /// Since the start.
    pub network: NetworkUse,
}

/// Memory in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryUse {
    /// Such as `512m`.
    pub used: String,
    /// The limit, such as `2048m`.
    pub available: String,
    /// Exact.
    pub used_bytes: u64,
    /// Exact; of the host if unlimited.
    pub limit_bytes: u64,
    /// Of the limit.
    #[serde(serialize_with = "finite")]
    pub percentage: f64,
}

impl MemoryUse {
    /// From exact figures.
    pub fn new(used_bytes: u64, limit_bytes: u64) -> Self {
        Self {
            used: whole_mebibytes(used_bytes),
            available: whole_mebibytes(limit_bytes),
            used_bytes,
            limit_bytes,
            percentage: percentage(used_bytes, limit_bytes),
        }
    }
}

/// Disk in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskUse {
    /// Exact.
    pub used_bytes: u64,
    /// Exact; of the host if unlimited.
    pub limit_bytes: u64,
    /// Of the limit.
    #[serde(serialize_with = "finite")]
    pub percentage: f64,
}

impl DiskUse {
    /// From exact figures.
    pub fn new(used_bytes: u64, limit_bytes: u64) -> Self {
        Self { used_bytes, limit_bytes, percentage: percentage(used_bytes, limit_bytes) }
    }
}

/// Network bytes since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkUse {
    /// Sent.
    pub tx: u64,
    /// Received.
    pub rx: u64,
}

/// Bytes as whole M, such as `512m`.
pub fn whole_mebibytes(bytes: u64) -> String {
    format!("{}m", bytes / (1024 * 1024))
}

/// A share in percent with one decimal, 0 to 100; 0 of nothing.
pub fn percentage(used: u64, limit: u64) -> f64 {
    if limit == 0 {
        return 0.0;
    }
    let share = used as f64 * 100.0 / limit as f64;
    (share * 10.0).round().clamp(0.0, 1000.0) / 10.0
}

/// Who plays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Players {
    /// How many; 0 if unknown.
    pub online: u32,
    /// How many may; 0 if unknown.
    pub max: u32,
    /// Their names, as far as known.
    pub list: Vec<String>,
}

/// A published port (P-135).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortEntry {
    /// The host address.
    pub ip: String,
    /// Inside the container.
    pub internal: u16,
    /// On the host.
    pub external: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The server's main port.
    pub primary: bool,
}

/// State of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum OperationState {
    Running,
    Succeeded,
    Failed,
}

/// An operation as get_operation shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationRecord {
    /// As it was given out.
    pub operation_id: String,
    /// The command's id; null if it had none.
    pub command_id: RequestId,
    /// The canonical id.
    pub server_id: String,
    /// The canonical action name.
    pub action: String,
    /// Where it stands.
    pub state: OperationState,
    /// When the command came.
    pub started_at: Timestamp,
    /// When it ended; none while it runs.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<OperationError>,
}

/// A server in the shape of the former Go agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GoServer {
    /// As outside.
    pub server_id: String,
    /// As outside.
    pub container_id: Option<String>,
    /// The container's name, with Docker's leading slash.
    pub name: String,
    /// A status word.
    pub status: String,
    /// What it was made from.
    pub config: GoConfig,
}

/// What a server was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoConfig {
    /// The image reference.
    pub image: String,
    /// `external:internal`, without repetitions.
    pub ports: Vec<String>,
    /// When the server was created.
    pub created: Timestamp,
}

/// Data of list_servers (P-98).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerList {
    /// In a stable order.
    pub servers: Vec<ServerSummary>,
    /// How many.
    pub count: usize,
}

impl ServerList {
    /// Counts them.
    pub fn new(servers: Vec<ServerSummary>) -> Self {
        let count = servers.len();
        Self { servers, count }
    }
}

/// One server of [`ServerList`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerSummary {
    /// The canonical id.
    pub server_id: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// For people.
    pub name: String,
    /// A status word.
    pub status: String,
    /// The panel's database word for it.
    pub state: String,
    /// None if there is no container.
    pub container_id: Option<String>,
    /// The image reference.
    pub image: String,
    /// What it listens on.
    pub ports: Vec<PortEntry>,
    /// When the server was created.
    pub created_at: Timestamp,
    /// The same once more, for clients of the former Go agent.
    pub config: GoConfig,
}
