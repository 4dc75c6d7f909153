//! Kill, delete and others while an image is pulled or a container is made (P-24, P-25, P-151).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_acceptance::node::{Node, NodeSetup};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::gate::Gate;
use super::{create, end_of, impatient_node, send};

/// A registry on loopback that takes every connection and never says a word.
struct SilentRegistry {
    port: u16,
    calls: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl SilentRegistry {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let accepting = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                held.push(connection);
            }
        });
        Self { port, calls, accepting }
    }

    /// A create of the sample server with an image of this registry.
    fn payload(&self) -> Value {
        let mut payload = Node::sample();
        payload["image"] = json!(format!("127.0.0.1:{}/game/server:1", self.port));
        payload
    }

    /// Waits until the engine asks it.
    async fn asked(&self, node: &Node) {
        node.wait("the engine pulls", || async { self.calls.load(Ordering::SeqCst) > 0 }).await;
    }
}

impl Drop for SilentRegistry {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Begins an install whose pull hangs; gives the server and the id of the create.
async fn begin_hanging_pull(node: &Node, registry: &SilentRegistry, name: &str) -> (String, String) {
    let server = node.server(name);
    let (id, response) = send(node, "create_server", &server, Some(registry.payload())).await;
    assert_eq!(response["data"]["status"], json!("creating"), "{response}");
    registry.asked(node).await;
    assert_eq!(node.status(&server).await, "installing");
    (server, id)
}

#[tokio::test]
async fn a_kill_ends_an_image_pull_that_hangs() {
    let node = impatient_node().await;
    let registry = SilentRegistry::start().await;
    let (server, install) = begin_hanging_pull(&node, &registry, "pull").await;
    let (kill, response) = send(&node, "kill_server", &server, None).await;
    assert_eq!(response["success"], json!(true), "{response}");
    assert_eq!(end_of(&node, &kill).await, None);
    assert_eq!(end_of(&node, &install).await.as_deref(), Some("SUPERSEDED"), "P-24");
    assert_eq!(node.status(&server).await, "install_failed");
    assert_eq!(node.inspect_json(&server).await, None);
    // It may be created again (P-205), and then works.
    let again = node.http("create_server", Some(&server), Some(Node::sample())).await;
    assert_eq!(again["success"], json!(true), "{again}");
    node.wait_status(&server, "stopped").await;
    node.http("start_server", Some(&server), None).await;
    node.wait_status(&server, "running").await;
}

#[tokio::test]
async fn a_delete_ends_an_image_pull_that_hangs() {
    let node = impatient_node().await;
    let registry = SilentRegistry::start().await;
    let (server, install) = begin_hanging_pull(&node, &registry, "pull").await;
    let (delete, _) = send(&node, "delete_server", &server, None).await;
    assert_eq!(end_of(&node, &delete).await, None);
    assert_eq!(end_of(&node, &install).await.as_deref(), Some("SUPERSEDED"));
    assert_eq!(node.listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn during_an_install_the_same_create_joins_and_everything_else_is_busy() {
    let node = impatient_node().await;
    let registry = SilentRegistry::start().await;
    let (server, install) = begin_hanging_pull(&node, &registry, "busy").await;
    // P-25.
    for action in ["start_server", "stop_server", "restart_server"] {
        let answer = node.http(action, Some(&server), None).await;
        assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("SERVER_BUSY")), "{action}: {answer}");
        node.send_legacy(action, &server, None);
    }
    let first = node.panel().response_to(&install).unwrap();
    // P-151, P-22.
    let same = node.http("create_server", Some(&server), Some(registry.payload())).await;
    assert_eq!(same["data"]["operationId"], first["data"]["operationId"], "{same}");
    let mut other = registry.payload();
    other["limits"]["memory"] = json!(256);
    let other = node.http("create_server", Some(&server), Some(other)).await;
    assert_eq!(other["code"], json!("SERVER_BUSY"), "{other}");
    node.barrier().await;
    let frames = node.panel().frames();
    let refused: Vec<&Value> =
        frames.iter().filter(|frame| frame.kind() == "error").map(|frame| &frame.json["data"]["code"]).collect();
    assert_eq!(refused, [&json!("SERVER_BUSY"); 3], "one error frame for each legacy frame (P-46)");
    // Questions are answered meanwhile, and other servers are not held up (P-26).
    create(&node, "beside", Node::sample()).await;
    assert_eq!(node.status(&server).await, "installing");
}

#[tokio::test]
async fn a_kill_ends_an_install_whose_container_is_being_made_and_nothing_of_it_ever_runs() {
    let gate = Gate::closed_for(&["POST /containers/create"]);
    let node = NodeSetup::default().socket(gate.socket()).set("commands.ack_deadline=100ms").start().await;
    let server = node.server("making");
    let (install, _) = send(&node, "create_server", &server, Some(Node::sample())).await;
    node.wait("the container is being made", || async { gate.has_held() > 0 }).await;
    let (kill, _) = send(&node, "kill_server", &server, None).await;
    assert_eq!(end_of(&node, &kill).await, None);
    assert_eq!(end_of(&node, &install).await.as_deref(), Some("SUPERSEDED"));
    assert_eq!(node.status(&server).await, "install_failed");
    gate.set_open(true);
    // The engine makes the container now, for nobody. It is not started, and the server can be had in full.
    node.wait("it can be created again", || async {
        node.http("create_server", Some(&server), Some(Node::sample())).await;
        node.status(&server).await == "stopped"
    })
    .await;
    assert!(!node.docker_runs(&server).await);
    node.http("start_server", Some(&server), None).await;
    node.wait_status(&server, "running").await;
}

#[tokio::test]
async fn a_kill_ends_a_start_whose_container_is_being_made_and_nothing_runs_afterwards() {
    let gate = Gate::closed_for(&["POST /containers/create"]);
    gate.set_open(true);
    let node = NodeSetup::default().socket(gate.socket()).set("commands.ack_deadline=100ms").start().await;
    let server = create(&node, "remaking", Node::sample()).await;
    // Another configuration: the next start makes another container (P-151).
    let mut payload = Node::sample();
    payload["limits"]["memory"] = json!(192);
    node.http_ok("create_server", Some(&server), Some(payload)).await;
    gate.set_open(false);
    let (start, _) = send(&node, "start_server", &server, None).await;
    node.wait("the container is being made", || async { gate.has_held() > 0 }).await;
    let (kill, _) = send(&node, "kill_server", &server, None).await;
    assert_eq!(end_of(&node, &kill).await, None);
    assert_eq!(end_of(&node, &start).await.as_deref(), Some("SUPERSEDED"));
    assert_eq!(node.status(&server).await, "stopped");
    gate.set_open(true);
    node.wait("the engine has made it", || async { node.inspect_json(&server).await.is_some() }).await;
    assert!(!node.docker_runs(&server).await, "nobody wants it to run any more");
    node.http("start_server", Some(&server), None).await;
    node.wait_status(&server, "running").await;
    assert_eq!(node.inspect_json(&server).await.unwrap()["HostConfig"]["Memory"], json!(192 << 20));
}

#[tokio::test]
async fn a_delete_waits_for_a_container_that_is_being_made_and_leaves_none_behind() {
    let gate = Gate::closed_for(&["POST /containers/create"]);
    let node = NodeSetup::default().socket(gate.socket()).set("commands.ack_deadline=100ms").start().await;
    let server = node.server("unmaking");
    send(&node, "create_server", &server, Some(Node::sample())).await;
    node.wait("the container is being made", || async { gate.has_held() > 0 }).await;
    let (delete, response) = send(&node, "delete_server", &server, None).await;
    assert_eq!(response["data"]["status"], json!("deleting"), "{response}");
    gate.set_open(true);
    assert_eq!(end_of(&node, &delete).await, None);
    assert_eq!(node.inspect_json(&server).await, None);
    assert_eq!(node.listed().await, Vec::<String>::new());
}
