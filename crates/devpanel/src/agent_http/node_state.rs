//! What the HTTP side's answers mean for the view: who is online, and what became of a command.

use serde_json::Value;

use super::{HttpCommand, HttpError};
use crate::hub::Hub;
use crate::view::{HttpView, NodeView, PanelView};

/// The node an HTTP agent is shown under until its `/health` has told its name.
const UNNAMED_NODE: &str = "http-agent";

/// A command that went out over HTTP.
pub(super) struct SentCommand {
    node_id: String,
    id: String,
}

impl Hub {
    /// Where the agent was found.
    pub(super) fn http_base_url(&self) -> Option<String> {
        self.view(|view| http_node(view)?.http.as_ref()?.base_url.clone())
    }

    /// Whether the agent counts as online on HTTP.
    pub(super) fn http_online(&self) -> bool {
        self.view(|view| http_node(view).and_then(|node| node.http.as_ref()).is_some_and(|http| http.online))
    }

    /// Takes the answer to `GET /health`; the agent is online if `status` is `healthy` and `connected` is not false.
    pub(super) fn note_health(&self, base_url: &str, answer: Result<Value, HttpError>) -> Result<Value, HttpError> {
        self.change_view(|view| {
            let told = answer.as_ref().ok().and_then(|health| health["nodeId"].as_str());
            if let Some(node_id) = told {
                move_to(view, node_id);
            }
            update(view, |http| match &answer {
                Ok(health) => {
                    http.base_url = Some(base_url.to_owned());
                    http.online = health["status"] == "healthy" && health["connected"] != Value::Bool(false);
                    http.health = Some(health.clone());
                    http.error = None;
                }
                Err(error) => offline(http, error),
            });
        });
        answer
    }

    /// Takes the answer to `GET /api/status`; a 2xx makes the agent online.
    pub(super) fn note_status(&self, answer: Result<Value, HttpError>) -> Result<Value, HttpError> {
        self.change_view(|view| {
            update(view, |http| match &answer {
                Ok(status) => {
                    (http.online, http.error) = (true, None);
                    http.status = Some(status.clone());
                }
                Err(error) => offline(http, error),
            })
        });
        answer
    }

    pub(super) fn note_not_found(&self, error: &HttpError) {
        self.change_view(|view| update(view, |http| offline(http, error)));
    }

    pub(super) fn note_http_sent(&self, command: &HttpCommand) -> SentCommand {
        let node_id = self.view(node_id);
        let id = command.id.clone();
        let (server_id, payload) = (command.server_id.as_deref(), command.payload.as_ref());
        self.note_http_command(&node_id, &id, &command.action, server_id, payload, command.quiet);
        SentCommand { node_id, id }
    }

    /// Takes the answer to a command. A timeout or non-2xx marks the agent offline; a lifecycle command that succeeds
    /// marks it online.
    pub(super) fn note_http_answer(
        &self,
        sent: &SentCommand,
        lifecycle: bool,
        answer: Result<Value, HttpError>,
    ) -> Result<Value, HttpError> {
        self.change_view(|view| {
            match &answer {
                Ok(reply) => view.absorb_answer(&sent.node_id, &sent.id, reply),
                Err(error) => view.fail_operation(&sent.node_id, &sent.id, &error.to_string()),
            }
            update(view, |http| match &answer {
                Ok(reply) if lifecycle && reply["success"] == Value::Bool(true) => {
                    (http.online, http.error) = (true, None);
                }
                Ok(_) | Err(HttpError::NotJson) => {}
                Err(error) => offline(http, error),
            });
        });
        answer
    }
}

/// Changes what is known of the agent's HTTP side.
fn update(view: &mut PanelView, change: impl FnOnce(&mut HttpView)) {
    let node_id = node_id(view);
    view.update_node(&node_id, |node| change(node.http.get_or_insert_default()));
}

/// The HTTP side belongs to this node: it has said so.
fn move_to(view: &mut PanelView, node_id: &str) {
    let Some(former) = http_node(view).map(|node| node.node_id.clone()).filter(|former| former != node_id) else {
        view.update_node(node_id, |node| {
            node.http.get_or_insert_default();
        });
        return;
    };
    let mut http = None;
    view.update_node(&former, |node| http = node.http.take());
    view.update_node(node_id, |node| node.http = http);
}

/// The node under which the HTTP side is shown: the one it belongs to, else the only one there is, else a made-up one.
fn node_id(view: &PanelView) -> String {
    let mut names = view.nodes.keys();
    let only = names.next().filter(|_| names.next().is_none());
    let known = http_node(view).map(|node| &node.node_id);
    known.or(only).cloned().unwrap_or_else(|| UNNAMED_NODE.to_owned())
}

fn offline(http: &mut HttpView, error: &HttpError) {
    (http.online, http.error) = (false, Some(error.to_string()));
}

/// The node with an HTTP side; there is one at most.
fn http_node(view: &PanelView) -> Option<&NodeView> {
    view.nodes.values().find(|node| node.http.is_some())
}
