//! The books: each command has one answer, each operation that was acknowledged one end.

use std::collections::{BTreeMap, BTreeSet};

use cap_agent::reply::CommandAnswer;
use cap_agent::report::Report;
use cap_domain::command::Answer;
use cap_domain::failure::FailureCode;
use cap_domain::ids::OperationId;

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) done: usize,
    pub(crate) acknowledged: usize,
    pub(crate) failed: BTreeMap<&'static str, usize>,
    owed: BTreeSet<OperationId>,
}

impl Account {
    pub(crate) fn take(&mut self, answer: CommandAnswer) {
        match answer {
            Answer::Done { .. } => self.done += 1,
            Answer::InProgress { operation, .. } => {
                self.acknowledged += 1;
                self.owed.insert(operation);
            }
            Answer::Failed { failure } => {
                assert_ne!(failure.code, FailureCode::InternalError, "{failure:?}");
                *self.failed.entry(failure.code.as_str()).or_default() += 1;
            }
        }
    }

    /// Operations that were acknowledged, and not told of.
    pub(crate) fn missing(&self, told: &[Report]) -> Vec<OperationId> {
        let ended: BTreeSet<&OperationId> = ends(told).collect();
        self.owed.iter().filter(|operation| !ended.contains(operation)).cloned().collect()
    }

    /// Closes the books of a round.
    #[track_caller]
    pub(crate) fn check(&mut self, told: &[Report]) {
        let mut seen = BTreeSet::new();
        for operation in ends(told) {
            assert!(seen.insert(operation.clone()), "told twice: {operation}");
        }
        let missing = self.missing(told);
        assert!(missing.is_empty(), "acknowledged, and never told of: {missing:?}");
        self.owed.clear();
    }
}

fn ends(told: &[Report]) -> impl Iterator<Item = &OperationId> {
    told.iter().filter_map(|report| match report {
        Report::OperationCompleted { operation, .. } => Some(operation),
        _ => None,
    })
}
