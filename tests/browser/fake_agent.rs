//! An agent that runs no containers but answers as one that does (contract, sections 3, 4 and 7).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use awc::Client;
use awc::ws::{Frame, Message};
use cap_devpanel::DevPanel;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::stage::{NODE, SECRET};

const NOW: &str = "2026-11-20T11:14:02.000Z";
/// How often figures of running servers are pushed.
const FIGURES: Duration = Duration::from_millis(200);

/// What a test can tell the agent.
enum Order {
    Status(String, String),
    Output(String, Vec<String>, &'static str),
    /// Answers every further command with this error, or no longer.
    Fail(Option<(&'static str, &'static str)>),
    Leave,
}

pub(crate) struct FakeAgent {
    orders: mpsc::UnboundedSender<Order>,
    commands: Rc<RefCell<Vec<Value>>>,
}

impl FakeAgent {
    /// Connects to the panel and runs on the test's own thread until it is dropped.
    pub(crate) async fn connect(panel: &DevPanel) -> Self {
        let commands = Rc::default();
        let (orders, queue) = mpsc::unbounded_channel();
        let url = format!("{}/?nodeId={NODE}", panel.ws_url());
        let request = Client::new().ws(url).set_header("Authorization", format!("Bearer {SECRET}"));
        let (_, socket) = request.connect().await.unwrap();
        let (sink, frames) = socket.split();
        let (frames_out, to_panel) = mpsc::unbounded_channel();
        let state =
            State { out: frames_out, servers: BTreeMap::new(), failing: None, seq: 0, commands: Rc::clone(&commands) };
        actix_rt::spawn(write(sink, to_panel));
        actix_rt::spawn(run(state, frames, queue));
        let seen = panel.wait_for(Duration::from_secs(20), |panel| panel.is_online(NODE)).await;
        assert!(seen, "the panel accepts the fake agent");
        Self { orders, commands }
    }

    /// There is such a server from now on.
    pub(crate) fn has_server(&self, server_id: &str, status: &str) {
        self.order(Order::Status(server_id.to_owned(), status.to_owned()));
    }

    /// The game prints these lines.
    pub(crate) fn prints(&self, server_id: &str, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.order(Order::Output(server_id.to_owned(), lines, "stdout"));
    }

    /// The game prints these lines to its standard error.
    pub(crate) fn complains(&self, server_id: &str, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.order(Order::Output(server_id.to_owned(), lines, "stderr"));
    }

    /// Every further command fails so.
    pub(crate) fn fails_with(&self, code: &'static str, message: &'static str) {
        self.order(Order::Fail(Some((code, message))));
    }

    /// Commands succeed again.
    pub(crate) fn works_again(&self) {
        self.order(Order::Fail(None));
    }

    /// The command frames received, oldest first.
    pub(crate) fn commands(&self) -> Vec<Value> {
        self.commands.borrow().clone()
    }

    /// The payload of the last command with this action.
    pub(crate) fn last_payload(&self, action: &str) -> Value {
        let commands = self.commands();
        let last = commands.iter().rfind(|command| command["action"] == action);
        last.map(|command| command["payload"].clone()).expect("such a command was sent")
    }

    /// The agent goes away.
    pub(crate) fn leaves(&self) {
        self.order(Order::Leave);
    }

    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the fake agent runs");
    }
}

struct State {
    out: mpsc::UnboundedSender<Message>,
    servers: BTreeMap<String, String>,
    failing: Option<(&'static str, &'static str)>,
    seq: u64,
    commands: Rc<RefCell<Vec<Value>>>,
}

async fn write(mut sink: impl SinkExt<Message> + Unpin, mut messages: mpsc::UnboundedReceiver<Message>) {
    while let Some(message) = messages.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    // The end of the queue is the end of the agent; the panel may have gone first.
    sink.close().await.ok();
}

async fn run<E>(
    mut state: State,
    mut frames: impl StreamExt<Item = Result<Frame, E>> + Unpin,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    state.send(json!({"type": "heartbeat", "timestamp": NOW,
        "data": {"nodeId": NODE, "timestamp": NOW, "status": "online"}}));
    let mut ticks = tokio::time::interval(FIGURES);
    let mut count = 0_u32;
    loop {
        tokio::select! {
            frame = frames.next() => match frame {
                Some(Ok(Frame::Text(text))) => state.take(&serde_json::from_slice(&text).unwrap()),
                Some(Ok(Frame::Ping(payload))) => state.out.send(Message::Pong(payload)).unwrap_or_default(),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            order = orders.recv() => match order {
                Some(Order::Status(server_id, status)) => state.set_status(&server_id, &status),
                Some(Order::Output(server_id, lines, stream)) => state.print(&server_id, &lines, stream),
                Some(Order::Fail(failing)) => state.failing = failing,
                Some(Order::Leave) | None => return,
            },
            _ = ticks.tick() => {
                count += 1;
                state.push_figures(count);
            }
        }
    }
}

impl State {
    /// A closed queue means that the panel has gone; the reader notices.
    fn send(&self, frame: Value) {
        self.out.send(Message::Text(frame.to_string().into())).unwrap_or_default();
    }

    fn take(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap() {
            "system_info_request" => self.send(json!({"type": "system_info", "timestamp": NOW, "data": {
                "nodeId": NODE, "os": "linux", "arch": "x64", "memory": 32768, "cpu": "AMD EPYC 7443P", "cpuCount": 16,
                "dockerVersion": "27.3.1", "agentVersion": "1.0.0", "uptime": 86400,
                "totalMemory": 34_359_738_368_u64, "freeMemory": 21_474_836_480_u64,
                "totalDisk": 512_110_190_592_u64, "freeDisk": 301_989_888_000_u64}})),
            "command" => {
                self.commands.borrow_mut().push(frame.clone());
                self.obey(frame);
            }
            other => panic!("the panel sent {other}"),
        }
    }

    fn obey(&mut self, frame: &Value) {
        let (id, action) = (&frame["id"], frame["action"].as_str().unwrap());
        if let Some((code, message)) = self.failing {
            self.send(json!({"type": "response", "id": id, "timestamp": NOW, "success": false,
                "error": {"code": code, "message": message}}));
            return;
        }
        let server_id = frame["serverId"].as_str().unwrap_or_default();
        let data = match action {
            "create_server" => {
                self.set_status(server_id, "installing");
                self.set_status(server_id, "stopped");
                json!({"serverId": server_id, "status": "stopped"})
            }
            "start_server" => {
                self.set_status(server_id, "starting");
                self.print(server_id, &["[11:14:01 INFO]: Starting".to_owned()], "stdout");
                let done = "[11:14:02 INFO]: \u{1b}[32mDone (1.2s)!\u{1b}[0m For help, type \"help\"".to_owned();
                self.print(server_id, &[done], "stdout");
                self.set_status(server_id, "running");
                json!({"serverId": server_id, "status": "running"})
            }
            "console:command" => {
                if frame["payload"]["command"] == "list" {
                    let answer = "There are 2 of a max of 20 players online: ada, bob".to_owned();
                    self.print(server_id, &[answer], "stdout");
                }
                json!({"serverId": server_id, "sent": true})
            }
            "stop_server" => return self.stop_slowly(id, server_id),
            "kill_server" => {
                self.set_status(server_id, "stopped");
                json!({"serverId": server_id, "status": "stopped"})
            }
            "delete_server" => {
                self.set_status(server_id, "deleted");
                json!({"serverId": server_id, "status": "deleted"})
            }
            "get_system_metrics" => {
                json!({"cpu": 25.5, "memory": 12_884_901_888_u64, "memoryTotal": 34_359_738_368_u64,
                "disk": {"used": 210_120_302_592_u64, "total": 512_110_190_592_u64, "percentage": 41.0}})
            }
            _ => json!({"serverId": server_id, "history": [], "lines": 0}),
        };
        self.send(json!({"type": "response", "id": id, "timestamp": NOW, "success": true, "data": data}));
    }

    /// An operation that outlives its answer (P-17, P-20).
    fn stop_slowly(&mut self, id: &Value, server_id: &str) {
        self.set_status(server_id, "stopping");
        self.send(json!({"type": "response", "id": id, "timestamp": NOW, "success": true,
            "data": {"serverId": server_id, "status": "stopping", "operationId": "op_1"}}));
        self.print(server_id, &["[11:14:09 INFO]: Stopping the server".to_owned()], "stdout");
        self.set_status(server_id, "stopped");
        self.seq += 1;
        self.send(json!({"type": "event", "event": "operation_completed", "seq": self.seq, "epoch": "e1",
            "timestamp": NOW, "data": {"operationId": "op_1", "commandId": id, "serverId": server_id,
            "action": "stop_server", "success": true}}));
    }

    fn set_status(&mut self, server_id: &str, status: &str) {
        let previous = self.servers.insert(server_id.to_owned(), status.to_owned());
        if status == "deleted" {
            self.servers.remove(server_id);
        }
        self.seq += 1;
        self.send(json!({"type": "server_status", "timestamp": NOW, "data": {
            "serverId": server_id, "status": status, "state": status.to_uppercase(),
            "ports": [{"ip": "0.0.0.0", "internal": 25565, "external": 25570, "protocol": "tcp", "primary": true}]}}));
        self.send(json!({"type": "event", "event": "server_status_changed", "seq": self.seq, "epoch": "e1",
            "timestamp": NOW, "data": {"serverId": server_id, "previousStatus": previous.unwrap_or_default(),
            "currentStatus": status, "status": status}}));
    }

    fn print(&self, server_id: &str, lines: &[String], stream: &str) {
        self.send(json!({"type": "server_output", "timestamp": NOW, "data": {
            "serverId": server_id, "output": lines.join("\n"), "stream": stream, "timestamp": NOW}}));
    }

    fn push_figures(&self, count: u32) {
        for (server_id, status) in self.servers.iter().filter(|(_, status)| *status == "running") {
            let wave = (f64::from(count) / 5.0).sin();
            self.send(json!({"type": "server_status", "timestamp": NOW, "data": {
                "serverId": server_id, "status": status, "state": "RUNNING", "stats": {
                    "cpu": 25.5 + 20.0 * wave, "memory": 300.0e6 + 50.0e6 * wave, "disk": 1_073_741_824_u64,
                    "network": {"in": 1024 * count, "out": 2048 * count}, "players": 2, "timestamp": NOW}}}));
        }
    }
}
