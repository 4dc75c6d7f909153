//! The live feed of the page: small JSON events, in the order in which the view changed.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Value, json};

use crate::hub::About;
use crate::view::{Change, NodeView, PanelView, ServerView};

/// One event as JSON text, ready to be sent.
#[derive(Debug)]
pub(crate) struct FeedEvent(pub(crate) String);

/// The whole view, as the first event of a feed and as `GET /api/state`.
pub(crate) fn snapshot(view: &PanelView, about: &About) -> String {
    let nodes: Vec<Value> = view.nodes.values().map(to_json).collect();
    json!({"kind": "snapshot", "panel": about, "nodes": nodes}).to_string()
}

/// Turns changes into events. A node or server that changed several times at once is told once, as it is now.
pub(crate) fn events(view: &PanelView, changes: Vec<Change>) -> Vec<FeedEvent> {
    let mut told = HashSet::new();
    let mut events = Vec::new();
    let mut changes = changes.into_iter().peekable();
    while let Some(change) = changes.next() {
        let event = match change {
            Change::Node { node_id } => match view.nodes.get(&node_id) {
                Some(node) if told.insert((node_id, None)) => json!({"kind": "node", "node": node_summary(node)}),
                _ => continue,
            },
            Change::Server { node_id, server_id } => {
                let Some(server) = view.nodes.get(&node_id).and_then(|node| node.servers.get(&server_id)) else {
                    continue;
                };
                if !told.insert((node_id.clone(), Some(server_id))) {
                    continue;
                }
                json!({"kind": "server", "nodeId": node_id, "server": server_summary(server)})
            }
            Change::Removed { node_id, server_id } => {
                json!({"kind": "removed", "nodeId": node_id, "serverId": server_id})
            }
            Change::Sample { node_id, server_id, stats } => {
                json!({"kind": "sample", "nodeId": node_id, "serverId": server_id, "stats": stats})
            }
            Change::Console { node_id, server_id, line } => {
                // The lines of one frame go as one event: a flood of lines must not be a flood of events.
                let mut lines = vec![line];
                let more = |next: &Change| matches!(next, Change::Console { server_id: of, .. } if *of == server_id);
                while let Some(Change::Console { line, .. }) = changes.next_if(more) {
                    lines.push(line);
                }
                json!({"kind": "console", "nodeId": node_id, "serverId": server_id, "lines": lines})
            }
            Change::Operation { node_id, operation } => {
                json!({"kind": "operation", "nodeId": node_id, "operation": operation})
            }
        };
        events.push(FeedEvent(event.to_string()));
    }
    events
}

/// A node without its servers and operations, which have events of their own.
fn node_summary(node: &NodeView) -> Value {
    json!({
        "nodeId": node.node_id, "online": node.online, "connected": node.connected, "connections": node.connections,
        "lastHeartbeat": node.last_heartbeat, "systemInfo": node.system_info, "systemMetrics": node.system_metrics,
        "http": node.http, "lastSeq": node.last_seq, "epoch": node.epoch,
    })
}

/// A server without its console and samples, which have events of their own.
fn server_summary(server: &ServerView) -> Value {
    json!({
        "serverId": server.server_id, "name": server.name, "image": server.image, "status": server.status,
        "state": server.state, "reason": server.reason, "error": server.error, "exitCode": server.exit_code,
        "message": server.message, "containerId": server.container_id, "ports": server.ports,
        "memoryLimitBytes": server.memory_limit_bytes, "stats": server.stats, "consoleGaps": server.console_gaps,
    })
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("the view is made of strings, numbers and lists only")
}
