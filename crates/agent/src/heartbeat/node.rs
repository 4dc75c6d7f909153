//! What this machine is and how it is doing, as far as it can be read. Nothing is invented: what is unknown stays absent.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, Networks, RefreshKind, System};

/// The node at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeSnapshot {
    /// When it was read, in milliseconds since 1970 UTC; 0 = not yet.
    pub taken_at_unix_ms: u64,
    /// The system in Node's words: `linux`. The same word serves as `platform`. Empty before the first reading.
    pub os: String,
    /// The architecture in Node's words: `x64`, `arm64`. Empty before the first reading.
    pub arch: String,
    /// The processor's name, if the system tells it (many ARM boards do not).
    pub cpu_model: Option<String>,
    /// Logical processors; 0 if unknown.
    pub cpu_count: u32,
    /// Use of all processors together since the reading before, 0 to 100. `None` at the first reading.
    pub cpu_percent: Option<f64>,
    /// Memory of the machine in bytes; 0 if unknown.
    pub memory_total: u64,
    /// Memory that can be had without swapping, in bytes.
    pub memory_free: u64,
    /// Load over 1, 5 and 15 minutes, if the system tells it.
    pub load_average: Option<[f64; 3]>,
    /// The file system that holds the servers, if it can be read.
    pub disk: Option<DiskSpace>,
    /// Address of each interface that has one: its first IPv4 address, else its first IPv6 address that is not
    /// link-local. Loopback is left out. At most 64, the first by name.
    pub networks: BTreeMap<String, IpAddr>,
    /// Bytes received and sent since boot over the machine's own interfaces. Bridges and the host ends of containers'
    /// links are left out, because their bytes also pass the interface to the world.
    pub network_bytes: NetworkBytes,
    /// Seconds since the machine was booted; `None` if unknown.
    pub uptime_seconds: Option<u64>,
}

/// Space on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// All of it.
    pub total: u64,
    /// What an ordinary user can still fill.
    pub free: u64,
}

/// Bytes since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkBytes {
    /// Came in.
    pub received: u64,
    /// Went out.
    pub sent: u64,
}

/// A machine with thousands of containers has thousands of interfaces; the panel shows a handful.
const MOST_INTERFACES: usize = 64;

/// Reads the figures; keeps what the next reading is compared with.
#[derive(Debug)]
pub(super) struct NodeSampler {
    data_root: PathBuf,
    system: Option<System>,
    networks: Option<Networks>,
}

impl NodeSampler {
    /// Nothing is read yet.
    pub(super) fn new(data_root: PathBuf) -> Self {
        Self { data_root, system: None, networks: None }
    }

    /// Reads everything anew. Blocks on `/proc` and the data root's file system.
    pub(super) fn read(&mut self) -> NodeSnapshot {
        let mut snapshot = NodeSnapshot {
            taken_at_unix_ms: unix_ms(),
            os: os_in_nodes_words(std::env::consts::OS).to_owned(),
            arch: arch_in_nodes_words(std::env::consts::ARCH).to_owned(),
            disk: self.disk(),
            uptime_seconds: System::uptime().ok(),
            load_average: System::load_average().ok().map(|load| [load.one, load.five, load.fifteen]),
            ..NodeSnapshot::default()
        };
        self.read_system(&mut snapshot);
        self.read_networks(&mut snapshot);
        snapshot
    }

    fn read_system(&mut self, snapshot: &mut NodeSnapshot) {
        let figures = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let is_first = self.system.is_none();
        let Some(system) = (match self.system.as_mut() {
            Some(system) => {
                system.refresh_specifics(figures);
                Some(system)
            }
            None => System::new_with_specifics(figures).ok().map(|system| self.system.insert(system)),
        }) else {
            return;
        };
        snapshot.cpu_percent = (!is_first).then(|| f64::from(system.global_cpu_usage()).clamp(0.0, 100.0));
        snapshot.cpu_count = u32::try_from(system.cpus().len()).unwrap_or(u32::MAX);
        snapshot.cpu_model =
            system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).filter(|brand| !brand.is_empty());
        snapshot.memory_total = system.total_memory();
        snapshot.memory_free = system.available_memory().min(system.total_memory());
    }

    fn read_networks(&mut self, snapshot: &mut NodeSnapshot) {
        let Some(networks) = (match self.networks.as_mut() {
            Some(networks) => {
                networks.refresh(true);
                Some(networks)
            }
            None => Networks::new_with_refreshed_list().ok().map(|networks| self.networks.insert(networks)),
        }) else {
            return;
        };
        for (name, interface) in networks.iter() {
            let name = name.to_string_lossy();
            let addresses: Vec<IpAddr> = interface.ip_networks().iter().map(|network| network.addr).collect();
            if let Some(address) = address_to_show(&addresses) {
                snapshot.networks.insert(name.clone().into_owned(), address);
            }
            if leads_out_of_the_machine(&name) {
                snapshot.network_bytes.received += interface.total_received();
                snapshot.network_bytes.sent += interface.total_transmitted();
            }
        }
        while snapshot.networks.len() > MOST_INTERFACES {
            snapshot.networks.pop_last();
        }
    }

    fn disk(&self) -> Option<DiskSpace> {
        let space = rustix::fs::statvfs(&self.data_root).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Some(DiskSpace { total: bytes(space.f_blocks), free: bytes(space.f_bavail) })
    }
}

fn address_to_show(addresses: &[IpAddr]) -> Option<IpAddr> {
    let v4 = addresses.iter().find(|address| address.is_ipv4() && !address.is_loopback());
    let v6 = || {
        addresses.iter().find(|address| match address {
            IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
            IpAddr::V4(_) => false,
        })
    };
    v4.or_else(v6).copied()
}

fn leads_out_of_the_machine(interface: &str) -> bool {
    interface != "lo"
        && !["veth", "docker", "br-", "virbr", "cni", "flannel"].iter().any(|inner| interface.starts_with(inner))
}

fn os_in_nodes_words(os: &str) -> &str {
    match os {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    }
}

fn arch_in_nodes_words(arch: &str) -> &str {
    match arch {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        "x86" => "ia32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

fn unix_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are real: they fit this machine and what `/proc` says.
    #[test]
    fn the_figures_are_those_of_this_machine() {
        let mut sampler = NodeSampler::new(std::env::temp_dir());
        let first = sampler.read();
        assert_eq!(first.cpu_percent, None, "there is nothing to compare with yet");
        let second = sampler.read();
        assert!((0.0..=100.0).contains(&second.cpu_percent.unwrap()));
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        assert_eq!(second.cpu_count as usize, cpuinfo.lines().filter(|line| line.starts_with("processor")).count());
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        assert_eq!(second.cpu_model.as_deref(), model.map(|(_, name)| name.trim()));
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total_kib: u64 = meminfo.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert_eq!(second.memory_total, total_kib * 1024);
        assert!(second.memory_free > 0 && second.memory_free <= second.memory_total);
        let disk = second.disk.unwrap();
        assert!(disk.free <= disk.total && disk.total > 0);
        assert!(second.uptime_seconds.unwrap() > 0);
        assert!(second.load_average.is_some());
        assert_eq!(second.os, "linux");
        assert!(!second.networks.contains_key("lo"));
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let snapshot = NodeSampler::new("/no/such/directory".into()).read();
        assert_eq!(snapshot.disk, None);
    }

    #[test]
    fn the_shown_address_is_ipv4_if_there_is_one_and_never_link_local() {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let shown = |texts: &[&str]| address_to_show(&parse(texts)).map(|address| address.to_string());
        assert_eq!(shown(&["2001:db8::1", "192.0.2.10"]).as_deref(), Some("192.0.2.10"));
        assert_eq!(shown(&["fe80::1", "2001:db8::1"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(shown(&["fe80::1"]), None);
        assert_eq!(shown(&["127.0.0.1", "::1"]), None);
    }

    /// P-37.
    #[test]
    fn words_are_nodes() {
        assert_eq!(arch_in_nodes_words("x86_64"), "x64");
        assert_eq!(arch_in_nodes_words("aarch64"), "arm64");
        assert_eq!(os_in_nodes_words("linux"), "linux");
    }
}
