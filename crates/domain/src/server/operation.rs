//! The operation under way: how far it is.

use super::{RequestKind, StepId};
use crate::Millis;
use crate::failure::Failure;
use crate::ids::OperationId;
use crate::phase::Phase;
use crate::spec::Signal;

/// The one operation under way.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: OperationId,
    pub(super) kind: RequestKind,
    pub(super) stage: Stage,
    /// When the stage is given up; none where only the end of a step is waited for.
    pub(super) until: Option<Millis>,
    /// A start that has failed: the operation ends with this as soon as nothing of it runs any more.
    pub(super) failure: Option<Failure>,
    /// The output said "ready" during this start, maybe before a look showed the process.
    pub(super) ready_seen: bool,
    /// The last known phase when it began, to fall back on when it fails blindly.
    pub(super) phase_before: Phase,
}

/// What the operation waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The first look: nothing is known about the container.
    AwaitLook,

    /// Going up: the end of steps that an earlier operation left in flight.
    Settle,
    /// Going up: a look after those.
    LookAfterSettle,
    /// Going up: the image.
    Image(StepId),
    /// Going up: the container.
    Container(StepId),
    /// Going up: the start.
    Start(StepId),
    /// Going up: a frozen process is thawed.
    Thaw(StepId),
    /// Going up: a look at the process, or its readiness.
    AwaitReady,
    /// Going up: a look after a failed start step, whether there is a process all the same.
    FailedStart,

    /// Going down: a start in flight, which may still bring a process.
    AwaitStart,
    /// Going down: a frozen process is thawed, so that it can be asked.
    Unpause(StepId),
    /// Going down: the process is being asked.
    Ask(StepId, Asked),
    /// Going down: the process has been asked, and has its grace.
    Grace(Asked),
    /// Going down: SIGKILL, again and again.
    Kill(Killing),

    /// Delete: a container that is still being made.
    SettleContainer,
    /// Delete: the container.
    Remove(StepId),
    /// Delete: the data.
    Trash(StepId),
}

impl Stage {
    /// The step whose end the stage waits for.
    pub(super) fn step(&self) -> Option<StepId> {
        match self {
            Self::Image(step)
            | Self::Container(step)
            | Self::Start(step)
            | Self::Thaw(step)
            | Self::Unpause(step)
            | Self::Ask(step, _)
            | Self::Remove(step)
            | Self::Trash(step) => Some(*step),
            Self::Kill(killing) => killing.step,
            _ => None,
        }
    }

    /// Whether a process is on its way down, by asking or by force.
    pub(super) fn goes_down(&self) -> bool {
        matches!(self, Self::Unpause(_) | Self::Ask(..) | Self::Grace(_) | Self::Kill(_))
    }
}

/// How a process was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// By the stop command on its console.
    Command,
    /// By a signal.
    Signal(Signal),
}

impl Asked {
    /// The note of a stop that came about this way.
    pub(super) fn note(self) -> String {
        match self {
            Self::Command => "stopped by its stop command".to_owned(),
            Self::Signal(signal) => format!("stopped by {}", signal.name()),
        }
    }
}

/// Why a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KillReason {
    /// Somebody asked for just that.
    Commanded,
    /// It was asked to stop and did not, for so many seconds.
    GraceOver(u32),
    /// It could not even be asked.
    CannotBeAsked,
    /// Its start failed, and a start that fails leaves nothing running.
    StartFailed,
}

impl KillReason {
    /// The note of a stop that came about this way.
    pub(super) fn note(self) -> String {
        match self {
            Self::Commanded | Self::StartFailed => "killed".to_owned(),
            Self::GraceOver(seconds) => format!("killed after {seconds} s"),
            Self::CannotBeAsked => "killed, because it could not be asked to stop".to_owned(),
        }
    }
}

/// SIGKILL, repeated until a look shows no process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Killing {
    pub(super) why: KillReason,
    /// The kill step in flight.
    pub(super) step: Option<StepId>,
    /// Kill again as soon as the step in flight has ended: it may have come too early for a start that ended since.
    pub(super) again: bool,
    /// Until when a start in flight is waited for; set when the first kill step has ended.
    pub(super) patience_until: Option<Millis>,
    /// When to kill again, while no step is in flight.
    pub(super) retry_at: Option<Millis>,
    /// The last look during this kill showed no process.
    pub(super) seen_gone: bool,
    /// How the last kill step failed.
    pub(super) failure: Option<Failure>,
}
