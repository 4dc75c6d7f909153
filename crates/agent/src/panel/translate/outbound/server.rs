//! Servers, their figures and their operations, in the wire's shapes.

use cap_domain::ids::CommandId;
use cap_domain::phase::Status;
use cap_domain::spec::PortBinding;
use cap_protocol::outbound::figures::ServerMetrics;
use cap_protocol::outbound::status_detail::{
    DiskUse, GoConfig, GoServer, MemoryUse, NetworkUse, OperationRecord, OperationState, Players, PortEntry, Resources,
    ServerSummary, StatusDetail, percentage,
};
use cap_protocol::outbound::{NetworkBytes, OperationError, ServerStats};
use cap_protocol::request::RequestId;
use cap_protocol::status::state_word;
use cap_protocol::timestamp::Timestamp;

use crate::figures::ServerFigures;
use crate::panel::translate::wire_code;
use crate::reply::{OperationView, ServerView};

/// The panel's database word for a status.
pub(super) fn state_of(status: Status) -> &'static str {
    state_word(status.phase.status_word(), Some(status.last_known.status_word()))
}

pub(super) fn ports(ports: &[PortBinding]) -> Vec<PortEntry> {
    ports
        .iter()
        .map(|port| PortEntry {
            ip: port.ip.to_string(),
            internal: port.internal,
            external: port.external,
            protocol: port.protocol.as_str().to_owned(),
            primary: port.primary,
        })
        .collect()
}

pub(super) fn request_id(command: Option<&CommandId>) -> RequestId {
    match command {
        None => RequestId::Null,
        Some(CommandId::Text(text)) => RequestId::Text(text.clone()),
        Some(CommandId::Number(number)) => RequestId::Number(*number),
    }
}

pub(super) fn operation(view: &OperationView) -> OperationRecord {
    OperationRecord {
        operation_id: view.operation.to_string(),
        command_id: request_id(view.command.as_ref()),
        server_id: view.server.clone(),
        action: view.action.clone(),
        state: match (&view.ended_unix_ms, &view.failure) {
            (None, _) => OperationState::Running,
            (Some(_), None) => OperationState::Succeeded,
            (Some(_), Some(_)) => OperationState::Failed,
        },
        started_at: Timestamp::from_unix_ms(view.started_unix_ms),
        ended_at: view.ended_unix_ms.map(Timestamp::from_unix_ms),
        error: view
            .failure
            .as_ref()
            .map(|failure| OperationError { code: wire_code(failure.code), message: failure.message.clone() }),
    }
}

/// Figures as `server_status.stats` has them: bytes, and percent of the limit (P-188).
pub(super) fn stats(figures: &ServerFigures) -> ServerStats {
    ServerStats {
        cpu: rounded(figures.cpu_percent),
        memory: figures.memory_bytes,
        disk: figures.disk_bytes.unwrap_or(0),
        network: NetworkBytes { received: figures.network_received_bytes, sent: figures.network_sent_bytes },
        players: 0,
        timestamp: Timestamp::from_unix_ms(figures.unix_ms),
    }
}

/// One decimal is as much as a percentage says.
pub(super) fn rounded(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

pub(super) fn detail(view: &ServerView, called: &str) -> StatusDetail {
    let figures = view.figures.clone().unwrap_or_default();
    let status = view.status.phase.status_word().to_owned();
    let limit_bytes = view.memory_limit_bytes.unwrap_or(figures.memory_limit_bytes);
    StatusDetail {
        server_id: called.to_owned(),
        status: status.clone(),
        state: state_of(view.status).to_owned(),
        container_id: short_id(view),
        uptime: view.uptime_seconds,
        resources: Resources {
            cpu: rounded(figures.cpu_percent),
            memory: MemoryUse::new(figures.memory_bytes, limit_bytes),
            disk: DiskUse::new(view.disk_bytes.unwrap_or(0), view.disk_limit_bytes.unwrap_or(0)),
            network: NetworkUse { tx: figures.network_sent_bytes, rx: figures.network_received_bytes },
        },
        players: Players { online: 0, max: 0, list: Vec::new() },
        ports: ports(&view.ports),
        last_operation: view.last_operation.as_ref().map(operation),
        server: GoServer {
            server_id: called.to_owned(),
            container_id: short_id(view),
            name: format!("/{}", view.server.container_name()),
            status,
            config: go_config(view),
        },
    }
}

pub(super) fn summary(view: &ServerView) -> ServerSummary {
    ServerSummary {
        server_id: view.server.to_string(),
        aliases: view.aliases.clone(),
        name: view.name.clone(),
        status: view.status.phase.status_word().to_owned(),
        state: state_of(view.status).to_owned(),
        container_id: short_id(view),
        image: view.image.clone(),
        ports: ports(&view.ports),
        created_at: Timestamp::from_unix_ms(view.created_unix_ms),
        config: go_config(view),
    }
}

/// Percent everywhere, and never null: a stopped server has zeros (P-186, P-187).
pub(super) fn metrics(view: &ServerView, called: &str, now: Timestamp) -> ServerMetrics {
    let figures = view.figures.clone().unwrap_or_default();
    let disk_bytes = view.disk_bytes.unwrap_or(0);
    let memory_limit_bytes = view.memory_limit_bytes.unwrap_or(figures.memory_limit_bytes);
    let disk_limit_bytes = view.disk_limit_bytes.unwrap_or(0);
    ServerMetrics {
        server_id: called.to_owned(),
        cpu: rounded(figures.cpu_percent),
        memory: percentage(figures.memory_bytes, memory_limit_bytes),
        disk: percentage(disk_bytes, disk_limit_bytes),
        network: NetworkBytes { received: figures.network_received_bytes, sent: figures.network_sent_bytes },
        players: 0,
        timestamp: now,
        memory_bytes: figures.memory_bytes,
        memory_limit_bytes,
        disk_bytes,
        disk_limit_bytes,
        cpu_absolute: rounded(figures.cpu_percent_of_core),
        uptime: view.uptime_seconds,
        status: view.status.phase.status_word().to_owned(),
    }
}

fn go_config(view: &ServerView) -> GoConfig {
    GoConfig {
        image: view.image.clone(),
        ports: view.ports.iter().map(|port| format!("{}:{}", port.external, port.internal)).collect(),
        created: Timestamp::from_unix_ms(view.created_unix_ms),
    }
}

/// Twelve digits, as Docker's own tools show it.
fn short_id(view: &ServerView) -> Option<String> {
    view.container_id.as_ref().map(|id| id.chars().take(12).collect())
}
