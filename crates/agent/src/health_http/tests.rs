//! The HTTP side over real sockets, with a command port that does what the test says.

mod caller;
mod commands;
mod limits;
mod listeners;
mod routes;

use std::sync::Mutex;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::*;
use caller::{Answer, Caller};

/// Nothing here takes this long; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Token 0 of the fixtures' set-up.
const DAEMON_TOKEN: &str = "test-daemon-token";
/// Token 1 of the fixtures' set-up.
const AGENT_SECRET: &str = "test-agent-secret";

/// What a fake port does with a command.
type Behaviour = Box<dyn Fn(Bytes) -> BoxFuture<'static, HttpReply> + Send + Sync>;

/// A port that writes down what it was given and answers as told.
struct FakePort {
    given: Mutex<Vec<(u8, Bytes)>>,
    behaviour: Behaviour,
    alive: Box<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
}

impl FakePort {
    fn answering(behaviour: impl Fn(Bytes) -> BoxFuture<'static, HttpReply> + Send + Sync + 'static) -> Self {
        Self {
            given: Mutex::default(),
            behaviour: Box::new(behaviour),
            alive: Box::new(|| std::future::ready(true).boxed()),
        }
    }

    /// Says what the protocol crate says about the body, as the dispatcher will.
    fn reading() -> Self {
        Self::answering(|body| {
            let reply = match cap_protocol::http::parse_body(&body) {
                Ok(_) => HttpReply { status: 200, body: r#"{"success":true,"data":{}}"#.to_owned() },
                Err(cap_protocol::http::BodyError::NotJson) => {
                    HttpReply { status: 400, body: cap_protocol::http_reply::not_json() }
                }
                Err(cap_protocol::http::BodyError::Refused(rejection)) => {
                    HttpReply { status: 200, body: cap_protocol::http_reply::refused(&rejection) }
                }
            };
            std::future::ready(reply).boxed()
        })
    }

    fn given(&self) -> Vec<(u8, Bytes)> {
        self.given.lock().unwrap().clone()
    }
}

impl CommandPort for FakePort {
    fn submit(&self, token: u8, body: Bytes) -> BoxFuture<'static, HttpReply> {
        self.given.lock().unwrap().push((token, body.clone()));
        (self.behaviour)(body)
    }

    fn alive(&self) -> BoxFuture<'static, bool> {
        (self.alive)()
    }
}

fn snapshot() -> AgentSnapshot {
    AgentSnapshot {
        node_id: "node-1".to_owned(),
        version: "1.0.0".to_owned(),
        started: Instant::now(),
        link_up: false,
        docker_ok: true,
        server_count: 3,
        problems: Vec::new(),
    }
}

fn settings() -> HttpSettings {
    HttpSettings::new(vec![Secret::new(DAEMON_TOKEN), Secret::new(AGENT_SECRET)])
}

/// A running HTTP side on a port of its own.
struct Running {
    http: HealthHttp,
    address: std::net::SocketAddr,
    agent: watch::Sender<AgentSnapshot>,
    port: Arc<FakePort>,
}

impl Running {
    fn start(settings: HttpSettings, port: FakePort) -> Self {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self::on(HttpListener { socket, tls: None }, settings, port)
    }

    fn on(listener: HttpListener, settings: HttpSettings, port: FakePort) -> Self {
        let address = listener.socket.local_addr().unwrap();
        let (agent, watched) = watch::channel(snapshot());
        let port = Arc::new(port);
        let (http, server) = HealthHttp::serve(settings, vec![listener], port.clone(), watched).unwrap();
        actix_web::rt::spawn(server);
        Self { http, address, agent, port }
    }

    async fn caller(&self) -> Caller {
        Caller::connect(self.address).await
    }

    /// One request on a connection of its own.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.caller().await.ask(method, path, headers, body).await
    }

    async fn command(&self, body: &[u8]) -> Answer {
        self.ask("POST", "/api/command", &[("Authorization", "Bearer test-daemon-token")], body).await
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this should have happened by now")
}

/// Requests of a fixture file, one or a list.
fn requests(fixture: &str) -> Vec<(String, serde_json::Value)> {
    match serde_json::from_str(fixture).unwrap() {
        serde_json::Value::Array(items) => items
            .into_iter()
            .map(|mut item| (item["name"].as_str().unwrap().to_owned(), item["request"].take()))
            .collect(),
        request => vec![("only".to_owned(), request)],
    }
}

impl Running {
    async fn ask_fixture(&self, request: &serde_json::Value) -> Answer {
        let headers: Vec<(&str, &str)> = request["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let body = request.get("body").map(ToString::to_string).unwrap_or_default();
        self.ask(request["method"].as_str().unwrap(), request["path"].as_str().unwrap(), &headers, body.as_bytes())
            .await
    }
}

/// The keys of two objects are equal, and so are the types behind them.
#[track_caller]
fn same_shape(actual: &serde_json::Value, expected: &serde_json::Value) {
    let shape = |value: &serde_json::Value| -> Vec<(String, std::mem::Discriminant<serde_json::Value>)> {
        value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), std::mem::discriminant(value))).collect()
    };
    assert_eq!(shape(actual), shape(expected), "{actual} is not like {expected}");
}
