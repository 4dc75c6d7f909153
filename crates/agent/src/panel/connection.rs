//! The link: the WebSocket connection that this agent dials to its panel (section 2 of the wire contract).
//!
//! ```text
//!          dial            upgraded             ended              closed
//!   Down -------> Connecting -------> Up -------------> Closing ---------> Down ...
//!     ^               | failed                                      |
//!     +---------------+                          4409: Fenced, CloseLink: Closed
//! ```
//!
//! The actor never stops on a lost link; it goes round this circle for ever and owns the delays. Two loops move the
//! frames of one socket (`pump`); they end with the link and give the socket back, which is closed before the next
//! dial (P-11). Every connection has a number; what belongs to an older one is refused.
//!
//! Fed by the panel and by [`SendFrame`]; emits [`LinkUp`], [`LinkDown`] and [`Inbound`]. It knows nothing of what the
//! frames say, but for telling a browser mock from a panel (P-12). It holds no frame longer than the socket needs to
//! take it: [`NORMAL_WINDOW`] frames may wait, the outbox keeps the rest.

mod assemble;
mod codec;
mod config;
mod dial;
mod explain;
mod handlers;
mod messages;
mod mock_panel;
mod pump;
mod redial;
mod tls;
mod url;

#[cfg(test)]
mod tests;

use std::{cell::Cell, fmt, rc::Rc, time::Duration};

use actix::{ActorFutureExt, AsyncContext, Context, Message, Recipient, SpawnHandle, WrapFuture};
use cap_domain::backoff::{LinkBackoff, LinkEnded, NextTry};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

pub use self::{
    config::{LinkConfig, LinkConfigError, LinkTimings},
    messages::{
        CloseLink, Generation, Inbound, LinkDown, LinkEnd, LinkPhase, LinkStatus, LinkUp, NORMAL_WINDOW, SendFailed,
        SendFrame, SetReconnectSpread, URGENT_WINDOW,
    },
};
use self::{
    dial::{DialFailure, Dialer, LinkSocket},
    explain::{Explanation, Repetition},
    pump::{Pump, QueuedFrame},
};

/// Who hears what from the link.
#[derive(Debug, Clone)]
pub struct LinkListeners {
    /// Told when the link is up, in this order. The heartbeat belongs first (P-13).
    pub up: Vec<Recipient<LinkUp>>,
    /// Told when the link is down.
    pub down: Vec<Recipient<LinkDown>>,
    /// Takes the panel's messages, one at a time.
    pub inbound: Recipient<Inbound>,
}

/// The actor that owns the socket, its phase and the delays between dials.
pub struct PanelConnection {
    config: LinkConfig,
    dialer: Dialer,
    listeners: LinkListeners,
    redial: LinkBackoff,
    link: Link,
    generation: Generation,
    /// Set by a close with 1009 and halved by each further one (P-10).
    max_outbound: Option<usize>,
    repetition: Repetition,
    status: watch::Sender<LinkStatus>,
    shutting_down: bool,
    waiting_for_close: Vec<oneshot::Sender<()>>,
}

impl fmt::Debug for PanelConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.borrow();
        f.debug_struct("PanelConnection").field("url", &self.dialer.shown_url()).field("status", &*status).finish()
    }
}

/// Where the link is on its circle.
enum Link {
    /// Not started yet.
    Idle,
    /// Fenced, or closed for shutdown: no further dial.
    Ended,
    /// The next dial is scheduled.
    Down { next_dial: SpawnHandle },
    /// A dial is under way.
    Connecting { dial: SpawnHandle },
    /// Frames flow.
    Up(UpLink),
    /// The socket is being closed.
    Closing,
}

struct UpLink {
    normal: mpsc::Sender<QueuedFrame>,
    urgent: mpsc::Sender<QueuedFrame>,
    /// Taken when a shutdown was asked for.
    stop: Option<oneshot::Sender<()>>,
    since: Instant,
    largest_sent: Rc<Cell<usize>>,
}

/// However often a panel answers 1009, messages of this length are still sent: the control frames need it.
const SMALLEST_MAX_OUTBOUND: usize = 4096;

/// Time to dial. The actor's own; nobody else decides when.
#[derive(Message)]
#[rtype(result = "()")]
struct Connect;

/// Whether a link can be made of these settings. Opens nothing but the certificate file.
///
/// # Errors
/// As [`PanelConnection::new`].
pub fn check_link(config: &LinkConfig) -> Result<(), LinkConfigError> {
    Dialer::new(config).map(|_| ())
}

impl PanelConnection {
    /// Checks the settings and prepares the link; nothing is opened before the actor is started.
    pub fn new(config: LinkConfig, listeners: LinkListeners) -> Result<Self, LinkConfigError> {
        let dialer = Dialer::new(&config)?;
        let (first, longest) = config.reconnect_steps;
        let steps_ms = (redial::as_millis(first), redial::as_millis(longest));
        let redial = LinkBackoff::with_steps(steps_ms, redial::as_millis(config.reconnect_spread));
        let (status, _) =
            watch::channel(LinkStatus { phase: LinkPhase::Down, generation: 0, problem: None, next_try: None });
        Ok(Self {
            config,
            dialer,
            listeners,
            redial,
            link: Link::Idle,
            generation: 0,
            max_outbound: None,
            repetition: Repetition::default(),
            status,
            shutting_down: false,
            waiting_for_close: Vec::new(),
        })
    }

    /// What the link is doing, for those who report it.
    pub fn watch_status(&self) -> watch::Receiver<LinkStatus> {
        self.status.subscribe()
    }

    fn dial(&mut self, ctx: &mut Context<Self>) {
        self.generation += 1;
        let dial = ctx.spawn(self.dialer.dial().into_actor(self).map(|dialled, link, ctx| match dialled {
            Ok(socket) => link.came_up(socket, ctx),
            Err(failure) => link.dial_failed(&failure, ctx),
        }));
        self.link = Link::Connecting { dial };
        self.publish(LinkPhase::Connecting);
    }

    fn dial_failed(&mut self, failure: &DialFailure, ctx: &mut Context<Self>) {
        self.schedule(redial::after_dial(failure), explain::dial_failure(failure), ctx);
    }

    fn came_up(&mut self, socket: LinkSocket, ctx: &mut Context<Self>) {
        let (normal, normal_frames) = mpsc::channel(NORMAL_WINDOW);
        let (urgent, urgent_frames) = mpsc::channel(URGENT_WINDOW);
        let (stop, stop_wanted) = oneshot::channel();
        let largest_sent = Rc::new(Cell::new(0));
        let pump = Pump {
            generation: self.generation,
            normal: normal_frames,
            urgent: urgent_frames,
            stop: stop_wanted,
            inbound: self.listeners.inbound.clone(),
            largest_sent: Rc::clone(&largest_sent),
            max_message: self.config.ws_max_message,
            timings: self.config.timings.clone(),
        };
        self.link = Link::Up(UpLink { normal, urgent, stop: Some(stop), since: Instant::now(), largest_sent });
        self.publish(LinkPhase::Up);
        log::info!("link up: {} (connection {})", self.dialer.shown_url(), self.generation);
        let up =
            LinkUp { generation: self.generation, sink: ctx.address().recipient(), max_message: self.max_outbound };
        for listener in &self.listeners.up {
            listener.do_send(up.clone());
        }
        ctx.spawn(pump.run(socket).into_actor(self).then(|(end, socket), link, _| {
            let lived = link.went_down(&end);
            let deadline = link.config.timings.close_deadline;
            pump::close(socket, end.clone(), deadline)
                .into_actor(link)
                .map(move |(), link, ctx| link.closed(&end, lived, ctx))
        }));
    }

    /// Stops taking frames and tells everybody. Gives how long the link lived.
    fn went_down(&mut self, end: &LinkEnd) -> Duration {
        let mut lived = Duration::ZERO;
        if let Link::Up(up) = std::mem::replace(&mut self.link, Link::Closing) {
            lived = up.since.elapsed();
            if matches!(end, LinkEnd::ClosedByPanel { code: 1009, .. }) {
                let believed = self.max_outbound.unwrap_or(usize::MAX).min(up.largest_sent.get());
                self.max_outbound = Some((believed / 2).max(SMALLEST_MAX_OUTBOUND));
            }
        }
        self.publish(LinkPhase::Closing);
        for listener in &self.listeners.down {
            listener.do_send(LinkDown { generation: self.generation, why: end.clone() });
        }
        lived
    }

    fn closed(&mut self, end: &LinkEnd, lived: Duration, ctx: &mut Context<Self>) {
        if lived >= LIVED_LONG_ENOUGH_TO_BE_NEWS {
            self.repetition.forget();
        }
        self.schedule(redial::after_link(end, lived), explain::link_end(end), ctx);
    }

    /// Decides when to dial again, says why the last try ended, and sets the timer.
    fn schedule(&mut self, ended: LinkEnded, why: Explanation, ctx: &mut Context<Self>) {
        if self.shutting_down {
            return self.closed_for_good(LinkPhase::Closed);
        }
        let delay = match self.redial.next_delay(ended, (self.config.random)()) {
            NextTry::After(milliseconds) => Some(Duration::from_millis(milliseconds)),
            NextTry::Never => None,
        };
        self.say(&why, delay);
        self.status.send_modify(|status| {
            status.problem = Some(why.text);
            status.next_try = delay;
        });
        match delay {
            Some(delay) => {
                let next_dial = ctx.notify_later(Connect, delay.mul_f64(self.config.timings.retry_scale));
                self.link = Link::Down { next_dial };
                self.publish(LinkPhase::Down);
            }
            None => self.closed_for_good(LinkPhase::Fenced),
        }
    }

    fn say(&mut self, why: &Explanation, delay: Option<Duration>) {
        let Some(swallowed) = self.repetition.worth_saying(&why.text, Instant::now()) else { return };
        let next = match delay {
            Some(delay) => format!("; next try in {} s", delay.as_secs_f64().round()),
            None => String::new(),
        };
        let again = if swallowed > 0 { format!(" ({swallowed} more like this before)") } else { String::new() };
        log::log!(why.level, "panel link to {}: {}{next}{again}", self.dialer.shown_url(), why.text);
    }

    fn closed_for_good(&mut self, phase: LinkPhase) {
        self.link = Link::Ended;
        self.publish(phase);
        for waiting in self.waiting_for_close.drain(..) {
            // Whoever asked may have stopped waiting.
            let _: Result<(), _> = waiting.send(());
        }
    }

    fn publish(&self, phase: LinkPhase) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.generation = self.generation;
        });
    }

    /// Puts a frame into its window, or says why not.
    fn accept(&self, frame: SendFrame) -> Result<oneshot::Receiver<Result<(), SendFailed>>, SendFailed> {
        let Link::Up(up) = &self.link else { return Err(SendFailed::LinkGone) };
        if frame.generation != self.generation || up.stop.is_none() {
            return Err(SendFailed::LinkGone);
        }
        if let Some(limit) = self.max_outbound
            && frame.text.len() > limit
        {
            return Err(SendFailed::TooLong { limit });
        }
        let (answer, answered) = oneshot::channel();
        let window = if frame.urgent { &up.urgent } else { &up.normal };
        match window.try_send(QueuedFrame { text: frame.text, answer }) {
            Ok(()) => Ok(answered),
            Err(mpsc::error::TrySendError::Full(_)) => Err(SendFailed::WindowFull),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(SendFailed::LinkGone),
        }
    }
}

/// A link that lived this long worked; when it ends as the one before, that is worth a line again.
const LIVED_LONG_ENOUGH_TO_BE_NEWS: Duration = Duration::from_secs(60);
