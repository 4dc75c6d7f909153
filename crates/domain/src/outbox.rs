//! What the panel must still learn: a bounded queue between everything that reports and the one link (P-13, P-33, P-68,
//! P-70). The `Outbox` actor owns it, pushes what it is told, and pops as fast as the socket takes frames.
//!
//! Order of what is popped:
//! 1. the heartbeat (it overtakes everything, P-13);
//! 2. answers, first in, first out: they have a deadline (P-17), and may leave in any order (P-26);
//! 3. events, first in, first out over all servers, because a panel acknowledges them up to a number (P-63). Before an
//!    event goes the output of its server that came before it: "stopped" never overtakes the last words of a game;
//! 4. figures;
//! 5. output, the servers in turn: one that floods does not silence the others.
//!
//! Bounds and what is dropped ([`OutboxLimits`] has the numbers):
//!
//! | class | bound | dropped |
//! |---|---|---|
//! | urgent | one | the older one; all while the link is down |
//! | answer | count and bytes | the oldest (it can be asked for again by its id, P-27) |
//! | event | count and bytes | the oldest; all while the link is down (nothing old is sent, P-57) |
//! | console | bytes per server and in all | the oldest of the server, or of the server that holds most; announced by a gap |
//! | figures | one per server | the older one; all while the link is down |

use std::collections::{BTreeMap, VecDeque};

use crate::ids::ServerId;

mod console;
mod queue;
#[cfg(test)]
mod tests;

use console::ConsoleLane;
use queue::BoundedQueue;

/// What each queued item is charged on top of its own size, in bytes: a million empty lines are not free.
pub const ITEM_OVERHEAD_BYTES: usize = 128;

/// A run of console lines of one server, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSpan {
    /// Whose lines.
    pub server: ServerId,
    /// The number of the first line (P-69).
    pub first_seq: u64,
    /// The number of the last line.
    pub last_seq: u64,
}

/// What kind of thing is pushed; decides its place and its bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutClass {
    /// A heartbeat.
    Urgent,
    /// The answer to a command or request.
    Answer,
    /// A change of a server (or of the node, without one), the end of an operation.
    Event(Option<ServerId>),
    /// Output of a server.
    Console(ConsoleSpan),
    /// Figures of a server, or of the node.
    Metrics(Option<ServerId>),
}

/// What is popped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutItem<P> {
    /// Send this.
    Item(P),
    /// Announce that these lines will not come (P-70); what comes next of this server begins after them.
    Gap(ConsoleSpan),
}

/// The bounds. Sizes are in bytes and include [`ITEM_OVERHEAD_BYTES`] per item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// How many answers wait.
    pub answers: usize,
    /// How many bytes of answers wait. The newest one may be larger.
    pub answer_bytes: usize,
    /// How many events wait.
    pub events: usize,
    /// How many bytes of events wait. The newest one may be larger.
    pub event_bytes: usize,
    /// How many bytes of output of one server wait.
    pub console_bytes_per_server: usize,
    /// How many bytes of output wait in all.
    pub console_bytes: usize,
    /// How many figures wait: servers that may have some.
    pub metrics: usize,
    /// How many lines of a server's past a new link gets (`console_replay_lines`, P-71).
    pub console_replay_lines: u64,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            answers: 1024,
            // Answers can carry a whole console history or list of servers.
            answer_bytes: 16 << 20,
            events: 4096,
            event_bytes: 8 << 20,
            console_bytes_per_server: 1 << 20,
            console_bytes: 16 << 20,
            metrics: 4096,
            console_replay_lines: 1000,
        }
    }
}

/// How much was dropped since the start, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Answers over the bound.
    pub answers: u64,
    /// Events over the bound, while the link was up.
    pub events: u64,
    /// Events while the link was down.
    pub events_while_down: u64,
    /// Lines of output; each was or will be announced.
    pub console_lines: u64,
    /// Runs of lines that did not follow on what was pushed before: a mistake of whoever pushed them.
    pub console_out_of_order: u64,
    /// Figures replaced by newer ones, or over the bound, or while the link was down.
    pub metrics: u64,
}

/// The queue. `P` is a frame, or whatever the owner makes one from.
#[derive(Debug)]
pub struct Outbox<P> {
    limits: OutboxLimits,
    is_up: bool,
    /// The place of the next item in time; orders events and output of one server.
    next_ticket: u64,
    urgent: Option<P>,
    answers: BoundedQueue<P>,
    events: BoundedQueue<Event<P>>,
    metrics: VecDeque<(Option<ServerId>, P)>,
    /// Servers that have or had output; kept while empty, because they know which line comes next.
    consoles: BTreeMap<ServerId, ConsoleLane<P>>,
    /// Whose turn it is; holds every server with output exactly once.
    turns: VecDeque<ServerId>,
    console_bytes: usize,
    dropped: Dropped,
}

#[derive(Debug)]
struct Event<P> {
    ticket: u64,
    server: Option<ServerId>,
    payload: P,
}

impl<P> Outbox<P> {
    /// An empty outbox whose link is down.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            answers: BoundedQueue::new(limits.answers, limits.answer_bytes),
            events: BoundedQueue::new(limits.events, limits.event_bytes),
            limits,
            is_up: false,
            next_ticket: 0,
            urgent: None,
            metrics: VecDeque::new(),
            consoles: BTreeMap::new(),
            turns: VecDeque::new(),
            console_bytes: 0,
            dropped: Dropped::default(),
        }
    }

    /// Takes something for the panel. `size_bytes` is about what it takes in memory and on the wire.
    pub fn push(&mut self, class: OutClass, size_bytes: usize, payload: P) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let charged_bytes = size_bytes.saturating_add(ITEM_OVERHEAD_BYTES);
        match class {
            OutClass::Urgent => self.urgent = self.is_up.then_some(payload),
            OutClass::Answer => self.dropped.answers += self.answers.push(payload, charged_bytes),
            OutClass::Event(_) if !self.is_up => self.dropped.events_while_down += 1,
            OutClass::Event(server) => {
                self.dropped.events += self.events.push(Event { ticket, server, payload }, charged_bytes);
            }
            OutClass::Console(span) => self.push_console(span, ticket, charged_bytes, payload),
            OutClass::Metrics(_) if !self.is_up => self.dropped.metrics += 1,
            OutClass::Metrics(server) => self.push_metrics(server, payload),
        }
    }

    /// What is to be sent next; none while the link is down or nothing waits.
    pub fn pop(&mut self) -> Option<OutItem<P>> {
        if !self.is_up {
            return None;
        }
        if let Some(payload) = self.urgent.take().or_else(|| self.answers.pop()) {
            return Some(OutItem::Item(payload));
        }
        if let Some(event) = self.events.front() {
            let ticket = event.ticket;
            let output_before = event.server.clone().filter(|server| {
                let lane = self.consoles.get(server);
                lane.and_then(ConsoleLane::front_ticket).is_some_and(|front| front < ticket)
            });
            return match output_before {
                Some(server) => self.pop_console(&server),
                None => self.events.pop().map(|event| OutItem::Item(event.payload)),
            };
        }
        if let Some((_, payload)) = self.metrics.pop_front() {
            return Some(OutItem::Item(payload));
        }
        let server = self.turns.front()?.clone();
        self.turns.rotate_left(1);
        self.pop_console(&server)
    }

    /// The link is gone: heartbeat, events and figures of it are of no use to the next one. Answers and output stay.
    pub fn link_down(&mut self) {
        self.is_up = false;
        self.urgent = None;
        self.dropped.events_while_down += self.events.clear();
        self.dropped.metrics += self.metrics.len() as u64;
        self.metrics.clear();
    }

    /// A new link is up. Output goes on after the last line that was popped for the one before, as far as
    /// `console_replay_lines` reaches (P-71).
    pub fn link_up(&mut self) {
        self.is_up = true;
        let lanes: Vec<ServerId> = self.turns.iter().cloned().collect();
        for server in &lanes {
            while self.consoles.get(server).is_some_and(|lane| lane.queued_lines() > self.limits.console_replay_lines) {
                self.drop_oldest_output(server);
            }
        }
    }

    /// A popped run of lines (or a gap) could not be written: the next link is told of it by a gap.
    pub fn mark_unwritten(&mut self, span: &ConsoleSpan) {
        if let Some(lane) = self.consoles.get_mut(&span.server) {
            lane.go_back_to(span.first_seq);
        }
    }

    /// Output of this server is due from this line on: for a server that is new, and after a link that died with lines
    /// under way. What waits of it is taken away, because its owner pushes it again; what the owner leaves out is announced
    /// by a gap.
    pub fn rewind_console(&mut self, server: &ServerId, due_seq: u64) {
        let lane = self.consoles.entry(server.clone()).or_default();
        self.console_bytes -= lane.rewind(due_seq);
        self.turns.retain(|other| other != server);
    }

    /// The line numbers of this server begin again (P-69): its waiting output is dropped, and no gap is made up from
    /// numbers that have no meaning any more. Announcing the change is the owner's.
    pub fn restart_console(&mut self, server: &ServerId) {
        while self.consoles.get(server).is_some_and(|lane| !lane.is_empty()) {
            self.drop_oldest_output(server);
        }
        self.consoles.remove(server);
    }

    /// The server is no more: once its waiting output is sent, nothing of it is kept.
    pub fn forget_server(&mut self, server: &ServerId) {
        if let Some(lane) = self.consoles.get_mut(server) {
            lane.leave();
        }
        self.tidy(server);
    }

    /// What was dropped so far.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// How many bytes of output wait.
    pub fn console_bytes(&self) -> usize {
        self.console_bytes
    }

    /// Whether nothing waits, sendable or not.
    pub fn is_empty(&self) -> bool {
        let nothing_small = self.urgent.is_none() && self.metrics.is_empty();
        nothing_small && self.answers.is_empty() && self.events.is_empty() && self.turns.is_empty()
    }

    fn push_metrics(&mut self, server: Option<ServerId>, payload: P) {
        if let Some(older) = self.metrics.iter_mut().find(|(owner, _)| *owner == server) {
            older.1 = payload;
            self.dropped.metrics += 1;
            return;
        }
        self.metrics.push_back((server, payload));
        if self.metrics.len() > self.limits.metrics {
            self.metrics.pop_front();
            self.dropped.metrics += 1;
        }
    }

    fn push_console(&mut self, span: ConsoleSpan, ticket: u64, charged_bytes: usize, payload: P) {
        let server = span.server.clone();
        let lane = self.consoles.entry(server.clone()).or_default();
        let was_empty = lane.is_empty();
        if !lane.push(span, ticket, charged_bytes, payload) {
            self.dropped.console_out_of_order += 1;
            return;
        }
        self.console_bytes += charged_bytes;
        if was_empty {
            self.turns.push_back(server.clone());
        }
        while self.consoles.get(&server).is_some_and(|lane| lane.bytes() > self.limits.console_bytes_per_server) {
            self.drop_oldest_output(&server);
        }
        while self.console_bytes > self.limits.console_bytes {
            // Whoever holds most has caused it; the few lines of a quiet server survive the flood of another.
            let fattest = self.consoles.iter().max_by_key(|(_, lane)| lane.bytes());
            let Some(fattest) = fattest.map(|(server, _)| server.clone()) else { break };
            self.drop_oldest_output(&fattest);
        }
    }

    fn pop_console(&mut self, server: &ServerId) -> Option<OutItem<P>> {
        let lane = self.consoles.get_mut(server)?;
        if let Some((first_seq, last_seq)) = lane.take_gap() {
            return Some(OutItem::Gap(ConsoleSpan { server: server.clone(), first_seq, last_seq }));
        }
        let sent = lane.pop()?;
        self.console_bytes -= sent.charged_bytes;
        self.tidy(server);
        Some(OutItem::Item(sent.payload))
    }

    fn drop_oldest_output(&mut self, server: &ServerId) {
        let Some(dropped) = self.consoles.get_mut(server).and_then(ConsoleLane::drop_oldest) else { return };
        self.console_bytes -= dropped.charged_bytes;
        self.dropped.console_lines += dropped.lines();
        self.tidy(server);
    }

    /// A server without output has no turn; one that leaves is forgotten then.
    fn tidy(&mut self, server: &ServerId) {
        let Some(lane) = self.consoles.get(server).filter(|lane| lane.is_empty()) else { return };
        let is_leaving = lane.is_leaving();
        self.turns.retain(|other| other != server);
        if is_leaving {
            self.consoles.remove(server);
        }
    }
}
