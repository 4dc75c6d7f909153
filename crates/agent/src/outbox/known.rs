//! What the outbox knows of one server: its status, and how far its output has been sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use cap_domain::outbox::ConsoleSpan;
use cap_domain::phase::Status;

use crate::console::{Console, StoredLine};

/// One server.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What a new link is told first.
    pub(super) status: Option<Status>,
    console: Option<Arc<Console>>,
    /// The number of the next line to pull.
    cursor: u64,
    /// The number of the next line to hand to the socket.
    next_to_hand: u64,
    /// The first lines of the groups that were handed to the socket and not taken by it yet.
    under_way: BTreeSet<u64>,
}

/// Lines pulled from a console.
#[derive(Debug)]
pub(super) struct Pulled {
    /// The name of their numbering.
    pub(super) epoch: String,
    /// In order. A hole before them shows in their numbers.
    pub(super) lines: Vec<StoredLine>,
}

impl Known {
    /// Sends this console's output, from its first line on.
    pub(super) fn follow(&mut self, console: Arc<Console>) {
        self.console = Some(console);
        self.cursor = 1;
        self.next_to_hand = 1;
        self.under_way.clear();
    }

    /// These lines (or the news that they are missing) go to the socket.
    pub(super) fn handed_over(&mut self, span: &ConsoleSpan) {
        self.under_way.insert(span.first_seq);
        self.next_to_hand = span.last_seq + 1;
    }

    /// The socket took them.
    pub(super) fn taken(&mut self, span: &ConsoleSpan) {
        self.under_way.remove(&span.first_seq);
    }

    /// The link is gone: answers the first line that it did not take, from which the next link goes on (P-71).
    pub(super) fn link_down(&mut self) -> Option<u64> {
        self.console.as_ref()?;
        let due = self.under_way.first().copied().unwrap_or(self.next_to_hand);
        self.under_way.clear();
        self.cursor = due;
        self.next_to_hand = due;
        Some(due)
    }

    pub(super) fn epoch(&self) -> Option<String> {
        Some(self.console.as_ref()?.lock().epoch().to_owned())
    }

    pub(super) fn has_output(&self) -> bool {
        self.console.as_ref().is_some_and(|console| console.lock().last_seq() >= self.cursor)
    }

    /// The next lines, at most so many lines and bytes.
    pub(super) fn pull(&mut self, (max_lines, max_bytes): (usize, usize)) -> Option<Pulled> {
        let console = self.console.as_ref()?;
        console.viewer_reads();
        let ring = console.lock();
        let lines = ring.from(self.cursor, max_lines, max_bytes).lines;
        self.cursor = lines.last()?.seq + 1;
        Some(Pulled { epoch: ring.epoch().to_owned(), lines })
    }

    /// A new link goes on after the last line that was sent, but no further back than this many lines (P-71).
    pub(super) fn skip_to_recent(&mut self, replay_lines: u64) {
        let Some(console) = &self.console else { return };
        console.viewer_reads();
        let oldest = (console.lock().last_seq() + 1).saturating_sub(replay_lines);
        self.cursor = self.cursor.max(oldest);
    }
}
