//! A small model of Docker and of the owner, in which anything may hang, fail, come late, or happen by itself.

use std::collections::{BTreeMap, VecDeque};

use crate::Millis;
use crate::failure::{Failure, FailureCode};
use crate::ids::OperationId;
use crate::observation::{ContainerFacts, Observation};
use crate::phase::Phase;
use crate::server::{
    Action, Effect, MOST_WAITING, MachineConfig, Request, RequestKind, ServerMachine, StepId, Verdict,
};

/// The one container.
#[derive(Clone, Debug, Default)]
struct Container {
    exists: bool,
    running: bool,
    paused: bool,
    starts: u32,
    exit_code: Option<i64>,
}

/// A step in flight.
#[derive(Clone, Debug)]
struct Step {
    id: StepId,
    action: Action,
    /// Docker has carried it out, although its end has not been told yet.
    carried_out: bool,
}

/// The machine, its owner and its Docker.
#[derive(Debug)]
pub(super) struct World {
    pub(super) machine: ServerMachine,
    now: Millis,
    container: Container,
    engine_answers: bool,
    steps: Vec<Step>,
    /// Starts that nobody waits for any more and that Docker may still carry out, until then.
    /// Half the time that the machine minds them: what comes later counts as somebody else's start.
    abandoned_starts: Vec<Millis>,
    /// Looks that were begun and not told yet, in order.
    looks: VecDeque<Observation>,
    /// A look is to be begun.
    look_wanted: bool,
    /// Accepted operations and how often they finished.
    operations: BTreeMap<OperationId, u32>,
    outcomes: BTreeMap<OperationId, Result<(), FailureCode>>,
    told: Phase,
    persisted_by_effects: crate::server::Persisted,
    requests: u32,
    config: MachineConfig,
}

impl World {
    pub(super) fn new(machine: ServerMachine, config: MachineConfig, container_runs: bool) -> Self {
        let told = machine.status().phase;
        let persisted_by_effects = machine.persisted();
        let container = Container {
            exists: container_runs,
            running: container_runs,
            starts: u32::from(container_runs),
            ..Container::default()
        };
        let mut world = Self {
            machine,
            now: 0,
            container,
            engine_answers: true,
            steps: Vec::new(),
            abandoned_starts: Vec::new(),
            looks: VecDeque::new(),
            look_wanted: true,
            operations: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            told,
            persisted_by_effects,
            requests: 0,
            config,
        };
        world.begin_look();
        world
    }

    pub(super) fn request(&mut self, kind: RequestKind) -> (OperationId, Verdict) {
        self.requests += 1;
        let id = OperationId::new(format!("op_{:04}", self.requests));
        let (verdict, effects) = self.machine.request(self.now, Request { operation: id.clone(), kind });
        match &verdict {
            Verdict::Accepted => {
                self.operations.insert(id.clone(), 0);
            }
            Verdict::Joined(joined) => {
                assert_eq!(self.operations.get(joined), Some(&0), "only an operation without outcome can be joined");
            }
            Verdict::AlreadyHolds | Verdict::Refused(_) => {}
        }
        self.take(effects);
        assert!(self.operations.values().filter(|ends| **ends == 0).count() <= MOST_WAITING + 1);
        (id, verdict)
    }

    /// Docker carries out a step in flight; its end is told later.
    pub(super) fn carry_out(&mut self, which: usize) {
        if self.steps.is_empty() || !self.engine_answers {
            return;
        }
        let place = which % self.steps.len();
        if !self.steps[place].carried_out {
            self.steps[place].carried_out = true;
            let action = self.steps[place].action.clone();
            self.act(&action);
        }
    }

    /// The end of a step is told: as it went, or as a failure although it may have been carried out.
    pub(super) fn end_step(&mut self, which: usize, fails: bool) {
        if self.steps.is_empty() {
            return;
        }
        let place = which % self.steps.len();
        if !fails && self.engine_answers {
            self.carry_out(place);
        }
        let step = self.steps.remove(place);
        let result = if step.carried_out && !fails {
            Ok(())
        } else {
            Err(Failure::new(FailureCode::DockerError, "the engine did not do it"))
        };
        // An engine that did not answer in time may still do it: only for a start does that matter here.
        if result.is_err() && !step.carried_out && step.action == Action::Start {
            self.abandoned_starts.push(self.now + self.config.kill_deadline / 2);
        }
        let effects = self.machine.step_ended(self.now, step.id, result);
        self.take(effects);
    }

    /// A start that nobody waits for happens after all.
    pub(super) fn abandoned_start_happens(&mut self) {
        if let Some(until) = self.abandoned_starts.pop()
            && self.now <= until
        {
            self.act(&Action::Start);
        }
    }

    /// The oldest look is told; then the next one begins, if one is wanted.
    pub(super) fn tell_look(&mut self) {
        if self.look_wanted || self.looks.is_empty() {
            self.begin_look();
        }
        if let Some(observation) = self.looks.pop_front() {
            let effects = self.machine.observe(self.now, observation);
            self.take(effects);
        }
    }

    /// A look begins now, and is told later, when it may be out of date.
    pub(super) fn begin_look(&mut self) {
        if self.looks.len() < 2 {
            self.look_wanted = false;
            self.looks.push_back(self.observation());
        }
    }

    /// The slow timer: a look that nobody wanted.
    pub(super) fn look_by_timer(&mut self) {
        self.look_wanted = true;
    }

    pub(super) fn ready(&mut self) {
        if self.container.running {
            let effects = self.machine.became_ready(self.now);
            self.take(effects);
        }
    }

    pub(super) fn exit(&mut self, code: i64) {
        if self.container.running {
            self.container.running = false;
            self.container.paused = false;
            self.container.exit_code = Some(code);
            self.look_wanted = true;
        }
    }

    pub(super) fn remove_outside(&mut self) {
        self.container = Container { starts: self.container.starts, ..Container::default() };
        self.look_wanted = true;
    }

    pub(super) fn start_outside(&mut self) {
        if self.container.exists {
            self.act(&Action::Start);
        }
    }

    pub(super) fn pause_outside(&mut self, paused: bool) {
        if self.container.running {
            self.container.paused = paused;
            self.look_wanted = true;
        }
    }

    pub(super) fn engine(&mut self, answers: bool) {
        self.engine_answers = answers;
        self.look_wanted = true;
    }

    pub(super) fn pass(&mut self, millis: Millis) {
        let end = self.now + millis;
        while let Some(deadline) = self.machine.next_deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            let effects = self.machine.tick(self.now);
            self.take(effects);
            assert!(self.machine.next_deadline().is_none_or(|next| next > self.now), "a deadline must not stand still");
        }
        self.now = end;
    }

    /// Nothing disturbs any more: steps end, looks are told, time passes, until nothing moves.
    pub(super) fn settle(&mut self) {
        self.engine(true);
        for _ in 0..2_000 {
            if !self.steps.is_empty() {
                self.end_step(0, false);
            } else if !self.looks.is_empty() || self.look_wanted {
                self.tell_look();
            } else if let Some(deadline) = self.machine.next_deadline() {
                self.pass(deadline.saturating_sub(self.now));
            } else {
                assert!(self.machine.current_operation().is_none(), "an operation waits for nothing: {self:#?}");
                // Once more with a fresh look, so that the machine has seen the last state.
                self.looks.clear();
                self.begin_look();
                self.tell_look();
                if self.steps.is_empty() && !self.look_wanted && self.machine.next_deadline().is_none() {
                    self.check_rest();
                    return;
                }
            }
        }
        panic!("it never comes to rest: {self:#?}");
    }

    /// What must be true when nothing moves any more.
    fn check_rest(&self) {
        for (operation, ends) in &self.operations {
            assert_eq!(*ends, 1, "{operation} was accepted and has {ends} outcomes");
        }
        let phase = self.machine.status().phase;
        assert_ne!(phase, Phase::Unknown, "the engine answers, so the phase is known");
        if !matches!(phase, Phase::InstallFailed | Phase::Suspended | Phase::Installing) {
            assert_eq!(phase.has_process(), self.container.running, "the phase {phase:?} is what Docker has");
        }
        if phase == Phase::Deleted {
            assert!(!self.container.exists, "a deleted server leaves no container");
        }
    }

    pub(super) fn container_runs(&self) -> bool {
        self.container.running
    }

    pub(super) fn outcome(&self, operation: &OperationId) -> Option<Result<(), FailureCode>> {
        self.outcomes.get(operation).copied()
    }

    fn observation(&self) -> Observation {
        if !self.engine_answers {
            return Observation::EngineUnreachable;
        }
        if !self.container.exists {
            return Observation::Absent;
        }
        Observation::Present(ContainerFacts {
            container_id: "c".to_owned(),
            running: self.container.running,
            paused: self.container.paused,
            started_at: (self.container.starts > 0).then(|| format!("start {}", self.container.starts)),
            exit_code: self.container.exit_code,
            oom_killed: false,
            pid: None,
        })
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::EnsureImage | Action::TrashData | Action::WriteLine(_) | Action::Signal(_) => {}
            Action::EnsureContainer => {
                assert!(!self.container.running || self.container.exists, "a process has a container");
                self.container.exists = true;
            }
            Action::Start => {
                if self.container.exists && !self.container.running {
                    self.container.running = true;
                    self.container.paused = false;
                    self.container.starts += 1;
                    self.container.exit_code = None;
                }
            }
            Action::Unpause => self.container.paused = false,
            Action::Kill => self.exit(137),
            Action::RemoveContainer => self.remove_outside(),
        }
        self.look_wanted = true;
    }

    fn take(&mut self, effects: Vec<Effect>) {
        let persist_last = effects.iter().rposition(|effect| matches!(effect, Effect::Persist(_)));
        assert!(persist_last.is_none_or(|place| place == 0), "what must survive is written first");
        for effect in effects {
            match effect {
                Effect::Perform { step, action } => {
                    if action == Action::Start {
                        let starts = self.steps.iter().filter(|step| step.action == Action::Start).count();
                        assert_eq!(starts, 0, "never two starts in flight");
                        let maker = self.steps.iter().any(|step| step.action == Action::EnsureContainer);
                        assert!(!maker, "no start while the container is being made");
                    }
                    self.steps.push(Step { id: step, action, carried_out: false });
                }
                Effect::Abandon { step } => {
                    let place = self.steps.iter().position(|candidate| candidate.id == step);
                    let abandoned = self.steps.remove(place.expect("only steps in flight are abandoned"));
                    assert!(
                        abandoned.action != Action::EnsureContainer,
                        "a container in the making is never abandoned: it would appear unseen"
                    );
                    if abandoned.action == Action::Start && !abandoned.carried_out {
                        self.abandoned_starts.push(self.now + self.config.kill_deadline / 2);
                    }
                }
                Effect::Look => self.look_wanted = true,
                Effect::Finished { operation, outcome } => {
                    let ends = self.operations.get_mut(&operation).expect("only accepted operations finish");
                    *ends += 1;
                    assert_eq!(*ends, 1, "{operation} has two outcomes");
                    self.outcomes.insert(operation, outcome.map(|_| ()).map_err(|failure| failure.code));
                }
                Effect::Changed(change) => {
                    assert_eq!(change.from, self.told, "changes form a chain");
                    assert_ne!(change.from, change.to.phase, "an equal phase is not told (P-206)");
                    assert_ne!(change.to.last_known, Phase::Unknown);
                    self.told = change.to.phase;
                }
                Effect::Persist(persisted) => self.persisted_by_effects = persisted,
            }
        }
        assert_eq!(self.machine.status().phase, self.told, "what is told is what is reported");
        assert_eq!(self.machine.persisted(), self.persisted_by_effects, "what must survive has been written");
        assert_ne!(self.persisted_by_effects.phase, Phase::Unknown);
        assert!(self.steps.len() <= 9, "steps do not pile up");
    }
}
