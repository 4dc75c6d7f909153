//! The steps that were begun and have neither ended nor been abandoned.

use super::{Action, StepId};

/// What a step does, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepKind {
    EnsureImage,
    EnsureContainer,
    Start,
    WriteLine,
    Signal,
    Unpause,
    Kill,
    RemoveContainer,
    TrashData,
}

impl StepKind {
    pub(super) fn of(action: &Action) -> Self {
        match action {
            Action::EnsureImage => Self::EnsureImage,
            Action::EnsureContainer => Self::EnsureContainer,
            Action::Start => Self::Start,
            Action::WriteLine(_) => Self::WriteLine,
            Action::Signal(_) => Self::Signal,
            Action::Unpause => Self::Unpause,
            Action::Kill => Self::Kill,
            Action::RemoveContainer => Self::RemoveContainer,
            Action::TrashData => Self::TrashData,
        }
    }

    /// Whether Docker may still carry it out after its operation has gone, to the harm of the next one. Pulling an
    /// image harms nobody, and a line goes to the process it was meant for or to none.
    fn outlives_its_operation(self) -> bool {
        !matches!(self, Self::EnsureImage | Self::WriteLine)
    }
}

/// At most one step of each kind: a second one waits for the first, joins it, or abandons it.
#[derive(Debug, Default)]
pub(super) struct StepsInFlight {
    begun: u64,
    in_flight: Vec<(StepId, StepKind)>,
}

impl StepsInFlight {
    /// Numbers a new step.
    pub(super) fn begin(&mut self, kind: StepKind) -> StepId {
        self.begun += 1;
        let step = StepId(self.begun);
        self.in_flight.push((step, kind));
        step
    }

    /// Takes a step off; none if it was abandoned or never begun.
    pub(super) fn end(&mut self, step: StepId) -> Option<StepKind> {
        let place = self.in_flight.iter().position(|(candidate, _)| *candidate == step)?;
        Some(self.in_flight.remove(place).1)
    }

    /// The step of this kind, if one is in flight.
    pub(super) fn find(&self, kind: StepKind) -> Option<StepId> {
        self.in_flight.iter().find(|(_, candidate)| *candidate == kind).map(|(step, _)| *step)
    }

    /// Whether a step of this kind is in flight.
    pub(super) fn has(&self, kind: StepKind) -> bool {
        self.find(kind).is_some()
    }

    /// Whether nothing is in flight that could still change the container.
    pub(super) fn container_is_left_alone(&self) -> bool {
        !self.in_flight.iter().any(|(_, kind)| kind.outlives_its_operation())
    }

    /// Takes off all steps that need not be waited for when their operation goes.
    pub(super) fn take_disposable(&mut self) -> Vec<StepId> {
        let (disposable, kept): (Vec<_>, Vec<_>) =
            self.in_flight.drain(..).partition(|(_, kind)| !kind.outlives_its_operation());
        self.in_flight = kept;
        disposable.into_iter().map(|(step, _)| step).collect()
    }
}
