//! The operation under way, moved on: which stage hears of what, and the steps it begins.

use super::machine::ServerMachine;
use super::operation::Stage;
use super::steps::StepKind;
use super::{Action, Effect, StepId};
use crate::Millis;
use crate::failure::{Failure, FailureCode};

impl ServerMachine {
    pub(super) fn awaited_step_ended(&mut self, now: Millis, result: Result<(), Failure>) {
        let Some(stage) = self.under_way.as_ref().map(|operation| operation.stage.clone()) else { return };
        match stage {
            Stage::Image(_) => self.image_step_ended(result),
            Stage::Container(_) => self.container_step_ended(result),
            Stage::Start(_) => self.start_step_ended(now, result),
            Stage::Thaw(_) => self.thaw_ended(result),
            Stage::Unpause(_) => self.ask(now),
            Stage::Ask(_, asked) => self.ask_ended(now, asked, result),
            Stage::Kill(killing) => self.kill_step_ended(now, killing, result),
            Stage::Remove(_) => self.remove_ended(result),
            Stage::Trash(_) => self.trash_ended(result),
            // The other stages wait for no step.
            Stage::AwaitLook
            | Stage::Settle
            | Stage::LookAfterSettle
            | Stage::AwaitReady
            | Stage::FailedStart
            | Stage::AwaitStart
            | Stage::Grace(_)
            | Stage::SettleContainer => {}
        }
    }

    /// The end of a step whose operation or stage has gone.
    pub(super) fn leftover_step_ended(&mut self, now: Millis, kind: StepKind, result: Result<(), Failure>) {
        if kind == StepKind::Start {
            self.leftover_start_ended(now, result);
        }
        if kind == StepKind::Kill {
            self.ghost_was_hit(now);
        }
        self.report.push(Effect::Look);
        match self.stage() {
            Some(Stage::Settle) => self.settle(),
            Some(Stage::SettleContainer) => self.remove_container(),
            _ => {}
        }
    }

    pub(super) fn stage_timed_out(&mut self, now: Millis) {
        match self.stage() {
            None => {}
            Some(Stage::AwaitLook) => {
                self.finish(Err(Failure::new(FailureCode::DockerError, "the container engine cannot be reached")));
            }
            Some(Stage::AwaitStart | Stage::Unpause(_) | Stage::Ask(..) | Stage::Grace(_)) => self.grace_is_over(now),
            Some(Stage::Kill(_)) => self.kill_timed_out(now),
            Some(_) => self.start_timed_out(now),
        }
    }

    pub(super) fn stage(&self) -> Option<&Stage> {
        self.under_way.as_ref().map(|operation| &operation.stage)
    }

    /// Moves the operation under way to another stage.
    pub(super) fn go_to(&mut self, stage: Stage) {
        if let Some(operation) = &mut self.under_way {
            operation.stage = stage;
        }
    }

    /// Sets the deadline of the stage.
    pub(super) fn wait_until(&mut self, until: Option<Millis>) {
        if let Some(operation) = &mut self.under_way {
            operation.until = until;
        }
    }

    /// Begins a step.
    pub(super) fn perform(&mut self, action: Action) -> StepId {
        let kind = StepKind::of(&action);
        // A newer signal makes the older one pointless, and an older one that hangs must not pile up.
        if let Some(older) = self.steps.find(kind) {
            self.steps.end(older);
            self.report.push(Effect::Abandon { step: older });
        }
        let step = self.steps.begin(kind);
        self.report.push(Effect::Perform { step, action });
        step
    }

    /// Abandons the steps that need not be waited for.
    pub(super) fn drop_disposable_steps(&mut self) {
        for step in self.steps.take_disposable() {
            self.report.push(Effect::Abandon { step });
        }
    }

    /// Whether the last look showed a process.
    pub(super) fn process_is_there(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.running)
    }

    /// Whether a process may appear from a start of ours that no look has confirmed yet.
    pub(super) fn start_is_pending(&self) -> bool {
        self.steps.has(StepKind::Start) || self.unseen_start.is_some()
    }
}
