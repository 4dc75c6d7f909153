//! The container engine goes away, hangs, or cuts its connections, seen through a fault proxy.

use cap_acceptance::engine_proxy::{EngineProxy, Fault};
use cap_acceptance::node::{Node, NodeSetup, PATIENCE, TOKEN};
use cap_acceptance::outside::{Outside, container};
use cap_devpanel::DevPanel;
use serde_json::{Value, json};

/// A node behind a proxy, with engine deadlines short enough for a test.
async fn node_behind(proxy: &EngineProxy) -> Node {
    let setup = NodeSetup::default().socket(proxy.socket());
    setup.set("docker.read_deadline=2s").set("docker.write_deadline=5s").start().await
}

fn new_proxy() -> EngineProxy {
    EngineProxy::start(&cap_testkit::docker::docker_socket())
}

async fn health(node: &Node) -> Value {
    let (status, health) = node.get("/health", None).await;
    assert_eq!(status, 200, "{health}");
    health
}

fn words(panel: &DevPanel, server: &str) -> Vec<String> {
    panel.view(|view| {
        let changes = view.nodes.values().flat_map(|node| &node.status_changes);
        changes.filter(|change| change.server_id == server).map(|change| change.current.clone()).collect()
    })
}

async fn the_trouble_is_told(node: &Node, server: &str) {
    node.wait_panel_status(server, "unknown").await;
    // The word comes first, its reason in the event behind it.
    let reason = |panel: &DevPanel| panel.view(|view| view.server(server).and_then(|server| server.reason.clone()));
    let explained = |panel: &DevPanel| reason(panel).as_deref() == Some("docker_unreachable");
    assert!(node.panel().wait_for(PATIENCE, explained).await, "{:?}", reason(node.panel()));
    let health = health(node).await;
    assert_eq!((&health["status"], &health["docker"]), (&json!("healthy"), &json!("unreachable")));
    let (status, body) = node.get("/readyz", Some(TOKEN)).await;
    assert!(status == 503 && body.to_string().contains("docker"), "{status} {body}");
}

/// The same process runs as before, nobody was told of an end, and its console is heard in both directions.
async fn nothing_happened_to(node: &Node, server: &str, identity: &(String, i64, String)) {
    node.wait_panel_status(server, "running").await;
    assert_eq!(&Outside::default().identity(&container(server)).await, identity);
    let told = words(node.panel(), server);
    let ends = ["stopped", "crashed", "starting", "stopping"];
    let since = told.iter().position(|word| word == "unknown").expect("unknown was told");
    assert!(!told[since..].iter().any(|word| ends.contains(&word.as_str())), "{told:?}");
    node.say(server, "hear me again").await;
    let heard = |panel: &DevPanel| panel.console_text(server).contains("hear me again");
    assert!(node.panel().wait_for(PATIENCE, heard).await, "log:\n{}", node.log());
    assert_eq!(health(node).await["docker"], json!("ok"));
}

/// A hanging engine takes connections and answers nothing (D3).
#[tokio::test]
async fn a_hanging_engine_is_told_its_commands_end_and_work_resumes() {
    let proxy = new_proxy();
    let node = node_behind(&proxy).await;
    let (running, stopped) = (node.run_sample("a").await, node.create_sample("b").await);
    let identity = Outside::default().identity(&container(&running)).await;
    proxy.set(Fault::Hang).await;
    // Given before the hang is found: it runs into the deadline of its call.
    let start = node.send("start_server", Some(&stopped), None);
    the_trouble_is_told(&node, &running).await;
    let outcome = node.panel().wait_for_outcome(&start, PATIENCE).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("DOCKER_ERROR"), "{outcome:?}; log:\n{}", node.log());
    proxy.set(Fault::None).await;
    nothing_happened_to(&node, &running, &identity).await;
    // The start that was given up while the engine hung must not come true later.
    node.wait_status(&stopped, "stopped").await;
    node.http_ok("start_server", Some(&stopped), None).await;
    node.wait_panel_status(&stopped, "running").await;
}

/// An engine that went away (D4).
#[tokio::test]
async fn an_engine_that_goes_away_is_told_and_taken_up_again_when_it_comes_back() {
    let proxy = new_proxy();
    let node = node_behind(&proxy).await;
    let (running, other) = (node.run_sample("a").await, node.run_sample("b").await);
    let identity = Outside::default().identity(&container(&running)).await;
    proxy.set(Fault::Refuse).await;
    the_trouble_is_told(&node, &running).await;
    // One ends while nobody can see it.
    Outside::default().kill(&container(&other)).await;
    let refused = node.http("create_server", Some(&node.server("c")), Some(Node::sample())).await;
    let data = &refused["data"];
    assert!(refused["code"] == json!("DOCKER_ERROR") || data["operationId"].is_string(), "{refused}");
    proxy.set(Fault::None).await;
    nothing_happened_to(&node, &running, &identity).await;
    node.wait_panel_status(&other, "crashed").await;
    let exit_code = |panel: &DevPanel| panel.view(|view| view.server(&other).and_then(|server| server.exit_code));
    assert!(node.panel().wait_for(PATIENCE, |panel| exit_code(panel) == Some(137)).await);
}

/// D5: a cut stream is not an exit.
#[tokio::test]
async fn cut_connections_end_no_server_and_its_console_flows_on() {
    let proxy = new_proxy();
    let node = node_behind(&proxy).await;
    let server = node.run_sample("a").await;
    let identity = Outside::default().identity(&container(&server)).await;
    for round in 0..5 {
        proxy.cut().await;
        node.say(&server, &format!("round {round}")).await;
        node.wait_console(&server, &format!("round {round}")).await;
    }
    node.wait_status(&server, "running").await;
    assert_eq!(Outside::default().identity(&container(&server)).await, identity);
    let told = words(node.panel(), &server);
    let since_start = told.iter().skip_while(|word| *word != "running");
    assert!(since_start.clone().all(|word| ["running", "unknown"].contains(&word.as_str())), "{told:?}");
}

/// W1 for the engine: the agent starts without one and takes it up when it comes.
#[tokio::test]
async fn an_agent_that_starts_without_an_engine_takes_it_up_when_it_comes() {
    let proxy = new_proxy();
    proxy.set(Fault::Refuse).await;
    let node = node_behind(&proxy).await;
    assert_eq!(health(&node).await["docker"], json!("unreachable"));
    proxy.set(Fault::None).await;
    node.wait("the engine is found", || async { health(&node).await["docker"] == json!("ok") }).await;
    let server = node.run_sample("a").await;
    node.wait_panel_status(&server, "running").await;
}
