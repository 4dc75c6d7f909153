//! `POST /api/command`: the same commands as over the link, answered in the body (P-79 to P-82).

use actix::Addr;
use bytes::Bytes;
use cap_domain::command::{Answer, Caller};
use cap_domain::failure::{Failure, FailureCode};
use cap_protocol::http::{BodyError, parse_body};
use cap_protocol::http_reply;
use cap_protocol::timestamp::Timestamp;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::clock::unix_ms;
use crate::dispatcher::{AreYouThere, Dispatcher};
use crate::health_http::{CommandPort, HttpReply};
use crate::heartbeat::NodeSnapshot;
use crate::panel::translate::{inbound, outbound};
use crate::reply::Submit;

/// Hands bodies to the dispatcher.
#[derive(Clone, Debug)]
pub struct HttpCommands {
    dispatcher: Addr<Dispatcher>,
    node: watch::Receiver<NodeSnapshot>,
}

impl HttpCommands {
    /// Talks to this dispatcher.
    pub fn new(dispatcher: Addr<Dispatcher>, node: watch::Receiver<NodeSnapshot>) -> Self {
        Self { dispatcher, node }
    }

    async fn answer(self, token: u8, body: Bytes) -> HttpReply {
        let ok = |body: String| HttpReply { status: 200, body };
        let request = match parse_body(&body) {
            Ok(request) => request,
            Err(BodyError::NotJson) => return HttpReply { status: 400, body: http_reply::not_json() },
            Err(BodyError::Refused(rejection)) => return ok(http_reply::refused(&rejection)),
        };
        drop(body); // up to 64 MiB that nobody needs while the command runs
        let command = inbound::command(&request, Caller::Http(token));
        let asked = outbound::Asked::new(&request, command.as_ref().ok().map(|command| &command.verb));
        let answer = match command {
            Err(failure) => Answer::Failed { failure },
            Ok(command) => self.dispatcher.send(Submit(command)).await.unwrap_or_else(|_| Answer::Failed {
                failure: Failure::new(FailureCode::ShuttingDown, "the agent is shutting down"),
            }),
        };
        let now = Timestamp::from_unix_ms(unix_ms());
        let node = outbound::Node { now, figures: self.node.borrow().clone() };
        ok(outbound::http_body(&asked, &answer, &node))
    }
}

impl CommandPort for HttpCommands {
    fn submit(&self, token: u8, body: Bytes) -> BoxFuture<'static, HttpReply> {
        Box::pin(self.clone().answer(token, body))
    }

    fn alive(&self) -> BoxFuture<'static, bool> {
        let dispatcher = self.dispatcher.clone();
        Box::pin(async move { dispatcher.send(AreYouThere).await.is_ok() })
    }
}
