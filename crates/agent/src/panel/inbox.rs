//! What the panel says, one message at a time: parsed, translated, handed to the dispatcher; the answer to the outbox.
//!
//! Nothing a panel sends ends the link here: what cannot be read is counted and left out (P-212).

use actix::{Actor, Context, Handler, Message, Recipient};
use cap_domain::command::{Answer, Caller};
use cap_domain::ids::NodeId;
use cap_protocol::code::Code;
use cap_protocol::inbound::{Inbound as Said, parse_frame};
use cap_protocol::outbound::{Body, ErrorData, Frame};
use cap_protocol::request::Request;
use cap_protocol::timestamp::Timestamp;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use super::connection::{Inbound, LinkUp, SetReconnectSpread};
use super::translate::{inbound, outbound};
use crate::clock::unix_ms;
use crate::heartbeat::NodeSnapshot;
use crate::outbox::SendAnswer;
use crate::reply::Submit;
use crate::snapshot::AgentSnapshot;

/// How often messages that cannot be read are mentioned in the log, at most.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// A panel that has not asked for the system info by then is told it unasked.
const TELL_UNASKED_AFTER: Duration = Duration::from_secs(1);

/// How long an answer to `system_info_request` waits for what a just started agent has not read yet: the figures of the
/// node, the version of Docker. Less than the second of P-37; a panel asks only once per link.
const FIRST_READING_PATIENCE: Duration = Duration::from_millis(700);

/// Who the inbox talks to.
#[derive(Clone, Debug)]
pub struct InboxParts {
    /// Takes commands.
    pub commands: Recipient<Submit>,
    /// Takes answers.
    pub answers: Recipient<SendAnswer>,
    /// Who this node is.
    pub node_id: NodeId,
    /// The node's figures.
    pub node: watch::Receiver<NodeSnapshot>,
    /// The agent's state.
    pub agent: watch::Receiver<AgentSnapshot>,
    /// Names the numbering of durable events.
    pub epoch: String,
}

/// The link, for the one setting that a panel may change (P-66).
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkIs(pub Recipient<SetReconnectSpread>);

/// See the module.
#[derive(Debug)]
pub struct PanelInbox {
    parts: InboxParts,
    link: Option<Recipient<SetReconnectSpread>>,
    /// Whether this link's panel has asked for the system info.
    asked: bool,
    unreadable: u64,
    complained: Option<Instant>,
}

impl PanelInbox {
    /// An inbox that knows no link yet.
    pub fn new(parts: InboxParts) -> Self {
        Self { parts, link: None, asked: false, unreadable: 0, complained: None }
    }

    fn send(&self, frames: Vec<Frame>) {
        if !frames.is_empty() {
            self.parts.answers.do_send(SendAnswer(frames));
        }
    }

    fn tell_system_info(&mut self) {
        self.asked = true;
        let InboxParts { answers, node_id, mut node, mut agent, epoch, .. } = self.parts.clone();
        actix_rt::spawn(async move {
            let first_reading = async {
                // Their senders live as long as the process.
                let _ = node.wait_for(|node| node.taken_at_unix_ms > 0).await;
                let _ = agent.wait_for(|agent| agent.docker_version.is_some()).await;
            };
            // Late is worse than incomplete: what is not known by then is left empty.
            let _ = tokio::time::timeout(FIRST_READING_PATIENCE, first_reading).await;
            let frame = outbound::system_info(&node_id, &node.borrow(), &agent.borrow(), &epoch, now());
            answers.do_send(SendAnswer(vec![frame]));
        });
    }

    fn submit(&self, request: &Request) {
        let command = inbound::command(request, Caller::Link);
        let asked = outbound::Asked::new(request, command.as_ref().ok().map(|command| &command.verb));
        let parts = self.parts.clone();
        let answer = move |answer| {
            let node = outbound::Node { now: now(), figures: parts.node.borrow().clone() };
            let frames = outbound::link_frames(&asked, &answer, &node);
            if !frames.is_empty() {
                parts.answers.do_send(SendAnswer(frames));
            }
        };
        match command {
            Err(failure) => answer(Answer::Failed { failure }),
            Ok(command) => {
                // Handed over before the next message is read, so commands reach the dispatcher in their order (P-26).
                let submitted = self.parts.commands.send(Submit(command));
                actix_rt::spawn(async move {
                    // The dispatcher lives as long as the process; when it is gone, so are we.
                    if let Ok(outcome) = submitted.await {
                        answer(outcome);
                    }
                });
            }
        }
    }

    fn not_supported(&self, what: &str) {
        let data = ErrorData {
            code: Code::NotSupported,
            message: format!("{what} is not supported by this version of the agent"),
            details: None,
            server_id: None,
        };
        self.send(vec![Frame::new(now(), Body::Error(data))]);
    }

    fn count_unreadable(&mut self, why: &str) {
        self.unreadable += 1;
        if self.complained.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            self.complained = Some(Instant::now());
            log::warn!("the panel sent a message that is left out ({why}); {} so far", self.unreadable);
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(unix_ms())
}

impl Actor for PanelInbox {
    type Context = Context<Self>;
}

impl Handler<LinkIs> for PanelInbox {
    type Result = ();

    fn handle(&mut self, LinkIs(link): LinkIs, _: &mut Self::Context) {
        self.link = Some(link);
    }
}

impl Handler<LinkUp> for PanelInbox {
    type Result = ();

    fn handle(&mut self, _: LinkUp, ctx: &mut Self::Context) {
        use actix::AsyncContext;
        self.asked = false;
        ctx.run_later(TELL_UNASKED_AFTER, |this, _| {
            if !this.asked {
                this.tell_system_info();
            }
        });
    }
}

impl Handler<Inbound> for PanelInbox {
    type Result = ();

    fn handle(&mut self, message: Inbound, _: &mut Self::Context) {
        match parse_frame(message.text.as_bytes()) {
            Said::SystemInfoRequest => self.tell_system_info(),
            Said::Ping { id } => {
                let frame = outbound::pong(id, &self.parts.node.borrow(), &self.parts.agent.borrow(), now());
                self.send(vec![frame]);
            }
            Said::Request(request) => self.submit(&request),
            Said::Rejected(rejection) => self.send(Frame::refusals(&rejection, now())),
            Said::LinkPolicy { reconnect_spread } => {
                if let (Some(spread), Some(link)) = (reconnect_spread, &self.link) {
                    link.do_send(SetReconnectSpread(spread));
                }
            }
            Said::Resume { .. } => self.not_supported("resume"),
            Said::Ack { .. } => self.not_supported("ack"),
            // The link watches for these itself (P-12).
            Said::MockPanel => {}
            Said::Ignored { why } => self.count_unreadable(why.as_str()),
        }
    }
}
