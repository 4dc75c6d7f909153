//! The one answer to a command, on either transport.

use cap_domain::command::Answer;
use cap_domain::failure::Failure;
use cap_protocol::Object;
use cap_protocol::action::Action;
use cap_protocol::http_reply;
use cap_protocol::outbound::figures::{
    Aliases, Connected, ConsoleHistory, ConsoleStatus, CreateAnswer, Lifecycle, PingAnswer, Sent, ServerLogs,
};
use cap_protocol::outbound::status_detail::ServerList;
use cap_protocol::outbound::{Body, ErrorData, EventBody, Frame, ServerStatus, object_of};
use cap_protocol::request::Style;
use cap_protocol::timestamp::Timestamp;

use super::{Asked, node as node_frames, server};
use crate::heartbeat::NodeSnapshot;
use crate::panel::translate::wire_code;
use crate::reply::{AgentView, CommandAnswer, ConsoleView, Reply};

/// What answers tell of the node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Now.
    pub now: Timestamp,
    /// Its figures.
    pub figures: NodeSnapshot,
}

/// The frames that answer a command on the link.
pub fn link_frames(asked: &Asked, answer: &CommandAnswer, node: &Node) -> Vec<Frame> {
    let body = body(asked, answer, node);
    let mut frames = Vec::new();
    match (&body, asked.style) {
        (Ok((message, data)), Style::CommandFrame | Style::LegacyFrame { reply: true }) => {
            frames.push(Frame::response_ok(asked.id.clone(), node.now, message.clone(), data));
        }
        (Err(failure), Style::CommandFrame) => frames.push(refusal(asked, failure, node)),
        (Err(failure), Style::LegacyFrame { reply }) => {
            frames.push(Frame::new(
                node.now,
                Body::Error(ErrorData {
                    code: wire_code(failure.code),
                    message: failure.message.clone(),
                    details: None,
                    server_id: asked.target.clone(),
                }),
            ));
            if reply {
                frames.push(refusal(asked, failure, node));
            }
        }
        // A legacy frame's success shows as its effect (P-32).
        (Ok(_), Style::LegacyFrame { reply: false } | Style::Http) | (Err(_), Style::Http) => {}
    }
    if let Answer::Done { reply: Reply::Status(view), .. } = answer {
        // Old readers look at pushes, not at responses (P-39).
        let detail = server::detail(view, view.server.as_str());
        frames.push(Frame::new(node.now, Body::ServerStatusDetail(Box::new(detail.clone()))));
        frames.push(Frame::event(node.now, EventBody::ServerStatus(Box::new(detail))));
    }
    frames
}

fn refusal(asked: &Asked, failure: &Failure, node: &Node) -> Frame {
    Frame::response_error(asked.id.clone(), node.now, wire_code(failure.code), failure.message.clone())
}

/// The body that answers a command over HTTP; always 200 (P-80).
pub fn http_body(asked: &Asked, answer: &CommandAnswer, node: &Node) -> String {
    match body(asked, answer, node) {
        Ok((message, data)) => http_reply::success(&asked.id, message.as_deref(), &data),
        Err(failure) => http_reply::failure(&asked.id, wire_code(failure.code), &failure.message),
    }
}

fn body(asked: &Asked, answer: &CommandAnswer, node: &Node) -> Result<(Option<String>, Object), Failure> {
    match answer {
        Answer::Failed { failure } => Err(failure.clone()),
        Answer::InProgress { server, operation, ports, warnings } => {
            let called = asked.target.clone().unwrap_or_else(|| server.to_string());
            let message = Some(format!("{} in progress", asked.action.name()));
            let data = if asked.action == Action::CreateServer {
                object_of(&CreateAnswer {
                    server_id: called,
                    status: asked.word.to_owned(),
                    operation_id: Some(operation.to_string()),
                    existing: false,
                    ports: server::ports(ports),
                    warnings: warnings.clone(),
                })
            } else {
                let operation_id = Some(operation.to_string());
                object_of(&Lifecycle { server_id: called, status: asked.word.to_owned(), operation_id })
            };
            Ok((message, data))
        }
        Answer::Done { server, reply } => {
            let canonical = server.as_ref().map(ToString::to_string).unwrap_or_default();
            let called = asked.target.clone().unwrap_or(canonical);
            Ok(done(asked, called, reply, node))
        }
    }
}

fn done(asked: &Asked, called: String, reply: &Reply, node: &Node) -> (Option<String>, Object) {
    let data = match reply {
        Reply::Power { status, note } => {
            let status = status.phase.status_word().to_owned();
            let data = object_of(&Lifecycle { server_id: called, status, operation_id: None });
            return (note.clone(), data);
        }
        Reply::Created { status, existing, ports, warnings } => object_of(&CreateAnswer {
            server_id: called,
            status: status.phase.status_word().to_owned(),
            operation_id: None,
            existing: *existing,
            ports: server::ports(ports),
            warnings: warnings.clone(),
        }),
        Reply::Deleted => object_of(&Lifecycle { server_id: called, status: "deleted".to_owned(), operation_id: None }),
        Reply::Status(view) => object_of(&server::detail(view, &called)),
        Reply::ServerMetrics(view) => object_of(&server::metrics(view, &called, node.now)),
        Reply::Servers(views) => object_of(&ServerList::new(views.iter().map(server::summary).collect())),
        Reply::History(lines) if asked.action == Action::GetServerLogs => {
            object_of(&ServerLogs { server_id: called, logs: lines.clone() })
        }
        Reply::History(lines) => {
            object_of(&ConsoleHistory { server_id: called, history: lines.clone(), lines: lines.len() })
        }
        Reply::Sent => object_of(&Sent { server_id: called, sent: true }),
        Reply::Console(view) => console(asked, called, view),
        Reply::NodeMetrics => object_of(&node_frames::metrics(&node.figures, node.now)),
        Reply::Operation(view) => object_of(&server::operation(view)),
        Reply::Aliases(aliases) => object_of(&Aliases { server_id: called, aliases: aliases.clone() }),
        Reply::Pong => object_of(&PingAnswer::new(node.now)),
        Reply::Agent(view) => agent(*view),
    };
    (None, data)
}

fn console(asked: &Asked, called: String, view: &ConsoleView) -> Object {
    if asked.action == Action::ConsoleStatus {
        object_of(&ConsoleStatus {
            server_id: called,
            connected: view.connected,
            last_activity: view.last_activity_unix_ms.map(Timestamp::from_unix_ms),
            buffer_size: view.kept as u64,
            first_seq: view.first_seq,
            last_seq: view.last_seq,
            console_epoch: view.epoch.clone(),
        })
    } else {
        object_of(&Connected { server_id: called, connected: view.connected })
    }
}

fn agent(view: AgentView) -> Object {
    let version = env!("CARGO_PKG_VERSION");
    object_of(&http_reply::AgentStatus::new(version, view.uptime_seconds, view.servers as u64))
}

/// The plain status of a server, as it is told to a new link.
pub(super) fn status(server: &str, status: cap_domain::phase::Status) -> ServerStatus {
    ServerStatus {
        server_id: server.to_owned(),
        status: status.phase.status_word().to_owned(),
        state: server::state_of(status).to_owned(),
        message: None,
        error: None,
        stats: None,
    }
}
