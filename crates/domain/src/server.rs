//! The server state machine: one per game server, the only place where its phase changes.
//!
//! It never performs anything. Requests, observations and ends of steps come in; [`Effect`]s come out, and the owner
//! (the server's actor) carries them out and reports their ends. See the module's tests for the rules as claims.
//!
//! ```text
//!   request ----> acceptance: refuse / holds / join / accept --> queue: one under way, others wait, some pre-empt
//!                                                                  |
//!   step_ended, observe, tick, became_ready ----> stages of the operation under way: bring_up, bring_down, remove
//!   observe, nothing under way -----------------> observe: what changed unasked
//!                                                                  |
//!   effects <---- report: phase, what survives, every change once, in order
//! ```
//!
//! Two facts shape it. Docker is observed, never believed: a step that succeeded is followed by a look, and only looks
//! say that a process runs or is gone. And Docker goes on with what it was asked when nobody waits any more: a start in
//! flight may still happen after a kill, so steps that change a container are waited for, or remembered.
//!
//! Everything ends. What waits for a look, for readiness or for the end of a process has a deadline here
//! (`start_deadline`; grace, then `kill_deadline`). What waits for a step alone (the steps of an install, removal and
//! trash of a delete) has none: each step has a deadline of the owner's, and its end always comes.

use serde::{Deserialize, Serialize};

use crate::Millis;
use crate::failure::Failure;
use crate::ids::OperationId;
use crate::phase::{Phase, StatusChange};
use crate::spec::{Signal, StopMethod, StopRequest};

mod acceptance;
mod bring_down;
mod bring_up;
mod drive;
mod machine;
mod observe;
mod operation;
mod remove;
mod report;
mod steps;
#[cfg(test)]
mod tests;

pub use acceptance::MOST_WAITING;
pub use machine::ServerMachine;

/// A lifecycle request for this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The id the operation gets if one begins.
    pub operation: OperationId,
    /// What is asked.
    pub kind: RequestKind,
}

/// The lifecycle requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Bring image and container into being (create, and create again after a failed one).
    Install,
    /// Bring to running.
    Start,
    /// Bring to stopped, gently first.
    Stop(StopRequest),
    /// Stop, then start, as one operation.
    Restart(StopRequest),
    /// SIGKILL; container and data stay.
    Kill,
    /// Remove container and data.
    Delete {
        /// Leave the data where it is.
        keep_files: bool,
    },
}

impl RequestKind {
    /// The canonical action name (section 13 of the contract).
    pub fn action_name(&self) -> &'static str {
        match self {
            Self::Install => "create_server",
            Self::Start => "start_server",
            Self::Stop(_) => "stop_server",
            Self::Restart(_) => "restart_server",
            Self::Kill => "kill_server",
            Self::Delete { .. } => "delete_server",
        }
    }
}

/// Whether a request was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is under way, or waits its turn, under its own operation id.
    Accepted,
    /// The same operation is under way already (P-22): this is its id.
    Joined(OperationId),
    /// What it asks for already holds (P-23).
    AlreadyHolds,
    /// Not now, or not at all.
    Refused(Failure),
}

/// Numbers the steps of one machine, so that the late end of an abandoned step is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub u64);

/// What the owner is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Begin this, and report its end by [`ServerMachine::step_ended`].
    Perform {
        /// Its number.
        step: StepId,
        /// What.
        action: Action,
    },
    /// Drop the work on this step: nobody waits for it any more. Its end is not reported.
    Abandon {
        /// Its number.
        step: StepId,
    },
    /// Look at the container again as soon as possible, and report by [`ServerMachine::observe`]. The look must begin
    /// after this effect: one that is under way already may be reported, but does not stand for it.
    Look,
    /// This operation has its outcome. Sent exactly once for each accepted request.
    Finished {
        /// Which.
        operation: OperationId,
        /// How it went; `Ok` carries a note for people, such as how the stop came about.
        outcome: Result<Option<String>, Failure>,
    },
    /// The status changed.
    Changed(StatusChange),
    /// What must survive changed; write it before anything else is acknowledged.
    Persist(Persisted),
}

/// The work the owner can do on a container. Each has a deadline of the owner's and always ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Have the image: present, or pulled with progress reported. May take long; dropping it is safe.
    EnsureImage,
    /// Have a container that fits the spec: found, or made (a stale one is replaced).
    EnsureContainer,
    /// Attach the console, then start the container.
    Start,
    /// Write this line (newline added) to standard input.
    WriteLine(String),
    /// Send this signal.
    Signal(Signal),
    /// Unfreeze.
    Unpause,
    /// SIGKILL; a container that is absent or does not run is success.
    Kill,
    /// Remove the container, running or not; absent is success.
    RemoveContainer,
    /// Move the data to the trash.
    TrashData,
}

/// What must survive a restart of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persisted {
    /// The last known phase, never `Unknown`.
    pub phase: Phase,
    /// Whether the server is meant to run.
    pub desired: Power,
    /// The `started_at` of the process that was seen ready, so that an adopted server need not prove itself again.
    pub ready_since: Option<String>,
    /// The `started_at` of the last process known to be this agent's doing or adopted by it.
    pub started_at: Option<String>,
}

/// Desired power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Power {
    On,
    Off,
}

/// The parts of the spec and of the configuration that decide transitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// The server's own way to stop.
    pub stop: StopMethod,
    /// Whether readiness is detected in the output; if not, a running process is ready.
    pub detects_readiness: bool,
    /// How long a start may take before it fails, in milliseconds (`start_deadline`).
    pub start_deadline: Millis,
    /// How long after a kill the process may still be seen before the kill is tried again, in milliseconds.
    pub kill_retry: Millis,
    /// How long a kill may go on before it fails, in milliseconds.
    pub kill_deadline: Millis,
}
