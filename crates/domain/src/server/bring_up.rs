//! Going up: install, start, and the start half of a restart.

use super::machine::{Ghost, ServerMachine, UnseenStart};
use super::operation::{KillReason, Stage};
use super::report::Cause;
use super::steps::StepKind;
use super::{Action, Effect, RequestKind};
use crate::Millis;
use crate::failure::{Failure, FailureCode};
use crate::phase::{Phase, Reason};

impl ServerMachine {
    pub(super) fn begin_install(&mut self) {
        self.report.enter(Phase::Installing, Cause::new(Reason::Install));
        self.wait_until(None);
        self.settle_or_have_image();
    }

    /// A start has its whole time from here on, whatever it waits for.
    pub(super) fn begin_start(&mut self, now: Millis) {
        self.wait_until(Some(now + self.config.start_deadline));
        if !self.report.engine_answers() {
            self.await_look();
        } else {
            self.start_by_what_is_seen();
        }
    }

    /// Goes on with a start after a look.
    pub(super) fn start_by_what_is_seen(&mut self) {
        if self.process_is_there() && self.report.known() == Phase::Running {
            self.finish(Ok(Some("it was running already".to_owned())));
            return;
        }
        self.go_up();
    }

    /// The way up begins; the deadline is set.
    pub(super) fn go_up(&mut self) {
        let frozen = self.facts.as_ref().is_some_and(|facts| facts.running && facts.paused);
        self.report.enter(Phase::Starting, Cause::new(Reason::Command));
        if frozen {
            let step = self.perform(Action::Unpause);
            self.go_to(Stage::Thaw(step));
        } else if self.process_is_there() {
            self.process_is_up();
        } else {
            self.settle_or_have_image();
        }
    }

    fn settle_or_have_image(&mut self) {
        if self.steps.container_is_left_alone() {
            let step = self.perform(Action::EnsureImage);
            self.go_to(Stage::Image(step));
        } else {
            self.go_to(Stage::Settle);
        }
    }

    /// A step of an earlier operation ended while this one waits for that.
    pub(super) fn settle(&mut self) {
        if !self.steps.container_is_left_alone() {
            return;
        }
        let installs = self.under_way.as_ref().is_some_and(|operation| operation.kind == RequestKind::Install);
        if installs {
            self.settle_or_have_image();
        } else {
            // What ended may have been a start: making a container blindly could replace a running one.
            self.go_to(Stage::LookAfterSettle);
            self.report.push(Effect::Look);
        }
    }

    pub(super) fn image_step_ended(&mut self, result: Result<(), Failure>) {
        match result {
            Ok(()) => {
                let step = self.perform(Action::EnsureContainer);
                self.go_to(Stage::Container(step));
            }
            Err(failure) => self.step_up_failed(failure),
        }
    }

    pub(super) fn container_step_ended(&mut self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            self.step_up_failed(failure);
            return;
        }
        let installs = self.under_way.as_ref().is_some_and(|operation| operation.kind == RequestKind::Install);
        if installs {
            self.report.enter(Phase::Stopped, Cause::new(Reason::Install));
            self.finish(Ok(None));
            // The container may have been there before, and may even run.
            self.report.push(Effect::Look);
        } else if self.process_is_there() {
            self.process_is_up();
        } else {
            let step = self.perform(Action::Start);
            self.go_to(Stage::Start(step));
        }
    }

    pub(super) fn start_step_ended(&mut self, now: Millis, result: Result<(), Failure>) {
        match result {
            Ok(()) => {
                self.expect_process();
                self.go_to(Stage::AwaitReady);
            }
            Err(failure) => {
                self.fear_ghost_of(now, &failure);
                if let Some(operation) = &mut self.under_way {
                    operation.failure = Some(failure);
                    operation.stage = Stage::FailedStart;
                    operation.until = Some(now + self.config.kill_deadline);
                }
            }
        }
        self.report.push(Effect::Look);
    }

    /// A start step ended whose operation or stage has gone.
    pub(super) fn leftover_start_ended(&mut self, now: Millis, result: Result<(), Failure>) {
        match result {
            Ok(()) if !self.process_is_there() => self.expect_process(),
            Ok(()) => {}
            Err(failure) => self.fear_ghost_of(now, &failure),
        }
        self.start_ended_during_kill();
    }

    pub(super) fn thaw_ended(&mut self, result: Result<(), Failure>) {
        match result {
            Ok(()) => {
                self.go_to(Stage::AwaitReady);
                self.report.push(Effect::Look);
            }
            Err(failure) => {
                // Nothing was started, so nothing is killed: the process is as it was, frozen.
                self.enter_phase_as_seen(Cause::new(Reason::StartFailed).with_error(&failure));
                self.finish(Err(failure));
                self.report.push(Effect::Look);
            }
        }
    }

    /// A look shows the process of the start under way.
    pub(super) fn process_is_up(&mut self) {
        let Some(facts) = &self.facts else { return };
        let ready_seen = self.under_way.as_ref().is_some_and(|operation| operation.ready_seen);
        let seen_ready_before = facts.started_at.is_some() && facts.started_at == self.report.ready_since;
        let frozen = facts.paused;
        self.report.started_at = facts.started_at.clone();
        // Whatever start brought it, this process is wanted.
        self.ghost = None;
        if !frozen && (ready_seen || seen_ready_before || !self.config.detects_readiness) {
            self.report.ready_since = self.report.started_at.clone();
            self.report.enter(Phase::Running, Cause::new(Reason::Command));
            self.finish(Ok(None));
        } else if self.stage().is_some_and(|stage| !matches!(stage, Stage::Thaw(_))) {
            // A start step that has not ended yet is left in flight: the process is what counts.
            self.drop_disposable_steps();
            self.go_to(Stage::AwaitReady);
        }
    }

    /// The output says that the server is ready.
    pub(super) fn ready_in_output(&mut self) {
        match self.stage() {
            Some(Stage::Start(_) | Stage::AwaitReady | Stage::Thaw(_)) => {
                let seen_before =
                    self.under_way.as_mut().is_some_and(|operation| std::mem::replace(&mut operation.ready_seen, true));
                if self.process_is_there() {
                    self.process_is_up();
                } else if !seen_before {
                    self.report.push(Effect::Look);
                }
            }
            // Started by somebody else, or adopted before it was ready.
            None if self.report.known() == Phase::Starting && self.process_is_there() => {
                self.report.ready_since = self.report.started_at.clone();
                self.report.enter(Phase::Running, Cause::new(Reason::ChangedOutside));
            }
            _ => {}
        }
    }

    /// A look shows no process where the start under way had come as far as having one.
    pub(super) fn ended_before_ready(&mut self) {
        let (sentence, exit_code) = match &self.facts {
            None => ("the container was removed before the server was ready".to_owned(), None),
            Some(facts) => {
                let how = match (facts.oom_killed, facts.exit_code) {
                    (true, _) => "was killed for want of memory".to_owned(),
                    (false, Some(code)) => format!("ended with exit code {code}"),
                    (false, None) => "ended".to_owned(),
                };
                (format!("the process {how} before the server was ready"), facts.exit_code)
            }
        };
        self.start_failed(Failure::new(FailureCode::StartFailed, sentence), exit_code);
    }

    /// The operation ends as a failed start, nothing of it running.
    pub(super) fn start_failed(&mut self, failure: Failure, exit_code: Option<i64>) {
        self.report
            .enter(Phase::Stopped, Cause::new(Reason::StartFailed).with_error(&failure).with_exit_code(exit_code));
        self.finish(Err(failure));
    }

    /// The start deadline has passed (or, after a failed start step, the time to see whether there is a process).
    pub(super) fn start_timed_out(&mut self, now: Millis) {
        let seconds = self.config.start_deadline.div_ceil(1000);
        let late = |what: &str| Failure::new(FailureCode::StartFailed, format!("{what} within {seconds} s"));
        match self.stage() {
            Some(Stage::Settle | Stage::LookAfterSettle) => {
                let sentence = "the container engine did not come to rest in time for the start";
                self.fail_as_seen(Failure::new(FailureCode::DockerError, sentence));
            }
            Some(Stage::Image(_)) => self.start_failed(late("the image was not there"), None),
            Some(Stage::Container(_)) => self.start_failed(late("the container was not there"), None),
            Some(Stage::FailedStart) => {
                let sentence = "the container engine did not answer";
                let failure = self.under_way.as_mut().and_then(|operation| operation.failure.take());
                self.fail_as_seen(failure.unwrap_or_else(|| Failure::new(FailureCode::DockerError, sentence)));
            }
            _ => {
                let failure = late("the server was not ready");
                if let Some(operation) = &mut self.under_way {
                    operation.failure = Some(failure);
                }
                self.begin_kill(now, KillReason::StartFailed);
            }
        }
    }

    fn step_up_failed(&mut self, failure: Failure) {
        let installs = self.under_way.as_ref().is_some_and(|operation| operation.kind == RequestKind::Install);
        if installs {
            self.report.enter(Phase::InstallFailed, Cause::new(Reason::Install).with_error(&failure));
            self.finish(Err(failure));
        } else {
            self.fail_as_seen(failure);
        }
    }

    fn fail_as_seen(&mut self, failure: Failure) {
        self.enter_phase_as_seen(Cause::new(Reason::StartFailed).with_error(&failure));
        self.finish(Err(failure));
        self.report.push(Effect::Look);
    }

    pub(super) fn await_look(&mut self) {
        self.go_to(Stage::AwaitLook);
        self.report.push(Effect::Look);
    }

    fn expect_process(&mut self) {
        let started_at_before = self.facts.as_ref().and_then(|facts| facts.started_at.clone());
        self.unseen_start = Some(UnseenStart { started_at_before });
    }

    /// After a failure that does not say whether the start was carried out, it may still be.
    fn fear_ghost_of(&mut self, now: Millis, failure: &Failure) {
        let unclear =
            matches!(failure.code, FailureCode::DockerError | FailureCode::Timeout | FailureCode::InternalError);
        if unclear {
            self.give_up_start(now);
        }
    }

    /// Nobody waits for a start any more, but Docker may still carry it out.
    pub(super) fn give_up_start(&mut self, now: Millis) {
        if let Some(step) = self.steps.find(StepKind::Start) {
            self.steps.end(step);
            self.report.push(Effect::Abandon { step });
        }
        self.ghost = Some(Ghost { until: now + self.config.kill_deadline, look_at: None });
    }
}
