//! Agents that come, beat, speak and go: the stock panels' registry (contract, section 2).

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Agent, Hub, Link, LinkEnds, OUTGOING_BOUND, Outgoing};
use crate::clock;
use crate::record::{ConnectionEnd, RecordedConnection};
use crate::view::answered_id;

impl Hub {
    /// Records an attempt that does not become an agent's connection.
    pub(crate) fn record_attempt(&self, attempt: RecordedConnection) -> u64 {
        self.change(|state| state.records.add_connection(attempt))
    }

    /// Registers a new connection; it replaces the node's former one without closing it (section 2).
    pub(crate) fn accept(&self, attempt: RecordedConnection) -> LinkEnds {
        let (outgoing, outgoing_end) = mpsc::channel(OUTGOING_BOUND);
        let (abort, aborted) = oneshot::channel();
        let node_id = attempt.node_id.clone();
        let connection = self.change(|state| {
            let connection = state.records.add_connection(attempt);
            state.links.insert(connection, Link { node_id: node_id.clone(), outgoing, _abort: abort });
            let agent = Agent { connection, online: true, last_heartbeat: Instant::now() };
            state.agents.insert(node_id.clone(), agent);
            state.view.update_node(&node_id, |node| {
                node.connections += 1;
                (node.online, node.connected) = (true, true);
            });
            connection
        });
        LinkEnds { connection, outgoing: outgoing_end, aborted }
    }

    /// Notes that a connection ended. As in the stock panels this marks the node offline even if a newer connection has
    /// taken its place; only that one's next heartbeat repairs it.
    pub(crate) fn closed(&self, connection: u64, end: ConnectionEnd) {
        self.change(|state| {
            if let Some(record) = state.records.connection_mut(connection)
                && record.end.is_none()
            {
                record.end = Some(end);
            }
            let Some(link) = state.links.remove(&connection) else { return };
            let Some(agent) = state.agents.get_mut(&link.node_id) else { return };
            agent.online = false;
            let current_is_open = state.links.contains_key(&agent.connection);
            state.view.update_node(&link.node_id, |node| {
                (node.online, node.connected) = (false, current_is_open);
            });
        });
    }

    pub(crate) fn ping_received(&self, connection: u64) {
        self.change(|state| {
            if let Some(record) = state.records.connection_mut(connection) {
                record.pings += 1;
            }
        });
    }

    /// Takes one message of an agent.
    pub(crate) fn receive(&self, connection: u64, node_id: &str, binary: bool, text: String) {
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        self.change(|state| {
            if json["type"] == "heartbeat"
                && let Some(agent) = state.agents.get_mut(node_id)
            {
                (agent.online, agent.last_heartbeat) = (true, Instant::now());
                let now = clock::timestamp();
                state.view.update_node(node_id, |node| {
                    (node.online, node.last_heartbeat) = (true, Some(now));
                });
            }
            let order = state.records.frames_received() + 1;
            state.view.absorb(node_id, order, &json);
            if json["type"] == "response"
                && let Some(id) = answered_id(&json)
            {
                state.records.add_answer(&id, json.clone());
            }
            state.records.add_frame(connection, node_id, binary, text, json);
        });
    }

    /// Marks every agent offline whose last heartbeat is too old (section 2).
    pub(crate) fn check_heartbeats(&self) {
        let limit = self.config.heartbeat.offline_after;
        self.change(|state| {
            for (node_id, agent) in &mut state.agents {
                if agent.online && agent.last_heartbeat.elapsed() > limit {
                    agent.online = false;
                    state.view.update_node(node_id, |node| node.online = false);
                }
            }
        });
    }

    /// Drops all connections without a close frame.
    pub(crate) fn drop_connections(&self) {
        let open: Vec<u64> = self.lock().links.keys().copied().collect();
        for connection in open {
            self.closed(connection, ConnectionEnd::DroppedByPanel);
        }
    }

    /// Closes all connections with this code. Where the agent does not read, the close waits behind what it has not read.
    pub(crate) fn close_all(&self, code: u16, reason: &str) {
        for link in self.lock().links.values() {
            // A full queue means that the agent does not read, so it would not read the close frame either.
            link.outgoing.try_send(Outgoing::Close { code, reason: reason.to_owned() }).ok();
        }
    }
}
