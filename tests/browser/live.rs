//! The page with the real agent and the real engine behind it.

use cap_acceptance::browser::Browser;
use cap_acceptance::node::{IMAGE, Node, NodeSetup, PATIENCE};
use cap_devpanel::DevPanel;

/// One server of this node, as the panel has it.
fn only_server(panel: &DevPanel, node: &str) -> Option<String> {
    panel.view(|view| view.nodes.get(node)?.servers.keys().next().cloned())
}

#[actix_rt::test]
async fn a_real_server_is_created_started_asked_and_stopped_from_the_page() {
    let node: Node = NodeSetup::default().with_page().start().await;
    let browser = Browser::start().await.unwrap();
    browser.goto(&node.panel().url()).await.unwrap();
    browser.wait_for_text(".node", &node.name).await.unwrap();

    browser.click("#new-server").await.unwrap();
    browser.type_into("#create-form [name=name]", "Real world").await.unwrap();
    browser.fill("#create-form [name=image]", IMAGE).await.unwrap();
    browser.fill("#create-form [name=memory]", "128").await.unwrap();
    browser.fill("#create-form [name=stop]", "stop").await.unwrap();
    browser.click("#create-submit").await.unwrap();

    browser.wait_for_text("#console-lines", "Done (1.2s)!").await.unwrap();
    browser.wait_for_text("#server-status", "running").await.unwrap();
    browser.type_into("#console-input", "list\n").await.unwrap();
    browser.wait_for_text("#console-lines", "There are 0 of a max of 20 players online").await.unwrap();

    browser.click("#action-stop").await.unwrap();
    browser.wait_for_text("#server-status", "stopped").await.unwrap();
    assert!(node.panel().wait_for(PATIENCE, |panel| only_server(panel, &node.name).is_some()).await);
    let server = only_server(node.panel(), &node.name).unwrap();
    let container = node.inspect(&server).await.expect("its container is kept");
    assert!(!container.facts.running, "what the page shows is what Docker has");
    assert_eq!(container.limits.memory_bytes, Some(128 << 20));
    let complaints = browser.complaints().await.unwrap();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
