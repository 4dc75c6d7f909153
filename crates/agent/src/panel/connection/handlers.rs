//! Translates messages to calls.

use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture};
use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::{CloseLink, Connect, Link, LinkPhase, PanelConnection, SendFailed, SendFrame, SetReconnectSpread, redial};

impl Actor for PanelConnection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.notify(Connect);
    }
}

impl Handler<Connect> for PanelConnection {
    type Result = ();

    fn handle(&mut self, _: Connect, ctx: &mut Context<Self>) {
        let may_dial = matches!(self.link, Link::Idle | Link::Down { .. });
        if may_dial && !self.shutting_down {
            self.dial(ctx);
        }
    }
}

impl Handler<SendFrame> for PanelConnection {
    type Result = ResponseFuture<Result<(), SendFailed>>;

    fn handle(&mut self, frame: SendFrame, _: &mut Context<Self>) -> Self::Result {
        match self.accept(frame) {
            // A link that ends drops the frames it still holds, and with them their answers.
            Ok(answered) => answered.map(|answer| answer.unwrap_or(Err(SendFailed::LinkGone))).boxed_local(),
            Err(failed) => std::future::ready(Err(failed)).boxed_local(),
        }
    }
}

impl Handler<SetReconnectSpread> for PanelConnection {
    type Result = ();

    fn handle(&mut self, SetReconnectSpread(spread): SetReconnectSpread, _: &mut Context<Self>) {
        self.redial.set_reconnect_spread(redial::as_millis(spread));
    }
}

impl Handler<CloseLink> for PanelConnection {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: CloseLink, ctx: &mut Context<Self>) -> ResponseFuture<()> {
        self.shutting_down = true;
        let (closed, is_closed) = oneshot::channel();
        self.waiting_for_close.push(closed);
        match &mut self.link {
            Link::Idle | Link::Ended => self.closed_for_good(LinkPhase::Closed),
            Link::Down { next_dial: pending } | Link::Connecting { dial: pending } => {
                let pending = *pending;
                ctx.cancel_future(pending);
                self.closed_for_good(LinkPhase::Closed);
            }
            Link::Up(up) => {
                if let Some(stop) = up.stop.take() {
                    // The pump may have just ended by itself; its close is awaited all the same.
                    let _: Result<(), ()> = stop.send(());
                }
            }
            Link::Closing => {}
        }
        is_closed.map(|_| ()).boxed_local()
    }
}
