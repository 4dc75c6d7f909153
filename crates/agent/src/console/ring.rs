//! The bounded memory of a console.
//!
//! Drop rule: the oldest lines go first, as soon as there are more than `lines` or they hold more than `bytes`.

use std::collections::VecDeque;

use cap_domain::lines::Line;
use cap_engine::port::ConsoleStream;

/// How much of a console is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleLimits {
    /// Lines.
    pub lines: usize,
    /// Bytes of text.
    pub bytes: usize,
}

/// One line as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLine {
    /// Its number: 1 for the first of the epoch, then one more each.
    pub seq: u64,
    /// When the agent read it, in unix milliseconds.
    pub unix_ms: i64,
    /// From where.
    pub stream: ConsoleStream,
    /// Without its end of line.
    pub text: Box<str>,
    /// It held bytes that are not UTF-8.
    pub lossy: bool,
    /// The line goes on in the next one (it was longer than a line may be).
    pub partial: bool,
}

/// Lines read from a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The hole before the lines, first and last number, if the cursor pointed at lines no longer kept.
    pub gap: Option<(u64, u64)>,
    /// In order, without holes.
    pub lines: Vec<StoredLine>,
}

/// See the module.
#[derive(Debug)]
pub struct Ring {
    epoch: String,
    limits: ConsoleLimits,
    lines: VecDeque<StoredLine>,
    bytes: usize,
    next_seq: u64,
    last_activity_ms: Option<i64>,
}

impl Ring {
    /// Empty, numbering from 1.
    pub fn new(epoch: String, limits: ConsoleLimits) -> Self {
        Self { epoch, limits, lines: VecDeque::new(), bytes: 0, next_seq: 1, last_activity_ms: None }
    }

    /// The name of this numbering.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The number of the oldest line kept; `last_seq + 1` if none is.
    pub fn first_seq(&self) -> u64 {
        self.lines.front().map_or(self.next_seq, |line| line.seq)
    }

    /// The number of the newest line; 0 if there never was one.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// When the last line came, in unix milliseconds.
    pub fn last_activity_ms(&self) -> Option<i64> {
        self.last_activity_ms
    }

    pub(super) fn push(&mut self, stream: ConsoleStream, unix_ms: i64, line: Line) {
        let text = line.text.into_boxed_str();
        self.bytes += text.len();
        let seq = self.next_seq;
        self.next_seq += 1;
        self.last_activity_ms = Some(unix_ms);
        self.lines.push_back(StoredLine { seq, unix_ms, stream, text, lossy: line.lossy, partial: line.partial });
        while self.lines.len() > self.limits.lines || (self.bytes > self.limits.bytes && self.lines.len() > 1) {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.text.len();
        }
    }

    /// The newest `count` lines, oldest first.
    pub fn last(&self, count: usize) -> Vec<StoredLine> {
        let skip = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(skip).cloned().collect()
    }

    /// Lines from number `from` on: at most `max_lines`, and at most `max_bytes` of text (but always one line).
    pub fn from(&self, from: u64, max_lines: usize, max_bytes: usize) -> Excerpt {
        let first = self.first_seq();
        let gap = (from < first).then(|| (from, first - 1));
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let mut lines = Vec::new();
        for line in self.lines.iter().skip(skip).take(max_lines) {
            bytes += line.text.len() + 1;
            if bytes > max_bytes && !lines.is_empty() {
                break;
            }
            lines.push(line.clone());
        }
        Excerpt { gap, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring_of(lines: usize, limits: ConsoleLimits) -> Ring {
        let mut ring = Ring::new("c1".into(), limits);
        for n in 1..=lines {
            let line = Line { text: format!("line {n}"), lossy: false, partial: false };
            ring.push(ConsoleStream::Stdout, 0, line);
        }
        ring
    }

    #[test]
    fn the_oldest_lines_go_first() {
        let ring = ring_of(10, ConsoleLimits { lines: 3, bytes: 1 << 20 });
        assert_eq!((ring.first_seq(), ring.last_seq(), ring.len()), (8, 10, 3));
    }

    #[test]
    fn the_byte_bound_holds_but_one_line_always_stays() {
        let ring = ring_of(10, ConsoleLimits { lines: 100, bytes: 14 });
        assert_eq!(ring.len(), 2, "two lines of seven bytes fit");
        let ring = ring_of(10, ConsoleLimits { lines: 100, bytes: 1 });
        assert_eq!(ring.len(), 1);
    }

    #[test]
    fn a_cursor_behind_the_ring_sees_the_gap_and_then_every_line() {
        let ring = ring_of(10, ConsoleLimits { lines: 3, bytes: 1 << 20 });
        let excerpt = ring.from(4, 100, 1 << 20);
        assert_eq!(excerpt.gap, Some((4, 7)));
        let numbers: Vec<u64> = excerpt.lines.iter().map(|line| line.seq).collect();
        assert_eq!(numbers, [8, 9, 10]);
    }

    #[test]
    fn a_cursor_at_the_end_sees_nothing() {
        let ring = ring_of(3, ConsoleLimits { lines: 3, bytes: 1 << 20 });
        assert_eq!(ring.from(4, 100, 1 << 20), Excerpt::default());
    }

    #[test]
    fn an_excerpt_is_bounded_in_lines_and_bytes() {
        let ring = ring_of(10, ConsoleLimits { lines: 100, bytes: 1 << 20 });
        assert_eq!(ring.from(1, 4, 1 << 20).lines.len(), 4);
        assert_eq!(ring.from(1, 100, 16).lines.len(), 2);
        assert_eq!(ring.from(1, 100, 1).lines.len(), 1, "one line always fits");
    }
}
