//! The waiting output of one server, and which of its lines the panel gets next.
//!
//! Holes are not stored: they are the distance between the line that is due and the first one that waits. So whatever
//! makes a hole (a drop here, lines that were never pushed, lines that could not be written) is announced the same way.

use std::collections::VecDeque;

use super::ConsoleSpan;

#[derive(Debug)]
pub(super) struct ConsoleLane<P> {
    queued: VecDeque<Output<P>>,
    bytes: usize,
    lines: u64,
    /// The line that is due on the link: everything before it was sent or announced. None before the first push.
    due_seq: Option<u64>,
    /// The line after the last one that was pushed.
    end_seq: u64,
    leaving: bool,
}

#[derive(Debug)]
pub(super) struct Output<P> {
    ticket: u64,
    first_seq: u64,
    last_seq: u64,
    pub(super) charged_bytes: usize,
    pub(super) payload: P,
}

impl<P> Output<P> {
    pub(super) fn lines(&self) -> u64 {
        (self.last_seq - self.first_seq).saturating_add(1)
    }
}

impl<P> Default for ConsoleLane<P> {
    fn default() -> Self {
        Self { queued: VecDeque::new(), bytes: 0, lines: 0, due_seq: None, end_seq: 0, leaving: false }
    }
}

impl<P> ConsoleLane<P> {
    /// Appends a run of lines. Refused (false) if it is empty or begins before the end of what was pushed earlier: a line
    /// is never sent twice.
    pub(super) fn push(&mut self, span: ConsoleSpan, ticket: u64, charged_bytes: usize, payload: P) -> bool {
        let ConsoleSpan { first_seq, last_seq, .. } = span;
        if first_seq > last_seq || first_seq < self.end_seq {
            return false;
        }
        let output = Output { ticket, first_seq, last_seq, charged_bytes, payload };
        self.due_seq.get_or_insert(first_seq);
        self.end_seq = last_seq.saturating_add(1);
        self.bytes += charged_bytes;
        self.lines = self.lines.saturating_add(output.lines());
        self.queued.push_back(output);
        self.leaving = false;
        true
    }

    /// The lines that are missing before the first one that waits; from now on they count as announced.
    pub(super) fn take_gap(&mut self) -> Option<(u64, u64)> {
        let first_waiting = self.queued.front()?.first_seq;
        let due_seq = self.due_seq.filter(|due| *due < first_waiting)?;
        self.due_seq = Some(first_waiting);
        Some((due_seq, first_waiting - 1))
    }

    /// The first run of lines; to be called when there is no gap before it.
    pub(super) fn pop(&mut self) -> Option<Output<P>> {
        let output = self.remove_front()?;
        self.due_seq = Some(output.last_seq.saturating_add(1));
        Some(output)
    }

    /// Takes the first run of lines away without its having been sent: a hole.
    pub(super) fn drop_oldest(&mut self) -> Option<Output<P>> {
        self.remove_front()
    }

    /// Lines from this one on did not reach the panel after all.
    pub(super) fn go_back_to(&mut self, seq: u64) {
        self.due_seq = self.due_seq.map(|due| due.min(seq));
    }

    /// Empties the lane; the next line to come is this one. Answers the bytes that were charged for what waited.
    pub(super) fn rewind(&mut self, due_seq: u64) -> usize {
        let charged_bytes = self.bytes;
        *self = Self { due_seq: Some(due_seq), end_seq: due_seq, ..Self::default() };
        charged_bytes
    }

    pub(super) fn leave(&mut self) {
        self.leaving = true;
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub(super) fn front_ticket(&self) -> Option<u64> {
        self.queued.front().map(|output| output.ticket)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn queued_lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    #[cfg(test)]
    pub(super) fn due_seq(&self) -> Option<u64> {
        self.due_seq
    }

    fn remove_front(&mut self) -> Option<Output<P>> {
        let output = self.queued.pop_front()?;
        self.bytes -= output.charged_bytes;
        self.lines = self.lines.saturating_sub(output.lines());
        Some(output)
    }
}
