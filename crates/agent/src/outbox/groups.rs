//! Frames that go out back to back, as the queue holds them.

use cap_domain::ids::ServerId;
use cap_domain::outbox::ConsoleSpan;
use cap_protocol::outbound::Frame;
use cap_protocol::timestamp::Timestamp;

use super::known::Pulled;
use crate::console::StoredLine;
use crate::panel::translate::outbound::console_frames;

/// A group of frames.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) texts: Vec<String>,
    /// The console lines they tell of, if they do.
    pub(super) span: Option<ConsoleSpan>,
}

impl Group {
    pub(super) fn of(frames: &[Frame]) -> Self {
        Self { texts: frames.iter().map(Frame::to_text).collect(), span: None }
    }

    /// In bytes.
    pub(super) fn size(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }
}

/// Makes frames of console lines, none longer than a panel takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConsoleFrames<'a> {
    pub(super) server: &'a ServerId,
    /// Whether each frame goes with its twin `server_log` (P-72).
    pub(super) with_log: bool,
    pub(super) now: Timestamp,
    /// The longest message the panel takes, in bytes.
    pub(super) max_message: usize,
}

impl ConsoleFrames<'_> {
    /// The groups for these lines, in order. A line that fits no frame is left out: the hole is announced (P-70).
    pub(super) fn groups(self, pulled: &Pulled) -> Vec<Group> {
        let mut groups = Vec::new();
        self.add(&pulled.epoch, &pulled.lines, &mut groups);
        groups
    }

    fn add(self, epoch: &str, lines: &[StoredLine], groups: &mut Vec<Group>) {
        let Some(first_seq) = lines.first().map(|line| line.seq) else { return };
        for ((from, to), frames) in console_frames(self.server, epoch, lines, self.with_log, self.now) {
            let span = ConsoleSpan { server: self.server.clone(), first_seq: from, last_seq: to };
            let group = Group { span: Some(span), ..Group::of(&frames) };
            if group.texts.iter().all(|text| text.len() <= self.max_message) {
                groups.push(group);
                continue;
            }
            // Only as JSON do lines show how long they are: halves, until they fit.
            let place = |seq: u64| usize::try_from(seq - first_seq).unwrap_or(usize::MAX);
            let Some(too_long) = lines.get(place(from)..=place(to)) else { continue };
            let (one, other) = too_long.split_at(too_long.len() / 2);
            if one.is_empty() {
                log::warn!("a console line is longer than the panel takes: server_id={} seq={from}", self.server);
                continue;
            }
            self.add(epoch, one, groups);
            self.add(epoch, other, groups);
        }
    }
}
