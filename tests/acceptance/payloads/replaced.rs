//! A create for a server that exists (P-151), and two of them at once (P-22).

use cap_acceptance::node::{Node, NodeSetup};
use serde_json::json;

#[tokio::test]
async fn a_create_of_an_existing_server_replaces_its_configuration_at_the_next_start() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.run_sample("again").await;
    let started_at = node.started_at(&server).await;
    let before = node.http_ok("get_server_status", Some(&server), None).await;
    std::fs::write(node.root().join("servers").join(&server).join("world"), "kept").unwrap();
    let mut payload = Node::sample();
    payload["limits"]["memory"] = json!(192);
    payload["environment"] = json!({"NEW": "yes"});
    let data = node.http_ok("create_server", Some(&server), Some(payload)).await;
    assert_eq!(data["existing"], json!(true), "{data}");
    assert_eq!(data["status"], json!("running"), "{data}");
    // The container goes on as it is.
    assert_eq!(node.started_at(&server).await, started_at);
    assert_eq!(node.inspect_json(&server).await.unwrap()["HostConfig"]["Memory"], json!(128 << 20));
    node.http_ok("restart_server", Some(&server), None).await;
    let container = node.inspect_json(&server).await.unwrap();
    assert_eq!(container["HostConfig"]["Memory"], json!(192 << 20));
    assert!(super::variables(&container).contains(&"NEW=yes"));
    let after = node.http_ok("get_server_status", Some(&server), None).await;
    assert_eq!(after["ports"], before["ports"], "players find it where it was");
    let world = std::fs::read_to_string(node.root().join("servers").join(&server).join("world")).unwrap();
    assert_eq!(world, "kept");
    assert_eq!(node.listed().await, [server]);
}

#[tokio::test]
async fn a_refused_replacement_changes_nothing() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.create_sample("kept").await;
    let before = node.inspect_json(&server).await.unwrap();
    let mut payload = Node::sample();
    payload["limits"]["memory"] = json!(-1);
    let answer = node.http("create_server", Some(&server), Some(payload)).await;
    assert_eq!(answer["code"], json!("CONFIG_INVALID"));
    node.http_ok("start_server", Some(&server), None).await;
    assert_eq!(node.inspect_json(&server).await.unwrap()["Id"], before["Id"], "the container is the same one");
}
