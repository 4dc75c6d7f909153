//! Command ids: echoed with their type, remembered over a restart, and never executed twice (P-27 to P-31).

use cap_acceptance::fixtures;
use cap_acceptance::node::{Node, PATIENCE};
use serde_json::{Value, json};

/// Sends a frame and gives the answers to its id that have come by the time a later ping was answered, once there are
/// so many.
async fn send_and_count(node: &Node, frame: &Value, expected: usize) -> Vec<Value> {
    let id = frame["id"].as_str().unwrap().to_owned();
    node.send_frame(frame);
    node.panel().wait_for(PATIENCE, |panel| panel.responses_to(&id).len() >= expected).await;
    node.barrier().await;
    node.panel().responses_to(&id)
}

#[tokio::test]
async fn a_repeated_id_is_answered_from_memory_and_not_executed_again_even_after_a_restart() {
    let mut node = Node::start().await;
    let server = node.run_sample("repeat").await;
    let item = |name: &str| {
        let frame = fixtures::item("ws/from-panel/command-repeat.list.json", name, "frame");
        fixtures::for_server(frame, &server)
    };
    let said = async |node: &Node| {
        let lines = node.history(&server).await;
        lines.iter().filter(|line| line.contains("[Server] once")).count()
    };
    let first = send_and_count(&node, &item("first"), 1).await;
    assert_eq!((first.len(), &first[0]["success"]), (1, &json!(true)), "{first:?}");
    node.wait_console(&server, "[Server] once").await;
    let answers = send_and_count(&node, &item("same-again"), 2).await;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["data"], answers[1]["data"], "the recorded answer again");
    let answers = send_and_count(&node, &item("same-id-other-action"), 3).await;
    assert_eq!(answers[2]["error"]["code"], json!("DUPLICATE_ID"), "P-28: {answers:?}");
    assert_eq!(node.status(&server).await, "running", "nothing was killed");

    assert!(node.stop_agent().await.success());
    node.start_agent().await;
    node.wait_status(&server, "running").await;
    let answers = send_and_count(&node, &item("first"), 4).await;
    assert_eq!(answers[3]["data"], answers[0]["data"], "P-29: also over a restart");
    let answers = send_and_count(&node, &item("same-id-other-action"), 5).await;
    assert_eq!(answers[4]["error"]["code"], json!("DUPLICATE_ID"));
    // A line that is typed after all that is the last: nothing else was said in between.
    node.http_ok("console:command", Some(&server), Some(json!({"command": "say the last"}))).await;
    node.wait_console(&server, "[Server] the last").await;
    assert!(said(&node).await <= 1, "said once before the restart, and never after it");
}

#[tokio::test]
async fn a_repeated_lifecycle_command_over_http_starts_once() {
    let node = Node::start().await;
    let server = node.create_sample("twice").await;
    let body = json!({"id": "start-1", "action": "start_server", "serverId": server});
    let first = node.post(&body).await;
    assert_eq!((&first["success"], &first["id"]), (&json!(true), &json!("start-1")), "{first}");
    node.wait_status(&server, "running").await;
    node.http_ok("stop_server", Some(&server), None).await;
    assert_eq!(node.post(&body).await["data"], first["data"], "from memory");
    assert_eq!(node.status(&server).await, "stopped", "and not started again");
    let other = node.post(&json!({"id": "start-1", "action": "start_server", "serverId": "other"})).await;
    assert_eq!(other["code"], json!("DUPLICATE_ID"), "another server: {other}");
    // P-29: the link is another identity, so the same id is another command there.
    let mut frame = body.clone();
    frame["type"] = json!("command");
    node.send_frame(&frame);
    node.wait_status(&server, "running").await;
}

#[tokio::test]
async fn ids_are_echoed_with_their_type_on_both_transports() {
    let node = Node::start().await;
    for id in [json!("a"), json!("x".repeat(128)), json!(42), json!(0), json!(-7), json!(null)] {
        let answer = node.post(&json!({"id": id, "action": "system.ping"})).await;
        assert_eq!(answer["success"], json!(true), "{answer}");
        assert_eq!(answer["id"], id);
        let mark = node.mark();
        node.send_frame(&json!({"id": id, "type": "command", "action": "system.ping"}));
        let response = node.wait_frame(mark, "response", |frame| frame.kind() == "response").await;
        assert_eq!((&response.json["id"], &response.json["success"]), (&id, &json!(true)));
        assert!(response.json.as_object().unwrap().contains_key("id"), "null is there, too (P-31)");
    }
    let without = node.post(&json!({"action": "system.ping"})).await;
    assert!(without.get("id").is_none(), "{without}");
    for id in [json!({"a": 1}), json!([1]), json!(1.5), json!(true), json!(""), json!("x".repeat(129))] {
        let answer = node.post(&json!({"id": id, "action": "system.ping"})).await;
        assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("INVALID_REQUEST")), "{id}: {answer}");
        let mark = node.mark();
        node.send_frame(&json!({"id": id, "type": "command", "action": "system.ping"}));
        let response = node.wait_frame(mark, "response", |frame| frame.kind() == "response").await;
        assert_eq!((&response.json["id"], &response.json["success"]), (&json!(null), &json!(false)), "{id}");
        assert_eq!(response.json["error"]["code"], json!("INVALID_REQUEST"));
    }
}
