//! The core of the agent (dispatcher, server actors, outbox, engine watch) on a simulated engine and a real store.
//!
//! Time is real, because the store has a thread of its own, which a paused clock would not wait for; so deadlines are
//! short where a test waits for one, and long where it must not matter.

#![allow(dead_code, unused_imports, reason = "each test binary uses its part of the rig")]

mod commands;
mod life;
mod panel;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Addr};
use cap_agent::clock::Monotonic;
use cap_agent::config::{AllowedImages, ImagePull};
use cap_agent::console::ConsoleLimits;
use cap_agent::console::pump::Pumps;
use cap_agent::data_dirs::DataDirs;
use cap_agent::dispatcher::{Dispatcher, DispatcherPace, DispatcherParts, NodePolicy, RateLimit, Restored};
use cap_agent::engine_watch::{EngineWatch, LookOrder, WatchPace};
use cap_agent::outbox::{Outbox, OutboxConfig};
use cap_agent::report::Report;
use cap_agent::sampler::FigureBoard;
use cap_agent::server::plan::Planner;
use cap_agent::server::{Collaborators, MachineDeadlines};
use cap_agent::snapshot::AgentSnapshot;
use cap_agent::store::Store;
use cap_domain::ids::NodeId;
use cap_domain::ports::PortRange;
use cap_engine::ContainerEngine;
use cap_engine::port::Deadlines;
use cap_testkit::{Probe, SimEngine};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

pub(crate) use commands::{create_of, id, panel_command, sample};
pub(crate) use life::Life;
pub(crate) use panel::Panel;

/// Long enough for everything that is to happen at all, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// What differs between tests.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) pace: DispatcherPace,
    pub(crate) policy: NodePolicy,
    pub(crate) deadlines: MachineDeadlines,
    pub(crate) engine_deadlines: Deadlines,
    pub(crate) watch: WatchPace,
    pub(crate) console: ConsoleLimits,
    pub(crate) replay_lines: u64,
    pub(crate) learn_aliases: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: DispatcherPace {
                ack_deadline: SOON,
                query_deadline: SOON,
                rate: RateLimit { per_second: 100_000, burst: 100_000 },
            },
            policy: NodePolicy {
                allowed_images: AllowedImages::new(vec!["*".to_owned()]),
                max_memory_bytes: None,
                max_cpu_millis: None,
                max_servers: None,
                // Below what the system gives out by itself.
                port_range: PortRange::new(21_000, 21_999).unwrap(),
                port_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                tty: false,
            },
            deadlines: MachineDeadlines { start: 60_000, kill_retry: 200, kill: 20_000 },
            engine_deadlines: Deadlines { read: SOON, write: SOON, pull_idle: SOON },
            watch: WatchPace { relist: Duration::from_secs(3600), probe: Duration::from_secs(3600) },
            console: ConsoleLimits { lines: 10_000, bytes: 4 << 20 },
            replay_lines: 1000,
            learn_aliases: true,
        }
    }
}

impl Settings {
    /// Operations are acknowledged at once for what a person would call so: for tests of what comes after.
    pub(crate) fn acknowledging_soon(mut self) -> Self {
        self.pace.ack_deadline = Duration::from_millis(50);
        self
    }
}

/// Called with each report when it is told.
pub(crate) type Spy = Arc<Mutex<Option<Box<dyn FnMut(&Report) + Send>>>>;

/// See the module.
pub(crate) struct Rig {
    pub(crate) engine: SimEngine,
    pub(crate) dispatcher: Addr<Dispatcher>,
    pub(crate) outbox: Addr<Outbox>,
    /// What the agent told the outbox, in order.
    pub(crate) told: Probe<Report>,
    /// Called with each report when it is told.
    pub(crate) spy: Spy,
    pub(crate) store: Store,
    pub(crate) shared: Arc<Collaborators>,
    pub(crate) board: FigureBoard,
    pub(crate) snapshot: watch::Receiver<AgentSnapshot>,
    settings: Settings,
    root: Rc<TempDir>,
    life: Life,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let engine = SimEngine::with_deadlines(NodeId::parse("rig").unwrap(), settings.engine_deadlines);
        Self::live(settings, engine, Rc::new(tempfile::tempdir().unwrap())).await
    }

    /// The agent is killed and started again: the engine goes on, the store is what it was.
    pub(crate) async fn restart(self) -> Self {
        let Self { settings, engine, root, life, store, .. } = self;
        life.end();
        store.close().await;
        Self::live(settings, engine, root).await
    }

    /// The same with other settings for the next life.
    pub(crate) async fn restart_with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self.restart().await
    }

    /// Waits until the engine answers and its containers were listed.
    pub(crate) async fn wait_engine(&self) {
        let snapshot = self.snapshot.clone();
        cap_testkit::wait_until::wait_until_true("the engine to answer", SOON, move || {
            let seen = snapshot.borrow();
            seen.docker_ok && seen.reconciled
        })
        .await;
    }

    /// The directory that holds the store and the data of servers.
    pub(crate) fn root(&self) -> PathBuf {
        self.root.path().to_owned()
    }

    async fn live(settings: Settings, sim: SimEngine, root: Rc<TempDir>) -> Self {
        let (engine, life) = Life::begin(sim.clone());
        let engine: Arc<dyn ContainerEngine> = Arc::new(engine);
        let store = Store::open(root.path(), 0).unwrap().store;
        let restored = Restored::load(&store).await.unwrap();
        let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let data = DataDirs::new(root.path(), owner);
        data.prepare().unwrap();

        let epoch = ulid::Ulid::generate().to_string();
        let (snapshot, shown) = watch::channel(AgentSnapshot::default());
        let board = FigureBoard::default();
        let outbox_config = OutboxConfig {
            batch_interval: Duration::from_millis(5),
            console_server_log: false,
            replay_lines: settings.replay_lines,
            epoch: epoch.clone(),
        };
        let outbox = Outbox::new(outbox_config, board.clone(), snapshot.clone()).start();
        let to_outbox = outbox.clone().recipient();
        let spy = Spy::default();
        let spying = Arc::clone(&spy);
        let told = Probe::start_answering(move |report: &Report| {
            if let Some(spy) = spying.lock().unwrap().as_mut() {
                spy(report);
            }
            to_outbox.do_send(report.clone());
        });

        let (order, suspicion) = (LookOrder::default(), Arc::new(Notify::new()));
        let shared = Arc::new(Collaborators {
            engine: Arc::clone(&engine),
            suspicion: Arc::clone(&suspicion),
            order: order.clone(),
            pumps: Pumps::new(Arc::clone(&engine), tokio::runtime::Handle::current(), 64 * 1024),
            store: store.clone(),
            data,
            planner: planner(),
            image_pull: ImagePull::Missing,
            board: board.clone(),
            clock: Monotonic::start(),
            deadlines: settings.deadlines,
            console_limits: settings.console,
            console_epoch: epoch,
            reports: told.recipient(),
            trash_filled: Arc::new(Notify::new()),
        });
        let dispatcher = Dispatcher::new(DispatcherParts {
            shared: Arc::clone(&shared),
            policy: settings.policy.clone(),
            pace: settings.pace,
            viewers: outbox.clone().recipient(),
            snapshot,
            restored,
            learn_aliases: settings.learn_aliases,
        })
        .start();
        let watch = EngineWatch::new(engine, order, settings.watch, dispatcher.clone().recipient(), suspicion);
        life.spawn(watch.run());
        Self { engine: sim, dispatcher, outbox, told, spy, store, shared, board, snapshot: shown, settings, root, life }
    }
}

fn planner() -> Planner {
    Planner {
        node: NodeId::parse("rig").unwrap(),
        network: "bridge".to_owned(),
        dns: Vec::new(),
        user: "1000:1000".to_owned(),
        pids_limit: 512,
        capabilities: Vec::new(),
        read_only_root: true,
        tmpfs_bytes: 1 << 20,
        data_target: "/data".into(),
        log_max_bytes: 1 << 20,
        log_max_files: 2,
        timezone: "UTC".to_owned(),
    }
}
