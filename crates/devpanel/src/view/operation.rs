//! Commands this panel sent, and what became of them.

use serde::Serialize;
use serde_json::Value;

use super::{Change, MAX_OPERATIONS, PanelView, push_bounded};
use crate::clock;

/// How a command went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// A command frame on the link (P-51).
    Ws,
    /// A legacy frame on the link (P-49); such a command has no id and gets no answer (P-32).
    Legacy,
    /// `POST /api/command` (P-79).
    Http,
}

/// What is known of a command's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OperationState {
    /// Sent, not answered.
    Sent,
    /// Answered with an in-progress word and an operation id (P-17); the outcome comes as an event (P-20).
    InProgress,
    /// Ended well.
    Succeeded,
    /// Refused or failed.
    Failed,
}

/// One command and its fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Command id; for legacy and HTTP commands a local one, `legacy_...` and `http_...`.
    pub id: String,
    /// Action as sent.
    pub action: String,
    /// Server it was sent for.
    pub server_id: Option<String>,
    /// How it went out.
    pub via: Transport,
    /// When (panel's clock, UTC).
    pub sent_at: String,
    /// When its state changed last (panel's clock, UTC).
    pub updated_at: String,
    /// What is known.
    pub state: OperationState,
    /// The agent's id of the running operation.
    pub operation_id: Option<String>,
    /// Error code, if it failed.
    pub code: Option<String>,
    /// Message or error text of the agent.
    pub message: Option<String>,
    /// `response` frames (or HTTP replies) received for this id. More than one is a mistake of the agent (P-17), unless
    /// the command was sent more than once.
    pub answers: u32,
    /// `operation_completed` events received for it. More than one is a mistake of the agent (P-20).
    pub completions: u32,
    /// A query of the page itself; not worth showing.
    pub quiet: bool,
}

impl Operation {
    /// Whether its outcome is known.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, OperationState::Succeeded | OperationState::Failed)
    }
}

impl PanelView {
    /// Notes a command that went out.
    pub(crate) fn add_operation(
        &mut self,
        node_id: &str,
        id: &str,
        action: &str,
        server_id: Option<&str>,
        via: Transport,
        quiet: bool,
    ) {
        let Some(node) = self.node_mut(node_id) else { return };
        let now = clock::timestamp();
        let operation = Operation {
            id: id.to_owned(),
            action: action.to_owned(),
            server_id: server_id.map(str::to_owned),
            via,
            sent_at: now.clone(),
            updated_at: now,
            state: OperationState::Sent,
            operation_id: None,
            code: None,
            message: None,
            answers: 0,
            completions: 0,
            quiet,
        };
        push_bounded(&mut node.operations, operation.clone(), MAX_OPERATIONS);
        self.changes.push(Change::Operation { node_id: node_id.to_owned(), operation });
    }

    /// Takes a `response` frame or an HTTP reply: `success`, `message`, `error` (an object on the link, a text with
    /// `code` beside it on HTTP), `data`.
    pub(crate) fn absorb_answer(&mut self, node_id: &str, id: &str, answer: &Value) {
        let Some(action) = self.update_operation(node_id, id, |operation| {
            operation.answers += 1;
            // A repeated answer must not undo the outcome that an event has brought in the meantime.
            if operation.completions > 0 {
                return;
            }
            let succeeded = answer["success"] == Value::Bool(true);
            let running = answer["data"]["operationId"].as_str().filter(|_| succeeded);
            operation.operation_id = running.map(str::to_owned);
            operation.state = match (succeeded, running) {
                (true, None) => OperationState::Succeeded,
                (true, Some(_)) => OperationState::InProgress,
                (false, _) => OperationState::Failed,
            };
            operation.code = first_text(&[&answer["error"]["code"], &answer["code"]]);
            operation.message = first_text(&[&answer["error"]["message"], &answer["error"], &answer["message"]]);
        }) else {
            return;
        };
        if answer["success"] == Value::Bool(true) {
            self.absorb_answer_data(node_id, &action, answer);
        }
    }

    /// Takes the `data` of an `operation_completed` event.
    pub(crate) fn absorb_completion(&mut self, node_id: &str, data: &Value) {
        let Some(node) = self.node_mut(node_id) else { return };
        let command_id = data["commandId"].as_str();
        let operation_id = data["operationId"].as_str();
        // The command id names one command; the operation id also finds the commands that joined (P-22).
        let matching: Vec<String> = node
            .operations
            .iter()
            .filter(|operation| {
                command_id == Some(operation.id.as_str())
                    || (operation_id.is_some() && operation.operation_id.as_deref() == operation_id)
            })
            .map(|operation| operation.id.clone())
            .collect();
        for id in matching {
            self.update_operation(node_id, &id, |operation| {
                operation.completions += 1;
                operation.state = match data["success"] == Value::Bool(true) {
                    true => OperationState::Succeeded,
                    false => OperationState::Failed,
                };
                operation.code = first_text(&[&data["error"]["code"]]);
                operation.message = first_text(&[&data["error"]["message"]]);
            });
        }
    }

    /// Notes that a command could not be carried out at all, without an answer of the agent.
    pub(crate) fn fail_operation(&mut self, node_id: &str, id: &str, message: &str) {
        self.update_operation(node_id, id, |operation| {
            operation.state = OperationState::Failed;
            operation.message = Some(message.to_owned());
        });
    }

    /// Changes the operation with this command id, notes it, and gives its action.
    fn update_operation(&mut self, node_id: &str, id: &str, update: impl FnOnce(&mut Operation)) -> Option<String> {
        let node = self.nodes.get_mut(node_id)?;
        // Newest first: an answer belongs to a command sent a moment ago.
        let operation = node.operations.iter_mut().rev().find(|operation| operation.id == id)?;
        update(operation);
        operation.updated_at = clock::timestamp();
        let operation = operation.clone();
        let action = operation.action.clone();
        self.changes.push(Change::Operation { node_id: node_id.to_owned(), operation });
        Some(action)
    }
}

fn first_text(candidates: &[&Value]) -> Option<String> {
    candidates.iter().find_map(|value| value.as_str()).map(str::to_owned)
}
