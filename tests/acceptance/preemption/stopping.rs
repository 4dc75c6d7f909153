//! The ways to stop, and what the outcome says of them (P-181 to P-184).

use cap_acceptance::fixtures;
use cap_acceptance::node::{Node, NodeSetup};
use serde_json::{Value, json};

/// A node that waits for outcomes, without a panel.
async fn patient_node() -> Node {
    NodeSetup::default().without_panel().set("commands.ack_deadline=20s").start().await
}

async fn exit_code(node: &Node, server: &str) -> Value {
    node.inspect_json(server).await.unwrap()["State"]["ExitCode"].clone()
}

#[tokio::test]
async fn a_server_with_a_stop_command_is_stopped_by_it_unless_another_signal_is_asked_for() {
    let node = patient_node().await;
    let server = node.create_sample("command").await;
    for (payload, outcome) in [
        (json!({}), "stopped by its stop command"),
        // P-183: the default signal means the configured way.
        (json!({"signal": "SIGTERM", "timeout": 30}), "stopped by its stop command"),
        (json!({"signal": 15}), "stopped by its stop command"),
        (json!({"signal": "SIGINT"}), "stopped by SIGINT"),
        (json!({"signal": "int"}), "stopped by SIGINT"),
        (json!({"signal": "^C"}), "stopped by SIGINT"),
        (json!({"signal": 2}), "stopped by SIGINT"),
        (json!({"signal": "2", "timeout": "10"}), "stopped by SIGINT"),
        (json!({"signal": "KILL"}), "killed"),
        (json!({"signal": 9, "timeout": 300}), "killed"),
        // Nonsense is SIGTERM (P-181), and 30 s (P-182).
        (json!({"signal": "PLEASE", "timeout": {"a": 1}}), "stopped by its stop command"),
        (json!({"signal": null, "timeout": null}), "stopped by its stop command"),
    ] {
        node.http_ok("start_server", Some(&server), None).await;
        let answer = node.http("stop_server", Some(&server), Some(payload.clone())).await;
        assert_eq!(answer["data"]["status"], json!("stopped"), "{payload}: {answer}");
        assert_eq!(answer["message"], json!(outcome), "{payload}");
        let expected = if outcome == "killed" { 137 } else { 0 };
        assert_eq!(exit_code(&node, &server).await, json!(expected), "{payload}");
    }
    // P-23.
    let answer = node.http("stop_server", Some(&server), None).await;
    assert_eq!((&answer["success"], &answer["data"]["status"]), (&json!(true), &json!("stopped")));
    let answer = node.http("kill_server", Some(&server), None).await;
    assert_eq!((&answer["success"], &answer["data"]["status"]), (&json!(true), &json!("stopped")));
}

#[tokio::test]
async fn a_server_without_a_stop_command_is_stopped_by_signal() {
    let node = patient_node().await;
    for (name, stop, outcome) in
        [("none", json!(null), "stopped by SIGTERM"), ("caret", json!("^C"), "stopped by SIGINT")]
    {
        let server = node.server(name);
        let mut payload = Node::sample();
        payload["stop"] = stop;
        node.http_ok("create_server", Some(&server), Some(payload)).await;
        node.http_ok("start_server", Some(&server), None).await;
        let answer = node.http("stop_server", Some(&server), None).await;
        assert_eq!(answer["message"], json!(outcome), "{answer}");
        assert_eq!(exit_code(&node, &server).await, json!(0), "in peace");
    }
}

#[tokio::test]
async fn the_odd_stops_of_the_fixtures_all_stop_the_server() {
    let node = Node::start().await;
    let server = node.create_sample("odd").await;
    for (name, frame) in fixtures::items("ws/from-panel/command-stop-odd.list.json", "frame") {
        node.http_ok("start_server", Some(&server), None).await;
        node.wait_status(&server, "running").await;
        let frame = fixtures::for_server(frame, &server);
        node.send_frame(&frame);
        let id = frame["id"].as_str().unwrap();
        let response = node.panel().wait_for_response(id, cap_acceptance::node::PATIENCE).await.expect(&name);
        assert_eq!(response["success"], json!(true), "{name}: {response}");
        node.wait_status(&server, "stopped").await;
    }
}

#[tokio::test]
async fn when_the_grace_is_over_a_server_that_hangs_is_killed_and_the_outcome_says_so() {
    let node = patient_node().await;
    let server = node.run_sample("grace").await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "hang"}))).await;
    node.wait_console(&server, "Hanging").await;
    let answer = node.http("stop_server", Some(&server), Some(json!({"timeout": 0.4}))).await;
    // P-182: fractions are rounded up.
    assert_eq!(answer["message"], json!("killed after 1 s"), "{answer}");
    assert_eq!(exit_code(&node, &server).await, json!(137));
    // A restart does the same on its way down, and comes up again.
    node.http_ok("start_server", Some(&server), None).await;
    let started_at = node.started_at(&server).await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "hang"}))).await;
    let answer = node.http("restart_server", Some(&server), Some(json!({"timeout": 1}))).await;
    assert_eq!(answer["data"]["status"], json!("running"), "{answer}");
    assert_ne!(node.started_at(&server).await, started_at);
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_told_as_it_was() {
    let node = Node::start().await;
    let server = node.run_sample("itself").await;
    for (command, status, reason, code) in
        [("crash 3", "crashed", "crash", json!(3)), ("exit", "stopped", "clean_exit", json!(0))]
    {
        node.http_ok("start_server", Some(&server), None).await;
        node.wait_panel_status(&server, "running").await;
        node.barrier().await;
        let mark = node.mark();
        node.http_ok("console:command", Some(&server), Some(json!({"command": command}))).await;
        let event = node.wait_frame(mark, status, |frame| frame.event() == "server_status_changed").await;
        let data = &event.json["data"];
        assert_eq!((&data["currentStatus"], &data["reason"]), (&json!(status), &json!(reason)), "{command}: {data}");
        assert_eq!(data["exitCode"], code, "{data}");
        assert_eq!(node.status(&server).await, status);
    }
}
