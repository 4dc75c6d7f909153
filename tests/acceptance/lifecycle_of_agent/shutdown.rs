//! SIGTERM: everything settled and flushed, exit code 0, containers go on (A3).

use std::time::Duration;

use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use cap_acceptance::outside::{Outside, container};
use cap_devpanel::{ConnectionEnd, OperationState};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Ten seconds are promised; a machine with two cores that runs other tests gets twice as many.
const GENEROUS: Duration = Duration::from_secs(20);

async fn stops_well(node: &mut Node) {
    let began = Instant::now();
    let status = node.stop_agent().await;
    assert_eq!(status.code(), Some(0), "log:\n{}", node.log());
    assert!(began.elapsed() < GENEROUS, "{:?}", began.elapsed());
    assert!(node.log().contains("shut down"));
}

#[tokio::test]
async fn sigterm_ends_the_agent_with_0_and_the_link_with_1000_and_games_go_on() {
    let mut node = Node::start().await;
    let server = node.run_sample("a").await;
    let identity = Outside::default().identity(&container(&server)).await;
    // The last words of the game are told before the link is closed.
    let said = node.send("console:command", Some(&server), Some(json!({"command": "say one last thing"})));
    node.panel().wait_for_response(&said, PATIENCE).await.unwrap();
    node.wait_console(&server, "one last thing").await;
    stops_well(&mut node).await;
    assert!(node.panel().console_text(&server).contains("one last thing"));
    let ended = |panel: &cap_devpanel::DevPanel| panel.connections().iter().all(|connection| connection.end.is_some());
    assert!(node.panel().wait_for(PATIENCE, ended).await);
    assert_eq!(node.panel().connections()[0].end, Some(ConnectionEnd::ClosedByAgent(Some(1000))));
    assert_eq!(Outside::default().identity(&container(&server)).await, identity);
    node.start_agent().await;
    node.wait_status(&server, "running").await;
    node.wait_panel_status(&server, "running").await;
    assert_eq!(Outside::default().identity(&container(&server)).await, identity);
}

/// Commands in flight settle: their answers go out before the link closes.
#[tokio::test]
async fn answers_under_way_are_sent_before_the_end() {
    let mut node = Node::start().await;
    let server = node.run_sample("a").await;
    let stop = node.send("stop_server", Some(&server), None);
    let under_way = |panel: &cap_devpanel::DevPanel| {
        panel.view(|view| view.nodes[&node.name].status_changes.iter().any(|change| change.current == "stopping"))
    };
    assert!(node.panel().wait_for(PATIENCE, under_way).await);
    stops_well(&mut node).await;
    let outcome = node.panel().operation(&stop).unwrap();
    assert_eq!(outcome.state, OperationState::Succeeded, "{outcome:?}; log:\n{}", node.log());
    assert_eq!(node.panel().status(&server).as_deref(), Some("stopped"));
}

/// A3: a start that will not end in time is left to the next agent.
#[tokio::test]
async fn sigterm_during_a_start_leaves_the_game_starting() {
    let mut node = NodeSetup::default().quick_reconnect().start().await;
    let server = node.server("a");
    let mut payload = Node::sample();
    payload["environment"] = json!({"SAMPLE_STARTUP_MS": 600_000});
    node.link_ok("create_server", Some(&server), Some(payload)).await;
    let start = node.send("start_server", Some(&server), None);
    node.wait("its process is there", || async {
        node.inspect(&server).await.is_some_and(|inspected| inspected.facts.running)
    })
    .await;
    let identity = Outside::default().identity(&container(&server)).await;
    stops_well(&mut node).await;
    assert_eq!(Outside::default().identity(&container(&server)).await, identity);
    node.start_agent().await;
    node.wait_status(&server, "starting").await;
    node.wait_panel_status(&server, "starting").await;
    let outcome = node.panel().wait_for_outcome(&start, PATIENCE).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("INTERRUPTED"));
}

/// A3: a registry that takes the connection and says nothing.
#[tokio::test]
async fn sigterm_during_a_pull_does_not_wait_for_the_registry() {
    let registry = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = registry.local_addr().unwrap();
    let mut node = NodeSetup::default().quick_reconnect().start().await;
    let server = node.server("a");
    let mut payload = Node::sample();
    payload["image"] = json!(format!("{address}/stalls:1"));
    let create = node.send("create_server", Some(&server), Some(payload));
    let (_stalled, _) = tokio::time::timeout(PATIENCE, registry.accept()).await.expect("a pull").unwrap();
    stops_well(&mut node).await;
    node.start_agent().await;
    node.wait_panel_status(&server, "install_failed").await;
    let outcome = node.panel().wait_for_outcome(&create, PATIENCE).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("INTERRUPTED"));
}
