//! The ids of servers that this agent deleted, so that deleting them again succeeds (P-23).
//!
//! Bound: as many as the store keeps, [`KEPT`]; the oldest go first.

use std::collections::{HashSet, VecDeque};

use cap_domain::ids::ServerId;

/// Ids kept.
const KEPT: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DeletedIds {
    ids: HashSet<String>,
    /// The same, oldest first.
    order: VecDeque<String>,
}

impl DeletedIds {
    pub(super) fn insert(&mut self, id: ServerId) {
        if self.ids.insert(id.to_string()) {
            self.order.push_back(id.to_string());
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }

    /// The id was created anew.
    pub(super) fn remove(&mut self, id: &ServerId) {
        if self.ids.remove(id.as_str()) {
            self.order.retain(|other| other != id.as_str());
        }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_bound_are_remembered_and_the_oldest_go_first() {
        let mut deleted = DeletedIds::default();
        let id = |n: usize| ServerId::parse(&format!("s{n}")).unwrap();
        for n in 0..KEPT + 3 {
            deleted.insert(id(n));
        }
        assert_eq!((deleted.ids.len(), deleted.order.len()), (KEPT, KEPT));
        assert!(!deleted.contains("s2") && deleted.contains("s3"));
    }

    #[test]
    fn one_that_was_created_anew_and_deleted_again_counts_as_young() {
        let mut deleted = DeletedIds::default();
        let id = |n: usize| ServerId::parse(&format!("s{n}")).unwrap();
        deleted.insert(id(0));
        deleted.insert(id(1));
        deleted.remove(&id(0));
        assert!(!deleted.contains("s0"));
        deleted.insert(id(0));
        assert_eq!(deleted.order, ["s1", "s0"]);
    }
}
