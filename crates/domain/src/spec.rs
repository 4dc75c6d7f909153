//! What a server is to be: the normalised configuration the store keeps and containers are made from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ids::ServerId;

/// The whole configuration of one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSpec {
    /// The canonical id.
    pub id: ServerId,
    /// A name for people; the id if none was given.
    pub name: String,
    /// The image reference as given.
    pub image: String,
    /// The start line with its `{{VAR}}` not yet filled in; none = the image's own command.
    pub startup: Option<String>,
    /// Variables as given, before the synthesised ones (P-155).
    pub environment: BTreeMap<String, String>,
    /// Ceilings.
    pub limits: Limits,
    /// Published ports, the primary one first. Filled by allocation when none were given (P-164).
    pub ports: Vec<PortBinding>,
    /// How the server is asked to stop when the command names no signal.
    pub stop: StopMethod,
    /// Texts in the output that mean "ready" (any of them); empty = ready as soon as the process runs.
    /// A text that starts with `regex:` is a regular expression.
    pub startup_done: Vec<String>,
    /// One terminal stream instead of separate stdout and stderr.
    pub tty: bool,
    /// Whether the kernel may kill the server for want of memory.
    pub oom_killer: bool,
    /// Where the spec comes from.
    #[serde(default)]
    pub origin: Origin,
    /// Fields that later features honour (install script, config files, denylist, ...): kept as given.
    pub kept: BTreeMap<String, String>,
}

/// Where a spec comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A create command: containers are made from the spec, and made anew when it changed.
    #[default]
    Created,
    /// Read off a container that was found (one of the Go agent's, or ours after a lost state file): that container is
    /// used as it is until a create command replaces the spec.
    Adopted {
        /// The data directory it was found with, on the host.
        data: Option<std::path::PathBuf>,
    },
    /// A create command replaced the spec of an adopted server: containers are made from the spec, and the data stays
    /// where it was found (P-151 keeps data).
    CreatedOver {
        /// The data directory it was found with, on the host.
        data: std::path::PathBuf,
    },
}

impl Origin {
    /// Whether the container is used as it was found.
    pub fn is_adopted(&self) -> bool {
        matches!(self, Self::Adopted { .. })
    }

    /// The data directory the server was found with, if it was found with one.
    pub fn found_data(&self) -> Option<&std::path::Path> {
        match self {
            Self::Created => None,
            Self::Adopted { data } => data.as_deref(),
            Self::CreatedOver { data } => Some(data),
        }
    }

    /// What it becomes when a create command replaces the spec.
    #[must_use]
    pub fn created_over(&self) -> Self {
        self.found_data().map_or(Self::Created, |data| Self::CreatedOver { data: data.to_owned() })
    }
}

/// Resource ceilings; `None` = unlimited (or Docker's default).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes.
    pub memory_bytes: Option<u64>,
    /// Swap on top of memory.
    pub swap: Swap,
    /// Bytes; a ceiling for the data directory.
    pub disk_bytes: Option<u64>,
    /// Thousandths of one core: 1000 = one core = 100 percent.
    pub cpu_millis: Option<u64>,
    /// Block IO weight, 10 to 1000.
    pub io_weight: Option<u16>,
    /// The cpu set, such as `0-3,5`.
    pub threads: Option<String>,
}

/// Swap allowed on top of the memory limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Swap {
    /// No swap.
    #[default]
    None,
    /// As much as there is.
    Unlimited,
    /// So many bytes.
    Bytes(u64),
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum PortProtocol {
    Tcp,
    Udp,
}

impl PortProtocol {
    /// `tcp` or `udp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// One published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortBinding {
    /// The host address it is bound to.
    pub ip: IpAddr,
    /// The port inside the container.
    pub internal: u16,
    /// The port on the host.
    pub external: u16,
    /// tcp or udp.
    pub protocol: PortProtocol,
    /// Whether this is the server's main port (both protocols of one number may be).
    pub primary: bool,
}

/// How a server is asked to stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopMethod {
    /// SIGTERM.
    #[default]
    Terminate,
    /// This line on its standard input.
    Command(String),
    /// This signal.
    Signal(Signal),
}

/// The signals a stop may send (P-181).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Abrt,
    Kill,
    Usr1,
    Usr2,
    Term,
}

impl Signal {
    /// The name Docker and people use, such as `SIGTERM`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Abrt => "SIGABRT",
            Self::Kill => "SIGKILL",
            Self::Usr1 => "SIGUSR1",
            Self::Usr2 => "SIGUSR2",
            Self::Term => "SIGTERM",
        }
    }
}

/// How one stop or restart is to be carried out (P-181 to P-183).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// A signal asked for; none = the server's own stop method.
    pub signal: Option<Signal>,
    /// Grace before SIGKILL, in seconds, 0 to 300.
    pub grace_seconds: u32,
}

impl Default for StopRequest {
    fn default() -> Self {
        Self { signal: None, grace_seconds: 30 }
    }
}
