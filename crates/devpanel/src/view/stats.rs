//! A server's figures, from any of the shapes agents send them in.

use serde::Serialize;
use serde_json::Value;

/// One sample of a server's figures. What the agent did not tell is `None`, never 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Percent of one core.
    pub cpu: Option<f64>,
    /// Bytes in use.
    pub memory_bytes: Option<f64>,
    /// Percent of the limit.
    pub memory_percent: Option<f64>,
    /// Bytes in use.
    pub disk_bytes: Option<f64>,
    /// Bytes received since the start.
    pub network_in: Option<f64>,
    /// Bytes sent since the start.
    pub network_out: Option<f64>,
    /// Players on the server.
    pub players: Option<u64>,
    /// When it was taken (agent's clock, UTC).
    pub timestamp: Option<String>,
}

impl Stats {
    /// From `stats` of a `server_status` frame (P-188): percent and bytes.
    pub(crate) fn from_status_stats(stats: &Value) -> Option<Self> {
        let stats = stats.as_object()?;
        let network = stats.get("network").unwrap_or(&Value::Null);
        Some(Self {
            cpu: number(stats.get("cpu")),
            memory_bytes: number(stats.get("memory")),
            memory_percent: None,
            disk_bytes: number(stats.get("disk")),
            network_in: number(network.get("in")),
            network_out: number(network.get("out")),
            players: stats.get("players").and_then(Value::as_u64),
            timestamp: text(stats.get("timestamp")),
        })
    }

    /// From `data` of a `resource_update` event (P-45).
    pub(crate) fn from_resource_update(data: &Value, timestamp: Option<&Value>) -> Option<Self> {
        data.as_object()?;
        Some(Self {
            cpu: number(data.get("cpu")),
            memory_bytes: number(data.get("memoryBytes")),
            memory_percent: number(data["memory"].get("percentage")),
            disk_bytes: number(data.get("diskBytes")),
            network_in: number(data["network"].get("in")),
            network_out: number(data["network"].get("out")),
            players: data.get("players").and_then(Value::as_u64),
            timestamp: text(timestamp),
        })
    }

    /// From `resources` of a status query (P-134).
    pub(crate) fn from_resources(data: &Value, timestamp: Option<&Value>) -> Option<Self> {
        let resources = data.get("resources")?;
        resources.as_object()?;
        Some(Self {
            cpu: number(resources.get("cpu")),
            memory_bytes: number(resources["memory"].get("usedBytes")),
            memory_percent: number(resources["memory"].get("percentage")),
            disk_bytes: number(resources["disk"].get("usedBytes")),
            network_in: number(resources["network"].get("rx")),
            network_out: number(resources["network"].get("tx")),
            players: data["players"].get("online").and_then(Value::as_u64),
            timestamp: text(timestamp),
        })
    }
}

fn number(value: Option<&Value>) -> Option<f64> {
    value.and_then(Value::as_f64)
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}
