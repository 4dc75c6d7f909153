//! Commands: what anybody may ask of the agent, free of any wire.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{CommandId, OperationId, ServerId};
use crate::spec::{Limits, PortBinding, PortProtocol, StopMethod, StopRequest};

/// One command, the same for both transports.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Who asks: ids are remembered and rates are limited per caller (P-29, P-30).
    pub caller: Caller,
    /// The caller's id for it, if it has one.
    pub id: Option<CommandId>,
    /// The server as the caller names it; resolved to a [`ServerId`] by the dispatcher.
    pub target: Option<String>,
    /// Further names the command gave for its server; all must mean the same one (P-173).
    pub other_targets: Vec<String>,
    /// What is asked.
    pub verb: Verb,
}

/// A panel identity (P-29).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The panel at the other end of the link.
    Link,
    /// Whoever holds this HTTP token; the number is its place in the configuration, never the token.
    Http(u8),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Make a server, or replace the configuration of one that exists.
    Create(Box<CreateServer>),
    /// Bring it to running.
    Start,
    /// Bring it to stopped, gently first.
    Stop(StopRequest),
    /// Stop, then start, as one operation.
    Restart(StopRequest),
    /// End the process now; container and data stay.
    Kill,
    /// Remove container and data.
    Delete {
        /// Leave the data directory where it is.
        keep_files: bool,
    },
    /// Status of one server.
    ServerStatus,
    /// All servers.
    ListServers {
        /// Only those with this status word.
        status: Option<String>,
    },
    /// The last lines of the console.
    ConsoleHistory {
        /// How many, 1 to 10 000.
        lines: usize,
    },
    /// One line to the console, newline added.
    ConsoleCommand {
        /// Without its newline.
        line: String,
    },
    /// State of the console.
    ConsoleStatus,
    /// Figures of one server.
    ServerMetrics,
    /// Figures of the node.
    NodeMetrics,
    /// What became of an operation.
    GetOperation {
        /// As it was given out.
        operation: OperationId,
    },
    /// Give a server another name, or take one away.
    BindAlias {
        /// The other name.
        alias: String,
        /// Take it from another server if need be.
        replace: bool,
        /// Take it away instead.
        remove: bool,
    },
    /// Is anybody there?
    Ping,
    /// Short state of the agent.
    AgentStatus,
}

impl Verb {
    /// The canonical action name (section 13 of the contract), for journals, events and logs.
    pub fn action_name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create_server",
            Self::Start => "start_server",
            Self::Stop(_) => "stop_server",
            Self::Restart(_) => "restart_server",
            Self::Kill => "kill_server",
            Self::Delete { .. } => "delete_server",
            Self::ServerStatus => "get_server_status",
            Self::ListServers { .. } => "list_servers",
            Self::ConsoleHistory { .. } => "console:history",
            Self::ConsoleCommand { .. } => "console:command",
            Self::ConsoleStatus => "console:status",
            Self::ServerMetrics => "get_server_metrics",
            Self::NodeMetrics => "get_system_metrics",
            Self::GetOperation { .. } => "get_operation",
            Self::BindAlias { .. } => "bind_alias",
            Self::Ping => "system.ping",
            Self::AgentStatus => "system.status",
        }
    }
}

/// A create as asked for: checked as far as that is possible without Docker and without knowing the node.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateServer {
    /// For people; none = the id.
    pub name: Option<String>,
    /// A valid image reference.
    pub image: String,
    /// The start line, variables not filled in.
    pub startup: Option<String>,
    /// As given.
    pub environment: BTreeMap<String, String>,
    /// Ceilings.
    pub limits: Limits,
    /// Ports asked for; empty = allocate (P-164).
    pub ports: Vec<PortWish>,
    /// How to stop it.
    pub stop: StopMethod,
    /// Texts that mean "ready".
    pub startup_done: Vec<String>,
    /// One terminal stream; none = the node's default.
    pub tty: Option<bool>,
    /// Whether the kernel may kill it for want of memory.
    pub oom_killer: bool,
    /// Other names the payload gave (P-166).
    pub aliases: Vec<String>,
    /// Kept as given for later features.
    pub kept: BTreeMap<String, String>,
    /// What was odd but not wrong, in sentences for the caller.
    pub warnings: Vec<String>,
}

/// A port asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortWish {
    /// The host address to bind; none = the node's default.
    pub ip: Option<IpAddr>,
    /// Inside; none = the same as outside.
    pub internal: Option<u16>,
    /// Outside, on the host.
    pub external: u16,
    /// None = both.
    pub protocol: Option<PortProtocol>,
    /// Named as the primary one.
    pub primary: bool,
}

/// The answer to a command: exactly one each (P-17).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer<R> {
    /// The outcome, or the data of a query.
    Done {
        /// The canonical server, where there is one.
        server: Option<ServerId>,
        /// What was asked for.
        reply: R,
    },
    /// Under way; the outcome follows as `operation_completed`.
    InProgress {
        /// The canonical server.
        server: ServerId,
        /// The operation to ask for.
        operation: OperationId,
        /// For a create: what is known of its ports already.
        ports: Vec<PortBinding>,
        /// What was odd in the request.
        warnings: Vec<String>,
    },
    /// It was refused, or it failed.
    Failed {
        /// Code and sentence.
        failure: Failure,
    },
}
