//! What overtakes what (P-22 to P-26): a kill overtakes everything, a delete even more, and the same twice is once.

mod deleting;
mod gate;
mod installing;
mod stopping;

use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use serde_json::{Value, json};

/// A node that acknowledges soon, so that what hangs is answered while it hangs.
async fn impatient_node() -> Node {
    NodeSetup::default().set("commands.ack_deadline=100ms").start().await
}

/// Creates a server over HTTP and waits until it is there.
async fn create(node: &Node, name: &str, payload: Value) -> String {
    let server = node.server(name);
    let answer = node.http("create_server", Some(&server), Some(payload)).await;
    assert_eq!(answer["success"], json!(true), "{answer}");
    node.wait_status(&server, "stopped").await;
    server
}

/// A sample server that runs and neither hears signals nor its console any more.
async fn run_hanging(node: &Node, name: &str) -> String {
    let server = create(node, name, Node::sample()).await;
    node.http("start_server", Some(&server), None).await;
    node.wait_status(&server, "running").await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "hang"}))).await;
    node.wait_console(&server, "Hanging").await;
    server
}

/// Sends a command frame and waits for its response; gives its id and the response.
async fn send(node: &Node, action: &str, server: &str, payload: Option<Value>) -> (String, Value) {
    let id = node.send(action, Some(server), payload);
    let response = node.panel().wait_for_response(&id, PATIENCE).await.expect(action);
    (id, response)
}

/// Waits for the end of a command that was answered with an in-progress word; gives its error code, if it failed.
async fn end_of(node: &Node, id: &str) -> Option<String> {
    let outcome = node.panel().wait_for_outcome(id, PATIENCE).await;
    outcome.unwrap_or_else(|| panic!("{id} never ended; log:\n{}", node.log())).code
}

/// How often the game was started, by its own words.
async fn starts(node: &Node, server: &str) -> usize {
    node.history(server).await.iter().filter(|line| line.contains("Starting minecraft server version")).count()
}

#[tokio::test]
async fn two_starts_start_once() {
    let node = impatient_node().await;
    let mut payload = Node::sample();
    payload["environment"] = json!({"SAMPLE_STARTUP_MS": 2000});
    let server = create(&node, "starts", payload).await;
    // Over both transports (P-2).
    let (first, response) = send(&node, "start_server", &server, None).await;
    let second = node.http("start_server", Some(&server), None).await;
    assert_eq!(response["data"]["status"], json!("starting"), "{response}");
    assert!(response["data"]["operationId"].is_string());
    assert_eq!(second["data"]["operationId"], response["data"]["operationId"], "P-22: {second}");
    assert_eq!(second["data"]["status"], json!("starting"));
    assert_eq!(end_of(&node, &first).await, None);
    let started_at = node.started_at(&server).await;
    // P-23.
    let (_, third) = send(&node, "start_server", &server, None).await;
    assert_eq!(third["data"]["status"], json!("running"), "{third}");
    assert_eq!(node.started_at(&server).await, started_at);
    assert_eq!(starts(&node, &server).await, 1);
    node.barrier().await;
    let completed = node
        .panel()
        .frames()
        .iter()
        .filter(|frame| {
            frame.event() == "operation_completed"
                && frame.json["data"]["operationId"] == response["data"]["operationId"]
        })
        .count();
    assert_eq!(completed, 1, "P-20");
}

#[tokio::test]
async fn a_kill_overtakes_a_stop_that_hangs() {
    let node = impatient_node().await;
    let server = run_hanging(&node, "hangs").await;
    let payload = Some(json!({"timeout": 300}));
    let (stop, response) = send(&node, "stop_server", &server, payload.clone()).await;
    assert_eq!(response["data"]["status"], json!("stopping"), "{response}");
    // Stop twice: it joins (P-22).
    let (again, second) = send(&node, "stop_server", &server, payload).await;
    assert_eq!(second["data"]["operationId"], response["data"]["operationId"], "{second}");
    let (kill, _) = send(&node, "kill_server", &server, None).await;
    assert_eq!(end_of(&node, &kill).await, None);
    assert_eq!(end_of(&node, &stop).await.as_deref(), Some("SUPERSEDED"), "P-24");
    assert_eq!(end_of(&node, &again).await.as_deref(), Some("SUPERSEDED"));
    assert_eq!(node.status(&server).await, "stopped");
    let container = node.inspect_json(&server).await.unwrap();
    assert_eq!((&container["State"]["Running"], &container["State"]["ExitCode"]), (&json!(false), &json!(137)));
    // P-184: it can be started again.
    node.http("start_server", Some(&server), None).await;
    node.wait_status(&server, "running").await;
}

#[tokio::test]
async fn a_stop_with_sigkill_and_a_legacy_kill_overtake_a_stop_that_hangs() {
    let node = impatient_node().await;
    for name in ["stop-kill", "legacy-kill"] {
        let server = run_hanging(&node, name).await;
        let (stop, _) = send(&node, "stop_server", &server, Some(json!({"timeout": 300}))).await;
        if name == "stop-kill" {
            // P-52, P-184: the panels' own kill.
            let (kill, _) = send(&node, "stop_server", &server, Some(json!({"signal": "SIGKILL", "timeout": 5}))).await;
            assert_eq!(end_of(&node, &kill).await, None);
        } else {
            node.send_legacy("kill_server", &server, None);
        }
        assert_eq!(end_of(&node, &stop).await.as_deref(), Some("SUPERSEDED"), "{name}");
        node.wait_status(&server, "stopped").await;
        assert!(!node.docker_runs(&server).await, "{name}");
    }
}

#[tokio::test]
async fn a_kill_ends_a_start_that_is_not_ready() {
    let node = impatient_node().await;
    let mut payload = Node::sample();
    payload["environment"] = json!({"SAMPLE_STARTUP_MS": 600_000});
    let server = create(&node, "unready", payload).await;
    let (start, response) = send(&node, "start_server", &server, None).await;
    assert_eq!(response["data"]["status"], json!("starting"));
    node.wait("it runs", || async { node.docker_runs(&server).await }).await;
    let (kill, _) = send(&node, "kill_server", &server, None).await;
    assert_eq!(end_of(&node, &kill).await, None);
    assert_eq!(end_of(&node, &start).await.as_deref(), Some("SUPERSEDED"));
    assert_eq!(node.status(&server).await, "stopped");
    assert!(!node.docker_runs(&server).await);
    // A stop does the same to a start (P-24).
    let (start, _) = send(&node, "start_server", &server, None).await;
    node.wait("it runs", || async { node.docker_runs(&server).await }).await;
    let (stop, _) = send(&node, "stop_server", &server, None).await;
    assert_eq!(end_of(&node, &start).await.as_deref(), Some("SUPERSEDED"));
    // The sample server hears neither console nor stop command while it starts, so a signal ends it, or the grace does.
    node.http("kill_server", Some(&server), None).await;
    node.wait_status(&server, "stopped").await;
    end_of(&node, &stop).await;
    assert!(!node.docker_runs(&server).await);
}

#[tokio::test]
async fn a_stop_and_a_start_in_one_burst_over_both_transports_run_one_after_the_other() {
    let node = Node::start().await;
    let server = node.run_sample("burst").await;
    let first_start = node.started_at(&server).await;
    node.wait_panel_status(&server, "running").await;
    node.barrier().await;
    let mark = node.mark();
    let stop = node.http("stop_server", Some(&server), None);
    let start = async {
        // Sent as soon as the stop is under way, while it is not over.
        node.wait_frame(mark, "stopping", |frame| frame.json["data"]["currentStatus"] == json!("stopping")).await;
        node.link_ok("start_server", Some(&server), None).await
    };
    let (stopped, _) = tokio::join!(stop, start);
    // P-26.
    assert_eq!(stopped["success"], json!(true), "the stop was not overtaken: {stopped}");
    node.wait_panel_status(&server, "running").await;
    node.barrier().await;
    node.expect_statuses(mark, &server, &["stopping", "stopped", "starting", "running"]).await;
    assert_ne!(node.started_at(&server).await, first_start);
}

#[tokio::test]
async fn a_kill_ends_a_restart_for_good() {
    let node = impatient_node().await;
    let server = run_hanging(&node, "restarting").await;
    let (restart, response) = send(&node, "restart_server", &server, Some(json!({"timeout": 300}))).await;
    assert_eq!(response["data"]["status"], json!("restarting"), "{response}");
    node.wait_status(&server, "restarting").await;
    let (kill, _) = send(&node, "kill_server", &server, None).await;
    assert_eq!(end_of(&node, &kill).await, None);
    assert_eq!(end_of(&node, &restart).await.as_deref(), Some("SUPERSEDED"));
    assert_eq!(node.status(&server).await, "stopped");
    assert_eq!(starts(&node, &server).await, 1, "it was not started again");
}
