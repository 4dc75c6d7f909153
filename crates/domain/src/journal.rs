//! Which commands were seen before, and what was answered (P-27 to P-31).
//!
//! The dispatcher asks [`CommandLedger::begin`] before it executes a command that has an id, and tells the answer. The
//! ledger says what the store has to keep, and takes it back after a restart. The store bounds itself by the same two
//! rules (number per caller, 24 h), so it need not be told what is dropped here.

use std::collections::{HashMap, VecDeque};

use crate::command::Caller;
use crate::ids::CommandId;

#[cfg(test)]
mod tests;

/// How many commands of one caller are remembered (P-29). At 50 commands a second (P-30) with a burst of 200 this is
/// enough for more than 10 minutes, which only holds if callers do not share it.
pub const MAX_REMEMBERED_PER_CALLER: usize = 32_768;

/// How long an answer is remembered at most, in milliseconds (P-29).
pub const REMEMBERED_AT_MOST_MS: u64 = 24 * 60 * 60 * 1000;

/// Identifies a command: ids of different callers are different commands (P-29).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandKey {
    /// Who sent it.
    pub caller: Caller,
    /// The id that was given. The text `"7"` and the number 7 are two ids.
    pub id: CommandId,
}

impl From<(Caller, CommandId)> for CommandKey {
    fn from((caller, id): (Caller, CommandId)) -> Self {
        Self { caller, id }
    }
}

/// What makes two commands with one id the same (P-27, P-28).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The canonical action name.
    pub action: String,
    /// The canonical id of the server it is for, or the name as it was given if no such server is known.
    pub target: Option<String>,
}

/// What to do with a command that has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin<A> {
    /// Not seen before, and remembered from now on: execute it, then tell the answer.
    New,
    /// Under way: do not execute; its one answer goes to both askers.
    Repeat,
    /// Done: send this answer again.
    Answered(A),
    /// The id was another command's: refuse with `DUPLICATE_ID`.
    Different,
    /// As many commands of this caller as can be remembered are under way: refuse with `RATE_LIMITED`.
    Full,
}

/// One remembered command, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry<A> {
    /// Which.
    pub key: CommandKey,
    /// What it asked for.
    pub fingerprint: Fingerprint,
    /// What was answered; none = it was under way.
    pub answer: Option<A>,
    /// When it was answered (or begun, without an answer), unix milliseconds.
    pub at_ms: u64,
}

/// The commands of all callers that are remembered, with answers of type `A`.
///
/// Dropped are: answers older than 24 h, and, when a caller has more than [`MAX_REMEMBERED_PER_CALLER`], its answers
/// from the oldest on. A command under way is never dropped.
#[derive(Clone, Debug)]
pub struct CommandLedger<A> {
    callers: HashMap<Caller, CallerLedger<A>>,
    max_per_caller: usize,
}

#[derive(Clone, Debug)]
struct CallerLedger<A> {
    commands: HashMap<CommandId, Remembered<A>>,
    /// Answered commands by time, oldest first; each is in `commands`.
    answered: VecDeque<(u64, CommandId)>,
}

#[derive(Clone, Debug)]
struct Remembered<A> {
    fingerprint: Fingerprint,
    answer: Option<A>,
}

impl<A: Clone> CommandLedger<A> {
    /// A ledger that remembers nothing yet.
    pub fn new() -> Self {
        Self::with_capacity_per_caller(MAX_REMEMBERED_PER_CALLER)
    }

    /// As [`Self::new`], with another bound.
    pub fn with_capacity_per_caller(max_per_caller: usize) -> Self {
        Self { callers: HashMap::new(), max_per_caller }
    }

    /// Decides about a command that has come in at `now_ms` (unix milliseconds).
    pub fn begin(&mut self, key: &CommandKey, fingerprint: Fingerprint, now_ms: u64) -> Begin<A> {
        let max_per_caller = self.max_per_caller;
        let caller = self.callers.entry(key.caller.clone()).or_default();
        caller.forget_older_than(now_ms.saturating_sub(REMEMBERED_AT_MOST_MS), &mut Vec::new());
        if let Some(known) = caller.commands.get(&key.id) {
            return match &known.answer {
                _ if known.fingerprint != fingerprint => Begin::Different,
                Some(answer) => Begin::Answered(answer.clone()),
                None => Begin::Repeat,
            };
        }
        while caller.commands.len() >= max_per_caller {
            if caller.forget_oldest().is_none() {
                return Begin::Full;
            }
        }
        caller.commands.insert(key.id.clone(), Remembered { fingerprint, answer: None });
        Begin::New
    }

    /// Whether the id was another command's. For queries, which are run again and not remembered (P-27), but may not
    /// borrow an id either (P-28).
    pub fn differs(&self, key: &CommandKey, fingerprint: &Fingerprint) -> bool {
        let known = self.callers.get(&key.caller).and_then(|caller| caller.commands.get(&key.id));
        known.is_some_and(|known| known.fingerprint != *fingerprint)
    }

    /// Remembers the answer to a command under way, given at `now_ms` (unix milliseconds). Returns what the store has to
    /// keep before the answer is sent; none if the command is not under way (then nothing changes).
    pub fn answer(&mut self, key: &CommandKey, answer: A, now_ms: u64) -> Option<LedgerEntry<A>> {
        let caller = self.callers.get_mut(&key.caller)?;
        let remembered = caller.commands.get_mut(&key.id).filter(|command| command.answer.is_none())?;
        remembered.answer = Some(answer.clone());
        let fingerprint = remembered.fingerprint.clone();
        let at_ms = caller.note_answered(key.id.clone(), now_ms);
        Some(LedgerEntry { key: key.clone(), fingerprint, answer: Some(answer), at_ms })
    }

    /// Forgets a command under way that was refused by a limit: such answers are not remembered (P-30), so that the same
    /// id can be tried again.
    pub fn forget_refused(&mut self, key: &CommandKey) {
        if let Some(caller) = self.callers.get_mut(&key.caller)
            && caller.commands.get(&key.id).is_some_and(|command| command.answer.is_none())
        {
            caller.commands.remove(&key.id);
        }
    }

    /// Drops answers older than 24 h now, and says which.
    pub fn expire(&mut self, now_ms: u64) -> Vec<CommandKey> {
        let mut dropped = Vec::new();
        for (name, caller) in &mut self.callers {
            let mut ids = Vec::new();
            caller.forget_older_than(now_ms.saturating_sub(REMEMBERED_AT_MOST_MS), &mut ids);
            dropped.extend(ids.into_iter().map(|id| CommandKey { caller: name.clone(), id }));
        }
        dropped
    }

    /// Puts back what the store kept. Entries may come in any order; beyond the bound the oldest go.
    pub fn restore(&mut self, entry: LedgerEntry<A>) {
        let max_per_caller = self.max_per_caller;
        let LedgerEntry { key, fingerprint, answer, at_ms } = entry;
        let caller = self.callers.entry(key.caller).or_default();
        if caller.commands.contains_key(&key.id) {
            return;
        }
        if answer.is_some() {
            let place = caller.answered.partition_point(|(other_ms, _)| *other_ms <= at_ms);
            caller.answered.insert(place, (at_ms, key.id.clone()));
        }
        caller.commands.insert(key.id, Remembered { fingerprint, answer });
        while caller.commands.len() > max_per_caller && caller.forget_oldest().is_some() {}
    }

    /// The commands under way, such as those that a restart of the agent cut off.
    pub fn under_way(&self) -> impl Iterator<Item = (CommandKey, &Fingerprint)> {
        self.callers.iter().flat_map(|(name, caller)| {
            let open = caller.commands.iter().filter(|(_, command)| command.answer.is_none());
            open.map(|(id, command)| (CommandKey { caller: name.clone(), id: id.clone() }, &command.fingerprint))
        })
    }

    /// How many commands are remembered.
    pub fn len(&self) -> usize {
        self.callers.values().map(|caller| caller.commands.len()).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<A: Clone> Default for CommandLedger<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> Default for CallerLedger<A> {
    fn default() -> Self {
        Self { commands: HashMap::new(), answered: VecDeque::new() }
    }
}

impl<A> CallerLedger<A> {
    /// Notes the time of an answer. Never before the last one: a clock that is set back must not upset the order.
    fn note_answered(&mut self, id: CommandId, now_ms: u64) -> u64 {
        let at_ms = self.answered.back().map_or(now_ms, |(last_ms, _)| now_ms.max(*last_ms));
        self.answered.push_back((at_ms, id));
        at_ms
    }

    fn forget_older_than(&mut self, oldest_ms: u64, dropped: &mut Vec<CommandId>) {
        while self.answered.front().is_some_and(|(at_ms, _)| *at_ms < oldest_ms) {
            dropped.extend(self.forget_oldest());
        }
    }

    fn forget_oldest(&mut self) -> Option<CommandId> {
        let (_, id) = self.answered.pop_front()?;
        self.commands.remove(&id);
        Some(id)
    }
}
