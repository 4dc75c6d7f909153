//! SIGHUP (fault matrix A7): what can be applied is, what is broken changes nothing.

use std::fs;

use cap_acceptance::node::{IMAGE, Node, NodeSetup};
use rustix::process::Signal;
use serde_json::json;

/// Adds a line to the section `[docker]` of the agent's file.
fn add_to_docker(node: &Node, line: &str) {
    let text = fs::read_to_string(node.config_file()).unwrap();
    fs::write(node.config_file(), text.replace("[docker]\n", &format!("[docker]\n{line}\n"))).unwrap();
}

async fn hang_up_until_logged(node: &Node, words: &str) {
    node.signal_agent(Signal::HUP);
    node.wait(&format!("the log says {words:?}"), || async { node.log().contains(words) }).await;
}

#[tokio::test]
async fn a_changed_policy_is_in_force_after_a_hangup() {
    let node = NodeSetup::default().without_panel().start().await;
    node.create_sample("before").await;
    add_to_docker(&node, "allowed_images = [\"ghcr.io/*\"]");
    hang_up_until_logged(&node, "SIGHUP: the configuration was read and is in force").await;
    let refused = node.http("create_server", Some(&node.server("after")), Some(json!({"image": IMAGE}))).await;
    assert_eq!(refused["code"], json!("POLICY_DENIED"), "{refused}");
}

#[tokio::test]
async fn a_broken_configuration_changes_nothing() {
    let node = NodeSetup::default().without_panel().start().await;
    add_to_docker(&node, "allowed_images = 7\nno_such_key = true");
    hang_up_until_logged(&node, "the configuration stays as it was").await;
    assert!(node.log().contains("no_such_key"), "the log names what is wrong:\n{}", node.log());
    node.create_sample("still").await;
}

#[tokio::test]
async fn a_change_that_must_wait_is_named() {
    let node = NodeSetup::default().without_panel().start().await;
    add_to_docker(&node, "pids_limit = 77");
    hang_up_until_logged(&node, "changes in [docker] take effect at the next start").await;
}
