//! From the configuration to what each part is built with.

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use cap_domain::ports::PortRange;
use cap_engine::port::Deadlines;
use cap_engine::{ContainerEngine, DockerEngine};

use crate::config::AgentConfig;
use crate::dispatcher::{DispatcherPace, NodePolicy, RateLimit};
use crate::heartbeat::HeartbeatConfig;
use crate::outbox::Outbox;
use crate::panel::connection::LinkConfig;
use crate::sampler::{FigureBoard, Host, Sampler, SamplerPace};
use crate::server::plan::Planner;

/// Between two measurements of the same data directory.
const DISK_INTERVAL: Duration = Duration::from_secs(60);

pub(super) fn engine(config: &AgentConfig) -> Arc<dyn ContainerEngine> {
    let deadlines = Deadlines {
        read: config.docker.read_deadline,
        write: config.docker.write_deadline,
        pull_idle: config.docker.pull_idle_deadline,
    };
    Arc::new(DockerEngine::connect(&config.docker.socket, config.node.id.clone(), deadlines))
}

pub(super) fn heartbeat_config(config: &AgentConfig) -> HeartbeatConfig {
    HeartbeatConfig {
        interval: config.panel.heartbeat_interval,
        ..HeartbeatConfig::new(config.node.id.clone(), &config.storage.root)
    }
}

pub(super) fn planner(config: &AgentConfig) -> Planner {
    let docker = &config.docker;
    Planner {
        node: config.node.id.clone(),
        network: docker.network.clone(),
        dns: docker.dns.iter().map(ToString::to_string).collect(),
        user: docker.user.to_string(),
        pids_limit: docker.pids_limit,
        capabilities: docker.capabilities.clone(),
        read_only_root: docker.read_only_root,
        tmpfs_bytes: docker.tmpfs_bytes,
        data_target: docker.data_target.clone(),
        log_max_bytes: docker.log_max_bytes,
        log_max_files: docker.log_max_files,
        timezone: timezone(),
    }
}

/// The node's time zone, by name where the system tells it.
fn timezone() -> String {
    let link = std::fs::read_link("/etc/localtime").ok();
    let name = link.as_ref().and_then(|path| path.to_str()).and_then(|path| path.split_once("/zoneinfo/"));
    name.map_or_else(|| "UTC".to_owned(), |(_, name)| name.to_owned())
}

pub(super) fn policy(config: &AgentConfig) -> NodePolicy {
    let range = config.ports.range;
    NodePolicy {
        allowed_images: config.docker.allowed_images.clone(),
        max_memory_bytes: config.limits.max_memory_bytes,
        max_cpu_millis: config.limits.max_cpu_percent.map(|percent| percent * 10),
        max_servers: config.limits.max_servers,
        port_range: PortRange::new(range.first, range.last).unwrap_or_default(),
        port_ip: config.ports.ip,
        tty: config.docker.tty,
    }
}

pub(super) fn pace(config: &AgentConfig) -> DispatcherPace {
    let commands = &config.commands;
    DispatcherPace {
        ack_deadline: commands.ack_deadline,
        query_deadline: commands.query_deadline,
        rate: RateLimit { per_second: commands.rate_per_second, burst: commands.rate_burst },
    }
}

pub(super) fn sampler(
    config: &AgentConfig,
    board: FigureBoard,
    engine: Arc<dyn ContainerEngine>,
    outbox: &Addr<Outbox>,
) -> Sampler {
    let pace = SamplerPace {
        figures: config.stats.interval,
        report: config.panel.resource_interval.unwrap_or(Duration::ZERO),
        disk: DISK_INTERVAL,
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let host = Host { cores, memory_bytes: memory_of_host() };
    Sampler::new(board, pace, engine, outbox.clone().recipient(), host)
}

/// 0 if the system does not tell.
fn memory_of_host() -> u64 {
    sysinfo::System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory()
    })
}

pub(super) fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// None without `panel.url`: then there is no link (P-2).
pub(super) fn link_config(config: &AgentConfig) -> Option<LinkConfig> {
    let (url, secret) = (config.panel.url.as_ref()?, config.panel.secret.as_ref()?);
    Some(LinkConfig {
        ca_file: config.panel.ca_file.clone(),
        reconnect_steps: (config.panel.reconnect_min, config.panel.reconnect_max),
        reconnect_spread: config.panel.reconnect_spread,
        ws_max_message: config.panel.ws_max_message,
        ..LinkConfig::new(url.to_string(), config.node.id.clone(), secret.clone())
    })
}
