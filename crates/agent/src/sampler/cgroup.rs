//! The figures of one container from the kernel's own files, for cgroup v1 and v2.

use std::fs;
use std::path::{Path, PathBuf};

/// What the kernel says at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Nanoseconds of cpu used since the start.
    pub(super) cpu_nanos: u64,
    /// Working set: without page cache that can go.
    pub(super) memory_bytes: u64,
    pub(super) network_received_bytes: u64,
    pub(super) network_sent_bytes: u64,
    pub(super) pids: u64,
}

/// Where one process's container has its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CgroupFiles {
    V1 { cpuacct: PathBuf, memory: PathBuf, pids: Option<PathBuf>, pid: u32 },
    V2 { dir: PathBuf, pid: u32 },
}

impl CgroupFiles {
    /// Finds them by the process; none if they cannot be seen from here (the agent in a container without the mounts).
    pub(super) fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        Self::from_proc(&text, pid, Path::new("/sys/fs/cgroup"))
    }

    fn from_proc(text: &str, pid: u32, mount: &Path) -> Option<Self> {
        let mut unified = None;
        let (mut cpuacct, mut memory, mut pids) = (None, None, None);
        for line in text.lines() {
            let mut fields = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let below = path.trim_start_matches('/');
            if controllers.is_empty() {
                unified = Some(mount.join(below));
                continue;
            }
            let dir = mount.join(controllers).join(below);
            for controller in controllers.split(',') {
                // Some systems mount `cpu,cpuacct` together, some apart; a link of each name exists either way.
                let dir = if dir.exists() { dir.clone() } else { mount.join(controller).join(below) };
                match controller {
                    "cpuacct" => cpuacct = Some(dir),
                    "memory" => memory = Some(dir),
                    "pids" => pids = Some(dir),
                    _ => {}
                }
            }
        }
        match (cpuacct, memory, unified) {
            (Some(cpuacct), Some(memory), _) => Some(Self::V1 { cpuacct, memory, pids, pid }),
            (_, _, Some(dir)) if dir.join("memory.current").exists() => Some(Self::V2 { dir, pid }),
            _ => None,
        }
    }

    /// Reads them; none if the container has gone meanwhile.
    pub(super) fn read(&self) -> Option<Reading> {
        let (pid, mut reading) = match self {
            Self::V1 { cpuacct, memory, pids, pid } => {
                let usage = number(&memory.join("memory.usage_in_bytes"))?;
                let cache = field(&memory.join("memory.stat"), "total_inactive_file").unwrap_or(0);
                let reading = Reading {
                    cpu_nanos: number(&cpuacct.join("cpuacct.usage"))?,
                    memory_bytes: usage.saturating_sub(cache),
                    pids: pids.as_ref().and_then(|dir| number(&dir.join("pids.current"))).unwrap_or(0),
                    ..Reading::default()
                };
                (*pid, reading)
            }
            Self::V2 { dir, pid } => {
                let usage = number(&dir.join("memory.current"))?;
                let cache = field(&dir.join("memory.stat"), "inactive_file").unwrap_or(0);
                let reading = Reading {
                    cpu_nanos: field(&dir.join("cpu.stat"), "usage_usec")?.saturating_mul(1000),
                    memory_bytes: usage.saturating_sub(cache),
                    pids: number(&dir.join("pids.current")).unwrap_or(0),
                    ..Reading::default()
                };
                (*pid, reading)
            }
        };
        if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/net/dev")) {
            (reading.network_received_bytes, reading.network_sent_bytes) = network_bytes(&text);
        }
        Some(reading)
    }
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Received and sent bytes over all interfaces but the loopback.
fn network_bytes(net_dev: &str) -> (u64, u64) {
    let mut sums = (0_u64, 0_u64);
    for line in net_dev.lines() {
        let Some((name, counters)) = line.split_once(':') else { continue };
        if name.trim() == "lo" {
            continue;
        }
        let mut columns = counters.split_ascii_whitespace().map(|column| column.parse().unwrap_or(0));
        sums.0 = sums.0.saturating_add(columns.next().unwrap_or(0));
        sums.1 = sums.1.saturating_add(columns.nth(7).unwrap_or(0));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_counters_leave_the_loopback_out() {
        let text = "Inter-|   Receive                                                |  Transmit\n\
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n\
                lo:     999       1    0    0    0     0          0         0      999       1    0    0\n\
              eth0:    1024       8    0    0    0     0          0         0     2048      16    0    0\n\
              eth1:1 1 0 0 0 0 0 0 2 1 0 0\n";
        assert_eq!(network_bytes(text), (1025, 2050));
    }

    #[test]
    fn v2_files_are_found_and_read() {
        let mount = tempfile::tempdir().unwrap();
        let dir = mount.path().join("system.slice/docker-abc.scope");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("memory.current"), "5000\n").unwrap();
        fs::write(dir.join("memory.stat"), "anon 1\ninactive_file 1000\n").unwrap();
        fs::write(dir.join("cpu.stat"), "usage_usec 7\nuser_usec 5\n").unwrap();
        fs::write(dir.join("pids.current"), "3\n").unwrap();
        let files = CgroupFiles::from_proc("0::/system.slice/docker-abc.scope\n", u32::MAX, mount.path()).unwrap();
        let reading = files.read().unwrap();
        assert_eq!((reading.memory_bytes, reading.cpu_nanos, reading.pids), (4000, 7000, 3));
    }

    #[test]
    fn v1_files_are_found_whether_controllers_are_mounted_together_or_apart() {
        for together in [true, false] {
            let mount = tempfile::tempdir().unwrap();
            let cpu_dir = if together { "cpu,cpuacct" } else { "cpuacct" };
            for (controller, file, value) in [
                (cpu_dir, "cpuacct.usage", "70"),
                ("memory", "memory.usage_in_bytes", "500"),
                ("memory", "memory.stat", "total_inactive_file 100"),
                ("pids", "pids.current", "2"),
            ] {
                let dir = mount.path().join(controller).join("docker/abc");
                fs::create_dir_all(&dir).unwrap();
                fs::write(dir.join(file), value).unwrap();
            }
            let text = "3:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n1:pids:/docker/abc\n0::/\n";
            let reading = CgroupFiles::from_proc(text, u32::MAX, mount.path()).unwrap().read().unwrap();
            assert_eq!((reading.cpu_nanos, reading.memory_bytes, reading.pids), (70, 400, 2), "together: {together}");
        }
    }

    #[test]
    fn a_container_that_has_gone_has_no_figures() {
        assert_eq!(CgroupFiles::of(u32::MAX), None);
        let gone = CgroupFiles::V2 { dir: PathBuf::from("/nonexistent"), pid: u32::MAX };
        assert_eq!(gone.read(), None);
    }
}
