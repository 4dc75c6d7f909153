//! `get_server_status`: truthful, complete, and in three frames on the link (P-39, P-134).

use cap_acceptance::node::{Node, PATIENCE};
use serde_json::json;

#[tokio::test]
async fn on_the_link_a_status_is_a_response_and_two_pushes_with_the_same_data() {
    let node = Node::start().await;
    let server = node.run_sample("status").await;
    node.barrier().await;
    let mark = node.mark();
    let id = node.send("get_status", Some(&server), None);
    let response = node.panel().wait_for_response(&id, PATIENCE).await.unwrap();
    node.wait_frame(mark, "server_status event", |frame| frame.event() == "server_status").await;
    node.barrier().await;
    let frames = node.frames_after(mark);
    let of = |kind: &str| -> Vec<_> {
        let same = |name: &str| name == kind;
        frames.iter().filter(|frame| same(frame.kind()) || same(frame.event())).collect()
    };
    let [push] = of("server_status")
        .into_iter()
        .filter(|frame| frame.kind() == "server_status" && frame.json["data"]["containerId"].is_string())
        .collect::<Vec<_>>()[..]
    else {
        panic!("not one server_status: {frames:?}");
    };
    let events: Vec<_> = frames.iter().filter(|frame| frame.event() == "server_status").collect();
    assert_eq!(events.len(), 1);
    let volatile = |mut data: serde_json::Value| {
        data.as_object_mut().unwrap().remove("timestamp");
        data
    };
    assert_eq!(volatile(push.json["data"].clone()), volatile(response["data"].clone()));
    assert_eq!(volatile(events[0].json["data"].clone()), volatile(response["data"].clone()));
}

#[tokio::test]
async fn a_status_says_what_docker_says() {
    let node = Node::start().await;
    let server = node.run_sample("truth").await;
    let data = node.http_ok("get_server_status", Some(&server), None).await;
    let container = node.inspect_json(&server).await.unwrap();
    let id = container["Id"].as_str().unwrap();
    assert!(id.starts_with(data["containerId"].as_str().unwrap()), "{data}");
    assert_eq!((&data["status"], &data["state"]), (&json!("running"), &json!("RUNNING")));
    assert_eq!(data["resources"]["memory"]["limitBytes"], container["HostConfig"]["Memory"]);
    for port in data["ports"].as_array().unwrap() {
        let key = format!("{}/{}", port["internal"], port["protocol"].as_str().unwrap());
        let published = &container["NetworkSettings"]["Ports"][&key][0];
        assert_eq!(published["HostPort"], json!(port["external"].to_string()), "{port}");
        assert_eq!(published["HostIp"], port["ip"], "{port}");
    }
    assert!(!data["ports"].as_array().unwrap().is_empty());
    assert_eq!(data["server"]["status"], json!("running"), "for Go clients");
    assert_eq!(data["server"]["config"]["image"], json!(cap_acceptance::node::IMAGE));
}

#[tokio::test]
async fn unknown_servers_unknown_actions_and_missing_ids_are_clean_errors() {
    let node = Node::start().await;
    let unknown = node.server("nobody");
    let actions = [
        ("start_server", json!({})),
        ("stop_server", json!({})),
        ("restart_server", json!({})),
        ("kill_server", json!({})),
        ("delete_server", json!({})),
        ("get_server_status", json!({})),
        ("get_server_metrics", json!({})),
        ("console:command", json!({"command": "list"})),
        ("console:history", json!({})),
        ("console:status", json!({})),
        ("bind_alias", json!({"alias": "x"})),
        ("server_power", json!({"action": "kill"})),
    ];
    for (action, payload) in actions {
        let answer = node.http(action, Some(&unknown), Some(payload.clone())).await;
        assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("SERVER_NOT_FOUND")), "{action}");
        assert!(answer["error"].is_string(), "P-80: {answer}");
        let id = node.send(action, Some(&unknown), Some(payload.clone()));
        let response = node.panel().wait_for_response(&id, PATIENCE).await.unwrap();
        assert_eq!(response["error"]["code"], json!("SERVER_NOT_FOUND"), "{action}: {response}");
        let answer = node.http(action, None, Some(payload)).await;
        assert_eq!(answer["code"], json!("INVALID_REQUEST"), "{action} without a server: {answer}");
    }
    // P-213.
    let frame = cap_acceptance::fixtures::json("ws/from-panel/command-unknown-action.json");
    let mark = node.mark();
    node.send_frame(&frame);
    let response = node.wait_frame(mark, "response", |frame| frame.kind() == "response").await;
    assert_eq!(response.json["id"], frame["id"]);
    assert_eq!(response.json["error"]["code"], json!("UNKNOWN_ACTION"));
    let action = frame["action"].as_str().unwrap();
    assert_eq!(response.json["error"]["message"], json!(format!("Unknown action: {action}")));
    assert_eq!(node.listed().await, Vec::<String>::new());
}
