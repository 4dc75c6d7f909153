//! The outbox: what the panel must still learn.
//!
//! Told [`Report`](crate::report::Report)s by everybody, answers by the panel inbox, and whether there is a link
//! ([`LinkUp`](crate::panel::connection::LinkUp), [`LinkDown`](crate::panel::connection::LinkDown)). The rules (what
//! goes first, what is dropped) are [`cap_domain::outbox`]'s; this actor feeds it and hands the socket a few frames at a
//! time. Output is pulled from the consoles when there is room for it, so a slow panel holds little memory beside the
//! consoles' own; before an event of a server goes what its console had by then.
//!
//! Without a link, changes of state are not kept (P-57: nothing old is sent): a new link is told what every server is now,
//! and each console goes on where the last link left it. Ends of operations are kept: each is pushed once (P-20), and
//! those of operations that a restart cut off are known before there is a link at all.

mod groups;
mod handlers;
mod known;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Message, WrapFuture};
use cap_domain::ids::ServerId;
use cap_domain::outbox::{ConsoleSpan, OutClass, OutItem, Outbox as Queue, OutboxLimits};
use cap_protocol::outbound::{Body, Event, EventBody, EventPlace, Frame};
use cap_protocol::timestamp::Timestamp;
use tokio::sync::watch;

use crate::clock::unix_ms;
use crate::panel::connection::{Generation, SendFailed, SendFrame};
use crate::panel::translate::outbound::console_gap;
use crate::sampler::FigureBoard;
use crate::snapshot::AgentSnapshot;
use groups::{ConsoleFrames, Group};
use known::Known;

/// Groups of frames handed to the socket and not yet acknowledged by it. Small: what waits in the socket cannot be
/// overtaken.
const WINDOW: usize = 16;

/// Lines, and bytes of text, pulled from one console at a time, so that servers take turns.
const PULL: (usize, usize) = (500, 64 * 1024);

/// Ends of operations kept while there is no link; the oldest is dropped first (`get_operation` still tells it, P-21).
const UNTOLD_ENDS: usize = 1000;

/// Settings of the outbox.
#[derive(Clone, Debug)]
pub struct OutboxConfig {
    /// How long output is collected before it is sent (P-68: under 100 ms).
    pub batch_interval: Duration,
    /// Whether each output goes with its twin `server_log` (P-72).
    pub console_server_log: bool,
    /// Lines of history that a new link is still told (P-71).
    pub replay_lines: u64,
    /// Names the numbering of durable events for this run of the agent (P-56).
    pub epoch: String,
}

/// Frames that answer a command.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SendAnswer(pub Vec<Frame>);

/// Resolves when nothing waits any more, or the time is up, or there is no link to flush to.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Flush {
    /// How long it may take.
    pub within: Duration,
}

/// See the module.
#[allow(missing_debug_implementations, reason = "holds recipients, which have no useful text")]
pub struct Outbox {
    config: OutboxConfig,
    link: Option<Up>,
    queue: Queue<Group>,
    known: BTreeMap<ServerId, Known>,
    /// Ends of operations that no link was there to carry, in order.
    untold_ends: VecDeque<Frame>,
    board: FigureBoard,
    snapshot: watch::Sender<AgentSnapshot>,
    last_seq: u64,
    pull_scheduled: bool,
    /// Whose console was pulled last.
    turn: Option<ServerId>,
    told_drops: u64,
    /// Frames that no panel takes at this length.
    too_long: u64,
}

struct Up {
    generation: Generation,
    sink: actix::Recipient<SendFrame>,
    /// The longest message the panel takes, in bytes.
    max_message: usize,
    in_flight: usize,
    /// The connection refuses frames, and `LinkDown` is about to come: what waits is for the next link.
    is_going: bool,
}

impl Outbox {
    /// An outbox without a link.
    pub fn new(config: OutboxConfig, board: FigureBoard, snapshot: watch::Sender<AgentSnapshot>) -> Self {
        let limits = OutboxLimits { console_replay_lines: config.replay_lines, ..OutboxLimits::default() };
        Self {
            config,
            link: None,
            queue: Queue::new(limits),
            known: BTreeMap::new(),
            untold_ends: VecDeque::new(),
            board,
            snapshot,
            last_seq: 0,
            pull_scheduled: false,
            turn: None,
            told_drops: 0,
            too_long: 0,
        }
    }

    /// Durable events are numbered when they happen, link or no link (P-55).
    fn place(&mut self, mut frame: Frame) -> Frame {
        if let Body::Event(Event { place, body, .. }) = &mut frame.body
            && matches!(body, EventBody::ServerStatusChanged(_) | EventBody::OperationCompleted(_))
        {
            self.last_seq += 1;
            let last_seq = self.last_seq;
            self.snapshot.send_modify(|snapshot| snapshot.last_event_seq = last_seq);
            *place = Some(EventPlace { seq: self.last_seq, epoch: self.config.epoch.clone() });
        }
        frame
    }

    fn enqueue(&mut self, class: OutClass, frames: &[Frame]) {
        if frames.is_empty() {
            return;
        }
        self.enqueue_group(class, Group::of(frames));
    }

    fn enqueue_group(&mut self, class: OutClass, group: Group) {
        self.queue.push(class, group.size(), group);
        self.tell_drops();
    }

    /// Says when the panel is too slow, each time the count has doubled.
    fn tell_drops(&mut self) {
        let dropped = self.queue.dropped();
        let count = dropped.answers + dropped.events + dropped.console_lines;
        if count > 0 && count >= self.told_drops.saturating_mul(2) {
            self.told_drops = count;
            log::warn!("the panel is slow: dropped so far: {dropped:?}");
        }
    }

    /// Hands the socket what fits: what is queued, then what the consoles have.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        while self.link.as_ref().is_some_and(|link| link.in_flight < WINDOW && !link.is_going) {
            let item = match self.queue.pop() {
                Some(item) => item,
                None if !self.pull_scheduled && self.feed_next_console() => continue,
                None => return,
            };
            let group = match item {
                OutItem::Item(group) => group,
                OutItem::Gap(span) => match self.gap(&span) {
                    Some(frame) => Group { span: Some(span), ..Group::of(&[frame]) },
                    None => continue,
                },
            };
            self.hand_over(group, ctx);
        }
    }

    fn gap(&self, span: &ConsoleSpan) -> Option<Frame> {
        let epoch = self.known.get(&span.server)?.epoch()?;
        let now = Timestamp::from_unix_ms(unix_ms());
        Some(console_gap(&span.server, &epoch, (span.first_seq, span.last_seq), now))
    }

    fn hand_over(&mut self, Group { texts, span }: Group, ctx: &mut Context<Self>) {
        if let Some(span) = &span
            && let Some(known) = self.known.get_mut(&span.server)
        {
            known.handed_over(span);
        }
        let last = texts.len().saturating_sub(1);
        for (place, text) in texts.into_iter().enumerate() {
            // The lines of a group were taken when its last frame was.
            self.hand_over_frame(text, span.clone().filter(|_| place == last), ctx);
        }
    }

    fn hand_over_frame(&mut self, text: String, tells: Option<ConsoleSpan>, ctx: &mut Context<Self>) {
        let Some(link) = &mut self.link else { return };
        if text.len() > link.max_message {
            self.too_long += 1;
            log::warn!(
                "a frame of {} bytes is longer than the panel takes and is left out; {} so far",
                text.len(),
                self.too_long
            );
            return;
        }
        link.in_flight += 1;
        let generation = link.generation;
        let sent = link.sink.send(SendFrame { generation, text, urgent: false });
        ctx.spawn(sent.into_actor(self).map(move |sent, this, ctx| {
            let Some(link) = this.link.as_mut().filter(|link| link.generation == generation) else { return };
            link.in_flight -= 1;
            match (sent, tells) {
                (Ok(Ok(())), Some(span)) => {
                    if let Some(known) = this.known.get_mut(&span.server) {
                        known.taken(&span);
                    }
                }
                // Its lines stay under way: the next link is told them.
                (Ok(Err(SendFailed::LinkGone)) | Err(_), _) => link.is_going = true,
                (Ok(Err(error)), _) => log::debug!("frame not sent: {error}"),
                _ => {}
            }
            this.pump(ctx);
        }));
    }

    /// Pulls one helping from the console whose turn it is; false if none has anything.
    fn feed_next_console(&mut self) -> bool {
        use std::ops::Bound::{Excluded, Unbounded};
        let has_output = |(id, known): (&ServerId, &Known)| known.has_output().then(|| id.clone());
        let after =
            self.turn.as_ref().and_then(|turn| self.known.range((Excluded(turn), Unbounded)).find_map(has_output));
        let Some(server) = after.or_else(|| self.known.iter().find_map(has_output)) else { return false };
        let fed = self.feed(&server);
        self.turn = Some(server);
        fed
    }

    /// One helping of this console into the queue.
    fn feed(&mut self, server: &ServerId) -> bool {
        let Some(max_message) = self.link.as_ref().map(|link| link.max_message) else { return false };
        let Some(pulled) = self.known.get_mut(server).and_then(|known| known.pull(PULL)) else { return false };
        let (with_log, now) = (self.config.console_server_log, Timestamp::from_unix_ms(unix_ms()));
        for group in (ConsoleFrames { server, with_log, now, max_message }).groups(&pulled) {
            if let Some(span) = group.span.clone() {
                self.enqueue_group(OutClass::Console(span), group);
            }
        }
        true
    }

    /// A server's last words go before the event that they led to.
    fn feed_all(&mut self, server: &ServerId) {
        while self.link.is_some() && self.known.get(server).is_some_and(Known::has_output) && self.feed(server) {}
    }

    fn schedule_pull(&mut self, ctx: &mut Context<Self>) {
        if self.pull_scheduled || self.link.is_none() {
            return;
        }
        self.pull_scheduled = true;
        ctx.run_later(self.config.batch_interval, |this, ctx| {
            this.pull_scheduled = false;
            this.pump(ctx);
        });
    }

    fn is_idle(&self) -> bool {
        let Some(link) = &self.link else { return true };
        link.in_flight == 0 && self.queue.is_empty() && !self.known.values().any(Known::has_output)
    }
}
