//! Delete: the process, then the container, then the data.

use super::machine::ServerMachine;
use super::operation::{KillReason, Stage};
use super::report::Cause;
use super::steps::StepKind;
use super::{Action, RequestKind};
use crate::Millis;
use crate::failure::Failure;
use crate::phase::{Phase, Reason};

impl ServerMachine {
    pub(super) fn begin_delete(&mut self, now: Millis) {
        let may_run = self.process_is_there() || self.start_is_pending() || !self.report.engine_answers();
        if may_run {
            self.enter_stopping();
            self.begin_kill(now, KillReason::Commanded);
        } else {
            // It may have replaced a start that had no process yet.
            self.rest(Cause::new(Reason::Command));
            self.remove_container();
        }
    }

    /// Removes the container, as soon as none is being made any more: one that appeared afterwards would stay for ever.
    pub(super) fn remove_container(&mut self) {
        self.wait_until(None);
        if self.steps.has(StepKind::EnsureContainer) {
            self.go_to(Stage::SettleContainer);
        } else {
            let step = self.perform(Action::RemoveContainer);
            self.go_to(Stage::Remove(step));
        }
    }

    pub(super) fn remove_ended(&mut self, result: Result<(), Failure>) {
        let keep_files = match self.under_way.as_ref().map(|operation| operation.kind) {
            Some(RequestKind::Delete { keep_files }) => keep_files,
            _ => return,
        };
        match result {
            Ok(()) if keep_files => self.deleted(),
            Ok(()) => {
                let step = self.perform(Action::TrashData);
                self.go_to(Stage::Trash(step));
            }
            Err(failure) => self.finish(Err(failure)),
        }
    }

    pub(super) fn trash_ended(&mut self, result: Result<(), Failure>) {
        match result {
            Ok(()) => self.deleted(),
            Err(failure) => self.finish(Err(failure)),
        }
    }

    fn deleted(&mut self) {
        self.ghost = None;
        self.report.enter(Phase::Deleted, Cause::new(Reason::Command));
        self.finish(Ok(None));
    }
}
