//! The one shared state of a panel: registry of agents, view, records, and who is told when they change.
//!
//! Locked for short moments only; no lock is held across an await. Threads: the connection tasks and the web side run on
//! actix workers, the caller's thread reads through the [`DevPanel`](crate::DevPanel) handle.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::agent_http::HttpJob;
use crate::config::{DevPanelConfig, Misbehave};
use crate::feed::{self, FeedEvent};
use crate::record::{ConnectionEnd, RecordedConnection, Records};
use crate::view::{PanelView, Transport};
use crate::wire;

/// Messages waiting to be written to one agent. An agent that does not read for so long gets no further command.
const OUTGOING_BOUND: usize = 4_096;
/// HTTP commands waiting to be sent.
const HTTP_JOBS_BOUND: usize = 256;
/// Feed events a slow browser may lag behind; beyond that it gets a whole new snapshot.
const FEED_BOUND: usize = 2_048;

/// Why the panel did not send a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No agent with this node id has ever connected.
    #[error("no agent with this node id")]
    UnknownNode,
    /// The agent counts as offline; the stock panels refuse commands then.
    #[error("agent is offline")]
    Offline,
    /// The connection is gone.
    #[error("agent is not connected")]
    NotConnected,
    /// The agent does not read; too much waits for it already.
    #[error("too many messages wait for this agent")]
    Backlog,
    /// The old panels had no frame for this action, or it was sent without a server id.
    #[error("this action has no legacy frame")]
    NoLegacyFrame,
}

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

    // --- connections ---

    /// Records an attempt that does not become an agent's connection.
    pub(crate) fn record_attempt(&self, attempt: RecordedConnection) -> u64 {
        self.change(|state| state.records.add_connection(attempt))
    }

    /// Registers a new connection; it replaces the node's former one without closing it (section 2).
    pub(crate) fn accept(&self, attempt: RecordedConnection) -> LinkEnds {
        let (outgoing, outgoing_end) = mpsc::channel(OUTGOING_BOUND);
        let (abort, aborted) = oneshot::channel();
        let node_id = attempt.node_id.clone();
        let connection = self.change(|state| {
            let connection = state.records.add_connection(attempt);
            state.links.insert(connection, Link { node_id: node_id.clone(), outgoing, _abort: abort });
            let agent = Agent { connection, online: true, last_heartbeat: Instant::now() };
            state.agents.insert(node_id.clone(), agent);
            state.view.update_node(&node_id, |node| {
                node.connections += 1;
                (node.online, node.connected) = (true, true);
            });
            connection
        });
        LinkEnds { connection, outgoing: outgoing_end, aborted }
    }

    /// Notes that a connection ended. As in the stock panels this marks the node offline even if a newer connection has
    /// taken its place; only that one's next heartbeat repairs it.
    pub(crate) fn closed(&self, connection: u64, end: ConnectionEnd) {
        self.change(|state| {
            if let Some(record) = state.records.connection_mut(connection)
                && record.end.is_none()
            {
                record.end = Some(end);
            }
            let Some(link) = state.links.remove(&connection) else { return };
            let Some(agent) = state.agents.get_mut(&link.node_id) else { return };
            agent.online = false;
            let current_is_open = state.links.contains_key(&agent.connection);
            state.view.update_node(&link.node_id, |node| {
                (node.online, node.connected) = (false, current_is_open);
            });
        });
    }

    pub(crate) fn ping_received(&self, connection: u64) {
        self.change(|state| {
            if let Some(record) = state.records.connection_mut(connection) {
                record.pings += 1;
            }
        });
    }

    /// Takes one message of an agent.
    pub(crate) fn receive(&self, connection: u64, node_id: &str, binary: bool, text: String) {
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        self.change(|state| {
            if json["type"] == "heartbeat"
                && let Some(agent) = state.agents.get_mut(node_id)
            {
                (agent.online, agent.last_heartbeat) = (true, Instant::now());
                let now = crate::clock::timestamp();
                state.view.update_node(node_id, |node| {
                    (node.online, node.last_heartbeat) = (true, Some(now));
                });
            }
            let order = state.records.frames_received() + 1;
            state.view.absorb(node_id, order, &json);
            if json["type"] == "response"
                && let Some(id) = crate::view::answered_id(&json)
            {
                state.records.add_answer(&id, json.clone());
            }
            state.records.add_frame(connection, node_id, binary, text, json);
        });
    }

    /// Marks every agent offline whose last heartbeat is too old (section 2).
    pub(crate) fn check_heartbeats(&self) {
        let limit = self.config.heartbeat.offline_after;
        self.change(|state| {
            for (node_id, agent) in &mut state.agents {
                if agent.online && agent.last_heartbeat.elapsed() > limit {
                    agent.online = false;
                    state.view.update_node(node_id, |node| node.online = false);
                }
            }
        });
    }

    // --- sending ---

    /// Sends a command frame; gives its id.
    pub(crate) fn send_command(
        &self,
        node_id: &str,
        action: &str,
        server_id: Option<&str>,
        payload: Option<&Value>,
        quiet: bool,
    ) -> Result<String, Refused> {
        let id = wire::new_command_id();
        let frame = wire::CommandFrame {
            id: &id,
            kind: "command",
            timestamp: crate::clock::timestamp(),
            agent_id: node_id,
            action,
            server_id,
            payload,
        };
        let text = frame.to_text();
        self.change(|state| {
            let slot = state.online_link(node_id)?;
            // Noted before it is sent, so that the answer always finds it.
            slot.send(Outgoing::Text(text));
            state.view.add_operation(node_id, &id, action, server_id, Transport::Ws, quiet);
            state.note_sent(node_id, action, server_id, payload);
            Ok(())
        })?;
        Ok(id)
    }

    /// Sends a legacy frame; gives a local id for its operation.
    pub(crate) fn send_legacy(
        &self,
        node_id: &str,
        action: &str,
        server_id: Option<&str>,
        payload: Option<&Value>,
    ) -> Result<String, Refused> {
        let legacy_text = server_id.and_then(|server_id| wire::legacy_frame(action, server_id, payload));
        let text = legacy_text.ok_or(Refused::NoLegacyFrame)?;
        self.change(|state| {
            let slot = state.online_link(node_id)?;
            slot.send(Outgoing::Text(text));
            state.legacy_commands += 1;
            let id = format!("legacy_{}", state.legacy_commands);
            state.view.add_operation(node_id, &id, action, server_id, Transport::Legacy, false);
            state.note_sent(node_id, action, server_id, payload);
            Ok(id)
        })
    }

    /// Writes any message to the node's current connection, whether the agent counts as online or not.
    pub(crate) fn send_any(&self, node_id: &str, message: Outgoing) -> Result<(), Refused> {
        let state = self.lock();
        let agent = state.agents.get(node_id).ok_or(Refused::UnknownNode)?;
        let link = state.links.get(&agent.connection).ok_or(Refused::NotConnected)?;
        link.outgoing.try_send(message).map_err(refused)
    }

    /// Notes what went out over HTTP, see [`crate::agent_http`].
    pub(crate) fn note_http_command(
        &self,
        node_id: &str,
        id: &str,
        action: &str,
        server_id: Option<&str>,
        payload: Option<&Value>,
        quiet: bool,
    ) {
        self.change(|state| {
            state.view.add_operation(node_id, id, action, server_id, Transport::Http, quiet);
            state.note_sent(node_id, action, server_id, payload);
        });
    }

    /// Changes the view by what the HTTP side has learned.
    pub(crate) fn change_view<R>(&self, change: impl FnOnce(&mut PanelView) -> R) -> R {
        self.change(|state| change(&mut state.view))
    }

    /// Drops all connections without a close frame.
    pub(crate) fn drop_connections(&self) {
        let open: Vec<u64> = self.lock().links.keys().copied().collect();
        for connection in open {
            self.closed(connection, ConnectionEnd::DroppedByPanel);
        }
    }

    /// Closes all connections with this code. Where the agent does not read, the close waits behind what it has not read.
    pub(crate) fn close_all(&self, code: u16, reason: &str) {
        for link in self.lock().links.values() {
            // A full queue means that the agent does not read, so it would not read the close frame either.
            link.outgoing.try_send(Outgoing::Close { code, reason: reason.to_owned() }).ok();
        }
    }
}

/// A place in an agent's queue, taken before anything is noted, so that nothing is noted that is not sent.
#[derive(Debug)]
struct Slot(mpsc::OwnedPermit<Outgoing>);

impl Slot {
    fn send(self, message: Outgoing) {
        self.0.send(message);
    }
}

impl State {
    fn online_link(&self, node_id: &str) -> Result<Slot, Refused> {
        let agent = self.agents.get(node_id).ok_or(Refused::UnknownNode)?;
        if !agent.online {
            return Err(Refused::Offline);
        }
        let link = self.links.get(&agent.connection).ok_or(Refused::NotConnected)?;
        match link.outgoing.clone().try_reserve_owned() {
            Ok(permit) => Ok(Slot(permit)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Refused::Backlog),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Refused::NotConnected),
        }
    }

    fn note_sent(&mut self, node_id: &str, action: &str, server_id: Option<&str>, payload: Option<&Value>) {
        if let (Some(server_id), Some(payload)) = (server_id, payload) {
            self.view.absorb_sent_command(node_id, action, server_id, payload);
        }
    }
}

fn refused(error: mpsc::error::TrySendError<Outgoing>) -> Refused {
    match error {
        mpsc::error::TrySendError::Full(_) => Refused::Backlog,
        mpsc::error::TrySendError::Closed(_) => Refused::NotConnected,
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
