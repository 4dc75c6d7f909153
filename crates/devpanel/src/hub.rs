//! The one shared state of a panel: registry of agents, view, records, and who is told when they change.
//!
//! Locked for short moments only; no lock is held across an await. Threads: the connection tasks and the web side run on
//! actix workers, the caller's thread reads through the [`DevPanel`](crate::DevPanel) handle.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::agent_http::HttpJob;
use crate::config::{DevPanelConfig, Misbehave};
use crate::feed::{self, FeedEvent};
use crate::record::Records;
use crate::view::PanelView;

mod connections;
mod sending;

pub use sending::Refused;

/// Messages waiting to be written to one agent. An agent that does not read for so long gets no further command.
const OUTGOING_BOUND: usize = 4_096;
/// HTTP commands waiting to be sent.
const HTTP_JOBS_BOUND: usize = 256;
/// Feed events a slow browser may lag behind; beyond that it gets a whole new snapshot.
const FEED_BOUND: usize = 2_048;

/// A message to be written to an agent.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(String),
    Binary(Bytes),
    Close { code: u16, reason: String },
}

/// The panel's end of one open connection.
#[derive(Debug)]
struct Link {
    node_id: String,
    outgoing: mpsc::Sender<Outgoing>,
    /// Dropping it makes the connection task drop the socket without a close frame.
    _abort: oneshot::Sender<()>,
}

/// The panel's entry of an agent: one per node id, as in the stock panels' registry.
#[derive(Debug)]
struct Agent {
    /// The connection that commands go to: the newest one.
    connection: u64,
    online: bool,
    last_heartbeat: Instant,
}

#[derive(Debug)]
struct State {
    agents: HashMap<String, Agent>,
    links: HashMap<u64, Link>,
    view: PanelView,
    records: Records,
    misbehave: Option<Misbehave>,
    legacy_commands: u64,
    version: u64,
}

/// What a connection task needs of the panel.
#[derive(Debug)]
pub(crate) struct LinkEnds {
    pub(crate) connection: u64,
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) aborted: oneshot::Receiver<()>,
}

/// What the page is told of the panel itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About {
    /// Where agents connect.
    ws_url: String,
    /// Whether commands can go over HTTP.
    http: bool,
}

#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) config: DevPanelConfig,
    about: About,
    state: Mutex<State>,
    /// Told after every change; `notified` for callers that block, `version` for those that await.
    notified: Condvar,
    version: watch::Sender<u64>,
    feed: broadcast::Sender<Arc<FeedEvent>>,
    pub(crate) http_jobs: mpsc::Sender<HttpJob>,
}

impl Hub {
    /// A new state, and where its HTTP commands come out.
    pub(crate) fn new(config: DevPanelConfig, ws_url: String) -> (Self, mpsc::Receiver<HttpJob>) {
        let about = About { ws_url, http: config.agent_http.is_some() };
        let (http_jobs, http_queue) = mpsc::channel(HTTP_JOBS_BOUND);
        let misbehave = config.misbehave;
        let state = State {
            agents: HashMap::new(),
            links: HashMap::new(),
            view: PanelView::default(),
            records: Records::default(),
            misbehave,
            legacy_commands: 0,
            version: 0,
        };
        let hub = Self {
            config,
            about,
            state: Mutex::new(state),
            notified: Condvar::new(),
            version: watch::Sender::new(0),
            feed: broadcast::Sender::new(FEED_BOUND),
            http_jobs,
        };
        (hub, http_queue)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the maps whole: every change below is a sequence of infallible steps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then tells everybody.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        state.version += 1;
        let changes = std::mem::take(&mut state.view.changes);
        // Sent under the lock: a subscriber that took its snapshot before gets all of it, one that comes after none.
        if self.feed.receiver_count() > 0 {
            for event in feed::events(&state.view, changes) {
                // An error only says that the last browser has just left.
                self.feed.send(Arc::new(event)).ok();
            }
        }
        drop(state);
        self.version.send_modify(|version| *version += 1);
        self.notified.notify_all();
        result
    }

    // --- reading ---

    pub(crate) fn view<R>(&self, read: impl FnOnce(&PanelView) -> R) -> R {
        read(&self.lock().view)
    }

    pub(crate) fn records<R>(&self, read: impl FnOnce(&Records) -> R) -> R {
        read(&self.lock().records)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The number of changes so far.
    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Blocks until there were more changes than `seen`, or the time is over.
    pub(crate) fn block_until_changed(&self, seen: u64, at_most: Duration) {
        let unchanged = |state: &mut State| state.version <= seen;
        // Whether it changed or timed out, the caller looks for itself.
        drop(self.notified.wait_timeout_while(self.lock(), at_most, unchanged));
    }

    /// The whole view as JSON text.
    pub(crate) fn snapshot(&self) -> String {
        feed::snapshot(&self.lock().view, &self.about)
    }

    /// The node, if there is exactly one.
    pub(crate) fn only_node(&self) -> Option<String> {
        let state = self.lock();
        let mut names = state.view.nodes.keys();
        names.next().filter(|_| names.next().is_none()).cloned()
    }

    /// A snapshot as JSON text and the feed from exactly that moment on.
    pub(crate) fn subscribe(&self) -> (String, broadcast::Receiver<Arc<FeedEvent>>) {
        let state = self.lock();
        (feed::snapshot(&state.view, &self.about), self.feed.subscribe())
    }

    // --- misbehaviour ---

    pub(crate) fn misbehave(&self) -> Option<Misbehave> {
        self.lock().misbehave
    }

    pub(crate) fn set_misbehave(&self, misbehave: Option<Misbehave>) {
        self.lock().misbehave = misbehave;
    }
}

/// One agent as the stock panels' registry shows it, see [`DevPanel::agents`](crate::DevPanel::agents).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentState {
    /// Node id of its URL.
    pub node_id: String,
    /// ONLINE or OFFLINE.
    pub online: bool,
    /// Whether its newest connection is open.
    pub connected: bool,
    /// Connections accepted so far.
    pub connections: u64,
}
