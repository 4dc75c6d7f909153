//! Ports that somebody else holds, images that are not there (D10, D11).

use std::net::TcpListener;

use cap_acceptance::node::{Node, NodeSetup, PATIENCE, free_port};
use cap_devpanel::DevPanel;
use serde_json::{Value, json};

fn on_port(port: u16) -> Value {
    let mut payload = Node::sample();
    payload["allocation"] = json!({"ip": "127.0.0.1", "port": port});
    payload
}

/// D11; P-150, P-163.
#[tokio::test]
async fn a_port_that_is_taken_is_refused_by_its_number_and_blocks_nothing_later() {
    let node = Node::start().await;
    let server = node.server("a");
    let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = foreign.local_addr().unwrap().port();
    let refused = node.http("create_server", Some(&server), Some(on_port(port))).await;
    assert_eq!(refused["code"], json!("PORT_CONFLICT"), "{refused}");
    assert!(refused["error"].as_str().unwrap().contains(&port.to_string()), "{refused}");
    assert!(node.inspect(&server).await.is_none(), "a refused create made a container");

    drop(foreign);
    node.http_ok("create_server", Some(&server), Some(on_port(port))).await;
    node.wait_status(&server, "stopped").await;
    let foreign = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let failed = node.http("start_server", Some(&server), None).await;
    assert_eq!(failed["code"], json!("PORT_CONFLICT"), "{failed}; log:\n{}", node.log());
    assert!(failed["error"].as_str().unwrap().contains(&port.to_string()), "{failed}");
    node.wait_panel_status(&server, "stopped").await;
    let reason = |panel: &DevPanel| panel.view(|view| view.server(&server).and_then(|server| server.reason.clone()));
    let explained = |panel: &DevPanel| reason(panel).as_deref() == Some("start_failed");
    assert!(node.panel().wait_for(PATIENCE, explained).await, "{:?}", reason(node.panel()));

    drop(foreign);
    node.http_ok("start_server", Some(&server), None).await;
    node.wait_panel_status(&server, "running").await;
}

/// D10; P-153: nothing answers at this registry.
#[tokio::test]
async fn an_image_that_cannot_be_had_is_a_clean_failure_and_a_good_one_mends_it() {
    let node = Node::start().await;
    let server = node.server("a");
    let mut payload = Node::sample();
    let image = format!("127.0.0.1:{}/no/such:1", free_port());
    payload["image"] = json!(image);
    node.http("create_server", Some(&server), Some(payload)).await;
    node.wait_panel_status(&server, "install_failed").await;
    assert!(node.inspect(&server).await.is_none());
    let last = node.http_ok("get_server_status", Some(&server), None).await["lastOperation"].clone();
    assert_eq!(last["error"]["code"], json!("IMAGE_PULL_FAILED"), "{last}");
    assert!(last["error"]["message"].as_str().unwrap().contains(&image), "{last}");

    node.http_ok("create_server", Some(&server), Some(Node::sample())).await;
    node.wait_status(&server, "stopped").await;
    node.http_ok("start_server", Some(&server), None).await;
    node.wait_status(&server, "running").await;
}

/// D10: a node that pulls nothing by itself says so at once.
#[tokio::test]
async fn with_pulling_switched_off_a_missing_image_is_named() {
    let node = NodeSetup::default().without_panel().set("docker.image_pull=never").start().await;
    let server = node.server("a");
    let mut payload = Node::sample();
    payload["image"] = json!("cap-not-here:1");
    let failed = node.http("create_server", Some(&server), Some(payload)).await;
    assert_eq!(failed["code"], json!("IMAGE_PULL_FAILED"), "{failed}");
    assert!(failed["error"].as_str().unwrap().contains("cap-not-here:1"), "{failed}");
    assert_eq!(node.status(&server).await, "install_failed");
}
