//! What the panel believes: its nodes, their servers, the operations it asked for.
//!
//! Fed with every frame by [`PanelView::absorb`] (in `view/absorb.rs`), shown to tests, the JSON API and the page. All of
//! it is bounded; the constants below say what is dropped.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

mod absorb;
mod operation;
mod stats;

pub(crate) use absorb::answered_id;
pub use operation::{Operation, OperationState, Transport};
pub use stats::Stats;

/// Nodes shown. Only holders of the secret can add one; frames of further nodes change nothing.
const MAX_NODES: usize = 256;
/// Servers shown per node; frames of further servers change nothing.
const MAX_SERVERS: usize = 2_000;
/// Console lines kept per server; the oldest is dropped first.
const MAX_CONSOLE_LINES: usize = 2_000;
/// Console bytes kept per server; the oldest line is dropped first.
const MAX_CONSOLE_BYTES: usize = 1024 * 1024;
/// Samples kept per server; the oldest is dropped first. At one every two seconds this is five minutes of chart.
const MAX_SAMPLES: usize = 150;
/// Operations kept per node; the oldest is dropped first.
const MAX_OPERATIONS: usize = 1_000;
/// Status changes kept per node; the oldest is dropped first.
const MAX_STATUS_CHANGES: usize = 10_000;
/// Deleted server ids remembered per node; the oldest is forgotten first.
const MAX_DELETED: usize = 1_000;
/// Creates remembered per node until the agent names the server; the oldest is forgotten first.
const MAX_DRAFTS: usize = 1_000;

/// Everything the panel believes.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PanelView {
    /// By node id.
    pub nodes: BTreeMap<String, NodeView>,
    #[serde(skip)]
    pub(crate) changes: Vec<Change>,
}

/// One agent.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// As in the URL of its connection.
    pub node_id: String,
    /// Whether the panel counts the agent as ONLINE on the link.
    pub online: bool,
    /// Whether the connection that commands would go to is open.
    pub connected: bool,
    /// Connections accepted so far.
    pub connections: u64,
    /// When the last `heartbeat` frame came (panel's clock, UTC).
    pub last_heartbeat: Option<String>,
    /// `data` of the last `system_info` frame.
    pub system_info: Option<Value>,
    /// `data` of the last answer to `get_system_metrics`.
    pub system_metrics: Option<Value>,
    /// The agent's HTTP side, if it is used.
    pub http: Option<HttpView>,
    /// Last durable sequence number seen, within `epoch` (P-55).
    pub last_seq: Option<u64>,
    /// Epoch of `last_seq`.
    pub epoch: Option<String>,
    /// By canonical server id.
    pub servers: BTreeMap<String, ServerView>,
    /// Oldest first.
    pub operations: VecDeque<Operation>,
    /// Every `server_status_changed` event, oldest first.
    #[serde(skip)]
    pub status_changes: VecDeque<StatusChange>,
    #[serde(skip)]
    deleted: VecDeque<String>,
    #[serde(skip)]
    drafts: VecDeque<Draft>,
}

/// What is known of an agent's HTTP side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpView {
    /// Where it was found.
    pub base_url: Option<String>,
    /// Whether the panel counts it as online: the last answer was a 2xx in time.
    pub online: bool,
    /// Last body of `GET /health`.
    pub health: Option<Value>,
    /// Last body of `GET /api/status`.
    pub status: Option<Value>,
    /// Why it is offline, in plain words.
    pub error: Option<String>,
}

/// One game server.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerView {
    /// Canonical id.
    pub server_id: String,
    /// Name, if a create of this panel or a list of the agent told it.
    pub name: Option<String>,
    /// Image, likewise.
    pub image: Option<String>,
    /// Status word of section 17, lower case; `unknown` until the agent has said one.
    pub status: String,
    /// Database word of the same, if told.
    pub state: Option<String>,
    /// Reason of the last change, if told (P-44).
    pub reason: Option<String>,
    /// Error of the last change, if told.
    pub error: Option<String>,
    /// Exit code of the last change, if told.
    pub exit_code: Option<i64>,
    /// Message of the last status frame, if told.
    pub message: Option<String>,
    /// Docker's id of the container, if told.
    pub container_id: Option<String>,
    /// Port entries (P-135), if told.
    pub ports: Option<Value>,
    /// Memory limit in bytes, if known; 0 is unlimited.
    pub memory_limit_bytes: Option<u64>,
    /// Last figures.
    pub stats: Option<Stats>,
    /// Figures for the charts, oldest first.
    pub samples: VecDeque<Stats>,
    /// End of the console, oldest first.
    pub console: VecDeque<ConsoleLine>,
    /// Console gaps announced by the agent (P-70).
    pub console_gaps: u64,
    #[serde(skip)]
    console_bytes: usize,
    #[serde(skip)]
    console_count: u64,
}

/// One line of a console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleLine {
    /// The panel's own number of the line, per server, from 1, without holes.
    pub number: u64,
    /// The agent's number (P-69), for lines of the game.
    pub seq: Option<u64>,
    /// Where the line comes from.
    pub source: LineSource,
    /// The line as received, control sequences included.
    pub text: String,
    /// Time as the agent or, for other lines, the panel says.
    pub timestamp: Option<String>,
}

/// Where a console line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LineSource {
    /// The game's standard output.
    Stdout,
    /// The game's standard error.
    Stderr,
    /// A command given to the game through this panel; agents do not echo those (P-73).
    Input,
    /// A remark of the panel, such as lost lines.
    Notice,
}

/// One `server_status_changed` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// Position of the frame, see [`RecordedFrame::order`](crate::RecordedFrame::order).
    pub order: u64,
    /// Canonical id.
    pub server_id: String,
    /// Status before.
    pub previous: String,
    /// Status after.
    pub current: String,
    /// Why, if told.
    pub reason: Option<String>,
    /// Durable sequence number.
    pub seq: Option<u64>,
    /// Epoch of `seq`.
    pub epoch: Option<String>,
}

/// What a create or update of this panel says about a server.
#[derive(Debug, Clone)]
struct Draft {
    server_id: String,
    name: Option<String>,
    image: Option<String>,
    memory_limit_bytes: Option<u64>,
}

/// What changed, for the live feed of the page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Node { node_id: String },
    Server { node_id: String, server_id: String },
    Removed { node_id: String, server_id: String },
    Sample { node_id: String, server_id: String, stats: Stats },
    Console { node_id: String, server_id: String, line: ConsoleLine },
    Operation { node_id: String, operation: Operation },
}

impl PanelView {
    /// The server with this id, on whatever node it is.
    pub fn server(&self, server_id: &str) -> Option<&ServerView> {
        self.nodes.values().find_map(|node| node.servers.get(server_id))
    }

    /// The status word of a server, or `None` if the panel knows no such server.
    pub fn status(&self, server_id: &str) -> Option<&str> {
        self.server(server_id).map(|server| server.status.as_str())
    }

    /// Console text of a server: the game's own lines, joined by newlines; empty if unknown.
    pub fn console_text(&self, server_id: &str) -> String {
        let Some(server) = self.server(server_id) else { return String::new() };
        let of_the_game = |line: &&ConsoleLine| matches!(line.source, LineSource::Stdout | LineSource::Stderr);
        let lines: Vec<&str> = server.console.iter().filter(of_the_game).map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// The operation with this command id, on whatever node.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.nodes.values().find_map(|node| node.operations.iter().rev().find(|operation| operation.id == id))
    }

    /// The node with this id, made if there is room for another one.
    pub(crate) fn node_mut(&mut self, node_id: &str) -> Option<&mut NodeView> {
        if !self.nodes.contains_key(node_id) {
            if self.nodes.len() >= MAX_NODES {
                return None;
            }
            let node = NodeView { node_id: node_id.to_owned(), ..NodeView::default() };
            self.nodes.insert(node_id.to_owned(), node);
        }
        self.nodes.get_mut(node_id)
    }

    /// Changes a node and notes that it changed.
    pub(crate) fn update_node(&mut self, node_id: &str, update: impl FnOnce(&mut NodeView)) {
        if let Some(node) = self.node_mut(node_id) {
            update(node);
            self.changes.push(Change::Node { node_id: node_id.to_owned() });
        }
    }

    /// Changes a server, made if there is room for another one, and notes that it changed.
    pub(crate) fn update_server(&mut self, node_id: &str, server_id: &str, update: impl FnOnce(&mut ServerView)) {
        if let Some(server) = self.node_mut(node_id).and_then(|node| node.server_mut(server_id)) {
            update(server);
            let (node_id, server_id) = (node_id.to_owned(), server_id.to_owned());
            self.changes.push(Change::Server { node_id, server_id });
        }
    }

    /// Adds one line to a server's console.
    pub(crate) fn add_console_line(
        &mut self,
        node_id: &str,
        server_id: &str,
        source: LineSource,
        text: String,
        seq: Option<u64>,
        timestamp: Option<String>,
    ) {
        let Some(node) = self.node_mut(node_id) else { return };
        if node.is_deleted(server_id) {
            return;
        }
        let Some(server) = node.server_mut(server_id) else { return };
        server.console_count += 1;
        let line = ConsoleLine { number: server.console_count, seq, source, text, timestamp };
        server.console_bytes += line.text.len();
        server.console.push_back(line.clone());
        while server.console.len() > MAX_CONSOLE_LINES
            || (server.console_bytes > MAX_CONSOLE_BYTES && server.console.len() > 1)
        {
            let Some(dropped) = server.console.pop_front() else { break };
            server.console_bytes -= dropped.text.len();
        }
        self.changes.push(Change::Console { node_id: node_id.to_owned(), server_id: server_id.to_owned(), line });
    }
}

impl NodeView {
    /// The server with this id, made if there is room for another one.
    fn server_mut(&mut self, server_id: &str) -> Option<&mut ServerView> {
        if !self.servers.contains_key(server_id) {
            if self.servers.len() >= MAX_SERVERS {
                return None;
            }
            let status = "unknown".to_owned();
            let mut server = ServerView { server_id: server_id.to_owned(), status, ..ServerView::default() };
            let drafted = self.drafts.iter().rposition(|draft| draft.server_id == server_id);
            if let Some(draft) = drafted.and_then(|position| self.drafts.remove(position)) {
                server.apply(draft);
            }
            self.servers.insert(server_id.to_owned(), server);
        }
        self.servers.get_mut(server_id)
    }

    /// Whether the agent said that this server is gone. Late figures and lines of it must not bring it back.
    fn is_deleted(&self, server_id: &str) -> bool {
        self.deleted.iter().any(|deleted| deleted == server_id)
    }
}

impl ServerView {
    fn apply(&mut self, draft: Draft) {
        self.name = draft.name.or(self.name.take());
        self.image = draft.image.or(self.image.take());
        self.memory_limit_bytes = draft.memory_limit_bytes.or(self.memory_limit_bytes);
    }
}

/// Adds to a bounded list, dropping the oldest.
fn push_bounded<T>(list: &mut VecDeque<T>, item: T, bound: usize) {
    list.push_back(item);
    if list.len() > bound {
        list.pop_front();
    }
}
