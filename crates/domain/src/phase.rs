//! The phases of a server, as the contract names them (section 17).

use serde::{Deserialize, Serialize};

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Create or reinstall is under way, image pull included.
    Installing,
    /// The last install failed; may be created again.
    InstallFailed,
    /// No process.
    Stopped,
    /// The process is up, but not ready.
    Starting,
    /// Ready.
    Running,
    /// A stop or kill is under way.
    Stopping,
    /// The stop half of a restart.
    Restarting,
    /// The process ended unasked.
    Crashed,
    /// Stopped, and start is refused.
    Suspended,
    /// Frozen in Docker by somebody else; stop and kill work.
    Paused,
    /// Container and data are gone. Final.
    Deleted,
    /// The engine cannot be asked.
    Unknown,
}

impl Phase {
    /// The `status` word on the wire (P-205).
    pub fn status_word(self) -> &'static str {
        match self {
            Self::Installing => "installing",
            Self::InstallFailed => "install_failed",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Restarting => "restarting",
            Self::Crashed => "crashed",
            Self::Suspended => "suspended",
            Self::Paused => "paused",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a process of the server is believed to exist in this phase.
    pub fn has_process(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping | Self::Restarting | Self::Paused)
    }
}

/// What a server is, as it is reported: its phase, and the last known one while the engine cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What is reported; [`Phase::Unknown`] while the engine cannot be asked.
    pub phase: Phase,
    /// Equal to `phase`, or what it was before it became unknown. Never `Unknown` itself.
    pub last_known: Phase,
}

/// Why a status changed (P-44).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// A command asked for it.
    Command,
    /// A create or reinstall.
    Install,
    /// The start did not come to `running`.
    StartFailed,
    /// The stop did not end the process.
    StopFailed,
    /// The process ended unasked with a failure.
    Crash,
    /// The kernel killed it for want of memory.
    Oom,
    /// The process ended by itself, with exit code 0.
    CleanExit,
    /// Somebody else removed the container.
    ContainerRemoved,
    /// Somebody else started, restarted, paused or unpaused the container.
    ChangedOutside,
    /// The engine does not answer.
    DockerUnreachable,
    /// The engine answers again, and this is what it says.
    Reconciled,
}

impl Reason {
    /// The `reason` word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Install => "install",
            Self::StartFailed => "start_failed",
            Self::StopFailed => "stop_failed",
            Self::Crash => "crash",
            Self::Oom => "oom",
            Self::CleanExit => "clean_exit",
            Self::ContainerRemoved => "container_removed",
            Self::ChangedOutside => "changed_outside",
            Self::DockerUnreachable => "docker_unreachable",
            Self::Reconciled => "reconciled",
        }
    }
}

/// One change of a server's status, reported once, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// What it was.
    pub from: Phase,
    /// What it is. Never equal to `from` (P-206).
    pub to: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// A plain sentence, when something failed.
    pub error: Option<String>,
    /// The exit code of the process, when one ended.
    pub exit_code: Option<i64>,
}
