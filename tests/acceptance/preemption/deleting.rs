//! Deleting: whatever runs, with its data in the trash, kept, or gone for good (P-23, P-91, P-139).

use cap_acceptance::node::{Node, NodeSetup};
use serde_json::{Value, json};

use super::gate::Gate;
use super::{end_of, impatient_node, run_hanging, send};

/// Puts a file into a server's data.
fn write_world(node: &Node, server: &str) {
    std::fs::write(node.root().join("servers").join(server).join("world"), "precious").unwrap();
}

/// What lies in the trash: names of the files in its entries.
fn trashed_worlds(node: &Node) -> usize {
    let entries = std::fs::read_dir(node.root().join("trash")).unwrap().flatten();
    entries.filter(|entry| entry.path().join("world").exists()).count()
}

#[tokio::test]
async fn a_running_server_is_deleted_and_its_data_goes_to_the_trash() {
    let node = Node::start().await;
    let server = node.run_sample("running").await;
    write_world(&node, &server);
    let data = node.http_ok("delete_server", Some(&server), None).await;
    assert_eq!(data["status"], json!("deleted"), "{data}");
    assert_eq!(node.inspect_json(&server).await, None);
    assert_eq!(node.listed().await, Vec::<String>::new());
    assert_eq!(trashed_worlds(&node), 1, "a slip can be undone");
    assert!(!node.root().join("servers").join(&server).exists());
    let gone = node.http("get_server_status", Some(&server), None).await;
    assert_eq!(gone["code"], json!("SERVER_NOT_FOUND"));
    let told = |frame: &cap_devpanel::RecordedFrame| frame.json["data"]["currentStatus"] == json!("deleted");
    node.wait_frame(0, "the final push (P-205)", told).await;
}

#[tokio::test]
async fn a_delete_overtakes_a_stop_that_hangs() {
    let node = impatient_node().await;
    let server = run_hanging(&node, "hangs").await;
    let (stop, _) = send(&node, "stop_server", &server, Some(json!({"timeout": 300}))).await;
    let (delete, response) = send(&node, "delete_server", &server, None).await;
    assert_eq!(response["success"], json!(true), "{response}");
    assert_eq!(end_of(&node, &delete).await, None);
    assert_eq!(end_of(&node, &stop).await.as_deref(), Some("SUPERSEDED"), "P-24");
    assert_eq!(node.inspect_json(&server).await, None);
}

#[tokio::test]
async fn a_retention_of_zero_empties_the_trash_at_once() {
    let node = NodeSetup::default().without_panel().set("storage.trash_retention=0s").start().await;
    let server = node.create_sample("gone").await;
    write_world(&node, &server);
    node.http_ok("delete_server", Some(&server), None).await;
    let trash = node.root().join("trash");
    node.wait("the trash is empty", || async { std::fs::read_dir(&trash).unwrap().next().is_none() }).await;
    assert!(!node.root().join("servers").join(&server).exists());
}

#[tokio::test]
async fn kept_files_stay_and_a_later_create_finds_them() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.create_sample("kept").await;
    write_world(&node, &server);
    node.http_ok("delete_server", Some(&server), Some(json!({"keepFiles": true}))).await;
    assert_eq!(node.inspect_json(&server).await, None);
    let world = node.root().join("servers").join(&server).join("world");
    assert!(world.exists());
    assert_eq!(trashed_worlds(&node), 0);
    node.create_sample("kept").await;
    assert_eq!(std::fs::read_to_string(world).unwrap(), "precious");
}

#[tokio::test]
async fn what_was_deleted_is_deleted_again_with_success_even_after_a_restart_and_what_never_was_is_unknown() {
    let mut node = Node::start().await;
    let server = node.create_sample("twice").await;
    node.http_ok("delete_server", Some(&server), None).await;
    let again = node.http_ok("delete_server", Some(&server), None).await;
    assert_eq!(again["status"], json!("deleted"), "P-23");
    let unknown = node.http("delete_server", Some(&node.server("never")), None).await;
    assert_eq!(unknown["code"], json!("SERVER_NOT_FOUND"));
    assert!(node.stop_agent().await.success());
    node.start_agent().await;
    node.http_ok("delete_server", Some(&server), None).await;
    // Created anew it is there again, and deleted it is gone again.
    node.create_sample("twice").await;
    node.http_ok("delete_server", Some(&server), None).await;
    assert_eq!(node.listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_delete_takes_no_short_and_no_learned_name() {
    let node = NodeSetup::default().without_panel().start().await;
    // A uuid of its own: the first eight digits are a short id (P-170).
    let server = format!("{:08x}173d6b78e70f57373618a685", std::process::id());
    node.http_ok("create_server", Some(&server), Some(Node::sample())).await;
    let short = &server[..8];
    assert_eq!(node.status(short).await, "stopped", "everywhere else it is one");
    let refused = node.http("delete_server", Some(short), None).await;
    assert_eq!(refused["code"], json!("SERVER_NOT_FOUND"), "P-139: {refused}");
    let dashed =
        format!("{}-{}-{}-{}-{}", &server[..8], &server[8..12], &server[12..16], &server[16..20], &server[20..]);
    let deleted = node.http_ok("delete_server", Some(&dashed.to_uppercase()), None).await;
    assert_eq!(deleted["status"], json!("deleted"), "a uuid in another spelling is exact: {deleted}");
}

#[tokio::test]
async fn a_delete_that_a_crash_cut_off_is_resumed_and_keeps_the_files_it_was_to_keep() {
    let gate = Gate::closed_for(&["DELETE /containers/"]);
    let mut node = NodeSetup::default().socket(gate.socket()).set("commands.ack_deadline=100ms").start().await;
    let server = super::create(&node, "cut-off", Node::sample()).await;
    write_world(&node, &server);
    let (delete, _) = send(&node, "delete_server", &server, Some(json!({"keepFiles": true}))).await;
    node.wait("the container is being removed", || async { gate.has_held() > 0 }).await;
    node.kill_agent();
    gate.set_open(true);
    node.start_agent().await;
    node.wait("the delete ends", || async { node.listed().await.is_empty() }).await;
    assert!(node.root().join("servers").join(&server).join("world").exists(), "they were to be kept");
    assert_eq!(trashed_worlds(&node), 0);
    node.wait_frame(0, "its end", |frame| {
        frame.event() == "operation_completed" && frame.json["data"]["commandId"] == json!(delete)
    })
    .await;
    let ends = node.completions(&json!(delete));
    let successes: Vec<&Value> = ends.iter().map(|end| &end["success"]).collect();
    assert_eq!(successes, [&json!(true)], "P-20: once, in the new epoch");
}
