//! Creates that are refused create nothing: no container, no server, no directory, and not even a status (P-150).

use cap_acceptance::fixtures;
use cap_acceptance::node::{IMAGE, Node, NodeSetup};
use serde_json::{Value, json};

/// Everything a refused create must not have changed.
async fn nothing_was_made(node: &Node, place: &str) {
    assert_eq!(node.listed().await, Vec::<String>::new(), "{place}");
    let filter = format!("%7B%22label%22%3A%5B%22ctrl-alt-play.node-id%3D{}%22%5D%7D", node.name);
    let (code, containers) = node.engine_get(&format!("/containers/json?all=1&filters={filter}")).await;
    assert_eq!((code, containers), (200, json!([])), "{place}");
    let directories: Vec<_> = std::fs::read_dir(node.root().join("servers")).unwrap().flatten().collect();
    assert!(directories.is_empty(), "{place}: {directories:?}");
}

#[tokio::test]
async fn refused_creates_create_nothing_over_http_or_on_the_link() {
    let node = NodeSetup::default().set("commands.rate_burst=1000").start().await;
    let table = fixtures::json("vectors/create-expected.json");
    let files = ["hostile-image", "hostile-limits", "hostile-ids", "hostile-ports", "hostile-environment"];
    for file in files {
        let file = format!("{file}.list.json");
        for (name, message) in fixtures::items(&format!("create/{file}"), "message") {
            let key = format!("{file}#{name}");
            let Some(code) = table[&key]["error"].as_str() else { continue };
            // Its own image where that is not what is wrong, so that nothing else can be the reason.
            let message =
                if file == "hostile-image.list.json" { message } else { fixtures::with_image(message, IMAGE) };
            let answer = node.post(&message).await;
            assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!(code)), "{key}: {answer}");
            let mut frame = message.clone();
            frame["type"] = json!("command");
            frame["id"] = json!(key);
            node.send_frame(&frame);
            let response = node.panel().wait_for_response(&key, cap_acceptance::node::PATIENCE).await.expect(&key);
            assert_eq!(response["error"]["code"], json!(code), "{key}: {response}");
            if file == "hostile-limits.list.json" {
                let field = name.split('-').next().unwrap();
                assert!(answer["error"].as_str().unwrap().contains(field), "P-162 names the field: {answer}");
            }
        }
    }
    nothing_was_made(&node, "after all").await;
    let pushes = node.panel().frames();
    let told: Vec<&Value> =
        pushes.iter().filter(|frame| frame.kind() == "server_status").map(|frame| &frame.json).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test]
async fn the_nodes_own_policy_is_above_every_panel() {
    let node = NodeSetup::default()
        .without_panel()
        .set("docker.allowed_images=other:*,cap-sample:*")
        .set("limits.max_memory_bytes=268435456")
        .set("limits.max_cpu_percent=200")
        .set("limits.max_servers=1")
        .start()
        .await;
    let server = node.server("policy");
    let with = |place: &str, value: Value| {
        let mut payload = Node::sample();
        *payload.pointer_mut(place).unwrap() = value;
        payload
    };
    for (why, payload) in [
        ("an image that is not allowed", with("/image", json!("evil/miner:latest"))),
        ("too much memory", with("/limits/memory", json!(257))),
        ("unlimited memory", with("/limits/memory", json!(0))),
        ("too much cpu", with("/limits/cpu", json!(201))),
        ("unlimited cpu", with("/limits/cpu", json!(0))),
    ] {
        let answer = node.http("create_server", Some(&server), Some(payload)).await;
        assert_eq!(answer["code"], json!("POLICY_DENIED"), "{why}: {answer}");
        nothing_was_made(&node, why).await;
    }
    node.http_ok("create_server", Some(&server), Some(Node::sample())).await;
    let second = node.http("create_server", Some(&node.server("second")), Some(Node::sample())).await;
    assert_eq!(second["code"], json!("POLICY_DENIED"), "one server too many: {second}");
    assert_eq!(node.listed().await, [server]);
}
