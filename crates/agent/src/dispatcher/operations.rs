//! The operations of the node: who waits for which, and what became of the last ones (P-17, P-20, P-21).
//!
//! Bounds: ended operations are remembered for an hour, at most 10 000, oldest dropped first. Those under way are
//! bounded by the queues of the servers' machines.

use std::collections::{HashMap, VecDeque};

use cap_domain::failure::Failure;
use cap_domain::ids::{CommandId, OperationId, ServerId};

use super::Pending;
use crate::reply::OperationView;

/// Ended operations remembered.
const REMEMBERED: usize = 10_000;

/// For how long, in milliseconds.
const REMEMBERED_MS: i64 = 3_600_000;

/// What the answer to an operation says beside its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AnswerShape {
    /// Status and note.
    Power,
    /// What a create says.
    Created { existing: bool, warnings: Vec<String> },
    /// Nothing is left, but the files if they were to be kept.
    Deleted { keep_files: bool },
}

/// What the store notes of a deletion under way that is to keep the files, so that it is resumed as it was asked for.
const KEEP_FILES: &str = "the files are kept";

impl AnswerShape {
    /// What must be stored of an operation under way beside its action.
    pub(super) fn to_resume(&self) -> Option<&'static str> {
        matches!(self, Self::Deleted { keep_files: true }).then_some(KEEP_FILES)
    }

    /// A deletion again, from what [`Self::to_resume`] gave.
    pub(super) fn resumed_delete(note: Option<&str>) -> Self {
        Self::Deleted { keep_files: note == Some(KEEP_FILES) }
    }
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: OperationId,
    pub(super) server: ServerId,
    /// The server as the caller named it (P-34).
    pub(super) target: String,
    pub(super) action: &'static str,
    pub(super) command: Option<CommandId>,
    pub(super) shape: AnswerShape,
    pub(super) started_unix_ms: i64,
    /// Commands not answered yet.
    pub(super) waiting: Vec<Pending>,
    /// Its deadline for an answer has passed: the outcome is owed as an event.
    pub(super) acknowledged: bool,
}

impl Operation {
    pub(super) fn is_deletion(&self) -> bool {
        matches!(self.shape, AnswerShape::Deleted { .. })
    }

    /// How it is shown.
    pub(super) fn view(&self, ended: Option<(i64, Option<Failure>)>) -> OperationView {
        let (ended_unix_ms, failure) = match ended {
            Some((at, failure)) => (Some(at), failure),
            None => (None, None),
        };
        OperationView {
            operation: self.id.clone(),
            command: self.command.clone(),
            server: self.target.clone(),
            action: self.action.to_owned(),
            started_unix_ms: self.started_unix_ms,
            ended_unix_ms,
            failure,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Operations {
    under_way: HashMap<OperationId, Operation>,
    ended: HashMap<OperationId, OperationView>,
    order: VecDeque<(i64, OperationId)>,
    last: HashMap<ServerId, OperationView>,
}

impl Operations {
    pub(super) fn begin(&mut self, operation: Operation) {
        self.under_way.insert(operation.id.clone(), operation);
    }

    /// The server's machine took it: it is the server's last operation from now on.
    pub(super) fn accepted(&mut self, id: &OperationId) {
        if let Some(operation) = self.under_way.get(id) {
            self.last.insert(operation.server.clone(), operation.view(None));
        }
    }

    pub(super) fn get_mut(&mut self, id: &OperationId) -> Option<&mut Operation> {
        self.under_way.get_mut(id)
    }

    /// It never began (refused, or joined another one): nothing is remembered of it.
    pub(super) fn withdraw(&mut self, id: &OperationId) -> Option<Operation> {
        self.under_way.remove(id)
    }

    /// It has its outcome.
    pub(super) fn end(&mut self, id: &OperationId, unix_ms: i64, failure: Option<Failure>) -> Option<Operation> {
        let operation = self.under_way.remove(id)?;
        self.remember(operation.server.clone(), operation.view(Some((unix_ms, failure))), unix_ms);
        Some(operation)
    }

    /// Takes in one that ended, also from before a restart.
    pub(super) fn remember(&mut self, server: ServerId, view: OperationView, now_unix_ms: i64) {
        let id = view.operation.clone();
        self.order.push_back((view.ended_unix_ms.unwrap_or(now_unix_ms), id.clone()));
        self.last.insert(server, view.clone());
        self.ended.insert(id, view);
        while let Some((ended, _)) = self.order.front() {
            if self.order.len() <= REMEMBERED && *ended + REMEMBERED_MS > now_unix_ms {
                break;
            }
            if let Some((_, id)) = self.order.pop_front() {
                self.ended.remove(&id);
            }
        }
    }

    pub(super) fn view(&self, id: &OperationId) -> Option<OperationView> {
        self.under_way.get(id).map(|operation| operation.view(None)).or_else(|| self.ended.get(id).cloned())
    }

    pub(super) fn last_of(&self, server: &ServerId) -> Option<OperationView> {
        self.last.get(server).cloned()
    }

    pub(super) fn forget_server(&mut self, server: &ServerId) {
        self.last.remove(server);
    }

    pub(super) fn under_way_of(&self, server: &ServerId) -> Vec<OperationId> {
        let of_it = self.under_way.values().filter(|operation| operation.server == *server);
        of_it.map(|operation| operation.id.clone()).collect()
    }

    pub(super) fn count_under_way(&self) -> usize {
        self.under_way.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(number: usize) -> Operation {
        Operation {
            id: OperationId::new(format!("op_{number}")),
            server: ServerId::parse("s1").unwrap(),
            target: "s1".into(),
            action: "start_server",
            command: None,
            shape: AnswerShape::Power,
            started_unix_ms: 0,
            waiting: Vec::new(),
            acknowledged: false,
        }
    }

    #[test]
    fn ended_operations_are_forgotten_after_an_hour() {
        let mut operations = Operations::default();
        operations.begin(operation(1));
        operations.end(&OperationId::new("op_1"), 1000, None);
        operations.begin(operation(2));
        operations.end(&OperationId::new("op_2"), 1000 + REMEMBERED_MS, None);
        assert_eq!(operations.view(&OperationId::new("op_1")), None);
        assert!(operations.view(&OperationId::new("op_2")).is_some());
    }

    #[test]
    fn no_more_than_ten_thousand_are_remembered() {
        let mut operations = Operations::default();
        for number in 0..REMEMBERED + 5 {
            operations.begin(operation(number));
            operations.end(&OperationId::new(format!("op_{number}")), 1, None);
        }
        assert_eq!((operations.ended.len(), operations.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(operations.view(&OperationId::new("op_4")), None, "the oldest go first");
    }

    #[test]
    fn one_that_never_began_leaves_no_trace() {
        let mut operations = Operations::default();
        operations.begin(operation(1));
        operations.withdraw(&OperationId::new("op_1"));
        assert_eq!(operations.view(&OperationId::new("op_1")), None);
        assert_eq!(operations.last_of(&ServerId::parse("s1").unwrap()), None);
    }
}
