//! The engine's events about containers of this node.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Buf, BytesMut};
use cap_domain::ids::NodeId;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::docker::failure::Fault;
use crate::docker::ownership::{Owner, owner, server_of};
use crate::docker::transport::{Transport, in_query};
use crate::port::{EngineEvent, EngineEventKind, EngineStream};

/// The longest event. It holds all labels of a container, so it may be long.
const LONGEST_EVENT: usize = 1024 * 1024;

const KINDS: &[(&str, EngineEventKind)] = &[
    ("create", EngineEventKind::Create),
    ("start", EngineEventKind::Start),
    ("die", EngineEventKind::Die),
    ("oom", EngineEventKind::Oom),
    ("pause", EngineEventKind::Pause),
    ("unpause", EngineEventKind::Unpause),
    ("destroy", EngineEventKind::Destroy),
    ("rename", EngineEventKind::Rename),
    ("update", EngineEventKind::Update),
];

/// Follows events from the moment of the call.
pub(super) async fn events(transport: &Transport, node: &NodeId) -> Result<EngineStream<EngineEvent>, Fault> {
    let kinds: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
    // Not filtered by label: containers of the Go agent may have a name only.
    let filters = serde_json::json!({ "type": ["container"], "event": kinds }).to_string();
    // The engine answers before it begins to listen to itself; with a start time that gap has no holes.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let path = format!("/events?since={}.{:09}&filters={}", now.as_secs(), now.subsec_nanos(), in_query(&filters));
    let body = transport.get(&path).await?.into_body();
    let reader = EventReader { body, buffer: BytesMut::new(), node: node.clone() };
    let stream = stream::try_unfold(reader, |mut reader| async move {
        match reader.next().await {
            Ok(Some(event)) => Ok(Some((event, reader))),
            Ok(None) => Ok(None),
            Err(fault) => Err(fault.during("events")),
        }
    });
    Ok(Box::pin(stream))
}

struct EventReader {
    body: Incoming,
    buffer: BytesMut,
    node: NodeId,
}

impl EventReader {
    async fn next(&mut self) -> Result<Option<EngineEvent>, Fault> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                // An event that is not understood is one hint less; the relist finds what it was about.
                let event = serde_json::from_slice(&self.buffer[..end]).ok();
                self.buffer.advance(end + 1);
                if let Some(event) = event.and_then(|event| of_this_node(&event, &self.node)) {
                    return Ok(Some(event));
                }
            }
            if self.buffer.len() > LONGEST_EVENT {
                return Err(Fault::Garbage { what: "an endless event".to_owned() });
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}

/// The event in our words; none if it is of no kind that matters, of no server or of another node's.
fn of_this_node(event: &Value, node: &NodeId) -> Option<EngineEvent> {
    let word = event["Action"].as_str().or_else(|| event["status"].as_str())?;
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == word)?;
    let attributes = &event["Actor"]["Attributes"];
    if owner(attributes, node) == Owner::Foreign {
        return None;
    }
    let names = [&attributes["name"], &attributes["oldName"]].into_iter().filter_map(Value::as_str);
    Some(EngineEvent { server: server_of(attributes, names)?, kind: *kind })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(event: Value) -> Option<(String, EngineEventKind)> {
        let event = of_this_node(&event, &NodeId::parse("n1").unwrap())?;
        Some((event.server.as_str().to_owned(), event.kind))
    }

    fn event(action: &str, attributes: Value) -> Value {
        json!({ "Type": "container", "Action": action, "Actor": { "ID": "x", "Attributes": attributes } })
    }

    #[test]
    fn events_of_this_node_and_of_the_go_agent_are_seen_and_no_others() {
        let ours = json!({ "ctrl-alt-play.server-id": "a", "ctrl-alt-play.node-id": "n1", "name": "ctrl-alt-play-a" });
        assert_eq!(seen(event("die", ours)), Some(("a".to_owned(), EngineEventKind::Die)));
        let other = json!({ "ctrl-alt-play.server-id": "a", "ctrl-alt-play.node-id": "n2" });
        assert_eq!(seen(event("die", other)), None);
        assert_eq!(
            seen(event("oom", json!({ "ctrl-alt-play.managed": "true", "name": "ctrl-alt-play-b" }))),
            Some(("b".to_owned(), EngineEventKind::Oom))
        );
        assert_eq!(seen(event("die", json!({ "name": "postgres" }))), None);
        assert_eq!(seen(event("die", json!({ "name": "ctrl-alt-play-b" }))), None, "a name alone is not ours");
        let go_agents = json!({ "ctrl-alt-play.managed": "true", "name": "ctrl-alt-play-b" });
        assert_eq!(seen(event("exec_start: ls", go_agents)), None);
    }

    #[test]
    fn a_container_renamed_away_is_known_by_its_old_name() {
        let renamed = event(
            "rename",
            json!({ "ctrl-alt-play.managed": "true", "name": "old-mc", "oldName": "/ctrl-alt-play-b" }),
        );
        assert_eq!(seen(renamed), Some(("b".to_owned(), EngineEventKind::Rename)));
    }

    #[test]
    fn events_that_are_not_understood_are_no_events() {
        assert_eq!(seen(Value::Null), None);
        assert_eq!(seen(json!({ "Action": 3 })), None);
    }
}
