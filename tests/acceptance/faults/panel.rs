//! Panels that are not there, come and go, say nothing, refuse, or talk nonsense.

use std::time::Duration;

use cap_acceptance::node::{Node, NodeSetup, PATIENCE, SECRET, free_port};
use cap_devpanel::{DevPanel, DevPanelConfig, Misbehave};
use serde_json::json;
use tokio::time::Instant;

/// How often the panel goes away while operations are under way.
const DROPS: usize = 20;

/// What a panel that was just met must show: what Docker has.
async fn panel_shows_what_docker_has(node: &Node, servers: &[&String]) {
    for server in servers {
        let has_process = node.inspect(server).await.is_some_and(|inspected| inspected.facts.running);
        let word = if has_process { "running" } else { "stopped" };
        node.wait_status(server, word).await;
        node.wait_panel_status(server, word).await;
    }
}

/// The agent does its work without its panel: commands come over HTTP.
async fn works_over_http(node: &Node, name: &str) -> String {
    let server = node.run_sample(name).await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "list"}))).await;
    node.wait_console(&server, "players online").await;
    server
}

fn accepted(panel: &DevPanel) -> usize {
    panel.connections().iter().filter(|connection| connection.accepted).count()
}

/// Whether the newest link has carried the state of a server.
fn was_told_a_status(panel: &DevPanel) -> bool {
    let newest = panel.connections().last().map_or(0, |connection| connection.id);
    panel.frames().iter().rev().any(|frame| frame.connection == newest && frame.kind() == "server_status")
}

/// W1; P-3, P-9.
#[tokio::test]
async fn without_its_panel_the_agent_works_and_it_joins_the_panel_that_comes() {
    let port = free_port();
    let setup = NodeSetup::default().link_to(format!("ws://127.0.0.1:{port}")).quick_reconnect();
    let mut node = setup.start().await;
    let server = works_over_http(&node, "a").await;
    let config = DevPanelConfig { listen: ([127, 0, 0, 1], port).into(), ..DevPanelConfig::new(SECRET) };
    node.panel = Some(DevPanel::start(config).unwrap());
    node.wait_online().await;
    node.wait_panel_status(&server, "running").await;
    // P-71: what the game said before there was a panel.
    let told = |panel: &DevPanel| panel.console_text(&server).contains("players online");
    assert!(node.panel().wait_for(PATIENCE, told).await, "{}", node.panel().console_text(&server));
}

/// Issue 2: dropped 20 times during operations, the panel's view equals Docker's afterwards. P-11, P-71.
#[tokio::test]
async fn after_twenty_drops_during_operations_the_panel_shows_what_docker_has() {
    let node = NodeSetup::default().quick_reconnect().start().await;
    let (first, second) = (node.run_sample("a").await, node.create_sample("b").await);
    let over = std::cell::Cell::new(false);
    let drops = async {
        for _ in 0..DROPS {
            let before = accepted(node.panel());
            node.panel().drop_connections();
            let is_back = |panel: &DevPanel| accepted(panel) > before && was_told_a_status(panel);
            assert!(node.panel().wait_for(PATIENCE, is_back).await, "no new link; log:\n{}", node.log());
        }
        over.set(true);
    };
    let operations = async {
        let mut round = 0;
        while !over.get() {
            node.http_ok("console:command", Some(&first), Some(json!({"command": format!("say round {round}")}))).await;
            let action = ["start_server", "restart_server", "stop_server"][round % 3];
            node.http_ok(action, Some(&second), None).await;
            round += 1;
        }
    };
    tokio::join!(drops, operations);
    node.http_ok("kill_server", Some(&second), None).await;
    panel_shows_what_docker_has(&node, &[&first, &second]).await;

    // P-70, P-71: each link carries the lines without a hole, and goes on behind what the ones before have carried.
    node.http_ok("console:command", Some(&first), Some(json!({"command": "say the last word"}))).await;
    let complete = |panel: &DevPanel| panel.console_text(&first).contains("the last word");
    assert!(node.panel().wait_for(PATIENCE, complete).await, "log:\n{}", node.log());
    let mut last: Option<(u64, u64)> = None;
    for frame in node.panel().frames().iter().filter(|frame| frame.kind() == "server_output") {
        let data = &frame.json["data"];
        if data["serverId"] != json!(first) {
            continue;
        }
        let (from, to) = (data["seq"].as_u64().unwrap(), data["lastSeq"].as_u64().unwrap());
        if let Some((connection, seq)) = last {
            assert!(from > seq, "line {from} came again");
            assert!(from == seq + 1 || connection != frame.connection, "a hole before line {from} on one link");
        }
        last = Some((frame.connection, to));
    }
}

/// Accepting, but silent: nothing waits for it, and the next panel is told everything.
#[tokio::test]
async fn a_silent_panel_stops_nothing() {
    let mut node = NodeSetup::default().quick_reconnect().without_agent().start().await;
    node.panel().set_misbehave(Some(Misbehave::AcceptButSilent));
    node.spawn_agent();
    node.wait_healthy().await;
    let server = works_over_http(&node, "a").await;
    node.panel().set_misbehave(None);
    node.panel().drop_connections();
    node.wait_online().await;
    panel_shows_what_docker_has(&node, &[&server]).await;
}

/// W6; P-10: slowly, and explained in plain words.
#[tokio::test]
async fn a_panel_that_refuses_is_explained_and_never_knocked_at_in_a_loop() {
    for (misbehave, explained) in
        [(Misbehave::Refuse401, "agent secret refused"), (Misbehave::CloseWith(1008), "node id missing from the URL")]
    {
        let mut node = NodeSetup::default().quick_reconnect().without_agent().start().await;
        node.panel().set_misbehave(Some(misbehave));
        node.spawn_agent();
        node.wait_healthy().await;
        // Takes far longer than the quick retries of this node: a loop would knock again and again meanwhile.
        works_over_http(&node, "a").await;
        node.wait("the refusal is explained", || async { node.log().contains(explained) }).await;
        assert_eq!(node.panel().connections().len(), 1, "{misbehave:?}; log:\n{}", node.log());
        assert!(!node.log().contains(SECRET));
    }
}

/// P-212: malformed, unknown and binary frames never end the link.
#[tokio::test]
async fn garbage_from_the_panel_does_not_end_the_link() {
    let mut node = NodeSetup::default().without_agent().start().await;
    node.panel().set_misbehave(Some(Misbehave::Garbage));
    node.start_agent().await;
    let server = node.server("a");
    node.link_ok("create_server", Some(&server), Some(Node::sample())).await;
    node.link_ok("start_server", Some(&server), None).await;
    panel_shows_what_docker_has(&node, &[&server]).await;
    assert_eq!(accepted(node.panel()), 1, "the link was lost; log:\n{}", node.log());
}

/// W2; P-9: a link that comes up and goes at once is no reason to begin anew with short waits.
#[tokio::test]
async fn a_flapping_panel_is_met_ever_more_slowly() {
    const WAITS_MS: [u64; 5] = [100, 200, 400, 800, 1600];
    let setup = NodeSetup::default().set("panel.reconnect_min=100ms").set("panel.reconnect_max=60s");
    let mut node = setup.without_agent().start().await;
    node.panel().set_misbehave(Some(Misbehave::CloseAfter(10)));
    let began = Instant::now();
    node.spawn_agent();
    let flapped = |panel: &DevPanel| accepted(panel) > WAITS_MS.len();
    assert!(node.panel().wait_for(PATIENCE, flapped).await, "log:\n{}", node.log());
    // A lower bound: timers never fire early, each wait varies by a fifth.
    let least = Duration::from_millis(WAITS_MS.iter().sum::<u64>() * 8 / 10);
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
    node.panel().set_misbehave(None);
    node.wait_online().await;
}
