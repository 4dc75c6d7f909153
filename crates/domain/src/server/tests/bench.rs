//! A machine on the bench: what goes in is said in words, what comes out is collected.

use crate::Millis;
use crate::failure::{Failure, FailureCode};
use crate::ids::OperationId;
use crate::observation::{ContainerFacts, Observation};
use crate::phase::{Phase, Reason, StatusChange};
use crate::server::{
    Action, Effect, MachineConfig, Persisted, Power, Request, RequestKind, ServerMachine, StepId, Verdict,
};
use crate::spec::{StopMethod, StopRequest};

pub(super) const START_DEADLINE: Millis = 600_000;
pub(super) const KILL_RETRY: Millis = 5_000;
pub(super) const KILL_DEADLINE: Millis = 60_000;

pub(super) fn config() -> MachineConfig {
    MachineConfig {
        stop: StopMethod::Command("stop".to_owned()),
        detects_readiness: true,
        start_deadline: START_DEADLINE,
        kill_retry: KILL_RETRY,
        kill_deadline: KILL_DEADLINE,
    }
}

pub(super) fn stop_within(grace_seconds: u32) -> RequestKind {
    RequestKind::Stop(StopRequest { signal: None, grace_seconds })
}

pub(super) fn restart() -> RequestKind {
    RequestKind::Restart(StopRequest::default())
}

pub(super) fn delete() -> RequestKind {
    RequestKind::Delete { keep_files: false }
}

pub(super) fn failure(code: FailureCode) -> Failure {
    Failure::new(code, "it did not work")
}

/// A live process, told apart by its start.
pub(super) fn running(started_at: &str) -> Observation {
    Observation::Present(ContainerFacts {
        container_id: "c".to_owned(),
        running: true,
        started_at: Some(started_at.to_owned()),
        pid: Some(7),
        ..ContainerFacts::default()
    })
}

pub(super) fn paused(started_at: &str) -> Observation {
    let Observation::Present(facts) = running(started_at) else { unreachable!("it is a container") };
    Observation::Present(ContainerFacts { paused: true, ..facts })
}

pub(super) fn exited(started_at: &str, exit_code: i64) -> Observation {
    Observation::Present(ContainerFacts {
        container_id: "c".to_owned(),
        started_at: Some(started_at.to_owned()),
        exit_code: Some(exit_code),
        ..ContainerFacts::default()
    })
}

/// A container that was made and never started.
pub(super) fn made() -> Observation {
    Observation::Present(ContainerFacts { container_id: "c".to_owned(), ..ContainerFacts::default() })
}

pub(super) fn survivors(phase: Phase, desired: Power, started_at: Option<&str>, ready: bool) -> Persisted {
    let started_at = started_at.map(str::to_owned);
    Persisted { phase, desired, ready_since: started_at.clone().filter(|_| ready), started_at }
}

/// The machine, its clock, and what it has said so far.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) machine: ServerMachine,
    pub(super) now: Millis,
    /// Everything since the last `forget`.
    pub(super) said: Vec<Effect>,
    /// Steps that were begun and neither ended nor abandoned, oldest first.
    pub(super) in_flight: Vec<(StepId, Action)>,
    requests: usize,
}

impl Bench {
    pub(super) fn new(machine: ServerMachine) -> Self {
        Self { machine, now: 1_000, said: Vec::new(), in_flight: Vec::new(), requests: 0 }
    }

    /// A server that stands still, seen with its container.
    pub(super) fn stopped() -> Self {
        Self::seen(survivors(Phase::Stopped, Power::Off, None, false), made())
    }

    /// A server that runs and is ready, its process started at `one`.
    pub(super) fn running() -> Self {
        let bench = Self::seen(survivors(Phase::Running, Power::On, Some("one"), true), running("one"));
        assert_eq!(bench.phase(), Phase::Running);
        bench
    }

    /// A server read back from the store, and looked at.
    pub(super) fn seen(persisted: Persisted, observation: Observation) -> Self {
        let mut bench = Self::new(ServerMachine::restored(config(), persisted));
        bench.look(observation);
        bench.forget();
        bench
    }

    pub(super) fn forget(&mut self) {
        self.said.clear();
    }

    pub(super) fn phase(&self) -> Phase {
        self.machine.status().phase
    }

    /// Asks; the operation's id is `op_` and a number from 1 on.
    pub(super) fn ask(&mut self, kind: RequestKind) -> Verdict {
        self.requests += 1;
        let operation = OperationId::new(format!("op_{}", self.requests));
        let (verdict, effects) = self.machine.request(self.now, Request { operation, kind });
        self.take(effects);
        verdict
    }

    #[track_caller]
    pub(super) fn accepted(&mut self, kind: RequestKind) -> OperationId {
        assert_eq!(self.ask(kind), Verdict::Accepted);
        OperationId::new(format!("op_{}", self.requests))
    }

    #[track_caller]
    pub(super) fn refused(&mut self, kind: RequestKind) -> FailureCode {
        match self.ask(kind) {
            Verdict::Refused(failure) => failure.code,
            verdict => panic!("not refused, but {verdict:?}"),
        }
    }

    pub(super) fn look(&mut self, observation: Observation) {
        let effects = self.machine.observe(self.now, observation);
        self.take(effects);
    }

    /// Ends the oldest step in flight with this action.
    #[track_caller]
    pub(super) fn end(&mut self, action: &Action, result: Result<(), Failure>) {
        let place = self.in_flight.iter().position(|(_, candidate)| candidate == action);
        let place = place.unwrap_or_else(|| panic!("{action:?} is not in flight, only {:?}", self.in_flight));
        let (step, _) = self.in_flight.remove(place);
        let effects = self.machine.step_ended(self.now, step, result);
        self.take(effects);
    }

    #[track_caller]
    pub(super) fn done(&mut self, action: &Action) {
        self.end(action, Ok(()));
    }

    pub(super) fn ready(&mut self) {
        let effects = self.machine.became_ready(self.now);
        self.take(effects);
    }

    /// Lets time pass, calling at every deadline on the way.
    pub(super) fn pass(&mut self, millis: Millis) {
        let end = self.now + millis;
        while let Some(deadline) = self.machine.next_deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            let effects = self.machine.tick(self.now);
            self.take(effects);
            assert!(
                self.machine.next_deadline().is_none_or(|next| next > self.now),
                "a deadline that has passed must not stand"
            );
        }
        self.now = end;
    }

    /// From a start's beginning to a process that is not ready yet.
    #[track_caller]
    pub(super) fn bring_up(&mut self, started_at: &str) {
        self.done(&Action::EnsureImage);
        self.done(&Action::EnsureContainer);
        self.done(&Action::Start);
        self.look(running(started_at));
    }

    pub(super) fn actions_in_flight(&self) -> Vec<Action> {
        self.in_flight.iter().map(|(_, action)| action.clone()).collect()
    }

    /// The phases told since the last `forget`.
    pub(super) fn phases(&self) -> Vec<Phase> {
        self.changes().map(|change| change.to.phase).collect()
    }

    pub(super) fn changes(&self) -> impl DoubleEndedIterator<Item = &StatusChange> {
        self.said.iter().filter_map(|effect| match effect {
            Effect::Changed(change) => Some(change),
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn last_reason(&self) -> Option<Reason> {
        self.changes().next_back().expect("something changed").reason
    }

    /// The outcome of an operation, which must have exactly one.
    #[track_caller]
    pub(super) fn outcome(&self, of: &OperationId) -> Result<Option<String>, Failure> {
        let mut outcomes = self.said.iter().filter_map(|effect| match effect {
            Effect::Finished { operation, outcome } if operation == of => Some(outcome.clone()),
            _ => None,
        });
        let outcome = outcomes.next().unwrap_or_else(|| panic!("{of} has no outcome yet: {:?}", self.said));
        assert_eq!(outcomes.next(), None, "{of} has two outcomes");
        outcome
    }

    #[track_caller]
    pub(super) fn outcome_code(&self, of: &OperationId) -> FailureCode {
        self.outcome(of).expect_err("it should have failed").code
    }

    #[track_caller]
    pub(super) fn note(&self, of: &OperationId) -> String {
        self.outcome(of).expect("it should have succeeded").expect("it should carry a note")
    }

    pub(super) fn is_finished(&self, of: &OperationId) -> bool {
        self.said.iter().any(|effect| matches!(effect, Effect::Finished { operation, .. } if operation == of))
    }

    pub(super) fn asked_to_look(&self) -> bool {
        self.said.contains(&Effect::Look)
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            match effect {
                Effect::Perform { step, action } => self.in_flight.push((*step, action.clone())),
                Effect::Abandon { step } => {
                    let before = self.in_flight.len();
                    self.in_flight.retain(|(candidate, _)| candidate != step);
                    assert!(self.in_flight.len() < before, "{step:?} was abandoned, but is not in flight");
                }
                _ => {}
            }
        }
        self.said.extend(effects);
    }
}
