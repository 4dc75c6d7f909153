//! The uuids among the server ids, found in any spelling: with or without dashes, in either case, or by their first
//! eight digits.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::ServerId;

/// Folded uuid -> the servers spelled so. More than one is possible: ids are kept byte for byte.
#[derive(Clone, Debug, Default)]
pub(super) struct Spellings(BTreeMap<String, BTreeSet<ServerId>>);

impl Spellings {
    /// Adds a server, if its id is a uuid.
    pub(super) fn insert(&mut self, server: &ServerId) {
        if let Some(folded) = folded_uuid(server.as_str()) {
            self.0.entry(folded).or_default().insert(server.clone());
        }
    }

    pub(super) fn remove(&mut self, server: &ServerId) {
        let Some(folded) = folded_uuid(server.as_str()) else { return };
        let Some(namesakes) = self.0.get_mut(&folded) else { return };
        namesakes.remove(server);
        if namesakes.is_empty() {
            self.0.remove(&folded);
        }
    }

    /// The servers whose id is the same uuid as this text.
    pub(super) fn same_uuid(&self, raw: &str) -> impl Iterator<Item = &ServerId> {
        folded_uuid(raw).and_then(|folded| self.0.get(&folded)).into_iter().flatten()
    }

    /// The servers whose uuid begins with this text, if it is exactly eight hex digits.
    pub(super) fn short_id(&self, raw: &str) -> impl Iterator<Item = &ServerId> {
        let is_short_id = raw.len() == 8 && raw.bytes().all(|byte| byte.is_ascii_hexdigit());
        let prefix = is_short_id.then(|| raw.to_ascii_lowercase());
        prefix.into_iter().flat_map(|prefix| {
            self.0
                .range(prefix.clone()..)
                .take_while(move |(folded, _)| folded.starts_with(&prefix))
                .flat_map(|(_, servers)| servers)
        })
    }
}

/// The 32 hex digits of a uuid, lower case, if the text is one with or without dashes.
fn folded_uuid(text: &str) -> Option<String> {
    let folded: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let is_uuid = folded.len() == 32 && folded.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then_some(folded)
}
