//! What went over the wire, and what Docker says itself.

use std::sync::Arc;

use cap_devpanel::RecordedFrame;
use serde_json::{Value, json};

use super::{Node, PATIENCE, PORTS_PER_NODE, TOKEN};
use crate::raw_http;

impl Node {
    /// A port of this node's own range: tests that name ports themselves take the upper half, so that allocation, which
    /// begins at the lower end, does not meet them.
    #[track_caller]
    pub fn port(&self, number: u16) -> u16 {
        assert!(number < PORTS_PER_NODE / 2, "a node has {} ports of its own", PORTS_PER_NODE / 2);
        self.first_port + PORTS_PER_NODE / 2 + number
    }

    /// The first and the last port that the agent may give out.
    pub fn port_range(&self) -> (u16, u16) {
        (self.first_port, self.first_port + PORTS_PER_NODE - 1)
    }

    /// `POST /api/command` with exactly this body; gives the status code and the answer.
    pub async fn post_bytes(&self, body: &[u8]) -> (u16, Value) {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.http_port)).await.unwrap();
        let head =
            format!("POST /api/command HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json");
        raw_http::request(stream, &head, body).await.unwrap()
    }

    /// `POST /api/command` with this body, which must be understood (200, P-80); gives the answer.
    pub async fn post(&self, body: &Value) -> Value {
        let (code, answer) = self.post_bytes(body.to_string().as_bytes()).await;
        assert_eq!(code, 200, "{body}: {answer}");
        answer
    }

    /// A legacy frame (P-49); it gets no answer.
    #[track_caller]
    pub fn send_legacy(&self, action: &str, server: &str, payload: Option<Value>) {
        self.panel().send_legacy(&self.name, action, server, payload).unwrap();
    }

    /// This message over the link.
    #[track_caller]
    pub fn send_frame(&self, frame: &Value) {
        self.panel().send_raw(&self.name, frame.to_string()).unwrap();
    }

    /// A mark for [`frames_after`](Self::frames_after): everything received so far is before it.
    pub fn mark(&self) -> u64 {
        self.panel().frames_received()
    }

    /// What the panel received after a mark, oldest first.
    pub fn frames_after(&self, mark: u64) -> Vec<Arc<RecordedFrame>> {
        self.panel().frames().into_iter().filter(|frame| frame.order > mark).collect()
    }

    /// Waits for a frame after the mark; gives the first such one.
    pub async fn wait_frame(
        &self,
        mark: u64,
        what: &str,
        is_it: impl Fn(&RecordedFrame) -> bool,
    ) -> Arc<RecordedFrame> {
        let found = || self.frames_after(mark).into_iter().find(|frame| is_it(frame));
        self.panel().wait_for(PATIENCE, |_| found().is_some()).await;
        found().unwrap_or_else(|| panic!("no frame came: {what}; log:\n{}", self.log()))
    }

    /// Waits until what the agent had to answer so far has come: answers leave in order, so the answer to a ping comes
    /// after them.
    pub async fn barrier(&self) {
        let mark = self.mark();
        let id = format!("barrier-{mark}");
        self.send_frame(&json!({"id": id, "type": "ping"}));
        self.wait_frame(mark, "pong", |frame| frame.kind() == "pong" && frame.json["id"] == json!(id)).await;
    }

    /// The status words that the panel was told of a server after a mark, oldest first, by `server_status_changed`.
    pub fn statuses_after(&self, mark: u64, server: &str) -> Vec<String> {
        let told = self.frames_after(mark);
        let changes = told.iter().filter(|frame| {
            frame.event() == "server_status_changed" && frame.json["data"]["serverId"] == json!(server)
        });
        changes.map(|frame| frame.json["data"]["currentStatus"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until the panel was told these changes of a server after a mark, and nothing else.
    pub async fn expect_statuses(&self, mark: u64, server: &str, expected: &[&str]) {
        self.panel().wait_for(PATIENCE, |_| self.statuses_after(mark, server).len() >= expected.len()).await;
        self.barrier().await;
        assert_eq!(self.statuses_after(mark, server), expected, "log:\n{}", self.log());
    }

    /// The `operation_completed` events for a command id.
    pub fn completions(&self, command: &Value) -> Vec<Value> {
        let frames = self.panel().frames();
        let completed = frames.iter().filter(|frame| frame.event() == "operation_completed");
        completed.map(|frame| frame.json["data"].clone()).filter(|data| data["commandId"] == *command).collect()
    }

    /// A `GET` at the engine itself; gives the status code and the answer.
    pub async fn engine_get(&self, path: &str) -> (u16, Value) {
        let stream = tokio::net::UnixStream::connect(cap_testkit::docker::docker_socket()).await.unwrap();
        raw_http::request(stream, &format!("GET {path} HTTP/1.0"), b"").await.unwrap()
    }

    /// A server's container as `docker inspect` shows it; `None` if there is none.
    pub async fn inspect_json(&self, server: &str) -> Option<Value> {
        let (code, answer) = self.engine_get(&format!("/containers/ctrl-alt-play-{server}/json")).await;
        (code == 200).then_some(answer)
    }

    /// When the server's process was started, as Docker says; a new start gives another text.
    pub async fn started_at(&self, server: &str) -> String {
        let container = self.inspect_json(server).await.expect("no container");
        container["State"]["StartedAt"].as_str().unwrap().to_owned()
    }

    /// Whether a process runs in the server's container, as Docker says; `false` if there is no container.
    pub async fn docker_runs(&self, server: &str) -> bool {
        self.inspect_json(server).await.is_some_and(|container| container["State"]["Running"] == json!(true))
    }

    /// The ids of all servers, as the agent lists them.
    pub async fn listed(&self) -> Vec<String> {
        let data = self.http_ok("list_servers", None, None).await;
        let servers = data["servers"].as_array().unwrap().iter();
        servers.map(|server| server["serverId"].as_str().unwrap().to_owned()).collect()
    }
}
