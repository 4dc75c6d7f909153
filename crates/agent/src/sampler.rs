//! One sampler reads the figures of all running servers: from the containers' cgroup files and network namespaces, and
//! only where those cannot be read, from the engine's own stats call.
//!
//! Nothing is invented: what could not be read is left out, and a server that could not be read at all has no figures.

mod cgroup;
mod disk;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::Recipient;
use cap_domain::ids::ServerId;
use cap_domain::observation::ContainerFacts;
use cap_domain::spec::Limits;
use cap_engine::ContainerEngine;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::clock::unix_ms;
use crate::figures::ServerFigures;
use crate::report::Report;
use cgroup::{CgroupFiles, Reading};

/// Who to read figures of, and the figures last read. Shared, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct FigureBoard(Arc<Mutex<HashMap<ServerId, Watched>>>);

#[derive(Clone, Debug)]
struct Watched {
    process: Option<Process>,
    limits: Limits,
    /// Where its data lies.
    data: PathBuf,
    figures: Option<ServerFigures>,
    disk_bytes: Option<u64>,
    disk_measured: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    pid: u32,
    started_at: Option<String>,
}

impl FigureBoard {
    /// Notes the process of a server (none: it has none), its limits, and where its data lies.
    pub fn watch(&self, server: &ServerId, running: Option<&ContainerFacts>, limits: &Limits, data: PathBuf) {
        let process =
            running.and_then(|facts| facts.pid.map(|pid| Process { pid, started_at: facts.started_at.clone() }));
        let mut board = self.lock();
        let watched = board.entry(server.clone()).or_insert_with(|| Watched {
            process: None,
            limits: limits.clone(),
            data: data.clone(),
            figures: None,
            disk_bytes: None,
            disk_measured: None,
        });
        if watched.process != process {
            watched.process = process;
            watched.figures = None;
        }
        watched.limits = limits.clone();
        watched.data = data;
    }

    /// The server is gone.
    pub fn forget(&self, server: &ServerId) {
        self.lock().remove(server);
    }

    /// The figures last read of a running server.
    pub fn figures(&self, server: &ServerId) -> Option<ServerFigures> {
        self.lock().get(server)?.figures.clone()
    }

    /// The bytes last measured in a server's data directory.
    pub fn disk_bytes(&self, server: &ServerId) -> Option<u64> {
        self.lock().get(server)?.disk_bytes
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServerId, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the sampler paces itself.
#[derive(Clone, Copy, Debug)]
pub struct SamplerPace {
    /// Between readings of figures.
    pub figures: Duration,
    /// Between reports to the panel; zero = none (P-45).
    pub report: Duration,
    /// At least this long between two walks of the same data directory.
    pub disk: Duration,
}

/// The sampler. [`Sampler::run`] never returns.
#[allow(missing_debug_implementations, reason = "holds an engine, which has no useful text")]
pub struct Sampler {
    board: FigureBoard,
    pace: SamplerPace,
    engine: Arc<dyn ContainerEngine>,
    reports: Recipient<Report>,
    host: Host,
    previous: HashMap<ServerId, (Process, Instant, u64)>,
}

/// What an unlimited server has.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Cores.
    pub cores: usize,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

impl Sampler {
    /// A sampler of what stands on the board.
    pub fn new(
        board: FigureBoard,
        pace: SamplerPace,
        engine: Arc<dyn ContainerEngine>,
        reports: Recipient<Report>,
        host: Host,
    ) -> Self {
        Self { board, pace, engine, reports, host, previous: HashMap::new() }
    }

    /// Reads and reports, for ever.
    pub async fn run(mut self) {
        let mut tick = interval(self.pace.figures);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported: Option<Instant> = None;
        loop {
            tick.tick().await;
            self.read_all().await;
            self.measure_one_disk().await;
            let due = reported.is_none_or(|last| last.elapsed() + self.pace.figures / 2 >= self.pace.report);
            if !self.pace.report.is_zero() && due {
                reported = Some(Instant::now());
                self.report_all();
            }
        }
    }

    async fn read_all(&mut self) {
        let targets: Vec<(ServerId, Process, Limits)> = {
            let board = self.board.lock();
            board
                .iter()
                .filter_map(|(id, watched)| Some((id.clone(), watched.process.clone()?, watched.limits.clone())))
                .collect()
        };
        self.previous.retain(|id, _| targets.iter().any(|(target, ..)| target == id));
        let pids: Vec<u32> = targets.iter().map(|(_, process, _)| process.pid).collect();
        // The files are in memory, but the kernel may take its time for them: not on the actors' thread.
        let read = move || pids.into_iter().map(|pid| CgroupFiles::of(pid).and_then(|files| files.read())).collect();
        let readings: Vec<Option<Reading>> = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        for ((id, process, limits), reading) in targets.into_iter().zip(readings) {
            let reading = match reading {
                Some(reading) => Some(reading),
                None => self.ask_engine(&id).await,
            };
            if let Some(reading) = reading {
                self.take(id, process, &limits, reading);
            }
        }
    }

    async fn ask_engine(&self, server: &ServerId) -> Option<Reading> {
        let figures = self.engine.figures(server).await.ok()?;
        Some(Reading {
            cpu_nanos: figures.cpu_nanos,
            memory_bytes: figures.memory_bytes,
            network_received_bytes: figures.network_received_bytes,
            network_sent_bytes: figures.network_sent_bytes,
            pids: figures.pids,
        })
    }

    fn take(&mut self, server: ServerId, process: Process, limits: &Limits, reading: Reading) {
        let now = Instant::now();
        let before = self.previous.insert(server.clone(), (process.clone(), now, reading.cpu_nanos));
        let of_core = match before {
            Some((same, at, cpu_nanos)) if same == process && now > at => {
                percent_of_core(reading.cpu_nanos.saturating_sub(cpu_nanos), now - at)
            }
            _ => 0.0,
        };
        let mut board = self.board.lock();
        let Some(watched) = board.get_mut(&server) else { return };
        if watched.process.as_ref() != Some(&process) {
            return; // another process since: its figures start anew
        }
        watched.figures = Some(ServerFigures {
            unix_ms: unix_ms(),
            cpu_percent_of_core: of_core,
            cpu_percent: percent_of_limit(of_core, limits.cpu_millis, self.host.cores),
            memory_bytes: reading.memory_bytes,
            memory_limit_bytes: limits.memory_bytes.unwrap_or(self.host.memory_bytes),
            network_received_bytes: reading.network_received_bytes,
            network_sent_bytes: reading.network_sent_bytes,
            disk_bytes: watched.disk_bytes,
            disk_limit_bytes: limits.disk_bytes,
            pids: reading.pids,
        });
    }

    /// At most one directory a turn, the one measured longest ago: a walk must never become a storm.
    async fn measure_one_disk(&mut self) {
        let due = {
            let board = self.board.lock();
            board
                .iter()
                .filter(|(_, watched)| watched.disk_measured.is_none_or(|at| at.elapsed() >= self.pace.disk))
                .min_by_key(|(_, watched)| watched.disk_measured)
                .map(|(id, watched)| (id.clone(), watched.data.clone()))
        };
        let Some((server, dir)) = due else { return };
        let measured = tokio::task::spawn_blocking(move || disk::bytes_below(&dir)).await.ok().flatten();
        if let Some(watched) = self.board.lock().get_mut(&server) {
            watched.disk_measured = Some(Instant::now());
            watched.disk_bytes = measured.or(watched.disk_bytes);
        }
    }

    fn report_all(&self) {
        let board = self.board.lock();
        for (server, watched) in board.iter() {
            if let Some(figures) = watched.figures.clone() {
                self.reports.do_send(Report::Figures { server: server.clone(), figures });
            }
        }
    }
}

/// 100 = one core, all the time.
#[allow(clippy::cast_precision_loss, reason = "a percentage needs no 64 bits")]
fn percent_of_core(used_nanos: u64, elapsed: Duration) -> f64 {
    used_nanos as f64 / (elapsed.as_nanos().max(1) as f64) * 100.0
}

/// Of the limit, or of the whole host; never more than 100, because the two readings are not of one moment.
#[allow(clippy::cast_precision_loss, reason = "nobody has 2^52 cores")]
fn percent_of_limit(percent_of_core: f64, limit_millis: Option<u64>, host_cores: usize) -> f64 {
    let allowed_cores = limit_millis.map_or(host_cores as f64, |millis| millis as f64 / 1000.0);
    (percent_of_core / allowed_cores.max(0.001)).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_told_of_one_core_and_of_what_is_allowed() {
        // Half a second of cpu in a quarter of a second: two cores.
        let of_core = percent_of_core(500_000_000, Duration::from_millis(250));
        assert!((of_core - 200.0).abs() < 1e-9);
        for (limit, expected) in [(None, 50.0), (Some(4000), 50.0), (Some(2500), 80.0), (Some(1000), 100.0)] {
            let percent = percent_of_limit(of_core, limit, 4);
            assert!((percent - expected).abs() < 1e-9, "{limit:?}: {percent}");
        }
    }

    #[test]
    fn odd_figures_give_finite_percentages() {
        // P-187
        for percent in [percent_of_core(u64::MAX, Duration::ZERO), percent_of_limit(f64::MAX, Some(0), 0)] {
            assert!(percent.is_finite());
        }
        assert!(percent_of_limit(0.0, Some(0), 0).abs() < 1e-9);
    }
}
