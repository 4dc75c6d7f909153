//! Builds everything, bottom up, and stops it, top down.

mod certificates;
mod chores;
mod http;
mod reload;
mod shutdown;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context as ActorContext};
use anyhow::Context;
use cap_domain::ports::PortRange;
use cap_engine::port::Deadlines;
use cap_engine::{ContainerEngine, DockerEngine};
use tokio::sync::{Notify, watch};

pub use certificates::checked;

use crate::clock::{Monotonic, unix_ms};
use crate::config::{AgentConfig, InvalidConfiguration, Loaded};
use crate::console::ConsoleLimits;
use crate::console::pump::Pumps;
use crate::data_dirs::DataDirs;
use crate::dispatcher::{Dispatcher, DispatcherPace, DispatcherParts, NodePolicy, RateLimit, Restored};
use crate::engine_watch::{EngineWatch, LookOrder, WatchPace};
use crate::heartbeat::{HeartbeatActor, HeartbeatConfig};
use crate::http_commands::HttpCommands;
use crate::outbox::{Outbox, OutboxConfig};
use crate::panel::connection::{LinkConfig, LinkListeners, PanelConnection};
use crate::panel::inbox::{InboxParts, LinkIs, PanelInbox};
use crate::sampler::{FigureBoard, Host, Sampler, SamplerPace};
use crate::server::plan::Planner;
use crate::server::{Collaborators, MachineDeadlines};
use crate::snapshot::AgentSnapshot;
use crate::store::Store;
use crate::trash;

/// Between questions whether the engine still answers: a hanging one is found within this and its read deadline.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Before a kill is tried again, and before it is given up.
const KILL_RETRY: Duration = Duration::from_secs(5);
const KILL_DEADLINE: Duration = Duration::from_secs(30);

/// Between two measurements of the same data directory.
const DISK_INTERVAL: Duration = Duration::from_secs(60);

/// Lines of history a new link is still told (P-71).
const CONSOLE_REPLAY_LINES: u64 = 1000;

/// Runs the agent until SIGTERM or SIGINT. `reload` reads the configuration anew, on SIGHUP.
///
/// # Errors
/// Whatever keeps the agent from starting, or from going on (a store that is damaged while it is in use). A
/// [`crate::store::StoreError`] in the chain says which exit code fits.
pub async fn run(
    config: AgentConfig,
    reload: impl Fn() -> Result<Loaded, InvalidConfiguration> + 'static,
) -> anyhow::Result<()> {
    let signals = shutdown::Signals::listen()?;
    let store = open_store(&config)?;
    let running = build(&config, store.clone()).await?;
    actix_rt::spawn(reload::on_hangup(config.clone(), reload, running.dispatcher.clone())?);
    actix_rt::spawn(chores::feed_watchdog(running.dispatcher.clone()));
    let store_failed = chores::tend_store(store);
    log::info!("ctrl-alt-play-agent {} runs as node {}", env!("CARGO_PKG_VERSION"), config.node.id);
    tell_systemd(sd_notify::NotifyState::Ready);
    let ended: anyhow::Result<()> = tokio::select! {
        () = signals.wait() => Ok(()),
        error = store_failed => Err(anyhow::Error::new(error).context("the state store cannot be used any more")),
    };
    tell_systemd(sd_notify::NotifyState::Stopping);
    shutdown::run(running).await;
    ended
}

/// Without systemd there is nobody to tell, and that is fine.
fn tell_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        log::debug!("systemd was not told: {error}");
    }
}

/// What is running, as far as the shutdown must know it.
struct Running {
    dispatcher: Addr<Dispatcher>,
    outbox: Addr<Outbox>,
    link: Option<Addr<PanelConnection>>,
    http: crate::health_http::HealthHttp,
    store: Store,
    snapshot: watch::Sender<AgentSnapshot>,
}

fn open_store(config: &AgentConfig) -> anyhow::Result<Store> {
    let now_ms = u64::try_from(unix_ms()).unwrap_or(0);
    let opened = Store::open(&config.storage.root, now_ms)?;
    if let Some(quarantined) = &opened.quarantined {
        log::error!(
            "the state file was damaged ({}); it was put aside as {}",
            quarantined.reason,
            quarantined.file.display()
        );
    }
    for path in &opened.tightened {
        log::warn!("{} could be used by others; its mode was restricted", path.display());
    }
    Ok(opened.store)
}

async fn build(config: &AgentConfig, store: Store) -> anyhow::Result<Running> {
    let data = DataDirs::new(&config.storage.root, (config.docker.user.uid, config.docker.user.gid));
    data.prepare().context("the storage root cannot be used")?;
    let restored = Restored::load(&store).await.context("the stored state cannot be read")?;
    chores::warn_of_another_node(&store, &config.node.id).await?;

    let engine = engine(config);
    // The pumps' client has connections of its own, because they live on the pumps' thread.
    let pump_runtime = Pumps::spawn_thread().context("the console thread cannot be started")?;
    let pumps = Pumps::new(engine_for_pumps(config), pump_runtime, config.console.max_line);

    let heartbeat = HeartbeatActor::new(heartbeat_config(config));
    let node = heartbeat.watch_node();
    let heartbeat = heartbeat.start();

    let epoch = ulid::Ulid::generate().to_string();
    let (snapshot, agent) = watch::channel(AgentSnapshot::default());
    let board = FigureBoard::default();
    let outbox = Outbox::new(
        OutboxConfig {
            batch_interval: config.console.batch_interval,
            console_server_log: config.panel.console_server_log,
            replay_lines: CONSOLE_REPLAY_LINES,
            epoch: epoch.clone(),
        },
        board.clone(),
        snapshot.clone(),
    )
    .start();

    let order = LookOrder::default();
    let suspicion = Arc::new(Notify::new());
    let trash_filled = Arc::new(Notify::new());
    let shared = Arc::new(Collaborators {
        engine: Arc::clone(&engine),
        suspicion: Arc::clone(&suspicion),
        order: order.clone(),
        pumps,
        store: store.clone(),
        data: data.clone(),
        planner: planner(config),
        image_pull: config.docker.image_pull,
        board: board.clone(),
        clock: Monotonic::start(),
        deadlines: MachineDeadlines {
            start: as_ms(config.commands.start_deadline),
            kill_retry: as_ms(KILL_RETRY),
            kill: as_ms(KILL_DEADLINE),
        },
        console_limits: ConsoleLimits { lines: config.console.history_lines, bytes: config.console.history_bytes },
        console_epoch: epoch.clone(),
        reports: outbox.clone().recipient(),
        trash_filled: Arc::clone(&trash_filled),
    });
    let dispatcher = Dispatcher::new(DispatcherParts {
        shared,
        policy: policy(config),
        pace: pace(config),
        viewers: outbox.clone().recipient(),
        snapshot: snapshot.clone(),
        restored,
        learn_aliases: config.commands.learn_aliases,
    })
    .start();

    let pace = WatchPace { relist: config.docker.relist_interval, probe: PROBE_INTERVAL };
    actix_rt::spawn(
        EngineWatch::new(Arc::clone(&engine), order, pace, dispatcher.clone().recipient(), suspicion).run(),
    );
    actix_rt::spawn(sampler(config, board, engine, &outbox).run());
    actix_rt::spawn(trash::keep_emptying(data, config.storage.trash_retention, trash_filled));

    let http = http::serve(config, HttpCommands::new(dispatcher.clone(), node.clone()), agent)?;
    let link = link(config, &dispatcher, &outbox, &heartbeat, node, &snapshot, epoch)?;
    Ok(Running { dispatcher, outbox, link, http, store, snapshot })
}

fn engine(config: &AgentConfig) -> Arc<dyn ContainerEngine> {
    let deadlines = Deadlines {
        read: config.docker.read_deadline,
        write: config.docker.write_deadline,
        pull_idle: config.docker.pull_idle_deadline,
    };
    Arc::new(DockerEngine::connect(&config.docker.socket, config.node.id.clone(), deadlines))
}

fn engine_for_pumps(config: &AgentConfig) -> Arc<dyn ContainerEngine> {
    engine(config)
}

fn heartbeat_config(config: &AgentConfig) -> HeartbeatConfig {
    HeartbeatConfig {
        interval: config.panel.heartbeat_interval,
        ..HeartbeatConfig::new(config.node.id.clone(), &config.storage.root)
    }
}

fn planner(config: &AgentConfig) -> Planner {
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

fn policy(config: &AgentConfig) -> NodePolicy {
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

fn pace(config: &AgentConfig) -> DispatcherPace {
    let commands = &config.commands;
    DispatcherPace {
        ack_deadline: commands.ack_deadline,
        query_deadline: commands.query_deadline,
        rate: RateLimit { per_second: commands.rate_per_second, burst: commands.rate_burst },
    }
}

fn sampler(
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

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// None without `panel.url`: then there is no link (P-2).
fn link_config(config: &AgentConfig) -> Option<LinkConfig> {
    let (url, secret) = (config.panel.url.as_ref()?, config.panel.secret.as_ref()?);
    Some(LinkConfig {
        ca_file: config.panel.ca_file.clone(),
        reconnect_steps: (config.panel.reconnect_min, config.panel.reconnect_max),
        reconnect_spread: config.panel.reconnect_spread,
        ws_max_message: config.panel.ws_max_message,
        ..LinkConfig::new(url.to_string(), config.node.id.clone(), secret.clone())
    })
}

/// The link dials out as soon as it is built; without `panel.url` there is none (P-2).
fn link(
    config: &AgentConfig,
    dispatcher: &Addr<Dispatcher>,
    outbox: &Addr<Outbox>,
    heartbeat: &Addr<HeartbeatActor>,
    node: watch::Receiver<crate::heartbeat::NodeSnapshot>,
    snapshot: &watch::Sender<AgentSnapshot>,
    epoch: String,
) -> anyhow::Result<Option<Addr<PanelConnection>>> {
    let Some(link_config) = link_config(config) else { return Ok(None) };
    let inbox = PanelInbox::new(InboxParts {
        commands: dispatcher.clone().recipient(),
        answers: outbox.clone().recipient(),
        node_id: config.node.id.clone(),
        node,
        agent: snapshot.subscribe(),
        epoch,
    })
    .start();
    let listeners = LinkListeners {
        // The first frame of a link is a heartbeat (P-13).
        up: vec![heartbeat.clone().recipient(), outbox.clone().recipient(), inbox.clone().recipient()],
        down: vec![heartbeat.clone().recipient(), outbox.clone().recipient()],
        inbound: inbox.clone().recipient(),
    };
    let context = ActorContext::new();
    let link = PanelConnection::new(link_config, listeners)?;
    actix_rt::spawn(chores::follow_link(link.watch_status(), snapshot.clone()));
    inbox.do_send(LinkIs(context.address().recipient()));
    Ok(Some(context.run(link)))
}
