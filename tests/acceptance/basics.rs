//! The main way, once over each transport.

use cap_acceptance::node::Node;
use serde_json::json;

#[tokio::test]
async fn a_server_is_created_started_asked_and_stopped_over_http() {
    let node = Node::start().await;
    let server = node.run_sample("a").await;
    node.wait_console(&server, "Done (").await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "list"}))).await;
    node.wait_console(&server, "There are 0 of a max of 20 players online").await;
    node.http_ok("stop_server", Some(&server), None).await;
    node.wait_status(&server, "stopped").await;
    node.wait_panel_status(&server, "stopped").await;
}

#[tokio::test]
async fn a_server_is_created_started_asked_and_stopped_over_the_link() {
    let node = Node::start().await;
    let server = node.server("a");
    node.link_ok("create_server", Some(&server), Some(Node::sample())).await;
    node.link_ok("start_server", Some(&server), None).await;
    node.wait_panel_status(&server, "running").await;
    node.link_ok("console:command", Some(&server), Some(json!({"command": "list"}))).await;
    let answered = |panel: &cap_devpanel::DevPanel| panel.console_text(&server).contains("players online");
    assert!(node.panel().wait_for(cap_acceptance::node::PATIENCE, answered).await);
    node.link_ok("stop_server", Some(&server), None).await;
    node.wait_panel_status(&server, "stopped").await;
}
