//! The shapes a command may come in: other names, nested, without an id, Docs and Go (P-175 to P-180).

use cap_acceptance::fixtures;
use cap_acceptance::node::{Node, PATIENCE};
use serde_json::{Value, json};

#[tokio::test]
async fn every_odd_shape_of_a_start_is_understood_or_refused_as_the_fixture_says() {
    let node = Node::start().await;
    // The ids of the fixture: one server has two spellings there.
    let server = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3".replace("9f1c7a52", &format!("{:08x}", std::process::id()));
    let compact = server.replace('-', "").to_uppercase();
    node.http_ok("create_server", Some(&server), Some(Node::sample())).await;
    for (name, frame) in fixtures::items("ws/from-panel/command-other-shapes.list.json", "frame") {
        let mut frame = frame;
        fixtures::replace(&mut frame, &|key, value| match (key, value.as_str()) {
            ("serverId", Some("9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3")) => Some(json!(server)),
            ("serverId", Some("9F1C7A523E644D0B8A771F2E5B90C4D3")) => Some(json!(compact)),
            _ => None,
        });
        let mark = node.mark();
        node.send_frame(&frame);
        let response = node.wait_frame(mark, &name, |frame| frame.kind() == "response").await.json.clone();
        let expected_id = match name.as_str() {
            "no-id" | "object-id" => json!(null),
            "nested-in-data" => frame["data"]["id"].clone(),
            "legacy-frame-with-message-id" => json!("m-1"),
            _ => frame["id"].clone(),
        };
        assert_eq!(response["id"], expected_id, "{name}: {response}");
        if ["object-id", "two-server-ids"].contains(&name.as_str()) {
            assert_eq!(response["error"]["code"], json!("INVALID_REQUEST"), "{name}: {response}");
            node.barrier().await;
            assert_eq!(node.status(&server).await, "stopped", "{name} is not run");
            continue;
        }
        assert_eq!(response["success"], json!(true), "{name}: {response}");
        node.wait_status(&server, "running").await;
        // Down again, so that the next one has something to start.
        node.http_ok("kill_server", Some(&server), None).await;
        node.wait_panel_status(&server, "stopped").await;
        node.barrier().await;
    }
}

#[tokio::test]
async fn the_commands_of_the_documents_are_answered_with_their_ids() {
    let node = Node::start().await;
    let server = node.run_sample("docs").await;
    for (name, frame) in fixtures::items("ws/from-panel/command-docs.list.json", "frame") {
        let frame = fixtures::for_server(frame, &server);
        let id = frame["id"].as_str().unwrap();
        node.send_frame(&frame);
        let outcome = node.panel().wait_for_response(id, PATIENCE).await.expect(&name);
        match name.as_str() {
            "list_files" | "get_file" => assert_eq!(outcome["error"]["code"], json!("NOT_SUPPORTED"), "{name}"),
            "delete_server" => assert_eq!(outcome["success"], json!(true), "{name}: {outcome}"),
            _ => assert_eq!(outcome["data"]["status"], json!("running"), "{name}: {outcome}"),
        }
    }
    node.wait("it is deleted", || async { node.listed().await.is_empty() }).await;
}

#[tokio::test]
async fn a_go_clients_envelope_is_served_like_any_other_shape() {
    let node = Node::start().await;
    let server = node.create_sample("go").await;
    for (name, request) in fixtures::items("http/requests/go-envelope.list.json", "request") {
        let answer = node.post(&fixtures::for_server(request["body"].clone(), &server)).await;
        let refused = |code: &str| assert_eq!(answer["code"], json!(code), "{name}: {answer}");
        match name.as_str() {
            "start_server" => assert_eq!(answer["data"]["serverId"], json!(server), "{answer}"),
            "list_servers" => assert_eq!(answer["data"]["count"], json!(1), "{answer}"),
            "system.ping" => assert_eq!(answer["data"]["message"], json!("pong"), "{answer}"),
            "system.status" => assert_eq!(answer["data"]["online"], json!(true), "{answer}"),
            // P-133: unknown unless switched on.
            "docker.list" | "docker.stop" => refused("UNKNOWN_ACTION"),
            _ => refused("NOT_SUPPORTED"),
        }
    }
    node.wait_status(&server, "running").await;
}

#[tokio::test]
async fn every_name_of_an_action_means_the_same() {
    let node = Node::start().await;
    let server = node.create_sample("names").await;
    for (start, stop) in [
        ("start_server", "stop_server"),
        ("server_start", "server_stop"),
        ("start", "stop"),
        (" Server.Start ", "SERVER-STOP"),
        ("power", "power_action"),
        ("restart", "kill"),
        ("reboot_server", "server:kill"),
    ] {
        let power = |word: &str| Some(json!({"action": word}));
        node.http_ok(start, Some(&server), power("start")).await;
        assert_eq!(node.status(&server).await, "running", "{start}");
        node.http_ok(stop, Some(&server), power("stop")).await;
        assert_eq!(node.status(&server).await, "stopped", "{stop}");
    }
    let by_signal = node.http_ok("power", Some(&server), Some(json!({"signal": "start"}))).await;
    assert_eq!(by_signal["status"], json!("running"), "P-185");
    let short = async |id: &str| node.http("get_status", Some(id), None).await;
    let answer: Value = short(&server).await;
    assert_eq!(answer["data"]["status"], json!("running"));
}
