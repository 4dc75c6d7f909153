//! Reading an `inspect` answer.
//!
//! Read field by field, not into a strict type: one word that a newer engine has added must not hide a container.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use cap_domain::observation::ContainerFacts;
use cap_domain::spec::{Limits, PortBinding, PortProtocol, Swap};
use serde_json::Value;

use crate::docker::failure::Fault;
use crate::docker::ownership::PRIMARY_PORT;
use crate::port::{ImageFacts, Inspected};

/// How the engine writes "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The facts of a container. Only its id and whether it runs are required.
pub(super) fn facts(container: &Value) -> Result<ContainerFacts, Fault> {
    let state = &container["State"];
    let (Some(id), Some(running)) = (container["Id"].as_str(), state["Running"].as_bool()) else {
        return Err(Fault::Garbage { what: "an inspect without id or state".to_owned() });
    };
    let started_at = text(&state["StartedAt"]).filter(|moment| moment != NEVER);
    let ended = !running && started_at.is_some();
    Ok(ContainerFacts {
        container_id: id.to_owned(),
        running,
        paused: state["Paused"].as_bool().unwrap_or(false),
        exit_code: state["ExitCode"].as_i64().filter(|_| ended),
        started_at,
        oom_killed: state["OOMKilled"].as_bool().unwrap_or(false),
        pid: state["Pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| running && *pid > 0),
    })
}

/// A container in detail.
pub(super) fn inspected(container: &Value) -> Result<Inspected, Fault> {
    let config = &container["Config"];
    let host = &container["HostConfig"];
    Ok(Inspected {
        facts: facts(container)?,
        image: text(&config["Image"]).unwrap_or_default(),
        created: text(&container["Created"]).unwrap_or_default(),
        labels: texts_by_name(&config["Labels"]),
        environment: texts(&config["Env"])
            .map(|entry| match entry.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (entry.to_owned(), String::new()),
            })
            .collect(),
        command: texts(&config["Cmd"]).map(str::to_owned).collect(),
        ports: ports(container),
        limits: limits(host),
        binds: items(&container["Mounts"])
            .filter(|mount| mount["Type"] == "bind")
            .filter_map(|mount| {
                Some((PathBuf::from(mount["Source"].as_str()?), PathBuf::from(mount["Destination"].as_str()?)))
            })
            .collect(),
        tty: terminal(container),
        cgroup_parent: text(&host["CgroupParent"]),
    })
}

/// Whether a container has one terminal stream.
pub(super) fn terminal(container: &Value) -> bool {
    container["Config"]["Tty"].as_bool().unwrap_or(false)
}

/// An image.
pub(super) fn image_facts(image: &Value) -> ImageFacts {
    let config = &image["Config"];
    let mut exposed: Vec<(u16, PortProtocol)> =
        config["ExposedPorts"].as_object().into_iter().flatten().filter_map(|(key, _)| port_key(key)).collect();
    exposed.sort();
    ImageFacts {
        id: text(&image["Id"]).unwrap_or_default(),
        exposed,
        user: text(&config["User"]).unwrap_or_default(),
        working_dir: text(&config["WorkingDir"]).unwrap_or_default(),
    }
}

fn limits(host: &Value) -> Limits {
    let positive = |value: &Value| value.as_u64().filter(|number| *number > 0);
    let memory_bytes = positive(&host["Memory"]);
    let swap = match (host["MemorySwap"].as_i64(), memory_bytes) {
        (Some(-1), _) => Swap::Unlimited,
        (Some(total), Some(memory)) => match u64::try_from(total).unwrap_or(0).saturating_sub(memory) {
            0 => Swap::None,
            above => Swap::Bytes(above),
        },
        _ => Swap::None,
    };
    let by_quota = || {
        let quota = positive(&host["CpuQuota"])?;
        // The kernel's own period when the engine was given none.
        let period = positive(&host["CpuPeriod"]).unwrap_or(100_000);
        Some(quota.saturating_mul(1000) / period)
    };
    Limits {
        memory_bytes,
        swap,
        disk_bytes: None,
        cpu_millis: positive(&host["NanoCpus"]).map(|nanos| nanos / 1_000_000).or_else(by_quota),
        io_weight: positive(&host["BlkioWeight"]).and_then(|weight| u16::try_from(weight).ok()),
        threads: text(&host["CpusetCpus"]),
    }
}

/// The published ports: as asked for, and where the engine was to choose, as it chose.
fn ports(container: &Value) -> Vec<PortBinding> {
    let primary = container["Config"]["Labels"][PRIMARY_PORT].as_str().and_then(|port| port.parse::<u16>().ok());
    let mut ports = Vec::new();
    for (key, wanted) in container["HostConfig"]["PortBindings"].as_object().into_iter().flatten() {
        let Some((internal, protocol)) = port_key(key) else { continue };
        let chosen = &container["NetworkSettings"]["Ports"][key];
        for (index, binding) in items(wanted).enumerate() {
            let host_port = |binding: &Value| binding["HostPort"].as_str()?.parse().ok().filter(|port: &u16| *port > 0);
            let Some(external) = host_port(binding).or_else(|| host_port(&chosen[index])) else { continue };
            let ip = binding["HostIp"].as_str().and_then(|ip| ip.parse().ok());
            ports.push(PortBinding {
                ip: ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                internal,
                external,
                protocol,
                primary: primary == Some(internal),
            });
        }
    }
    ports.sort_by_key(|port| (!port.primary, port.internal, port.protocol, port.external));
    ports
}

fn port_key(key: &str) -> Option<(u16, PortProtocol)> {
    let (number, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    let protocol = match protocol {
        "tcp" => PortProtocol::Tcp,
        "udp" => PortProtocol::Udp,
        _ => return None,
    };
    Some((number.parse().ok()?, protocol))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}

fn texts_by_name(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests;
