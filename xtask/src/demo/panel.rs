//! The dev panel's web API, as the demo uses it: its view is polled, never assumed.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http;

/// Longest wait for an answer of a process on this machine.
const DEADLINE: Duration = Duration::from_secs(10);

/// The panel, as seen by the demo.
#[derive(Clone, Debug)]
pub(super) struct PanelClient {
    /// `host:port` of its web side.
    authority: String,
    node: String,
    server: String,
}

/// What the panel knows of the demo's node and server at one moment.
#[derive(Clone, Debug)]
pub(super) struct View {
    node: Value,
    server: Value,
}

/// How a command went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Pending,
    Succeeded,
    Failed(String),
}

/// One line of the console, as the panel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The panel's own number, from 1, without holes.
    pub(super) number: u64,
    /// `stdout`, `stderr`, `input` or `notice`.
    pub(super) source: String,
    pub(super) text: String,
}

/// Figures of the running server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures {
    /// Percent of one core.
    pub(super) cpu: f64,
    pub(super) memory_bytes: f64,
    /// When they were taken, as the agent says.
    pub(super) timestamp: String,
}

impl PanelClient {
    /// A client of the panel whose page is at `page` (`http://host:port`).
    pub(super) fn new(page: &str, node: &str, server: &str) -> Result<Self> {
        let authority = page.strip_prefix("http://").context("the dev panel's address is not http")?;
        Ok(Self {
            authority: authority.trim_end_matches('/').to_owned(),
            node: node.to_owned(),
            server: server.to_owned(),
        })
    }

    /// What it knows now.
    pub(super) fn view(&self) -> Result<View> {
        let answer = self.exchange("GET", "/api/state", None)?;
        if answer.status != 200 {
            bail!("the dev panel answers {} to a question for its state", answer.status);
        }
        Ok(View::of(&answer.json(), &self.node, &self.server))
    }

    /// Has it send a command for the server to the agent; gives the command's id.
    pub(super) fn command(&self, action: &str, payload: Option<Value>) -> Result<String> {
        let mut body = json!({"node": self.node, "action": action, "serverId": self.server, "via": "ws"});
        if let Some(payload) = payload {
            body["payload"] = payload;
        }
        let answer = self.exchange("POST", "/api/command", Some(&body))?;
        let json = answer.json();
        match json["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => {
                bail!("the dev panel refuses {action}: {}", json["error"].as_str().unwrap_or("it does not say why"))
            }
        }
    }

    fn exchange(&self, method: &str, target: &str, body: Option<&Value>) -> Result<http::Answer> {
        let stream = TcpStream::connect(&self.authority).context("the dev panel's page cannot be reached")?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        http::exchange(stream, &self.authority, method, target, body).context("the dev panel does not answer")
    }
}

impl View {
    fn of(state: &Value, node: &str, server: &str) -> Self {
        let nodes = state["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let node = nodes.iter().find(|candidate| candidate["nodeId"] == node).cloned().unwrap_or_default();
        let server = node["servers"].get(server).cloned().unwrap_or_default();
        Self { node, server }
    }

    /// Whether the agent is connected and its heartbeat has come.
    pub(super) fn is_online(&self) -> bool {
        self.node["online"] == true && self.node["connected"] == true
    }

    /// The server's status word; none if the panel does not know the server (yet, or any more).
    pub(super) fn status(&self) -> Option<&str> {
        self.server["status"].as_str()
    }

    /// Why the status is what it is, in the agent's words.
    pub(super) fn reason(&self) -> Option<&str> {
        self.server["error"].as_str().or_else(|| self.server["reason"].as_str())
    }

    /// The host port of the server, if the agent told it.
    pub(super) fn port(&self) -> Option<u64> {
        self.server["ports"].as_array()?.first()?["external"].as_u64()
    }

    /// Console lines after the one with this number.
    pub(super) fn lines_after(&self, number: u64) -> Vec<Line> {
        let lines = self.server["console"].as_array().map(Vec::as_slice).unwrap_or_default();
        let new = lines.iter().filter_map(|line| {
            let (number, source, text) = (line["number"].as_u64()?, line["source"].as_str()?, line["text"].as_str()?);
            Some(Line { number, source: source.to_owned(), text: text.to_owned() })
        });
        new.filter(|line| line.number > number).collect()
    }

    /// Whether the game itself has printed this.
    pub(super) fn game_printed(&self, words: &str) -> bool {
        let of_the_game = |line: &Line| matches!(line.source.as_str(), "stdout" | "stderr");
        self.lines_after(0).iter().any(|line| of_the_game(line) && line.text.contains(words))
    }

    /// The last figures.
    pub(super) fn figures(&self) -> Option<Figures> {
        let stats = &self.server["stats"];
        Some(Figures {
            cpu: stats["cpu"].as_f64()?,
            memory_bytes: stats["memoryBytes"].as_f64()?,
            timestamp: stats["timestamp"].as_str()?.to_owned(),
        })
    }

    /// What became of a command.
    pub(super) fn outcome(&self, id: &str) -> Outcome {
        let operations = self.node["operations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(operation) = operations.iter().rev().find(|operation| operation["id"] == id) else {
            return Outcome::Pending;
        };
        match operation["state"].as_str() {
            Some("succeeded") => Outcome::Succeeded,
            Some("failed") => {
                let word = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
                Outcome::Failed(format!("{} {}", word("code"), word("message")).trim().to_owned())
            }
            _ => Outcome::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let state = json!({"kind": "snapshot", "nodes": [
            {"nodeId": "other", "online": false, "connected": false, "servers": {}, "operations": []},
            {"nodeId": "demo", "online": true, "connected": true,
             "servers": {"s1": {"status": "running", "reason": "command", "error": null,
                "ports": [{"internal": 25565, "external": 25570}],
                "stats": {"cpu": 1.5, "memoryBytes": 2048.0, "timestamp": "t1"},
                "console": [
                    {"number": 1, "source": "stdout", "text": "Done (0.3s)!"},
                    {"number": 2, "source": "input", "text": "list"}]}},
             "operations": [
                {"id": "c1", "state": "succeeded"}, {"id": "c2", "state": "inProgress"},
                {"id": "c3", "state": "failed", "code": "PORT_CONFLICT", "message": "port 25565 is taken"}]}]});
        View::of(&state, "demo", "s1")
    }

    #[test]
    fn the_view_is_that_of_our_node_and_server() {
        let view = view();
        assert!(view.is_online());
        assert_eq!((view.status(), view.reason(), view.port()), (Some("running"), Some("command"), Some(25570)));
        assert_eq!(view.figures().map(|figures| figures.cpu), Some(1.5));
        assert_eq!(view.lines_after(1).len(), 1);
    }

    #[test]
    fn what_was_typed_is_not_taken_for_what_the_game_printed() {
        assert!(view().game_printed("Done ("));
        assert!(!view().game_printed("list"));
    }

    #[test]
    fn a_command_is_pending_until_its_outcome_is_known() {
        let view = view();
        assert_eq!(view.outcome("c1"), Outcome::Succeeded);
        assert_eq!(view.outcome("c2"), Outcome::Pending);
        assert_eq!(view.outcome("never sent"), Outcome::Pending);
        assert_eq!(view.outcome("c3"), Outcome::Failed("PORT_CONFLICT port 25565 is taken".to_owned()));
    }

    #[test]
    fn a_panel_that_knows_nothing_yet_gives_an_empty_view() {
        let view = View::of(&json!({"kind": "snapshot", "nodes": []}), "demo", "s1");
        assert!(!view.is_online());
        assert_eq!((view.status(), view.figures()), (None, None));
        assert!(view.lines_after(0).is_empty());
    }
}
