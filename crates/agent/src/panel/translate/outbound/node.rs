//! The node, in the wire's shapes.

use std::collections::BTreeMap;

use cap_domain::ids::NodeId;
use cap_protocol::outbound::figures::{SystemDisk, SystemMetrics, SystemNetwork};
use cap_protocol::outbound::status_detail::percentage;
use cap_protocol::outbound::{AgentLoad, Body, Frame, Pong, ResumeState, SystemInfo};
use cap_protocol::request::RequestId;
use cap_protocol::timestamp::Timestamp;

use super::server::rounded;
use crate::heartbeat::NodeSnapshot;
use crate::snapshot::AgentSnapshot;

/// What this version can do, in the contract's words. The resume extension is not among them yet, nor are files.
const CAPABILITIES: [&str; 2] = ["docker", "console_access"];

/// The answer to `system_info_request` (P-37).
pub fn system_info(id: &NodeId, node: &NodeSnapshot, agent: &AgentSnapshot, epoch: &str, now: Timestamp) -> Frame {
    let info = SystemInfo {
        node_id: id.to_string(),
        os: node.os.clone(),
        arch: node.arch.clone(),
        memory: node.memory_total / (1024 * 1024),
        cpu: node.cpu_model.clone().unwrap_or_default(),
        docker_version: agent.docker_version.clone().unwrap_or_default(),
        capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
        networks: node.networks.iter().map(|(name, ip)| (name.clone(), ip.to_string())).collect::<BTreeMap<_, _>>(),
        platform: node.os.clone(),
        cpu_count: node.cpu_count,
        total_memory: node.memory_total,
        free_memory: node.memory_free,
        total_disk: node.disk.map_or(0, |disk| disk.total),
        free_disk: node.disk.map_or(0, |disk| disk.free),
        uptime: node.uptime_seconds.unwrap_or(0),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        // Nothing is kept for a replay: the first event that could be had is the next one.
        resume: ResumeState {
            epoch: epoch.to_owned(),
            first_seq: agent.last_event_seq + 1,
            last_seq: agent.last_event_seq,
        },
    };
    Frame::new(now, Body::SystemInfo(Box::new(info)))
}

/// The answer to `ping` (P-47).
pub fn pong(id: RequestId, node: &NodeSnapshot, agent: &AgentSnapshot, now: Timestamp) -> Frame {
    let disk = node.disk.map_or(0.0, |disk| percentage(disk.total - disk.free.min(disk.total), disk.total));
    let system_load = AgentLoad {
        cpu: rounded(node.cpu_percent.unwrap_or(0.0)),
        memory: percentage(used_memory(node), node.memory_total),
        disk,
    };
    let active_servers = u32::try_from(agent.server_count).unwrap_or(u32::MAX);
    Frame::new(now, Body::Pong(Pong { id, active_servers, system_load }))
}

/// The answer to `get_system_metrics` (P-189).
pub(super) fn metrics(node: &NodeSnapshot, now: Timestamp) -> SystemMetrics {
    let (total, used) = node.disk.map_or((0, 0), |disk| (disk.total, disk.total - disk.free.min(disk.total)));
    SystemMetrics {
        cpu: rounded(node.cpu_percent.unwrap_or(0.0)),
        memory: used_memory(node),
        memory_total: node.memory_total,
        memory_percentage: percentage(used_memory(node), node.memory_total),
        disk: SystemDisk { used, total, percentage: percentage(used, total) },
        network: SystemNetwork::new(node.network_bytes.received, node.network_bytes.sent),
        uptime: node.uptime_seconds.unwrap_or(0),
        load_average: node.load_average.unwrap_or_default(),
        timestamp: now,
    }
}

fn used_memory(node: &NodeSnapshot) -> u64 {
    node.memory_total - node.memory_free.min(node.memory_total)
}
