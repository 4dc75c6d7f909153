//! What came in, kept for tests: every message and every connection, bounded.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

/// Messages kept; the oldest is dropped first.
const MAX_FRAMES: usize = 100_000;
/// Bytes of message text kept; the oldest message is dropped first. A soak test with long console lines would otherwise
/// fill the memory long before the number of messages does.
const MAX_FRAME_BYTES: usize = 256 * 1024 * 1024;
/// Connections (and refused attempts) kept; the oldest is dropped first.
const MAX_CONNECTIONS: usize = 10_000;
/// Command ids whose answers are kept; the oldest is dropped first.
const MAX_ANSWERED: usize = 20_000;

/// One message from an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedFrame {
    /// Position among everything this panel received, over all connections; starts at 1, grows by 1.
    pub order: u64,
    /// Which connection it came on, see [`RecordedConnection::id`].
    pub connection: u64,
    /// The node that connection belongs to.
    pub node_id: String,
    /// Whether it came as a binary message.
    pub binary: bool,
    /// The text as received (binary: read as UTF-8, with replacement characters).
    pub text: String,
    /// The text as JSON; `Null` if it is none.
    pub json: Value,
}

impl RecordedFrame {
    /// The frame's `type`, or `""`.
    pub fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap_or_default()
    }

    /// The name of an `event` frame, or `""`.
    pub fn event(&self) -> &str {
        self.json["event"].as_str().unwrap_or_default()
    }

    /// The durable sequence number at top level, if any (P-43).
    pub fn seq(&self) -> Option<u64> {
        self.json["seq"].as_u64()
    }

    /// The epoch at top level, if any (P-43).
    pub fn epoch(&self) -> Option<&str> {
        self.json["epoch"].as_str()
    }
}

/// One attempt of an agent to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedConnection {
    /// Number of the attempt, from 1.
    pub id: u64,
    /// The node id read from the URL; empty if there was none.
    pub node_id: String,
    /// Path and query as requested, not decoded.
    pub url: String,
    /// Request headers, names in lower case, without `authorization`.
    pub headers: BTreeMap<String, String>,
    /// `false` for an attempt answered 401.
    pub accepted: bool,
    /// WebSocket pings received (P-14).
    pub pings: u64,
    /// How it ended, once it has.
    pub end: Option<ConnectionEnd>,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// The agent sent a close frame with this code, if any.
    ClosedByAgent(Option<u16>),
    /// The panel sent a close frame with this code.
    ClosedByPanel(u16),
    /// The panel dropped it, see [`DevPanel::drop_connections`](crate::DevPanel::drop_connections).
    DroppedByPanel,
    /// The transport ended, or broke the protocol, without a close frame.
    Lost,
}

/// The bounded records of a panel.
#[derive(Debug, Default)]
pub(crate) struct Records {
    frames: VecDeque<Arc<RecordedFrame>>,
    frame_bytes: usize,
    frames_received: u64,
    connections: VecDeque<RecordedConnection>,
    connections_seen: u64,
    answers: HashMap<String, Vec<Value>>,
    answered: VecDeque<String>,
}

impl Records {
    pub(crate) fn add_frame(&mut self, connection: u64, node_id: &str, binary: bool, text: String, json: Value) {
        self.frames_received += 1;
        self.frame_bytes += text.len();
        let order = self.frames_received;
        let frame = RecordedFrame { order, connection, node_id: node_id.to_owned(), binary, text, json };
        self.frames.push_back(Arc::new(frame));
        while self.frames.len() > MAX_FRAMES || self.frame_bytes > MAX_FRAME_BYTES {
            let Some(dropped) = self.frames.pop_front() else { break };
            self.frame_bytes -= dropped.text.len();
        }
    }

    pub(crate) fn frames(&self) -> Vec<Arc<RecordedFrame>> {
        self.frames.iter().cloned().collect()
    }

    pub(crate) fn frames_received(&self) -> u64 {
        self.frames_received
    }

    /// Adds an attempt and gives its number.
    pub(crate) fn add_connection(&mut self, mut connection: RecordedConnection) -> u64 {
        self.connections_seen += 1;
        connection.id = self.connections_seen;
        self.connections.push_back(connection);
        if self.connections.len() > MAX_CONNECTIONS {
            self.connections.pop_front();
        }
        self.connections_seen
    }

    pub(crate) fn connection_mut(&mut self, id: u64) -> Option<&mut RecordedConnection> {
        // Numbers are handed out in order and without holes, so the position follows from the oldest one kept.
        let oldest = self.connections.front()?.id;
        let position = usize::try_from(id.checked_sub(oldest)?).ok()?;
        self.connections.get_mut(position)
    }

    pub(crate) fn connections(&self) -> Vec<RecordedConnection> {
        self.connections.iter().cloned().collect()
    }

    pub(crate) fn add_answer(&mut self, id: &str, answer: Value) {
        if !self.answers.contains_key(id) {
            self.answered.push_back(id.to_owned());
            if self.answered.len() > MAX_ANSWERED
                && let Some(oldest) = self.answered.pop_front()
            {
                self.answers.remove(&oldest);
            }
        }
        let answers = self.answers.entry(id.to_owned()).or_default();
        // More than one answer is an agent's mistake (P-17); a few are kept so that a test can see it.
        if answers.len() < 16 {
            answers.push(answer);
        }
    }

    pub(crate) fn answers(&self, id: &str) -> Vec<Value> {
        self.answers.get(id).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_FRAMES, RecordedConnection, Records};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    #[test]
    fn the_oldest_frames_are_dropped_beyond_the_bound_and_order_goes_on() {
        let mut records = Records::default();
        for _ in 0..MAX_FRAMES + 3 {
            records.add_frame(1, "n", false, String::new(), Value::Null);
        }
        let frames = records.frames();
        assert_eq!(frames.len(), MAX_FRAMES);
        assert_eq!(frames[0].order, 4);
    }

    #[test]
    fn big_frames_are_dropped_by_their_bytes() {
        let mut records = Records::default();
        for _ in 0..20 {
            records.add_frame(1, "n", false, "x".repeat(16 * 1024 * 1024), Value::Null);
        }
        assert_eq!(records.frames().len(), 16);
    }

    #[test]
    fn a_connection_is_found_by_its_number_after_older_ones_were_dropped() {
        let mut records = Records::default();
        for _ in 0..10_002 {
            records.add_connection(RecordedConnection {
                id: 0,
                node_id: "n".to_owned(),
                url: String::new(),
                headers: BTreeMap::new(),
                accepted: true,
                pings: 0,
                end: None,
            });
        }
        assert!(records.connection_mut(2).is_none());
        assert_eq!(records.connection_mut(3).map(|connection| connection.id), Some(3));
        assert_eq!(records.connection_mut(10_002).map(|connection| connection.id), Some(10_002));
    }

    #[test]
    fn every_answer_to_an_id_is_kept() {
        let mut records = Records::default();
        records.add_answer("a", json!(1));
        records.add_answer("a", json!(2));
        assert_eq!(records.answers("a"), vec![json!(1), json!(2)]);
    }
}
