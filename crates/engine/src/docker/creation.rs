//! From a plan to the engine's words.
//!
//! Two decisions are made here, because they are about Docker and not about policy:
//!
//! **The command.** The image's entry point stays, and the plan's command becomes its arguments (`Cmd`). Game images put
//! their preparation into the entry point (tini, a start script that fixes locale and library paths) and expect the start
//! line behind it; replacing the entry point would skip that. An image without entry point runs the command itself.
//!
//! **A first process of the engine's own** (`Init`). The kernel does not deliver a signal to process 1 unless it has a
//! handler, so a game that never thought of SIGTERM would ignore every polite stop, and nobody would reap the children of
//! start scripts. The engine's tiny init passes signals on, reaps, and ends with the game's exit code. An engine without
//! that program gets containers without it: `docker-init` is a separate package on some systems, and a missing one would
//! otherwise fail every start.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, PortBinding as EnginePort, RestartPolicy,
    RestartPolicyNameEnum,
};
use cap_domain::spec::{Limits, Swap};
use serde_json::Value;

use crate::docker::ownership::{MANAGED, NODE_ID, PLAN, PRIMARY_PORT, SERVER_ID};
use crate::port::ContainerPlan;

/// The scheduler's period for cpu ceilings, in microseconds; the kernel's default.
const CPU_PERIOD_MICROS: i64 = 100_000;

/// The least quota the engine accepts, in microseconds.
const LEAST_CPU_QUOTA_MICROS: i64 = 1_000;

/// What an engine can do, as far as a plan depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abilities {
    /// Its init program is installed.
    init: bool,
    /// The kernel can weigh block IO.
    io_weight: bool,
    /// The kernel can spare a container from the memory killer (cgroup v1 only).
    oom_kill_disable: bool,
}

impl Abilities {
    /// Reads them from the answer to `info`.
    pub(super) fn of(info: &Value) -> Self {
        let has_warning = |part: &str| {
            let warnings = info["Warnings"].as_array().into_iter().flatten();
            warnings.filter_map(Value::as_str).any(|warning| warning.to_ascii_lowercase().contains(part))
        };
        let cgroup_v1 = info["CgroupVersion"].as_str() != Some("2");
        Self {
            // "N/A" is the engine's word for a program that is not there; a version it cannot read is "".
            init: info["InitCommit"]["ID"].as_str().is_some_and(|id| id != "N/A"),
            io_weight: !has_warning("no blkio weight support") && !has_warning("no io.weight support"),
            oom_kill_disable: cgroup_v1 && info["OomKillDisable"].as_bool().unwrap_or(false),
        }
    }
}

/// The body of the create call.
pub(super) fn body(plan: &ContainerPlan, abilities: Abilities) -> ContainerCreateBody {
    ContainerCreateBody {
        hostname: Some(hostname(plan.server.as_str())),
        user: Some(plan.user.clone()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // Otherwise the first console that closes would close the game's standard input for good.
        stdin_once: Some(false),
        tty: Some(plan.tty),
        exposed_ports: Some(plan.ports.iter().map(port_key).collect()),
        env: Some(plan.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        cmd: (!plan.command.is_empty()).then(|| plan.command.clone()),
        image: Some(plan.image.clone()),
        working_dir: Some(plan.data_target.to_string_lossy().into_owned()),
        labels: Some(labels(plan)),
        host_config: Some(host_config(plan, abilities)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(plan: &ContainerPlan, abilities: Abilities) -> HostConfig {
    let limits = &plan.limits;
    HostConfig {
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(plan.capabilities.clone()),
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        ipc_mode: Some("private".to_owned()),
        devices: Some(Vec::new()),
        readonly_rootfs: Some(plan.read_only_root),
        tmpfs: temporary(plan),
        mounts: Some(vec![data_mount(plan)]),
        init: Some(abilities.init),
        pids_limit: Some(plan.pids_limit),
        memory: limits.memory_bytes.map(signed),
        memory_swap: memory_swap(limits),
        // Not NanoCpus: the engine refuses more of those than the machine has cores, and a panel that allows 400 percent
        // on two cores means "all of them".
        cpu_period: limits.cpu_millis.map(|_| CPU_PERIOD_MICROS),
        cpu_quota: limits
            .cpu_millis
            .map(|millis| signed(millis).saturating_mul(CPU_PERIOD_MICROS / 1000).max(LEAST_CPU_QUOTA_MICROS)),
        blkio_weight: limits.io_weight.filter(|_| abilities.io_weight),
        cpuset_cpus: limits.threads.clone(),
        oom_kill_disable: (abilities.oom_kill_disable && !plan.oom_killer && limits.memory_bytes.is_some())
            .then_some(true),
        log_config: Some(log_config(plan)),
        // The agent is the supervisor.
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        auto_remove: Some(false),
        network_mode: Some(plan.network.clone()),
        dns: (!plan.dns.is_empty()).then(|| plan.dns.clone()),
        publish_all_ports: Some(false),
        port_bindings: Some(port_bindings(plan)),
        ..HostConfig::default()
    }
}

fn labels(plan: &ContainerPlan) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = plan.labels.clone().into_iter().collect();
    // Ours last: nothing a panel sends may change whose a container is.
    labels.insert(SERVER_ID.to_owned(), plan.server.as_str().to_owned());
    labels.insert(MANAGED.to_owned(), "true".to_owned());
    labels.insert(NODE_ID.to_owned(), plan.node.as_str().to_owned());
    labels.insert(PLAN.to_owned(), plan.fingerprint.clone());
    if let Some(primary) = plan.ports.iter().find(|port| port.primary) {
        labels.insert(PRIMARY_PORT.to_owned(), primary.internal.to_string());
    }
    labels
}

/// Letters, digits and dashes, at most 63: what a host name may have.
fn hostname(server: &str) -> String {
    let plain: String = server.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let trimmed = plain.trim_matches('-');
    if trimmed.is_empty() { "server".to_owned() } else { trimmed.to_owned() }
}

/// A mount and not a bind string: a bind string is split at colons, and makes a missing source as root's.
fn data_mount(plan: &ContainerPlan) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(plan.data_source.to_string_lossy().into_owned()),
        target: Some(plan.data_target.to_string_lossy().into_owned()),
        read_only: Some(false),
        ..Mount::default()
    }
}

/// `exec`, because Java unpacks its native libraries to /tmp and loads them there.
fn temporary(plan: &ContainerPlan) -> Option<HashMap<String, String>> {
    let options = format!("rw,exec,nosuid,nodev,mode=1777,size={}", plan.tmpfs_bytes);
    (plan.tmpfs_bytes > 0).then(|| HashMap::from([("/tmp".to_owned(), options)]))
}

/// The engine counts memory and swap together, and has no ceiling for swap without one for memory.
fn memory_swap(limits: &Limits) -> Option<i64> {
    let memory = limits.memory_bytes?;
    Some(match limits.swap {
        Swap::None => signed(memory),
        Swap::Unlimited => -1,
        Swap::Bytes(swap) => signed(memory.saturating_add(swap)),
    })
}

fn log_config(plan: &ContainerPlan) -> HostConfigLogConfig {
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(HashMap::from([
            ("max-size".to_owned(), plan.log_max_bytes.to_string()),
            ("max-file".to_owned(), plan.log_max_files.to_string()),
        ])),
    }
}

fn port_bindings(plan: &ContainerPlan) -> HashMap<String, Option<Vec<EnginePort>>> {
    let mut bindings: BTreeMap<String, Vec<EnginePort>> = BTreeMap::new();
    for port in &plan.ports {
        let binding = EnginePort { host_ip: Some(port.ip.to_string()), host_port: Some(port.external.to_string()) };
        bindings.entry(port_key(port)).or_default().push(binding);
    }
    bindings.into_iter().map(|(key, ports)| (key, Some(ports))).collect()
}

fn port_key(port: &cap_domain::spec::PortBinding) -> String {
    format!("{}/{}", port.internal, port.protocol.as_str())
}

/// Numbers beyond 8 EiB are "as much as there is".
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
