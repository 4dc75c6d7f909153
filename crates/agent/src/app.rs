//! Builds everything, bottom up, and stops it, top down.

mod certificates;
mod chores;
mod from_config;
mod http;
mod link;
mod reload;
mod shutdown;
mod singletons;

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use anyhow::Context;
use tokio::sync::{Notify, watch};

pub use certificates::checked;
use from_config::{as_ms, engine, heartbeat_config, pace, planner, policy, sampler};
use singletons::Singletons;

use crate::clock::{Monotonic, unix_ms};
use crate::config::{AgentConfig, InvalidConfiguration, Loaded};
use crate::console::ConsoleLimits;
use crate::console::pump::Pumps;
use crate::data_dirs::DataDirs;
use crate::dispatcher::{Dispatcher, DispatcherParts, Restored};
use crate::engine_watch::{EngineWatch, LookOrder, WatchPace};
use crate::heartbeat::HeartbeatActor;
use crate::http_commands::HttpCommands;
use crate::outbox::{Outbox, OutboxConfig};
use crate::panel::connection::PanelConnection;
use crate::panel::inbox::InboxParts;
use crate::sampler::FigureBoard;
use crate::server::{Collaborators, MachineDeadlines};
use crate::snapshot::AgentSnapshot;
use crate::store::Store;
use crate::trash;

/// Between questions whether the engine still answers: a hanging one is found within this and its read deadline.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Before a kill is tried again, and before it is given up.
const KILL_RETRY: Duration = Duration::from_secs(5);
const KILL_DEADLINE: Duration = Duration::from_secs(30);

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
    let (singletons, mut panicked) = Singletons::new();
    let running = build(&config, store.clone(), &singletons).await?;
    singletons.task("reload", reload::on_hangup(config.clone(), reload, running.dispatcher.clone())?);
    singletons.task("watchdog", chores::feed_watchdog(running.dispatcher.clone()));
    let store_failed = chores::tend_store(store);
    log::info!("ctrl-alt-play-agent {} runs as node {}", env!("CARGO_PKG_VERSION"), config.node.id);
    tell_systemd(sd_notify::NotifyState::Ready);
    let ended: anyhow::Result<()> = tokio::select! {
        () = signals.wait() => Ok(()),
        error = store_failed => Err(anyhow::Error::new(error).context("the state store cannot be used any more")),
        Some(name) = panicked.recv() => Err(anyhow::anyhow!("{name} panicked; the servers go on")),
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

async fn build(config: &AgentConfig, store: Store, singletons: &Singletons) -> anyhow::Result<Running> {
    let data = DataDirs::new(&config.storage.root, (config.docker.user.uid, config.docker.user.gid));
    data.prepare().context("the storage root cannot be used")?;
    let restored = Restored::load(&store).await.context("the stored state cannot be read")?;
    chores::warn_of_another_node(&store, &config.node.id).await?;

    let engine = engine(config);
    // The pumps' client has connections of its own, because they live on the pumps' thread.
    let pump_runtime = Pumps::spawn_thread().context("the console thread cannot be started")?;
    let pumps = Pumps::new(from_config::engine(config), pump_runtime, config.console.max_line);

    let heartbeat = HeartbeatActor::new(heartbeat_config(config));
    let node = heartbeat.watch_node();
    let heartbeat = singletons.actor("heartbeat", heartbeat);

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
    );
    let outbox = singletons.actor("outbox", outbox);

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
    let dispatcher = singletons.actor(
        "dispatcher",
        Dispatcher::new(DispatcherParts {
            shared,
            policy: policy(config),
            pace: pace(config),
            viewers: outbox.clone().recipient(),
            snapshot: snapshot.clone(),
            restored,
            learn_aliases: config.commands.learn_aliases,
        }),
    );

    let pace = WatchPace { relist: config.docker.relist_interval, probe: PROBE_INTERVAL };
    singletons.task(
        "engine watch",
        EngineWatch::new(Arc::clone(&engine), order, pace, dispatcher.clone().recipient(), suspicion).run(),
    );
    singletons.task("sampler", sampler(config, board, engine, &outbox).run());
    singletons.task("trash", trash::keep_emptying(data, config.storage.trash_retention, trash_filled));

    let http = http::serve(config, HttpCommands::new(dispatcher.clone(), node.clone()), agent)?;
    let inbox = InboxParts {
        commands: dispatcher.clone().recipient(),
        answers: outbox.clone().recipient(),
        node_id: config.node.id.clone(),
        node,
        agent: snapshot.subscribe(),
        epoch,
    };
    let link = link::link(config, singletons, inbox, &outbox, &heartbeat, &snapshot)?;
    Ok(Running { dispatcher, outbox, link, http, store, snapshot })
}
