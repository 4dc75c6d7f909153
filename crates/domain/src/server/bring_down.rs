//! Going down: stop, the stop half of a restart, kill, and the kill in a delete or after a failed start.

use super::machine::ServerMachine;
use super::operation::{Asked, KillReason, Killing, Operation, Stage};
use super::report::Cause;
use super::steps::StepKind;
use super::{Action, Effect, RequestKind};
use crate::Millis;
use crate::failure::{Failure, FailureCode};
use crate::phase::{Phase, Reason};
use crate::spec::{Signal, StopMethod, StopRequest};

impl ServerMachine {
    pub(super) fn begin_stop(&mut self, now: Millis, stop: StopRequest) {
        if !self.report.engine_answers() {
            // What was on its way up is not any more: a look that shows no process shows no crash.
            if self.report.known() == Phase::Starting {
                self.report.enter(Phase::Stopping, Cause::new(Reason::Command));
            }
            self.wait_until(Some(now + grace(stop) + self.config.kill_deadline));
            self.await_look();
        } else {
            self.stop_by_what_is_seen(now, stop);
        }
    }

    pub(super) fn begin_restart(&mut self, now: Millis, stop: StopRequest) {
        if !self.report.engine_answers() {
            self.wait_until(Some(now + grace(stop) + self.config.kill_deadline));
            self.await_look();
        } else {
            self.restart_by_what_is_seen(now, stop);
        }
    }

    pub(super) fn restart_by_what_is_seen(&mut self, now: Millis, stop: StopRequest) {
        if self.process_is_there() || self.start_is_pending() {
            self.report.enter(Phase::Restarting, Cause::new(Reason::Command));
            self.go_down(now, stop);
        } else {
            self.wait_until(Some(now + self.config.start_deadline));
            self.go_up();
        }
    }

    pub(super) fn stop_by_what_is_seen(&mut self, now: Millis, stop: StopRequest) {
        if self.process_is_there() || self.start_is_pending() {
            self.enter_stopping();
            self.go_down(now, stop);
        } else {
            self.rest(Cause::new(Reason::Command));
            self.finish(Ok(Some("no process was running".to_owned())));
        }
    }

    /// A stop goes on with the way down of the restart (or failed start) it replaces, if that fits its own signal;
    /// the shorter of the two graces holds.
    pub(super) fn take_over_way_down(&mut self, now: Millis, stop: StopRequest, replaced: Operation) -> bool {
        let same_way = match replaced.kind {
            RequestKind::Restart(restart) => stop.signal.is_none() || stop.signal == restart.signal,
            _ => true,
        };
        let killing = matches!(replaced.stage, Stage::Kill(_));
        if !(replaced.stage.goes_down() && (same_way || killing)) {
            return false;
        }
        let until = match (killing, replaced.until) {
            (false, Some(until)) => Some(until.min(now + grace(stop))),
            (_, until) => until,
        };
        self.enter_stopping();
        self.go_to(replaced.stage);
        self.wait_until(until);
        true
    }

    pub(super) fn go_down(&mut self, now: Millis, stop: StopRequest) {
        if self.way_to_ask(stop) == Asked::Signal(Signal::Kill) {
            self.begin_kill(now, KillReason::Commanded);
        } else if !self.process_is_there() {
            // Only a start in flight: what it brings is asked to stop, with its grace counted from then.
            self.wait_until(Some(now + grace(stop)));
            self.go_to(Stage::AwaitStart);
        } else if self.facts.as_ref().is_some_and(|facts| facts.paused) {
            self.wait_until(Some(now + self.config.kill_retry.max(grace(stop))));
            let step = self.perform(Action::Unpause);
            self.go_to(Stage::Unpause(step));
        } else {
            self.ask(now);
        }
    }

    /// Asks the process to stop, in its own way or as the request says.
    pub(super) fn ask(&mut self, now: Millis) {
        let stop = self.stop_request();
        // With no grace the process is killed right after it has been asked, so asking itself needs a bound.
        self.wait_until(Some(now + if stop.grace_seconds == 0 { self.config.kill_retry } else { grace(stop) }));
        self.ask_by(self.way_to_ask(stop));
    }

    fn ask_by(&mut self, asked: Asked) {
        let step = match (asked, &self.config.stop) {
            (Asked::Command, StopMethod::Command(line)) => self.perform(Action::WriteLine(line.clone())),
            (Asked::Command, _) => self.perform(Action::Signal(Signal::Term)),
            (Asked::Signal(signal), _) => self.perform(Action::Signal(signal)),
        };
        self.go_to(Stage::Ask(step, asked));
    }

    /// The process has been asked, or could not be: then by SIGTERM, then by force, without waiting for the grace.
    pub(super) fn ask_ended(&mut self, now: Millis, asked: Asked, result: Result<(), Failure>) {
        match result {
            Ok(()) if self.stop_request().grace_seconds == 0 => self.begin_kill(now, KillReason::GraceOver(0)),
            Ok(()) => self.go_to(Stage::Grace(asked)),
            Err(_) if asked == Asked::Signal(Signal::Term) => self.begin_kill(now, KillReason::CannotBeAsked),
            Err(_) => self.ask_by(Asked::Signal(Signal::Term)),
        }
        self.report.push(Effect::Look);
    }

    pub(super) fn grace_is_over(&mut self, now: Millis) {
        let seconds = self.stop_request().grace_seconds;
        self.begin_kill(now, KillReason::GraceOver(seconds));
    }

    /// The first kill is at once, whatever else is in flight and whether or not the engine answers.
    pub(super) fn begin_commanded_kill(&mut self, now: Millis) {
        if self.report.known() == Phase::Installing {
            let cause = Cause::new(Reason::Command).with_sentence("killed before it was installed");
            self.report.enter(Phase::InstallFailed, cause);
        }
        self.enter_stopping();
        self.begin_kill(now, KillReason::Commanded);
    }

    pub(super) fn begin_kill(&mut self, now: Millis, why: KillReason) {
        self.drop_disposable_steps();
        // A kill that somebody else left in flight may have come too early: then once more after it.
        let in_flight = self.steps.find(StepKind::Kill);
        let step = in_flight.unwrap_or_else(|| self.perform(Action::Kill));
        self.go_to(Stage::Kill(Killing {
            why,
            step: Some(step),
            again: in_flight.is_some(),
            patience_until: None,
            retry_at: None,
            seen_gone: false,
            failure: None,
        }));
        self.wait_until(Some(now + self.config.kill_deadline));
    }

    pub(super) fn kill_step_ended(&mut self, now: Millis, mut killing: Killing, result: Result<(), Failure>) {
        killing.step = None;
        killing.failure = result.err();
        killing.retry_at = Some(now + self.config.kill_retry);
        killing.patience_until.get_or_insert(now + self.config.kill_retry);
        if killing.again {
            killing.again = false;
            killing.retry_at = None;
            killing.step = Some(self.perform(Action::Kill));
        }
        self.go_to(Stage::Kill(killing));
        self.report.push(Effect::Look);
    }

    /// A start ended while its process is to be killed: the kill may have come before it.
    pub(super) fn start_ended_during_kill(&mut self) {
        let Some(Stage::Kill(killing)) = self.stage() else { return };
        let mut killing = killing.clone();
        if killing.step.is_some() {
            killing.again = true;
        } else {
            killing.retry_at = None;
            killing.step = Some(self.perform(Action::Kill));
        }
        self.go_to(Stage::Kill(killing));
    }

    pub(super) fn retry_kill_if_due(&mut self, now: Millis) {
        let Some(Stage::Kill(killing)) = self.stage() else { return };
        if killing.retry_at.is_some_and(|retry_at| retry_at <= now) {
            let mut killing = killing.clone();
            killing.retry_at = None;
            killing.step = Some(self.perform(Action::Kill));
            self.go_to(Stage::Kill(killing));
        }
    }

    /// A look while killing. It counts as the end only after a kill step that did its work (the look may have begun before
    /// a start took effect, and after a kill that failed nobody has ended what that start brought), and a start in flight
    /// gets a little patience, so that its process is killed by this operation and not found later.
    pub(super) fn looked_while_killing(&mut self, now: Millis, mut killing: Killing) {
        killing.seen_gone = !self.process_is_there();
        let after_a_kill = killing.step.is_none() && killing.patience_until.is_some() && killing.failure.is_none();
        let patient = killing.patience_until.is_none_or(|until| now < until);
        let over = killing.seen_gone && after_a_kill && !(self.steps.has(StepKind::Start) && patient);
        let why = killing.why;
        self.go_to(Stage::Kill(killing));
        if over {
            self.process_is_killed(now, why);
        }
    }

    pub(super) fn kill_timed_out(&mut self, now: Millis) {
        let Some(Stage::Kill(killing)) = self.stage() else { return };
        // Seen gone is not enough while no kill did its work: a start in flight may have brought a process since that look.
        if killing.seen_gone && killing.step.is_none() && killing.failure.is_none() {
            let why = killing.why;
            self.process_is_killed(now, why);
            return;
        }
        let seconds = self.config.kill_deadline.div_ceil(1000);
        let failure = killing.failure.clone().unwrap_or_else(|| {
            let sentence = format!("the process was not seen to end within {seconds} s of SIGKILL");
            Failure::new(FailureCode::DockerError, sentence)
        });
        let failed_start = self.under_way.as_mut().and_then(|operation| operation.failure.take());
        let (reason, failure) = match failed_start {
            Some(failed_start) => (Reason::StartFailed, failed_start),
            None => (Reason::StopFailed, Failure { code: FailureCode::DockerError, ..failure }),
        };
        self.enter_phase_as_seen(Cause::new(reason).with_error(&failure));
        self.finish(Err(failure));
        self.report.push(Effect::Look);
    }

    fn process_is_killed(&mut self, now: Millis, why: KillReason) {
        if self.steps.has(StepKind::Start) {
            self.give_up_start(now);
        }
        self.process_is_gone(now, why.note());
    }

    /// The process that was to end has ended.
    pub(super) fn process_is_gone(&mut self, now: Millis, note: String) {
        self.drop_disposable_steps();
        let exit_code = self.facts.as_ref().and_then(|facts| facts.exit_code);
        let Some(operation) = &mut self.under_way else { return };
        if let Some(failure) = operation.failure.take() {
            self.start_failed(failure, exit_code);
            return;
        }
        match operation.kind {
            RequestKind::Restart(_) => {
                self.wait_until(Some(now + self.config.start_deadline));
                self.go_up();
            }
            RequestKind::Delete { .. } => {
                self.rest(Cause::new(Reason::Command).with_exit_code(exit_code));
                self.remove_container();
            }
            _ => {
                self.rest(Cause::new(Reason::Command).with_exit_code(exit_code));
                self.finish(Ok(Some(note)));
            }
        }
    }

    /// Says that a process is being ended, unless the phase carries a mark that must not be lost, or none is known.
    pub(super) fn enter_stopping(&mut self) {
        let marked = matches!(self.report.known(), Phase::InstallFailed | Phase::Suspended | Phase::Installing);
        let to_end = self.report.known().has_process() || self.process_is_there() || self.start_is_pending();
        if to_end && !marked {
            self.report.enter(Phase::Stopping, Cause::new(Reason::Command));
        }
    }

    /// The phase without a process; what already is one (crashed, suspended, install failed) stays.
    pub(super) fn rest(&mut self, cause: Cause) {
        if self.report.known().has_process() {
            self.report.enter(Phase::Stopped, cause);
        }
    }

    fn way_to_ask(&self, stop: StopRequest) -> Asked {
        match (stop.signal, &self.config.stop) {
            (Some(signal), _) => Asked::Signal(signal),
            (None, StopMethod::Signal(signal)) => Asked::Signal(*signal),
            (None, StopMethod::Terminate) => Asked::Signal(Signal::Term),
            (None, StopMethod::Command(_)) => Asked::Command,
        }
    }

    /// How the operation under way is to stop the process.
    pub(super) fn stop_request(&self) -> StopRequest {
        match self.under_way.as_ref().map(|operation| operation.kind) {
            Some(RequestKind::Stop(stop) | RequestKind::Restart(stop)) => stop,
            _ => StopRequest::default(),
        }
    }
}

fn grace(stop: StopRequest) -> Millis {
    Millis::from(stop.grace_seconds) * 1000
}
