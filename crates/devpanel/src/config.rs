//! What a dev panel is told before it starts, and how it can be made to misbehave.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Largest message the panel takes from an agent, in bytes. The contract lets agents send up to 8 M (P-15); twice that
/// leaves room, so that the panel is never the party that breaks a link.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Everything a [`DevPanel`](crate::DevPanel) needs to start.
#[derive(Debug, Clone)]
pub struct DevPanelConfig {
    /// Where agents connect. Port 0 takes any free port, see [`DevPanel::ws_url`](crate::DevPanel::ws_url).
    pub listen: SocketAddr,
    /// The agent secret; an agent must send exactly `Authorization: Bearer <secret>`.
    pub secret: String,
    /// When an agent that stopped beating counts as offline.
    pub heartbeat: HeartbeatRules,
    /// The agent's HTTP side, if commands are to be sent that way too.
    pub agent_http: Option<AgentHttp>,
    /// The web page and its JSON API; `None` serves none.
    pub web: Option<WebConfig>,
    /// How new connections are mistreated from the start; can be changed later.
    pub misbehave: Option<Misbehave>,
}

impl DevPanelConfig {
    /// A well-behaved panel on a free loopback port, with the stock panels' heartbeat times, no web page, no HTTP side.
    pub fn new(secret: impl Into<String>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret: secret.into(),
            heartbeat: HeartbeatRules::default(),
            agent_http: None,
            web: None,
            misbehave: None,
        }
    }
}

/// When an agent counts as offline (contract, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatRules {
    /// An agent without a `heartbeat` frame for longer than this is offline. Stock: 60 s.
    pub offline_after: Duration,
    /// How often that is checked. Stock: 30 s.
    pub check_every: Duration,
}

impl Default for HeartbeatRules {
    fn default() -> Self {
        Self { offline_after: Duration::from_secs(60), check_every: Duration::from_secs(30) }
    }
}

/// How to reach the agent's HTTP side (contract, section 8).
#[derive(Debug, Clone)]
pub struct AgentHttp {
    /// Where the agent listens.
    pub address: AgentAddress,
    /// The daemon token, sent as `Authorization: Bearer <token>`.
    pub token: String,
    /// How long a command may take before the agent counts as offline. Stock: 30 s.
    pub command_timeout: Duration,
    /// How often `/api/status` is asked for, as HTTP-1 panels do (30 s); `None` asks only when told to, as HTTP-2 does.
    pub check_every: Option<Duration>,
}

impl AgentHttp {
    /// An agent at a known base URL, for example `http://127.0.0.1:8081`, checked only when told to.
    pub fn at(base_url: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            address: AgentAddress::Url(base_url.into()),
            token: token.into(),
            command_timeout: Duration::from_secs(30),
            check_every: None,
        }
    }
}

/// Where an agent's HTTP side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAddress {
    /// A base URL that is used as it is.
    Url(String),
    /// Found as the stock panels do: `GET /health` on ports 8081, node port + 1, node port + 100, 8080, 3001, in this
    /// order; the first that answers is used from then on.
    Discover {
        /// `http` or `https`. The dev panel itself speaks plain HTTP only, so `https` finds nothing.
        scheme: String,
        /// Name or address of the node.
        host: String,
        /// The port the panel has on record for the node; never tried itself.
        node_port: u16,
    },
}

/// The web page.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// Where browsers connect. Port 0 takes any free port, see [`DevPanel::url`](crate::DevPanel::url).
    pub listen: SocketAddr,
    /// Needed to see anything, if set. Must be set when `listen` is not a loopback address.
    pub token: Option<String>,
    /// Host names under which the page may be opened, beside `localhost` and plain IP addresses. Others are refused, so
    /// that no foreign web site can reach the panel through a name of its own (DNS rebinding).
    pub extra_hosts: Vec<String>,
}

impl WebConfig {
    /// A page on a free loopback port, without a token.
    pub fn loopback() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), token: None, extra_hosts: Vec::new() }
    }
}

/// A way for the panel to treat new connections badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehave {
    /// Answers 401 to every upgrade, whatever the secret.
    Refuse401,
    /// Accepts, then closes at once with this code and the reason `misbehaving`. The stock close for a missing node id
    /// (1008) comes with its own reason.
    CloseWith(u16),
    /// Accepts, sends nothing (no first frame, no pong) and reads nothing.
    AcceptButSilent,
    /// Behaves, but sends malformed, unknown and binary frames right after the first frame.
    Garbage,
    /// Behaves, then closes with 1001 after this many milliseconds.
    CloseAfter(u64),
}
