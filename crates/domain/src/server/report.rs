//! What is told of a server: its phase, what must survive, and the effects of the current turn.

use super::{Effect, Persisted, Power};
use crate::failure::Failure;
use crate::phase::{Phase, Reason, Status, StatusChange};

/// Why a phase is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: Reason,
    pub(super) error: Option<String>,
    pub(super) exit_code: Option<i64>,
}

impl Cause {
    pub(super) fn new(reason: Reason) -> Self {
        Self { reason, error: None, exit_code: None }
    }

    pub(super) fn with_error(mut self, failure: &Failure) -> Self {
        self.error = Some(failure.message.clone());
        self
    }

    pub(super) fn with_sentence(mut self, sentence: impl Into<String>) -> Self {
        self.error = Some(sentence.into());
        self
    }

    pub(super) fn with_exit_code(mut self, exit_code: Option<i64>) -> Self {
        self.exit_code = exit_code;
        self
    }
}

/// Phase and survivors, and the effects collected since the last [`Report::take_effects`].
#[derive(Debug)]
pub(super) struct Report {
    /// The last known phase; moves on while the engine does not answer. Never `Unknown`.
    known: Phase,
    /// The phase of the last change that was told.
    told: Phase,
    /// Why the last known phase was entered, in case it could not be told then.
    untold: Option<Cause>,
    engine_answers: bool,
    pub(super) desired: Power,
    pub(super) ready_since: Option<String>,
    pub(super) started_at: Option<String>,
    /// What the owner has been told to write.
    written: Persisted,
    effects: Vec<Effect>,
}

impl Report {
    /// `written` is what the store holds; `told` what was last reported.
    pub(super) fn new(written: Persisted, told: Phase) -> Self {
        Self {
            known: written.phase,
            told,
            untold: None,
            engine_answers: told != Phase::Unknown,
            desired: written.desired,
            ready_since: written.ready_since.clone(),
            started_at: written.started_at.clone(),
            written,
            effects: Vec::new(),
        }
    }

    pub(super) fn known(&self) -> Phase {
        self.known
    }

    /// The phase that was told last.
    pub(super) fn told(&self) -> Phase {
        self.told
    }

    pub(super) fn engine_answers(&self) -> bool {
        self.engine_answers
    }

    pub(super) fn status(&self) -> Status {
        Status { phase: self.visible(), last_known: self.known }
    }

    pub(super) fn persisted(&self) -> Persisted {
        Persisted {
            phase: self.known,
            desired: self.desired,
            ready_since: self.ready_since.clone(),
            started_at: self.started_at.clone(),
        }
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Enters a phase. It is told now, or when the engine answers again. Entering the same phase again tells nothing.
    pub(super) fn enter(&mut self, phase: Phase, cause: Cause) {
        if phase == self.known && self.visible() == self.told {
            return;
        }
        self.known = phase;
        self.untold = Some(cause);
        if self.engine_answers || phase == Phase::Deleted {
            self.tell();
        }
    }

    /// The engine does not answer: nothing is known any more.
    pub(super) fn engine_went(&mut self) {
        if self.known != Phase::Deleted && self.engine_answers {
            self.engine_answers = false;
            self.untold =
                Some(Cause::new(Reason::DockerUnreachable).with_sentence("the container engine cannot be reached"));
            self.tell();
        }
    }

    /// The engine answers. What is true now is told by [`Report::tell`], once it has been judged.
    pub(super) fn engine_came_back(&mut self) {
        self.engine_answers = true;
    }

    /// Tells the phase, if it differs from the one told before (P-206). Out of `Unknown` the reason is that the engine
    /// answers again; sentence and exit code stay.
    pub(super) fn tell(&mut self) {
        let visible = self.visible();
        let cause = self.untold.take();
        if visible == self.told {
            return;
        }
        let reconciled = self.told == Phase::Unknown && visible != Phase::Deleted;
        let reason = if reconciled { Some(Reason::Reconciled) } else { cause.as_ref().map(|cause| cause.reason) };
        let (error, exit_code) = cause.map_or((None, None), |cause| (cause.error, cause.exit_code));
        self.effects.push(Effect::Changed(StatusChange {
            from: self.told,
            to: Status { phase: visible, last_known: self.known },
            reason,
            error,
            exit_code,
        }));
        self.told = visible;
    }

    /// The effects of this turn; what must survive comes first, so that it is written before anything is acknowledged.
    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        let persisted = self.persisted();
        let mut effects = std::mem::take(&mut self.effects);
        if persisted != self.written {
            effects.insert(0, Effect::Persist(persisted.clone()));
            self.written = persisted;
        }
        effects
    }

    fn visible(&self) -> Phase {
        if self.engine_answers || self.known == Phase::Deleted { self.known } else { Phase::Unknown }
    }
}
