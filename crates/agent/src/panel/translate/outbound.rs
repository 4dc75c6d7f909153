//! From answers and reports of the domain's to frames and bodies of the wire's.

mod answer;
mod node;
mod report;
mod server;

use cap_domain::command::Verb;
use cap_domain::spec::Signal;
use cap_protocol::action::Action;
use cap_protocol::request::{Request, RequestId, Style};

pub use answer::{Node, http_body, link_frames};
pub use node::{pong, system_info};
pub use report::{console_frames, console_gap, report_frames, status_frame};

/// What must be kept of a request until its answer is written.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Echoed.
    pub id: RequestId,
    /// Decides which frames an answer takes.
    pub style: Style,
    /// As it was asked, aliases resolved.
    pub action: Action,
    /// The server as the caller named it, echoed (P-34).
    pub target: Option<String>,
    /// The in-progress word of what is done (section 9 of the contract).
    pub word: &'static str,
}

impl Asked {
    /// Keeps what is needed of a request that became this verb.
    pub fn new(request: &Request, verb: Option<&Verb>) -> Self {
        Self {
            id: request.id.clone(),
            style: request.style,
            action: request.action,
            target: request.server_id.clone(),
            word: verb.map_or("", word),
        }
    }
}

fn word(verb: &Verb) -> &'static str {
    match verb {
        Verb::Create(_) => "creating",
        Verb::Start => "starting",
        Verb::Stop(stop) if stop.signal == Some(Signal::Kill) => "stopping",
        Verb::Stop(_) | Verb::Kill => "stopping",
        Verb::Restart(_) => "restarting",
        Verb::Delete { .. } => "deleting",
        _ => "",
    }
}
