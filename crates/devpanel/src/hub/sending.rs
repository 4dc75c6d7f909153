//! Commands and other messages to agents.

use serde_json::Value;
use tokio::sync::mpsc;

use super::{Hub, Outgoing, State};
use crate::clock;
use crate::view::{PanelView, Transport};
use crate::wire;

/// Why the panel did not send a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No agent with this node id has ever connected.
    #[error("no agent with this node id")]
    UnknownNode,
    /// The agent counts as offline; the stock panels refuse commands then.
    #[error("agent is offline")]
    Offline,
    /// The connection is gone.
    #[error("agent is not connected")]
    NotConnected,
    /// The agent does not read; too much waits for it already.
    #[error("too many messages wait for this agent")]
    Backlog,
    /// The old panels had no frame for this action, or it was sent without a server id.
    #[error("this action has no legacy frame")]
    NoLegacyFrame,
}

impl Hub {
    /// Sends a command frame; gives its id.
    pub(crate) fn send_command(
        &self,
        node_id: &str,
        action: &str,
        server_id: Option<&str>,
        payload: Option<&Value>,
        quiet: bool,
    ) -> Result<String, Refused> {
        let id = wire::new_command_id();
        let frame = wire::CommandFrame {
            id: &id,
            kind: "command",
            timestamp: clock::timestamp(),
            agent_id: node_id,
            action,
            server_id,
            payload,
        };
        let text = frame.to_text();
        self.change(|state| {
            let slot = state.online_link(node_id)?;
            // Noted before it is sent, so that the answer always finds it.
            slot.send(Outgoing::Text(text));
            state.view.add_operation(node_id, &id, action, server_id, Transport::Ws, quiet);
            state.note_sent(node_id, action, server_id, payload);
            Ok(())
        })?;
        Ok(id)
    }

    /// Sends a legacy frame; gives a local id for its operation.
    pub(crate) fn send_legacy(
        &self,
        node_id: &str,
        action: &str,
        server_id: Option<&str>,
        payload: Option<&Value>,
    ) -> Result<String, Refused> {
        let legacy_text = server_id.and_then(|server_id| wire::legacy_frame(action, server_id, payload));
        let text = legacy_text.ok_or(Refused::NoLegacyFrame)?;
        self.change(|state| {
            let slot = state.online_link(node_id)?;
            slot.send(Outgoing::Text(text));
            state.legacy_commands += 1;
            let id = format!("legacy_{}", state.legacy_commands);
            state.view.add_operation(node_id, &id, action, server_id, Transport::Legacy, false);
            state.note_sent(node_id, action, server_id, payload);
            Ok(id)
        })
    }

    /// Writes any message to the node's current connection, whether the agent counts as online or not.
    pub(crate) fn send_any(&self, node_id: &str, message: Outgoing) -> Result<(), Refused> {
        let state = self.lock();
        let agent = state.agents.get(node_id).ok_or(Refused::UnknownNode)?;
        let link = state.links.get(&agent.connection).ok_or(Refused::NotConnected)?;
        link.outgoing.try_send(message).map_err(refused)
    }

    /// Notes what went out over HTTP, see [`crate::agent_http`].
    pub(crate) fn note_http_command(
        &self,
        node_id: &str,
        id: &str,
        action: &str,
        server_id: Option<&str>,
        payload: Option<&Value>,
        quiet: bool,
    ) {
        self.change(|state| {
            state.view.add_operation(node_id, id, action, server_id, Transport::Http, quiet);
            state.note_sent(node_id, action, server_id, payload);
        });
    }

    /// Changes the view by what the HTTP side has learned.
    pub(crate) fn change_view<R>(&self, change: impl FnOnce(&mut PanelView) -> R) -> R {
        self.change(|state| change(&mut state.view))
    }
}

/// A place in an agent's queue, taken before anything is noted, so that nothing is noted that is not sent.
#[derive(Debug)]
struct Slot(mpsc::OwnedPermit<Outgoing>);

impl Slot {
    fn send(self, message: Outgoing) {
        self.0.send(message);
    }
}

impl State {
    fn online_link(&self, node_id: &str) -> Result<Slot, Refused> {
        let agent = self.agents.get(node_id).ok_or(Refused::UnknownNode)?;
        if !agent.online {
            return Err(Refused::Offline);
        }
        let link = self.links.get(&agent.connection).ok_or(Refused::NotConnected)?;
        match link.outgoing.clone().try_reserve_owned() {
            Ok(permit) => Ok(Slot(permit)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Refused::Backlog),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Refused::NotConnected),
        }
    }

    fn note_sent(&mut self, node_id: &str, action: &str, server_id: Option<&str>, payload: Option<&Value>) {
        if let (Some(server_id), Some(payload)) = (server_id, payload) {
            self.view.absorb_sent_command(node_id, action, server_id, payload);
        }
    }
}

fn refused(error: mpsc::error::TrySendError<Outgoing>) -> Refused {
    match error {
        mpsc::error::TrySendError::Full(_) => Refused::Backlog,
        mpsc::error::TrySendError::Closed(_) => Refused::NotConnected,
    }
}
