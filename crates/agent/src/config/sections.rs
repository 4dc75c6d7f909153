//! The configuration as the program uses it: plain types, all checked. The meaning of each key is in `keys.rs`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use cap_domain::ids::NodeId;

use super::values::{AllowedImages, ContainerUser, HttpListener, PanelUrl, PortRange};
use crate::secret::Secret;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// This machine.
    pub node: NodeConfig,
    /// The link to the panel.
    pub panel: PanelConfig,
    /// The HTTP listener.
    pub http: HttpConfig,
    /// Where things are kept.
    pub storage: StorageConfig,
    /// The Docker Engine and how containers are made.
    pub docker: DockerConfig,
    /// Host ports for servers.
    pub ports: PortsConfig,
    /// Ceilings of this node.
    pub limits: LimitsConfig,
    /// How commands are taken and answered.
    pub commands: CommandsConfig,
    /// The consoles.
    pub console: ConsoleConfig,
    /// Figures of the servers.
    pub stats: StatsConfig,
    /// The agent's own log.
    pub log: LogConfig,
}

/// `[node]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// The id the panel knows this node by.
    pub id: NodeId,
}

/// `[panel]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanelConfig {
    /// Where to dial; none = no link.
    pub url: Option<PanelUrl>,
    /// What the panel expects; always there when `url` is. From the key, the file or the credential.
    pub secret: Option<Secret>,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Time between heartbeats.
    pub heartbeat_interval: Duration,
    /// The wait before the first retry; it doubles with each further one (P-9).
    pub reconnect_min: Duration,
    /// The longest wait before a retry; at least `reconnect_min`.
    pub reconnect_max: Duration,
    /// The first retry comes within this time; zero = after `reconnect_min` (P-9).
    pub reconnect_spread: Duration,
    /// Largest message taken, in bytes.
    pub ws_max_message: usize,
    /// Also send console lines as `server_log` events.
    pub console_server_log: bool,
    /// Time between `resource_update` events; none = off.
    pub resource_interval: Option<Duration>,
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where to listen; never empty.
    pub listen: Vec<HttpListener>,
    /// The node's daemon token. From the key, the file or the credential.
    pub token: Option<Secret>,
    /// All tokens that are accepted (P-209), in a stable order: the token, then the panel secret, unless that is too
    /// weak to be met by whoever can reach the listener. Empty = every command is 401.
    pub accepted_tokens: Vec<Secret>,
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// Certificate chain and key of the TLS listeners.
    pub tls: Option<TlsFiles>,
    /// Accept `daemon_token_here` on the old routes (P-211).
    pub allow_placeholder_token: bool,
}

/// Files for TLS; both exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain (PEM).
    pub cert: PathBuf,
    /// Private key (PEM).
    pub key: PathBuf,
}

/// `[storage]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageConfig {
    /// The directory for everything; absolute.
    pub root: PathBuf,
    /// How long deleted data is kept; zero = not at all.
    pub trash_retention: Duration,
}

/// `[docker]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerConfig {
    /// The engine's socket.
    pub socket: PathBuf,
    /// The network of the servers.
    pub network: String,
    /// Name servers of the containers; empty = the engine's choice.
    pub dns: Vec<IpAddr>,
    /// When an image is pulled.
    pub image_pull: ImagePull,
    /// Images a panel may use.
    pub allowed_images: AllowedImages,
    /// Size of one log file per server, in bytes.
    pub log_max_bytes: u64,
    /// Number of log files per server.
    pub log_max_files: u32,
    /// Most processes and threads in one server.
    pub pids_limit: i64,
    /// Who servers run as, and who owns their data.
    pub user: ContainerUser,
    /// Capabilities kept, without `CAP_`, upper case.
    pub capabilities: Vec<String>,
    /// Whether the image's file system is read-only.
    pub read_only_root: bool,
    /// Size of `/tmp`, in bytes.
    pub tmpfs_bytes: u64,
    /// Where the data directory appears.
    pub data_target: PathBuf,
    /// Whether servers get a terminal by default.
    pub tty: bool,
    /// Longest wait for calls that only read.
    pub read_deadline: Duration,
    /// Longest wait for create, start, signal, remove.
    pub write_deadline: Duration,
    /// A pull without a sign of life for this long has failed.
    pub pull_idle_deadline: Duration,
    /// Time between full lists of containers.
    pub relist_interval: Duration,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePull {
    /// If it is not there.
    Missing,
    /// Before each install.
    Always,
    /// Never.
    Never,
}

/// `[ports]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsConfig {
    /// Ports to allocate from.
    pub range: PortRange,
    /// The host address ports are bound to by default.
    pub ip: IpAddr,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Most memory of one server, in bytes; none = no ceiling.
    pub max_memory_bytes: Option<u64>,
    /// Most cpu of one server, 100 = one core; none = no ceiling.
    pub max_cpu_percent: Option<u64>,
    /// Most servers; none = no ceiling.
    pub max_servers: Option<usize>,
}

/// `[commands]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandsConfig {
    /// When an operation is answered as under way; zero = at once.
    pub ack_deadline: Duration,
    /// Longest time for a query.
    pub query_deadline: Duration,
    /// Longest time for a start.
    pub start_deadline: Duration,
    /// Commands per second from one caller.
    pub rate_per_second: u32,
    /// Commands from one caller at once.
    pub rate_burst: u32,
    /// Commands waiting for one server.
    pub queue_per_server: usize,
    /// Whether aliases are learned (P-172).
    pub learn_aliases: bool,
}

/// `[console]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// Longest line, in bytes.
    pub max_line: usize,
    /// Lines kept in memory per server.
    pub history_lines: usize,
    /// Bytes kept in memory per server.
    pub history_bytes: usize,
    /// Longest time a line waits for others.
    pub batch_interval: Duration,
}

/// `[stats]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsConfig {
    /// Time between two readings.
    pub interval: Duration,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or a list of `module=level`.
    pub level: String,
    /// Text or JSON.
    pub format: LogFormat,
}

/// How a log record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object for machines.
    Json,
}
