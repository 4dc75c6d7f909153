//! Every action, over every transport.

mod console;
mod console_bytes;
mod legacy;
mod queries;
mod status;

use cap_acceptance::node::Node;
use serde_json::{Value, json};

/// How a command travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    /// A command frame on the link.
    Link,
    /// A legacy frame on the link: no answer, the effect shows as pushes.
    Legacy,
    /// `POST /api/command`.
    Http,
}

impl Via {
    /// Carries out a lifecycle action; its end is what the caller waits for.
    async fn act(self, node: &Node, action: &str, server: &str, payload: Option<Value>) {
        match self {
            Self::Link => drop(node.link_ok(action, Some(server), payload).await),
            Self::Legacy => node.send_legacy(action, server, payload),
            Self::Http => drop(node.http_ok(action, Some(server), payload).await),
        }
    }
}

/// create, start, command, restart, stop, start, kill, delete; each shows in Docker, at the agent and at the panel.
async fn a_whole_life(via: Via) {
    let node = Node::start().await;
    let server = node.server("life");
    let started_at = async || node.started_at(&server).await;

    via.act(&node, "create_server", &server, Some(Node::sample())).await;
    node.wait_panel_status(&server, "stopped").await;
    assert!(!node.docker_runs(&server).await, "a create starts nothing");

    via.act(&node, "start_server", &server, None).await;
    node.wait_panel_status(&server, "running").await;
    let first_start = started_at().await;
    std::fs::write(node.root().join("servers").join(&server).join("world"), "kept").unwrap();

    via.act(&node, "console:command", &server, Some(json!({"command": "list"}))).await;
    node.wait_console(&server, "players online").await;

    node.barrier().await;
    let before = node.mark();
    via.act(&node, "restart_server", &server, None).await;
    node.wait("the restart is over", || async { node.statuses_after(before, &server).len() >= 3 }).await;
    // P-206.
    node.expect_statuses(before, &server, &["restarting", "starting", "running"]).await;
    let second_start = started_at().await;
    assert_ne!(second_start, first_start, "the process is another one");

    via.act(&node, "stop_server", &server, None).await;
    node.wait_panel_status(&server, "stopped").await;
    assert!(!node.docker_runs(&server).await);
    assert!(node.history(&server).await.iter().any(|line| line.contains("All dimensions are saved")), "not in peace");

    via.act(&node, "start_server", &server, None).await;
    node.wait_panel_status(&server, "running").await;
    via.act(&node, "kill_server", &server, None).await;
    node.wait_panel_status(&server, "stopped").await;
    // P-184: container and data stay.
    let container = node.inspect_json(&server).await.expect("a kill keeps the container");
    assert_eq!(container["State"]["ExitCode"], json!(137), "killed by SIGKILL");
    assert!(node.root().join("servers").join(&server).join("world").exists());

    node.barrier().await;
    let before = node.mark();
    via.act(&node, "delete_server", &server, None).await;
    node.wait("the server is deleted", || async { !node.listed().await.contains(&server) }).await;
    assert_eq!(node.inspect_json(&server).await, None, "its container is gone");
    assert!(!node.root().join("servers").join(&server).exists(), "its data is not where it was");
    node.expect_statuses(before, &server, &["deleted"]).await;

    if via == Via::Legacy {
        // P-32: neither answers nor errors.
        node.barrier().await;
        let frames = node.panel().frames();
        let answers: Vec<_> = frames.iter().filter(|frame| ["response", "error"].contains(&frame.kind())).collect();
        assert!(answers.is_empty(), "{answers:?}");
    }
}

#[tokio::test]
async fn a_whole_life_by_command_frames() {
    a_whole_life(Via::Link).await;
}

#[tokio::test]
async fn a_whole_life_by_legacy_frames() {
    a_whole_life(Via::Legacy).await;
}

#[tokio::test]
async fn a_whole_life_over_http() {
    a_whole_life(Via::Http).await;
}
