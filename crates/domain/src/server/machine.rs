//! The machine itself: what comes in, and how operations follow each other.

use std::collections::VecDeque;

use super::acceptance::{Decision, PreEmption, Situation};
use super::operation::{Operation, Stage};
use super::report::{Cause, Report};
use super::steps::StepsInFlight;
use super::{Effect, MachineConfig, Persisted, Power, Request, RequestKind, StepId, Verdict};
use crate::Millis;
use crate::failure::{Failure, FailureCode};
use crate::ids::OperationId;
use crate::observation::{ContainerFacts, Observation};
use crate::phase::{Phase, Reason, Status};
use crate::spec::Signal;

/// The state machine of one server. Feed it from one place, in order; carry out what it answers, in order.
#[derive(Debug)]
pub struct ServerMachine {
    pub(super) config: MachineConfig,
    pub(super) report: Report,
    pub(super) steps: StepsInFlight,
    pub(super) under_way: Option<Operation>,
    /// Only installs, starts and restarts ever wait; at most [`super::MOST_WAITING`].
    waiting: VecDeque<Request>,
    /// The container as it was last seen; none if absent or never seen.
    pub(super) facts: Option<ContainerFacts>,
    /// Whether there ever was a look.
    pub(super) looked: bool,
    /// A start step succeeded, and no look has shown its process yet.
    pub(super) unseen_start: Option<UnseenStart>,
    /// A start that nobody waits for any more, and that may still happen.
    pub(super) ghost: Option<Ghost>,
    shutting_down: bool,
}

/// A start step that succeeded before any look showed its process.
#[derive(Debug)]
pub(super) struct UnseenStart {
    /// The `started_at` that was seen before: a look that still shows it was taken too early.
    pub(super) started_at_before: Option<String>,
}

/// A start that was given up while Docker may go on with it.
#[derive(Debug)]
pub(super) struct Ghost {
    /// From then on, a process is taken for somebody else's.
    pub(super) until: Millis,
    /// When to look again after a kill of it.
    pub(super) look_at: Option<Millis>,
}

impl ServerMachine {
    /// A server that was just created: phase `Installing`, nothing under way. The owner then requests
    /// [`RequestKind::Install`], and keeps [`Self::persisted`] from the beginning.
    pub fn created(config: MachineConfig) -> Self {
        let persisted =
            Persisted { phase: Phase::Installing, desired: Power::Off, ready_since: None, started_at: None };
        Self::new(config, Report::new(persisted, Phase::Installing))
    }

    /// A server read back from the store, or adopted: reported `Unknown` until it is first observed. An install that
    /// was cut off has failed.
    pub fn restored(config: MachineConfig, persisted: Persisted) -> Self {
        // `Unknown` is never written; should a store hold it all the same, the first look decides.
        let phase = if persisted.phase == Phase::Unknown { Phase::Stopped } else { persisted.phase };
        let told = if phase == Phase::Deleted { Phase::Deleted } else { Phase::Unknown };
        let mut report = Report::new(Persisted { phase, ..persisted }, told);
        if phase == Phase::Installing {
            let cause = Cause::new(Reason::Install).with_sentence("the install was interrupted");
            report.enter(Phase::InstallFailed, cause);
        }
        Self::new(config, report)
    }

    fn new(config: MachineConfig, report: Report) -> Self {
        Self {
            config,
            report,
            steps: StepsInFlight::default(),
            under_way: None,
            waiting: VecDeque::new(),
            facts: None,
            looked: false,
            unseen_start: None,
            ghost: None,
            shutting_down: false,
        }
    }

    /// Replaces the parts of the configuration that decide transitions; what is under way keeps what it has begun.
    pub fn set_config(&mut self, config: MachineConfig) {
        self.config = config;
    }

    /// What is reported of the server.
    pub fn status(&self) -> Status {
        self.report.status()
    }

    /// What must survive a restart of the agent.
    pub fn persisted(&self) -> Persisted {
        self.report.persisted()
    }

    /// The operation under way, if any.
    pub fn current_operation(&self) -> Option<(&OperationId, &RequestKind)> {
        self.under_way.as_ref().map(|operation| (&operation.id, &operation.kind))
    }

    /// A lifecycle request. A stop by SIGKILL is a kill (P-184).
    pub fn request(&mut self, now: Millis, request: Request) -> (Verdict, Vec<Effect>) {
        let request = match request.kind {
            RequestKind::Stop(stop) if stop.signal == Some(Signal::Kill) => {
                Request { kind: RequestKind::Kill, ..request }
            }
            _ => request,
        };
        let situation = Situation {
            phase: self.report.known(),
            engine_answers: self.report.engine_answers(),
            process: self.process_is_there() || self.start_is_pending(),
            shutting_down: self.shutting_down,
            under_way: self.current_operation(),
            waiting: &self.waiting,
        };
        let decision = situation.decide(&request.kind);
        if !matches!(decision, Decision::Refuse(_)) {
            self.wish(&request.kind);
        }
        let verdict = match decision {
            Decision::Refuse(failure) => Verdict::Refused(failure),
            Decision::Holds => Verdict::AlreadyHolds,
            Decision::Join(operation, pre_emption) => {
                self.pre_empt(pre_emption, &request.kind);
                Verdict::Joined(operation)
            }
            Decision::Accept(pre_emption) => {
                let replaced = self.pre_empt(pre_emption, &request.kind);
                if self.under_way.is_some() {
                    self.waiting.push_back(request);
                } else {
                    self.begin(now, request, replaced);
                }
                Verdict::Accepted
            }
        };
        (verdict, self.end_turn(now))
    }

    /// A look at the container. The owner drops looks that began before the last one given in.
    pub fn observe(&mut self, now: Millis, observation: Observation) -> Vec<Effect> {
        if self.report.known() != Phase::Deleted {
            self.take_look(now, observation);
        }
        self.end_turn(now)
    }

    /// The end of a step begun by [`Effect::Perform`]. Ends of abandoned or unknown steps are ignored.
    pub fn step_ended(&mut self, now: Millis, step: StepId, result: Result<(), Failure>) -> Vec<Effect> {
        let Some(kind) = self.steps.end(step) else {
            return Vec::new();
        };
        if self.report.known() == Phase::Deleted {
            return Vec::new();
        }
        let awaited = self.under_way.as_ref().and_then(|operation| operation.stage.step()) == Some(step);
        if awaited {
            self.awaited_step_ended(now, result);
        } else {
            self.leftover_step_ended(now, kind, result);
        }
        self.end_turn(now)
    }

    /// The output matched the readiness detection. Ignored unless the server is starting.
    pub fn became_ready(&mut self, now: Millis) -> Vec<Effect> {
        self.ready_in_output();
        self.end_turn(now)
    }

    /// When [`Self::tick`] wants to be called next.
    pub fn next_deadline(&self) -> Option<Millis> {
        let operation = self.under_way.as_ref();
        let retry = operation.and_then(|operation| match &operation.stage {
            Stage::Kill(killing) => killing.retry_at,
            _ => None,
        });
        let ghost = self.ghost.as_ref();
        [
            operation.and_then(|operation| operation.until),
            retry,
            ghost.map(|ghost| ghost.until),
            ghost.and_then(|ghost| ghost.look_at),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Time has passed. Harmless when called too early or too often.
    pub fn tick(&mut self, now: Millis) -> Vec<Effect> {
        let until = self.under_way.as_ref().and_then(|operation| operation.until);
        if until.is_some_and(|until| until <= now) {
            self.stage_timed_out(now);
        } else {
            self.retry_kill_if_due(now);
        }
        self.mind_the_ghost(now);
        self.end_turn(now)
    }

    /// The agent shuts down: requests are refused from now on. What is under way goes on until the owner stops.
    pub fn shut_down(&mut self) {
        self.shutting_down = true;
    }

    /// What a request that was not refused says about the desired power, even if it joins or already holds.
    fn wish(&mut self, kind: &RequestKind) {
        match kind {
            RequestKind::Start | RequestKind::Restart(_) => self.report.desired = Power::On,
            RequestKind::Stop(_) | RequestKind::Kill | RequestKind::Delete { .. } => self.report.desired = Power::Off,
            RequestKind::Install => {}
        }
    }

    /// Ends what is pre-empted; answers the operation that was under way, for the next one to take over what fits.
    fn pre_empt(&mut self, what: PreEmption, by: &RequestKind) -> Option<Operation> {
        if what == PreEmption::Nothing {
            return None;
        }
        let replaced = if what == PreEmption::Everything { self.under_way.take() } else { None };
        if let Some(operation) = &replaced {
            self.finished(&operation.id, Err(superseded(by)));
            if operation.kind == RequestKind::Install {
                let cause = Cause::new(Reason::Command).with_error(&superseded(by));
                self.report.enter(Phase::InstallFailed, cause);
            }
        }
        for request in std::mem::take(&mut self.waiting) {
            self.finished(&request.operation, Err(superseded(by)));
        }
        replaced
    }

    /// Begins an operation; nothing may be under way.
    fn begin(&mut self, now: Millis, request: Request, replaced: Option<Operation>) {
        let operation = Operation {
            id: request.operation,
            kind: request.kind,
            stage: Stage::AwaitLook,
            until: None,
            failure: None,
            ready_seen: false,
            phase_before: self.report.known(),
        };
        self.under_way = Some(operation);
        let taken_over = match (request.kind, replaced) {
            (RequestKind::Stop(stop), Some(replaced)) => self.take_over_way_down(now, stop, replaced),
            _ => false,
        };
        if taken_over {
            return;
        }
        self.drop_disposable_steps();
        match request.kind {
            RequestKind::Install => self.begin_install(),
            RequestKind::Start => self.begin_start(now),
            RequestKind::Stop(stop) => self.begin_stop(now, stop),
            RequestKind::Restart(stop) => self.begin_restart(now, stop),
            RequestKind::Kill => self.begin_commanded_kill(now),
            RequestKind::Delete { .. } => self.begin_delete(now),
        }
    }

    /// The end of the operation under way.
    pub(super) fn finish(&mut self, outcome: Result<Option<String>, Failure>) {
        if let Some(operation) = self.under_way.take() {
            self.finished(&operation.id, outcome);
        }
        self.drop_disposable_steps();
    }

    fn finished(&mut self, operation: &OperationId, outcome: Result<Option<String>, Failure>) {
        self.report.push(Effect::Finished { operation: operation.clone(), outcome });
    }

    /// Lets waiting operations have their turn, and hands out the effects.
    fn end_turn(&mut self, now: Millis) -> Vec<Effect> {
        while self.under_way.is_none() {
            let Some(request) = self.waiting.pop_front() else { break };
            if self.report.known() == Phase::Deleted {
                let failure = Failure::new(FailureCode::ServerNotFound, "the server has been deleted");
                self.finished(&request.operation, Err(failure));
            } else {
                self.begin(now, request, None);
            }
        }
        self.report.take_effects()
    }
}

fn superseded(by: &RequestKind) -> Failure {
    Failure::new(FailureCode::Superseded, format!("replaced by {}", by.action_name()))
}
