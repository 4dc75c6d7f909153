//! Moves frames between one upgraded socket and the actor until the link ends; then closes the socket.
//!
//! Reading and writing are two loops over the two halves of one socket, so a receiver that works on a message holds up
//! reading, and never the heartbeats. The loops hold no queue of their own: what waits is in the bounded channels.

use std::{cell::Cell, io, rc::Rc, time::Duration};

use actix::Recipient;
use actix_http::ws::{CloseCode, CloseReason, Frame, Message, ProtocolError};
use awc::BoxedSocket;
use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, sleep_until, timeout, timeout_at},
};

use super::{
    assemble::{Assembler, as_text},
    config::LinkTimings,
    dial::LinkSocket,
    messages::{Generation, Inbound, LinkEnd, SendFailed},
    mock_panel::MockPanelDetector,
};

/// A frame on its way to the socket, and whom to tell.
#[derive(Debug)]
pub(super) struct QueuedFrame {
    pub(super) text: String,
    pub(super) answer: oneshot::Sender<Result<(), SendFailed>>,
}

/// What one link is made of beside its socket.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) generation: Generation,
    pub(super) normal: mpsc::Receiver<QueuedFrame>,
    pub(super) urgent: mpsc::Receiver<QueuedFrame>,
    pub(super) stop: oneshot::Receiver<()>,
    pub(super) inbound: Recipient<Inbound>,
    pub(super) largest_sent: Rc<Cell<usize>>,
    pub(super) max_message: usize,
    pub(super) timings: LinkTimings,
}

impl Pump {
    /// Runs the link until it ends. Gives the socket back for [`close`].
    pub(super) async fn run(self, socket: LinkSocket) -> (LinkEnd, LinkSocket) {
        let Self { generation, normal, urgent, stop, inbound, largest_sent, max_message, timings } = self;
        let (mut sink, mut stream) = socket.split();
        // Only the latest ping needs an answer (RFC 6455, 5.5.3), so a flood of pings queues nothing.
        let (ping_heard, ping_to_answer) = watch::channel(Bytes::new());
        let (stopping, stop_wanted) = watch::channel(false);

        let reader = Reader { generation, inbound, ping_heard, max_message, timings: timings.clone() };
        let writer = Writer {
            normal,
            urgent,
            ping_to_answer,
            stop_wanted,
            largest_sent,
            first_beat_grace: timings.first_beat_grace,
            ping_interval: timings.ping_interval,
        };
        // What was accepted before a shutdown is written first, unless the socket does not take it.
        let stopped = async {
            // A dropped sender is the actor going away, which ends the link as well.
            stop.await.ok();
            stopping.send_replace(true);
            tokio::time::sleep(timings.close_deadline).await;
            LinkEnd::Shutdown
        };
        let end = tokio::select! {
            end = reader.run(&mut stream) => end,
            end = writer.run(&mut sink) => end,
            end = stopped => end,
        };
        let socket = stream.reunite(sink).expect("both halves are of the same socket");
        (end, socket)
    }
}

struct Reader {
    generation: Generation,
    inbound: Recipient<Inbound>,
    ping_heard: watch::Sender<Bytes>,
    max_message: usize,
    timings: LinkTimings,
}

impl Reader {
    async fn run(self, stream: &mut SplitStream<LinkSocket>) -> LinkEnd {
        match self.read_until_end(stream).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn read_until_end(self, stream: &mut SplitStream<LinkSocket>) -> Result<std::convert::Infallible, LinkEnd> {
        let mut assembler = Assembler::new(self.max_message);
        let mut mock_panel = MockPanelDetector::default();
        let verdict_due = Instant::now() + self.timings.mock_panel_verdict;
        let mut verdict_given = false;
        let mut last_heard = Instant::now();
        loop {
            let next = tokio::select! {
                next = timeout_at(last_heard + self.timings.dead_after, stream.next()) => next,
                () = sleep_until(verdict_due), if !verdict_given => {
                    verdict_given = true;
                    mock_panel.time_is_up();
                    if mock_panel.is_mock() {
                        return Err(LinkEnd::MockPanel);
                    }
                    continue;
                }
            };
            let frame = match next {
                Err(_) => return Err(LinkEnd::Silent),
                Ok(None) => {
                    return Err(LinkEnd::Broken { detail: "the panel hung up without a close frame".to_owned() });
                }
                Ok(Some(Err(error))) => return Err(end_for(error)),
                Ok(Some(Ok(frame))) => frame,
            };
            let message = match frame {
                Frame::Text(bytes) | Frame::Binary(bytes) => Some(bytes),
                Frame::Continuation(fragment) => assembler.push(fragment)?,
                Frame::Ping(payload) => {
                    self.ping_heard.send_replace(payload);
                    None
                }
                Frame::Pong(_) => None,
                Frame::Close(reason) => return Err(closed_by_panel(reason)),
            };
            if let Some(message) = message {
                let text = as_text(message)?;
                mock_panel.observe(&text);
                if mock_panel.is_mock() {
                    return Err(LinkEnd::MockPanel);
                }
                let inbound = Inbound { generation: self.generation, text };
                if self.inbound.send(inbound).await.is_err() {
                    log::error!("a message from the panel was dropped: its receiver is gone");
                }
            }
            // Counted from here, not from the arrival: while our own receiver worked, nobody listened.
            last_heard = Instant::now();
        }
    }
}

struct Writer {
    normal: mpsc::Receiver<QueuedFrame>,
    urgent: mpsc::Receiver<QueuedFrame>,
    ping_to_answer: watch::Receiver<Bytes>,
    stop_wanted: watch::Receiver<bool>,
    largest_sent: Rc<Cell<usize>>,
    first_beat_grace: Duration,
    ping_interval: Duration,
}

/// How many frames are written before one flush: small frames flushed one by one cost six times as much.
const FRAMES_PER_FLUSH: usize = 64;

/// ... and how many bytes, so that the buffer before the socket stays small.
const BYTES_PER_FLUSH: usize = 64 * 1024;

impl Writer {
    async fn run(self, sink: &mut SplitSink<LinkSocket, Message>) -> LinkEnd {
        match self.write_until_end(sink).await {
            Ok(()) => LinkEnd::Shutdown,
            Err(error) => end_for(error),
        }
    }

    async fn write_until_end(mut self, sink: &mut SplitSink<LinkSocket, Message>) -> Result<(), ProtocolError> {
        let grace_over = Instant::now() + self.first_beat_grace;
        // P-13: the heartbeat is the first frame, so ordinary frames wait for it, though not for ever.
        let mut ordinary_may_go = false;
        let mut pings = tokio::time::interval_at(Instant::now() + self.ping_interval, self.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(frame) = self.urgent.recv() => {
                    ordinary_may_go = true;
                    self.feed(sink, frame, &mut unanswered).await?;
                }
                Ok(()) = self.ping_to_answer.changed() => {
                    let payload = self.ping_to_answer.borrow_and_update().clone();
                    sink.feed(Message::Pong(payload)).await?;
                }
                _ = pings.tick() => sink.feed(Message::Ping(Bytes::new())).await?,
                () = sleep_until(grace_over), if !ordinary_may_go => {
                    ordinary_may_go = true;
                    continue;
                }
                Some(frame) = self.normal.recv(), if ordinary_may_go => {
                    let mut bytes = self.feed(sink, frame, &mut unanswered).await?;
                    while unanswered.len() < FRAMES_PER_FLUSH && bytes < BYTES_PER_FLUSH {
                        let Ok(frame) = self.normal.try_recv() else { break };
                        bytes += self.feed(sink, frame, &mut unanswered).await?;
                    }
                }
                // Last, so that what was accepted goes out first, though no heartbeat came before it.
                true = stop_is_wanted(&mut self.stop_wanted) => {
                    if ordinary_may_go {
                        return Ok(());
                    }
                    ordinary_may_go = true;
                    continue;
                }
            }
            sink.flush().await?;
            for answer in unanswered.drain(..) {
                // A sender that no longer waits is no trouble.
                let _: Result<(), _> = oneshot::Sender::send(answer, Ok(()));
            }
        }
    }

    async fn feed(
        &self,
        sink: &mut SplitSink<LinkSocket, Message>,
        frame: QueuedFrame,
        unanswered: &mut Vec<oneshot::Sender<Result<(), SendFailed>>>,
    ) -> Result<usize, ProtocolError> {
        let length = frame.text.len();
        self.largest_sent.set(self.largest_sent.get().max(length));
        sink.feed(Message::Text(frame.text.into())).await?;
        unanswered.push(frame.answer);
        Ok(length)
    }
}

/// Waits for the wish to stop; the lock inside the channel is not kept.
async fn stop_is_wanted(wish: &mut watch::Receiver<bool>) -> bool {
    wish.wait_for(|wanted| *wanted).await.is_ok()
}

fn end_for(error: ProtocolError) -> LinkEnd {
    match error {
        ProtocolError::Overflow => LinkEnd::InboundTooLong,
        // The codec reports reserved bits as an IO error of this kind.
        ProtocolError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            LinkEnd::ProtocolViolation { detail: error.to_string() }
        }
        ProtocolError::Io(error) => LinkEnd::Broken { detail: error.to_string() },
        other => LinkEnd::ProtocolViolation { detail: other.to_string() },
    }
}

fn closed_by_panel(reason: Option<CloseReason>) -> LinkEnd {
    /// "No status received" (RFC 6455, 7.1.5); never on the wire.
    const NO_CODE: u16 = 1005;
    match reason {
        Some(reason) => {
            LinkEnd::ClosedByPanel { code: reason.code.into(), reason: reason.description.unwrap_or_default() }
        }
        None => LinkEnd::ClosedByPanel { code: NO_CODE, reason: String::new() },
    }
}

/// Closes a socket and waits until the other side has seen it, `deadline` at most (P-11).
///
/// Dropping a socket with unread bytes resets it, and the reset can overtake our close frame; so what still comes is
/// read and thrown away until the other side hangs up.
pub(super) async fn close(mut socket: LinkSocket, end: LinkEnd, deadline: Duration) {
    let (we_start, code) = match &end {
        LinkEnd::Broken { .. } => return,
        LinkEnd::ClosedByPanel { code: 1005, .. } => (false, None),
        LinkEnd::ClosedByPanel { code, .. } => (false, Some(CloseCode::from(*code))),
        LinkEnd::Silent | LinkEnd::MockPanel | LinkEnd::Shutdown => (true, Some(CloseCode::Normal)),
        LinkEnd::InboundTooLong => (true, Some(CloseCode::Size)),
        LinkEnd::NotUtf8 => (true, Some(CloseCode::Invalid)),
        LinkEnd::ProtocolViolation { .. } => (true, Some(CloseCode::Protocol)),
    };
    let closing = async {
        socket.send(Message::Close(code.map(CloseReason::from))).await?;
        if we_start {
            // Up to the answer; after a broken frame nothing can be parsed, and the end of the stream is the answer.
            while let Some(Ok(frame)) = socket.next().await {
                if matches!(frame, Frame::Close(_)) {
                    break;
                }
            }
        }
        hang_up(socket.into_parts().io).await.map_err(ProtocolError::Io)
    };
    match timeout(deadline, closing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::debug!("the old link was gone before it was closed: {error}"),
        Err(_) => log::debug!("the old link was dropped: its close was not answered in time"),
    }
}

async fn hang_up(mut io: BoxedSocket) -> io::Result<()> {
    io.shutdown().await?;
    let mut thrown_away = [0; 4096];
    while io.read(&mut thrown_away).await? > 0 {}
    Ok(())
}
