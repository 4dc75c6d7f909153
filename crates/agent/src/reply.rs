//! What commands answer, in the agent's words. `panel/translate.rs` turns it into the wire's.

use actix::Message;
use cap_domain::command::{Answer, Command};
use cap_domain::failure::Failure;
use cap_domain::ids::{OperationId, ServerId};
use cap_domain::phase::Status;
use cap_domain::spec::PortBinding;
use serde::{Deserialize, Serialize};

use crate::figures::ServerFigures;

/// A command for the dispatcher. Its answer comes exactly once, at the latest when its deadline has passed (P-17, P-18).
#[derive(Debug, Message)]
#[rtype(result = "CommandAnswer")]
pub struct Submit(pub Command);

/// The answer to one command.
pub type CommandAnswer = Answer<Reply>;

/// The data of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// A lifecycle operation has its outcome.
    Power {
        /// What the server is now.
        status: Status,
        /// How it came about, for people.
        note: Option<String>,
    },
    /// A server was made, or its configuration replaced.
    Created {
        /// What it is now.
        status: Status,
        /// It was there before.
        existing: bool,
        /// What it listens on.
        ports: Vec<PortBinding>,
        /// What was odd in the request.
        warnings: Vec<String>,
    },
    /// Container and data are gone.
    Deleted,
    /// Status of one server.
    Status(Box<ServerView>),
    /// All servers.
    Servers(Vec<ServerView>),
    /// Lines of the console, oldest first.
    History(Vec<String>),
    /// The game's standard input took it.
    Sent,
    /// State of the console.
    Console(ConsoleView),
    /// Figures of one server.
    ServerMetrics(Box<ServerView>),
    /// Figures of the node.
    NodeMetrics,
    /// An operation.
    Operation(OperationView),
    /// The other names of a server.
    Aliases(Vec<String>),
    /// Somebody is there.
    Pong,
    /// Short state of the agent.
    Agent(AgentView),
}

/// One server as a status shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerView {
    /// Canonical id.
    pub server: ServerId,
    /// Other names it answers to.
    pub aliases: Vec<String>,
    /// For people.
    pub name: String,
    /// What it is.
    pub status: Status,
    /// The engine's id of its container, if there is one.
    pub container_id: Option<String>,
    /// Image reference.
    pub image: String,
    /// What it listens on.
    pub ports: Vec<PortBinding>,
    /// When it was created, unix milliseconds.
    pub created_unix_ms: i64,
    /// For how long its process has run, in seconds; 0 without one.
    pub uptime_seconds: u64,
    /// Its figures, while a process runs.
    pub figures: Option<ServerFigures>,
    /// Bytes last measured in its data directory, running or not.
    pub disk_bytes: Option<u64>,
    /// Its limits, for servers without a process.
    pub memory_limit_bytes: Option<u64>,
    /// See above.
    pub disk_limit_bytes: Option<u64>,
    /// Its last operation.
    pub last_operation: Option<OperationView>,
}

/// An operation as it is shown (P-99).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationView {
    /// Its id.
    pub operation: OperationId,
    /// The caller's id of the command that began it.
    pub command: Option<cap_domain::ids::CommandId>,
    /// The server as that caller named it.
    pub server: String,
    /// Canonical action name.
    pub action: String,
    /// When it began, unix milliseconds.
    pub started_unix_ms: i64,
    /// When it ended, unix milliseconds; none while it runs.
    pub ended_unix_ms: Option<i64>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// State of a console (P-101).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleView {
    /// Whether the game's output is being read.
    pub connected: bool,
    /// When the last line came, unix milliseconds.
    pub last_activity_unix_ms: Option<i64>,
    /// Lines kept.
    pub kept: usize,
    /// Number of the oldest line kept.
    pub first_seq: u64,
    /// Number of the newest line.
    pub last_seq: u64,
    /// Name of the numbering.
    pub epoch: String,
}

/// Short state of the agent (P-78).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    /// Servers known.
    pub servers: usize,
    /// Seconds since the agent started.
    pub uptime_seconds: u64,
}
