//! Looks: what they mean for the operation under way, and what changed unasked.

use super::machine::ServerMachine;
use super::operation::{KillReason, Stage};
use super::report::Cause;
use super::steps::StepKind;
use super::{Action, Effect, Power, RequestKind};
use crate::Millis;
use crate::observation::{ContainerFacts, Observation};
use crate::phase::{Phase, Reason};

impl ServerMachine {
    pub(super) fn take_look(&mut self, now: Millis, observation: Observation) {
        let facts = match observation {
            Observation::EngineUnreachable => {
                self.report.engine_went();
                return;
            }
            Observation::Absent => None,
            Observation::Present(facts) => Some(facts),
        };
        if self.look_is_doubted(facts.as_ref()) {
            self.report.push(Effect::Look);
            return;
        }
        self.facts = facts;
        self.looked = true;
        self.report.engine_came_back();
        match self.stage().cloned() {
            None => self.judge(now),
            Some(Stage::AwaitLook) => {
                self.judge(now);
                self.report.tell();
                self.first_look(now);
            }
            Some(stage) => {
                if matches!(stage, Stage::Kill(_)) && self.process_is_there() && self.is_at_rest() {
                    self.enter_stopping();
                }
                // First what was true all the time, so that the operation's own changes keep their own reasons.
                self.report.tell();
                self.looked_during(now, stage);
            }
        }
        self.report.tell();
    }

    /// After a start that succeeded, a look without its process may have begun before it: one such look is not believed.
    fn look_is_doubted(&mut self, facts: Option<&ContainerFacts>) -> bool {
        let Some(start) = self.unseen_start.take() else { return false };
        let shows_it = facts.is_some_and(|facts| {
            facts.running || (facts.started_at.is_some() && facts.started_at != start.started_at_before)
        });
        !shows_it
    }

    /// The first look of an operation that was accepted while nothing was known.
    fn first_look(&mut self, now: Millis) {
        match self.under_way.as_ref().map(|operation| operation.kind) {
            Some(RequestKind::Start) => self.start_by_what_is_seen(),
            Some(RequestKind::Stop(stop)) => self.stop_by_what_is_seen(now, stop),
            Some(RequestKind::Restart(stop)) => self.restart_by_what_is_seen(now, stop),
            // The others begin without a look.
            _ => {}
        }
    }

    fn looked_during(&mut self, now: Millis, stage: Stage) {
        let process = self.process_is_there();
        let installs = self.under_way.as_ref().is_some_and(|operation| operation.kind == RequestKind::Install);
        match stage {
            Stage::Image(_) | Stage::Start(_) if process && !installs => self.process_is_up(),
            Stage::LookAfterSettle => self.go_up(),
            Stage::AwaitReady | Stage::Thaw(_) if process => self.process_is_up(),
            // The start step has not ended: not seeing its process yet means nothing.
            Stage::AwaitReady if self.start_is_pending() => {}
            Stage::AwaitReady | Stage::Thaw(_) => self.ended_before_ready(),
            Stage::FailedStart if process => self.begin_kill(now, KillReason::StartFailed),
            Stage::FailedStart => {
                let exit_code = self.facts.as_ref().and_then(|facts| facts.exit_code);
                if let Some(failure) = self.under_way.as_mut().and_then(|operation| operation.failure.take()) {
                    self.start_failed(failure, exit_code);
                }
            }
            Stage::AwaitStart if process => self.go_down(now, self.stop_request()),
            Stage::AwaitStart if !self.start_is_pending() => {
                self.process_is_gone(now, "stopped before its process was there".to_owned());
            }
            Stage::Unpause(_) if !process => self.process_is_gone(now, "the process ended by itself".to_owned()),
            Stage::Ask(_, asked) | Stage::Grace(asked) if !process => self.process_is_gone(now, asked.note()),
            Stage::Kill(killing) => self.looked_while_killing(now, killing),
            _ => {}
        }
    }

    /// Nothing is under way: what does the look say about the last known phase?
    fn judge(&mut self, now: Millis) {
        match (self.process_is_there(), self.report.known()) {
            (true, Phase::Stopped | Phase::Crashed | Phase::InstallFailed | Phase::Suspended)
                if self.ghost.is_some() && self.under_way.is_none() =>
            {
                self.lay_ghost(now);
            }
            (true, Phase::Stopped | Phase::Crashed) => {
                self.report.desired = Power::On;
                self.follow_process();
            }
            (true, Phase::Starting | Phase::Running | Phase::Paused | Phase::Stopping | Phase::Restarting) => {
                self.follow_process();
            }
            (false, known) if known.has_process() => self.process_ended_unasked(),
            // Install marks and suspension outlive a process that somebody else starts: a later start must still be
            // refused. Kill, stop and delete see the process all the same.
            _ => {}
        }
    }

    /// A process runs, and the phase follows it.
    fn follow_process(&mut self) {
        let Some(facts) = self.facts.clone() else { return };
        let resuming = self.report.told() == Phase::Unknown;
        let replaced = self.report.known() == Phase::Running && facts.started_at != self.report.started_at;
        let phase = self.phase_of(&facts);
        self.report.started_at = facts.started_at;
        if replaced && phase == Phase::Running && !resuming {
            self.report.enter(Phase::Starting, Cause::new(Reason::ChangedOutside));
        }
        if phase == Phase::Running {
            self.report.ready_since = self.report.started_at.clone();
        }
        self.report.enter(phase, Cause::new(Reason::ChangedOutside));
    }

    /// The phase that a live process gives.
    fn phase_of(&self, facts: &ContainerFacts) -> Phase {
        let ready_since = &self.report.ready_since;
        let known_ready =
            *ready_since == facts.started_at && (ready_since.is_some() || self.report.known() == Phase::Running);
        if facts.paused {
            Phase::Paused
        } else if known_ready || !self.config.detects_readiness {
            Phase::Running
        } else {
            Phase::Starting
        }
    }

    fn process_ended_unasked(&mut self) {
        let known = self.report.known();
        let (phase, cause) = match &self.facts {
            _ if matches!(known, Phase::Stopping | Phase::Restarting) => (Phase::Stopped, Cause::new(Reason::Command)),
            None => {
                let sentence = "the container was removed by somebody else";
                (Phase::Crashed, Cause::new(Reason::ContainerRemoved).with_sentence(sentence))
            }
            Some(facts) if facts.oom_killed => {
                let sentence = "the process was killed for want of memory";
                (Phase::Crashed, Cause::new(Reason::Oom).with_sentence(sentence))
            }
            Some(facts) => match facts.exit_code {
                Some(0) => (Phase::Stopped, Cause::new(Reason::CleanExit)),
                Some(code) => {
                    let sentence = format!("the process ended with exit code {code}");
                    (Phase::Crashed, Cause::new(Reason::Crash).with_sentence(sentence))
                }
                // A start that was cut off before it had a process.
                None if known == Phase::Starting => (Phase::Stopped, Cause::new(Reason::StartFailed)),
                None => (Phase::Crashed, Cause::new(Reason::Crash).with_sentence("the process ended")),
            },
        };
        let exit_code = self.facts.as_ref().and_then(|facts| facts.exit_code);
        self.report.enter(phase, cause.with_exit_code(exit_code));
    }

    /// The phase that the last look gives, after an operation that failed half-way; without any look, what it was before.
    pub(super) fn enter_phase_as_seen(&mut self, cause: Cause) {
        let marked = matches!(self.report.known(), Phase::InstallFailed | Phase::Suspended);
        if marked {
            return;
        }
        let known = self.report.known();
        let phase = match &self.facts {
            _ if !self.looked => self.under_way.as_ref().map_or(known, |operation| operation.phase_before),
            Some(facts) if facts.running => {
                let phase = self.phase_of(facts);
                self.report.started_at = facts.started_at.clone();
                phase
            }
            _ if known.has_process() => Phase::Stopped,
            _ => known,
        };
        self.report.enter(phase, cause);
    }

    /// A start that was given up came true after all: its process is killed without a word, because nobody wants it.
    fn lay_ghost(&mut self, now: Millis) {
        let waits = self.ghost.as_ref().and_then(|ghost| ghost.look_at).is_some_and(|look_at| now < look_at);
        if !waits && !self.steps.has(StepKind::Kill) {
            self.perform(Action::Kill);
        }
    }

    /// A kill that belongs to no operation has ended.
    pub(super) fn ghost_was_hit(&mut self, now: Millis) {
        if let Some(ghost) = &mut self.ghost {
            ghost.look_at = Some(now + self.config.kill_retry);
        }
    }

    /// Looks again after a kill of a ghost, and when the time of ghosts is over.
    pub(super) fn mind_the_ghost(&mut self, now: Millis) {
        let Some(ghost) = &mut self.ghost else { return };
        if ghost.until <= now {
            self.ghost = None;
            self.report.push(Effect::Look);
        } else if ghost.look_at.is_some_and(|look_at| look_at <= now) {
            ghost.look_at = None;
            self.report.push(Effect::Look);
        }
    }

    fn is_at_rest(&self) -> bool {
        !self.report.known().has_process()
    }
}
