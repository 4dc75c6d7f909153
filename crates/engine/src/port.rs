//! The port: what the agent asks of a container engine, in the agent's words.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cap_domain::ids::{NodeId, ServerId};
use cap_domain::observation::{ContainerFacts, Observation};
use cap_domain::spec::{Limits, PortBinding, Signal};
use futures_util::Stream;

use crate::error::{EngineError, Result};

/// A stream of engine output. It ends when the engine closes it, which is **not** proof that the process ended.
pub type EngineStream<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

/// The containers of one node. Every call has a deadline and may be dropped at any time; dropping does not undo what
/// the engine has begun.
#[async_trait]
pub trait ContainerEngine: Send + Sync + 'static {
    /// Who answers. Also the health probe.
    async fn info(&self) -> Result<EngineInfo>;

    /// All containers of this node, by their labels: those with our node id, and those without one, which are of the Go
    /// agent. One bad entry never fails the list.
    async fn list(&self) -> Result<Vec<Listed>>;

    /// One container by the server's container name. Absent is an observation, not an error;
    /// [`Observation::EngineUnreachable`] is never returned, the error is.
    async fn look(&self, server: &ServerId) -> Result<Observation>;

    /// Everything about one container that a status shows or an adoption needs.
    async fn inspect(&self, server: &ServerId) -> Result<Option<Inspected>>;

    /// A local image; none if it is not there.
    async fn image(&self, reference: &str) -> Result<Option<ImageFacts>>;

    /// Pulls an image. Progress goes to `progress` (in whole percent, may repeat); no sign of life from the registry
    /// for two minutes is a failure.
    async fn pull(&self, reference: &str, progress: Box<dyn Fn(PullProgress) + Send + Sync>) -> Result<()>;

    /// Makes a container. A name that is taken is [`EngineError::Conflict`].
    async fn create(&self, plan: &ContainerPlan) -> Result<()>;

    /// Opens the console of a container: everything its process writes from now on, and its standard input. Open it
    /// before `start`. The reader must never stop reading: a stalled reader blocks the game.
    async fn attach(&self, server: &ServerId) -> Result<Attached>;

    /// Starts a made container. A running one is success.
    async fn start(&self, server: &ServerId) -> Result<()>;

    /// Sends a signal. A container that does not run is [`EngineError::Conflict`].
    async fn signal(&self, server: &ServerId, signal: Signal) -> Result<()>;

    /// Unfreezes; a container that is not frozen is success.
    async fn unpause(&self, server: &ServerId) -> Result<()>;

    /// Removes a container with force; an absent one is success.
    async fn remove(&self, server: &ServerId) -> Result<()>;

    /// What the log driver kept, at most the last `lines` lines, since `since` (the engine's own timestamp text,
    /// inclusive). Ends at what is written now.
    async fn logs(&self, server: &ServerId, since: Option<&str>, lines: usize) -> Result<EngineStream<LogLine>>;

    /// Container events of this node from now on. Hints only: look before acting. The stream ends when the engine goes.
    async fn events(&self) -> Result<EngineStream<EngineEvent>>;

    /// One reading of the engine's own figures for a container: the slow fall-back where cgroup files cannot be read.
    async fn figures(&self, server: &ServerId) -> Result<EngineFigures>;
}

/// Who the engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its version, such as `27.3.1`.
    pub version: String,
    /// Its root directory's driver, such as `overlay2`; for diagnostics.
    pub storage_driver: String,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// `cgroupfs` or `systemd`.
    pub cgroup_driver: String,
}

/// One container of this node, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// From the label, else from the name.
    pub server: ServerId,
    /// Whether it carries this node's id (false: made by the Go agent, without a node id).
    pub ours: bool,
    /// What it is doing. `started_at`, `exit_code` and `pid` come from an inspect made for the list.
    pub facts: ContainerFacts,
}

/// A container in detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What it is doing.
    pub facts: ContainerFacts,
    /// The image reference it was made from.
    pub image: String,
    /// RFC 3339, as the engine gives it.
    pub created: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Variables it was made with.
    pub environment: BTreeMap<String, String>,
    /// The command it was made with.
    pub command: Vec<String>,
    /// Ports as the engine has them bound (or will bind them at the next start).
    pub ports: Vec<PortBinding>,
    /// Ceilings as the engine has them.
    pub limits: Limits,
    /// Bind mounts: source on the host, target in the container.
    pub binds: Vec<(PathBuf, PathBuf)>,
    /// One terminal stream.
    pub tty: bool,
    /// The container's cgroup parent and pid allow its figures to be read: its cgroup path below the mount, if known.
    pub cgroup_parent: Option<String>,
}

/// A local image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// Its id.
    pub id: String,
    /// The ports it exposes, in ascending order.
    pub exposed: Vec<(u16, cap_domain::spec::PortProtocol)>,
    /// The user it asks to run as; empty = root.
    pub user: String,
    /// Where it starts.
    pub working_dir: String,
}

/// How far a pull is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullProgress {
    /// 0 to 100, of what is known so far.
    pub percent: u8,
}

/// Everything a container is made from. Policy is decided before: the adapter carries it out word for word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPlan {
    /// Whose it is; gives name and labels.
    pub server: ServerId,
    /// Goes into a label; containers of other nodes are never touched.
    pub node: NodeId,
    /// A fingerprint of the whole plan, kept in a label, so that a changed spec is noticed.
    pub fingerprint: String,
    /// The image reference.
    pub image: String,
    /// Argument vector; empty = the image's own.
    pub command: Vec<String>,
    /// `NAME=value`, final.
    pub environment: BTreeMap<String, String>,
    /// Where the data directory is on the host.
    pub data_source: PathBuf,
    /// Where it shows inside, also the working directory.
    pub data_target: PathBuf,
    /// Published ports.
    pub ports: Vec<PortBinding>,
    /// Ceilings.
    pub limits: Limits,
    /// `uid:gid` the process runs as.
    pub user: String,
    /// One terminal stream.
    pub tty: bool,
    /// Whether the kernel may kill it for want of memory.
    pub oom_killer: bool,
    /// The most processes and threads it may have.
    pub pids_limit: i64,
    /// Capabilities left after all are dropped.
    pub capabilities: Vec<String>,
    /// Root file system read-only, with a tmpfs on /tmp.
    pub read_only_root: bool,
    /// Size of the tmpfs on /tmp, in bytes.
    pub tmpfs_bytes: u64,
    /// Bound of the log driver: bytes in one file, and number of files.
    pub log_max_bytes: u64,
    /// See `log_max_bytes`.
    pub log_max_files: u32,
    /// Name of the Docker network to join.
    pub network: String,
    /// DNS servers; empty = the engine's.
    pub dns: Vec<String>,
    /// Extra labels.
    pub labels: BTreeMap<String, String>,
}

/// An open console.
#[allow(missing_debug_implementations, reason = "streams have no useful text")]
pub struct Attached {
    /// What the process writes, as it comes: chunks, not lines.
    pub output: EngineStream<ConsoleChunk>,
    /// Its standard input.
    pub input: Pin<Box<dyn tokio::io::AsyncWrite + Send>>,
}

/// Which stream a chunk or line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ConsoleStream {
    Stdout,
    Stderr,
}

/// Some bytes of the console; lines, characters and escapes may be cut anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleChunk {
    /// From where (a terminal has only stdout).
    pub stream: ConsoleStream,
    /// What.
    pub bytes: Bytes,
}

/// One line from the log driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// From where.
    pub stream: ConsoleStream,
    /// RFC 3339 with nanoseconds, as the engine gives it.
    pub timestamp: String,
    /// Without the newline.
    pub bytes: Bytes,
}

/// A hint that something happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineEvent {
    /// Whose.
    pub server: ServerId,
    /// What.
    pub kind: EngineEventKind,
}

/// The kinds of hints that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the engine's own")]
pub enum EngineEventKind {
    Create,
    Start,
    Die,
    Oom,
    Pause,
    Unpause,
    Destroy,
    Rename,
    Update,
}

/// The engine's own figures for one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineFigures {
    /// Nanoseconds of cpu used since the start.
    pub cpu_nanos: u64,
    /// Working set: page cache that can go left out.
    pub memory_bytes: u64,
    /// 0 = unlimited.
    pub memory_limit_bytes: u64,
    /// Since the start.
    pub network_received_bytes: u64,
    /// Since the start.
    pub network_sent_bytes: u64,
    /// Now.
    pub pids: u64,
}

/// Deadlines of the calls.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Calls that only read.
    pub read: Duration,
    /// Create, start, signal, remove.
    pub write: Duration,
    /// A pull without any sign of life.
    pub pull_idle: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { read: Duration::from_secs(5), write: Duration::from_secs(30), pull_idle: Duration::from_secs(120) }
    }
}

impl EngineError {
    /// Whether the engine itself is out of reach, so that nothing is known about any container.
    pub fn engine_is_gone(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. })
    }
}
