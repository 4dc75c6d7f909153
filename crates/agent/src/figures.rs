//! Figures of servers, as they are read. Nothing is invented: what could not be read is absent.

use serde::{Deserialize, Serialize};

/// Figures of one server's container at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerFigures {
    /// When, unix milliseconds.
    pub unix_ms: i64,
    /// Percent of one core (200 = two cores), since the reading before.
    pub cpu_percent_of_core: f64,
    /// Percent of the cpu limit, or of the host's cores if unlimited; 0 to 100.
    pub cpu_percent: f64,
    /// Working set in bytes: page cache that can go left out.
    pub memory_bytes: u64,
    /// The limit in bytes, or the host's memory if unlimited.
    pub memory_limit_bytes: u64,
    /// Bytes received since the start of the process.
    pub network_received_bytes: u64,
    /// Bytes sent since the start of the process.
    pub network_sent_bytes: u64,
    /// Bytes in the data directory; none until it was measured.
    pub disk_bytes: Option<u64>,
    /// The disk limit in bytes, if there is one.
    pub disk_limit_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: u64,
}
