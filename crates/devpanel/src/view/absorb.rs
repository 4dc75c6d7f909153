//! How frames of an agent change the panel's view (contract, sections 4, 6 and 7).
//!
//! Tolerant: a frame with missing or wrong fields changes what it can, or nothing. A server's status comes from pushes and
//! from queries that read the truth (`list_servers`, `get_server_status`), never from the answer to a lifecycle command:
//! such an answer can be older than the push beside it.

use serde_json::Value;

use super::{
    Change, Draft, LineSource, MAX_DELETED, MAX_DRAFTS, MAX_SAMPLES, MAX_STATUS_CHANGES, PanelView, ServerView, Stats,
    StatusChange, push_bounded,
};
use crate::clock;

impl PanelView {
    /// Takes one frame; `order` is its position in the record. Heartbeats are the registry's business, not the view's.
    pub(crate) fn absorb(&mut self, node_id: &str, order: u64, frame: &Value) {
        let data = &frame["data"];
        match frame["type"].as_str().unwrap_or_default() {
            "system_info" => self.update_node(node_id, |node| node.system_info = Some(data.clone())),
            "server_status" => self.absorb_status(node_id, data, frame.get("timestamp")),
            "server_output" => self.absorb_output(node_id, data),
            "event" => self.absorb_event(node_id, order, frame),
            "response" => {
                if let Some(id) = answered_id(frame) {
                    self.absorb_answer(node_id, &id, frame);
                }
            }
            "error" => self.absorb_error(node_id, data),
            _ => {}
        }
    }

    fn absorb_event(&mut self, node_id: &str, order: u64, frame: &Value) {
        let data = &frame["data"];
        if let (Some(seq), Some(epoch)) = (frame["seq"].as_u64(), frame["epoch"].as_str())
            && let Some(node) = self.node_mut(node_id)
        {
            node.last_seq = Some(seq);
            node.epoch = Some(epoch.to_owned());
        }
        match frame["event"].as_str().unwrap_or_default() {
            "server_status_changed" => self.absorb_status_change(node_id, order, frame),
            "server_status" => self.absorb_status(node_id, data, frame.get("timestamp")),
            "resource_update" => {
                if let (Some(server_id), Some(stats)) =
                    (data["serverId"].as_str(), Stats::from_resource_update(data, frame.get("timestamp")))
                {
                    self.add_sample(node_id, server_id, stats);
                }
            }
            "operation_completed" => self.absorb_completion(node_id, data),
            "gap" if data["scope"] == "console" => self.absorb_console_gap(node_id, data),
            // `server_log` is the twin of a `server_output` (P-72): the text is already there.
            _ => {}
        }
    }

    /// `server_status` in all its shapes: a change, a notice, figures, the answer to a query.
    fn absorb_status(&mut self, node_id: &str, data: &Value, timestamp: Option<&Value>) {
        let Some(server_id) = data["serverId"].as_str() else { return };
        if let Some(status) = data["status"].as_str() {
            self.set_status(node_id, server_id, status, data);
        }
        let stats = Stats::from_status_stats(&data["stats"]).or_else(|| Stats::from_resources(data, timestamp));
        if let Some(stats) = stats {
            self.add_sample(node_id, server_id, stats);
        }
    }

    fn absorb_status_change(&mut self, node_id: &str, order: u64, frame: &Value) {
        let data = &frame["data"];
        let (Some(server_id), Some(current)) = (data["serverId"].as_str(), data["currentStatus"].as_str()) else {
            return;
        };
        let change = StatusChange {
            order,
            server_id: server_id.to_owned(),
            previous: data["previousStatus"].as_str().unwrap_or_default().to_owned(),
            current: current.to_owned(),
            reason: data["reason"].as_str().map(str::to_owned),
            seq: frame["seq"].as_u64(),
            epoch: frame["epoch"].as_str().map(str::to_owned),
        };
        if let Some(node) = self.node_mut(node_id) {
            push_bounded(&mut node.status_changes, change, MAX_STATUS_CHANGES);
        }
        // A replayed event tells the past; the state of every server is sent again after each connect.
        if frame["replay"] != Value::Bool(true) {
            self.set_status(node_id, server_id, current, data);
        }
    }

    /// Sets a server's status. `created` is a notice, not a state (P-40); `deleted` ends the server.
    fn set_status(&mut self, node_id: &str, server_id: &str, status: &str, data: &Value) {
        if status == "created" {
            return;
        }
        let Some(node) = self.node_mut(node_id) else { return };
        if status == "deleted" {
            if node.servers.remove(server_id).is_some() {
                push_bounded(&mut node.deleted, server_id.to_owned(), MAX_DELETED);
                let (node_id, server_id) = (node_id.to_owned(), server_id.to_owned());
                self.changes.push(Change::Removed { node_id, server_id });
            }
            return;
        }
        node.deleted.retain(|deleted| deleted != server_id);
        self.update_server(node_id, server_id, |server| {
            if server.status != status {
                // What was said about the status before does not belong to this one.
                (server.reason, server.error, server.message, server.exit_code) = (None, None, None, None);
            }
            server.status = status.to_owned();
            keep_texts(server, data);
        });
    }

    fn add_sample(&mut self, node_id: &str, server_id: &str, stats: Stats) {
        let Some(node) = self.node_mut(node_id) else { return };
        if node.is_deleted(server_id) {
            return;
        }
        let Some(server) = node.server_mut(server_id) else { return };
        server.stats = Some(stats.clone());
        push_bounded(&mut server.samples, stats.clone(), MAX_SAMPLES);
        let (node_id, server_id) = (node_id.to_owned(), server_id.to_owned());
        self.changes.push(Change::Sample { node_id, server_id, stats });
    }

    fn absorb_output(&mut self, node_id: &str, data: &Value) {
        let (Some(server_id), Some(output)) = (data["serverId"].as_str(), data["output"].as_str()) else { return };
        let source = source_of(&data["stream"]);
        let timestamp = data["timestamp"].as_str();
        for (position, line) in (0_u64..).zip(output.split('\n')) {
            let seq = data["seq"].as_u64().map(|first| first.saturating_add(position));
            let timestamp = timestamp.map(str::to_owned);
            self.add_console_line(node_id, server_id, source, line.to_owned(), seq, timestamp);
        }
    }

    fn absorb_console_gap(&mut self, node_id: &str, data: &Value) {
        let Some(server_id) = data["serverId"].as_str() else { return };
        let reason = data["reason"].as_str().unwrap_or("no reason given");
        let text = match (data["fromSeq"].as_u64(), data["toSeq"].as_u64()) {
            (Some(from), Some(to)) => format!("lines {from} to {to} were lost ({reason})"),
            (Some(from), None) => format!("lines from {from} on were lost ({reason})"),
            _ => format!("lines were lost ({reason})"),
        };
        self.update_server(node_id, server_id, |server| server.console_gaps += 1);
        self.add_console_line(node_id, server_id, LineSource::Notice, text, None, Some(clock::timestamp()));
    }

    /// An `error` frame is the only sign of a failed legacy command (P-32): it goes to the oldest one still open.
    fn absorb_error(&mut self, node_id: &str, data: &Value) {
        let Some(node) = self.nodes.get(node_id) else { return };
        let server_id = data["serverId"].as_str();
        let oldest = node.operations.iter().find(|operation| {
            operation.via == super::Transport::Legacy
                && operation.state == super::OperationState::Sent
                && (server_id.is_none() || operation.server_id.as_deref() == server_id)
        });
        let Some(id) = oldest.map(|operation| operation.id.clone()) else { return };
        let message = data["message"].as_str().unwrap_or("failed");
        let message = match data["code"].as_str() {
            Some(code) => format!("{code}: {message}"),
            None => message.to_owned(),
        };
        self.fail_operation(node_id, &id, &message);
    }

    /// What the data of an answer tells beyond the command's outcome.
    pub(super) fn absorb_answer_data(&mut self, node_id: &str, action: &str, answer: &Value) {
        let data = &answer["data"];
        match action {
            "list_servers" | "server_list" => {
                for server in data["servers"].as_array().into_iter().flatten() {
                    if let (Some(server_id), Some(status)) = (server["serverId"].as_str(), server["status"].as_str()) {
                        self.set_status(node_id, server_id, status, server);
                    }
                }
            }
            "get_server_status" | "get_status" | "status" => {
                self.absorb_status(node_id, data, answer.get("timestamp"));
            }
            "console:history" | "get_console_history" => self.absorb_history(node_id, data),
            "get_system_metrics" | "system_metrics" => {
                self.update_node(node_id, |node| node.system_metrics = Some(data.clone()));
            }
            _ => {}
        }
    }

    /// Lines from before this panel was there. Only a console that is still empty is filled: lines that were pushed have
    /// their place already.
    fn absorb_history(&mut self, node_id: &str, data: &Value) {
        let Some(server_id) = data["serverId"].as_str() else { return };
        let server = self.nodes.get(node_id).and_then(|node| node.servers.get(server_id));
        if !server.is_some_and(|server| server.console.is_empty()) {
            return;
        }
        for line in data["history"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.add_console_line(node_id, server_id, LineSource::Stdout, line.to_owned(), None, None);
        }
        for line in data["lines"].as_array().into_iter().flatten() {
            let Some(text) = line["text"].as_str() else { continue };
            let source = source_of(&line["stream"]);
            let timestamp = line["timestamp"].as_str().map(str::to_owned);
            self.add_console_line(node_id, server_id, source, text.to_owned(), line["seq"].as_u64(), timestamp);
        }
    }

    /// What a create or update of this panel tells about the server before the agent does.
    pub(crate) fn absorb_sent_command(&mut self, node_id: &str, action: &str, server_id: &str, payload: &Value) {
        match action {
            "create_server" | "server_create" | "update_server" | "server_update" => {
                let Some(node) = self.node_mut(node_id) else { return };
                node.deleted.retain(|deleted| deleted != server_id);
                let memory = payload["limits"]["memory"].as_u64();
                let draft = Draft {
                    server_id: server_id.to_owned(),
                    name: payload["name"].as_str().map(str::to_owned),
                    image: payload["image"].as_str().map(str::to_owned),
                    // Below this a number is in M, above it in bytes (P-157).
                    memory_limit_bytes: memory.map(|memory| match memory < 4_194_304 {
                        true => memory * 1024 * 1024,
                        false => memory,
                    }),
                };
                if node.servers.contains_key(server_id) {
                    self.update_server(node_id, server_id, |server| server.apply(draft));
                } else {
                    // Whether there will be such a server is for the agent to say; until then this is not shown.
                    push_bounded(&mut node.drafts, draft, MAX_DRAFTS);
                }
            }
            "console:command" | "server_command" | "send_command" => {
                let known = self.nodes.get(node_id).is_some_and(|node| node.servers.contains_key(server_id));
                if let Some(command) = payload["command"].as_str().filter(|_| known) {
                    let now = Some(clock::timestamp());
                    self.add_console_line(node_id, server_id, LineSource::Input, command.to_owned(), None, now);
                }
            }
            _ => {}
        }
    }
}

/// The id of a `response`, as text; numbers are written as digits.
pub(crate) fn answered_id(frame: &Value) -> Option<String> {
    match &frame["id"] {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn source_of(stream: &Value) -> LineSource {
    match stream.as_str() {
        Some("stderr") => LineSource::Stderr,
        _ => LineSource::Stdout,
    }
}

fn keep_texts(server: &mut ServerView, data: &Value) {
    set_text(&mut server.state, &data["state"]);
    set_text(&mut server.reason, &data["reason"]);
    set_text(&mut server.error, &data["error"]);
    set_text(&mut server.message, &data["message"]);
    set_text(&mut server.container_id, &data["containerId"]);
    set_text(&mut server.name, &data["name"]);
    for image in [&data["image"], &data["config"]["image"], &data["server"]["config"]["image"]] {
        set_text(&mut server.image, image);
    }
    if let Some(exit_code) = data["exitCode"].as_i64() {
        server.exit_code = Some(exit_code);
    }
    if data["ports"].as_array().is_some_and(|ports| !ports.is_empty()) {
        server.ports = Some(data["ports"].clone());
    }
    let limit = data["resources"]["memory"]["limitBytes"].as_u64();
    server.memory_limit_bytes = limit.or(server.memory_limit_bytes);
}

fn set_text(field: &mut Option<String>, value: &Value) {
    if let Some(text) = value.as_str() {
        *field = Some(text.to_owned());
    }
}

#[cfg(test)]
mod tests;
