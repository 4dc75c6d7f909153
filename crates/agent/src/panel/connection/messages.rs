//! What goes into and out of the [`PanelConnection`](super::PanelConnection).

use std::time::Duration;

use actix::{Message, Recipient};

/// The number of one connection, counted up with every dial. What belongs to an older one is stale.
pub type Generation = u64;

/// The link is up: the upgrade succeeded and frames may be sent.
///
/// Told to every listener before the first inbound message of the same generation.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkUp {
    /// The connection this is about; [`SendFrame`] and [`LinkDown`] carry the same number.
    pub generation: Generation,
    /// Where frames for this connection go.
    pub sink: Recipient<SendFrame>,
    /// The longest message the panel is believed to take, in bytes. `None` until a panel has closed a link with 1009.
    pub max_message: Option<usize>,
}

/// The link is no longer up. Frames that were not acknowledged may or may not have arrived.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkDown {
    /// The connection that ended.
    pub generation: Generation,
    /// What ended it.
    pub why: LinkEnd,
}

/// One complete message from the panel, fragments joined; text and binary are the same thing here (P-15).
///
/// The next message is read from the socket only when the handler of this one has returned, so a receiver that is
/// behind holds one message and the rest waits in the panel.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Inbound {
    /// The connection it came over.
    pub generation: Generation,
    /// The message. Valid UTF-8, and nothing more is known about it.
    pub text: String,
}

/// Asks for one frame to be sent. The answer comes when the frame was handed to the socket, or will not be.
///
/// At most [`NORMAL_WINDOW`] frames (and [`URGENT_WINDOW`] urgent ones) may be unanswered; a frame beyond that is
/// refused with [`SendFailed::WindowFull`] and nothing is dropped in secret. The sender keeps the truth.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), SendFailed>")]
pub struct SendFrame {
    /// The connection the frame was made for; a frame for another one is refused.
    pub generation: Generation,
    /// The text of the frame.
    pub text: String,
    /// Whether it overtakes the frames that wait (heartbeats, P-13).
    pub urgent: bool,
}

/// How many ordinary frames may wait for the socket. Small: the outbox decides what is worth sending, not this queue.
pub const NORMAL_WINDOW: usize = 64;

/// How many urgent frames may wait. Heartbeats come one at a time; more than a few waiting means a stuck socket.
pub const URGENT_WINDOW: usize = 4;

/// Why a frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendFailed {
    /// The connection it was meant for is gone. If the frame was accepted before, its fate is unknown.
    #[error("the link is gone")]
    LinkGone,
    /// Too many frames are waiting for the socket; try again when one of them is answered.
    #[error("too many frames wait for the socket")]
    WindowFull,
    /// The panel does not take messages of this length.
    #[error("the panel takes at most {limit} bytes in one message")]
    TooLong {
        /// The longest message that is sent at present, in bytes.
        limit: usize,
    },
}

/// The panel's wish for how wide the first retry after a long link is spread (P-66), until the agent restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct SetReconnectSpread(pub Duration);

/// Ends the link for good: what was accepted is written, the socket is closed with 1000, no further dial.
///
/// The answer comes when the socket is closed, or when the deadlines for both steps are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct CloseLink;

/// What ended a link that was up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The panel sent a close frame.
    ClosedByPanel {
        /// The close code; 1005 when the frame had none.
        code: u16,
        /// The panel's words, cut to 123 bytes by the protocol. From outside: may be anything.
        reason: String,
    },
    /// The connection broke: end of stream or an IO error.
    Broken {
        /// What the system said.
        detail: String,
    },
    /// Nothing was heard for too long (P-14).
    Silent,
    /// The panel sent a message over the limit; closed with 1009 (P-15).
    InboundTooLong,
    /// The panel sent bytes that are not UTF-8; closed with 1007 (P-212).
    NotUtf8,
    /// The panel broke the WebSocket protocol; closed with 1002.
    ProtocolViolation {
        /// Which rule.
        detail: String,
    },
    /// This is the browser mock of an HTTP panel, not an agent endpoint (P-12); closed with 1000.
    MockPanel,
    /// The agent shuts down.
    Shutdown,
}

/// What the link is doing, for `/health`, `/readyz` and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// The phase.
    pub phase: LinkPhase,
    /// The number of the current or last connection; also the number of dials so far.
    pub generation: Generation,
    /// Why the last dial or link ended, in plain words without secrets; `None` before the first trouble.
    pub problem: Option<String>,
    /// The delay that was chosen before the next dial, counted from when the old socket was closed.
    pub next_try: Option<Duration>,
}

/// The phases of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPhase {
    /// Waiting for the next dial.
    Down,
    /// Resolving, connecting, upgrading.
    Connecting,
    /// Frames flow.
    Up,
    /// The old socket is being closed (P-11).
    Closing,
    /// Another agent holds this node id (close 4409): no dial until restart (P-10).
    Fenced,
    /// Closed for shutdown.
    Closed,
}
