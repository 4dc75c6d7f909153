//! What the outbox is told.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture};
use cap_domain::ids::ServerId;
use cap_domain::outbox::OutClass;
use cap_protocol::outbound::Frame;
use cap_protocol::timestamp::Timestamp;

use super::{Flush, Outbox, SendAnswer, UNTOLD_ENDS, Up};
use crate::clock::unix_ms;
use crate::console::ConsoleMoved;
use crate::dispatcher::ConsoleKnown;
use crate::panel::connection::{LinkDown, LinkUp};
use crate::panel::translate::outbound::{report_frames, status_frame};
use crate::report::Report;

impl Actor for Outbox {
    type Context = Context<Self>;
}

impl Handler<Report> for Outbox {
    type Result = ();

    fn handle(&mut self, report: Report, ctx: &mut Self::Context) {
        match &report {
            Report::StatusChanged { server, change, .. } => self.learn(server, change.to),
            Report::StatusKnown { server, status } => self.learn(server, *status),
            Report::Forgotten { server } => {
                self.known.remove(server);
                self.queue.forget_server(server);
            }
            Report::Notice { .. } | Report::OperationCompleted { .. } | Report::Figures { .. } => {}
        }
        let class = match &report {
            Report::Figures { server, .. } => OutClass::Metrics(Some(server.clone())),
            Report::StatusChanged { server, .. } | Report::Notice { server, .. } => {
                self.feed_all(server);
                OutClass::Event(Some(server.clone()))
            }
            _ => OutClass::Event(None),
        };
        let mut frames: Vec<Frame> = report_frames(&report).into_iter().map(|frame| self.place(frame)).collect();
        if let Report::StatusKnown { server, status } = &report {
            // A link that is up already has not been told of this server.
            frames.push(status_frame(server, *status, None, Timestamp::from_unix_ms(unix_ms())));
        }
        if self.link.is_none() && matches!(report, Report::OperationCompleted { .. }) {
            self.untold_ends.extend(frames);
            let surplus = self.untold_ends.len().saturating_sub(UNTOLD_ENDS);
            self.untold_ends.drain(..surplus);
            return;
        }
        self.enqueue(class, &frames);
        self.pump(ctx);
    }
}

impl Outbox {
    fn learn(&mut self, server: &ServerId, status: cap_domain::phase::Status) {
        self.known.entry(server.clone()).or_default().status = Some(status);
    }
}

impl Handler<SendAnswer> for Outbox {
    type Result = ();

    fn handle(&mut self, SendAnswer(frames): SendAnswer, ctx: &mut Self::Context) {
        self.enqueue(OutClass::Answer, &frames);
        self.pump(ctx);
    }
}

impl Handler<ConsoleKnown> for Outbox {
    type Result = ();

    fn handle(&mut self, known: ConsoleKnown, ctx: &mut Self::Context) {
        known.console.set_viewer(ctx.address().recipient());
        self.queue.rewind_console(&known.server, 1);
        self.known.entry(known.server).or_default().follow(known.console);
    }
}

impl Handler<ConsoleMoved> for Outbox {
    type Result = ();

    fn handle(&mut self, _: ConsoleMoved, ctx: &mut Self::Context) {
        self.schedule_pull(ctx);
    }
}

impl Handler<LinkUp> for Outbox {
    type Result = ();

    fn handle(&mut self, up: LinkUp, ctx: &mut Self::Context) {
        self.go_down();
        let max_message = up.max_message.unwrap_or(usize::MAX);
        self.link = Some(Up { generation: up.generation, sink: up.sink, max_message, in_flight: 0, is_going: false });
        self.queue.link_up();
        self.snapshot.send_modify(|snapshot| snapshot.link_up = true);
        let now = Timestamp::from_unix_ms(unix_ms());
        let mut statuses = Vec::new();
        for (server, known) in &mut self.known {
            known.skip_to_recent(self.config.replay_lines);
            if let Some(status) = known.status {
                statuses.push((server.clone(), status_frame(server, status, self.board.figures(server).as_ref(), now)));
            }
        }
        for (server, frame) in statuses {
            self.enqueue(OutClass::Event(Some(server)), &[frame]);
        }
        for end in std::mem::take(&mut self.untold_ends) {
            self.enqueue(OutClass::Event(None), &[end]);
        }
        self.schedule_pull(ctx);
        self.pump(ctx);
    }
}

impl Outbox {
    /// What the link did not take of the consoles is pulled again for the next one, which may take shorter messages.
    fn go_down(&mut self) {
        if self.link.take().is_none() {
            return;
        }
        self.queue.link_down();
        for (server, known) in &mut self.known {
            if let Some(due) = known.link_down() {
                self.queue.rewind_console(server, due);
            }
        }
    }
}

impl Handler<LinkDown> for Outbox {
    type Result = ();

    fn handle(&mut self, down: LinkDown, _: &mut Self::Context) {
        if self.link.as_ref().is_some_and(|link| link.generation == down.generation) {
            self.go_down();
            self.snapshot.send_modify(|snapshot| snapshot.link_up = false);
        }
    }
}

/// Whether nothing waits.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "bool")]
struct Idle;

impl Handler<Idle> for Outbox {
    type Result = bool;

    fn handle(&mut self, _: Idle, ctx: &mut Self::Context) -> bool {
        self.pull_scheduled = false;
        self.pump(ctx);
        self.is_idle()
    }
}

impl Handler<Flush> for Outbox {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, flush: Flush, ctx: &mut Self::Context) -> Self::Result {
        let this = ctx.address();
        Box::pin(async move {
            let flushed = async {
                while this.send(Idle).await.is_ok_and(|idle| !idle) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            if tokio::time::timeout(flush.within, flushed).await.is_err() {
                log::warn!("the panel did not take everything before the shutdown");
            }
        })
    }
}
