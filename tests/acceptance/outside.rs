//! What somebody else does to containers behind the agent's back is reported truthfully (D8).

use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use cap_acceptance::outside::{Outside, container};
use cap_devpanel::{DevPanel, ServerView};
use serde_json::json;

/// A node whose timer never lists: what is told within these tests came by an event, or by the end of a console, and not
/// half a minute later.
async fn start() -> Node {
    NodeSetup::default().set("docker.relist_interval=10min").start().await
}

/// Waits until the panel was told this word, by the event that has its reason, too; what it shows then.
async fn told(node: &Node, server: &str, word: &str) -> ServerView {
    let view = |panel: &DevPanel| panel.view(|view| view.server(server).cloned());
    let by_event = |panel: &DevPanel| {
        panel.view(|view| {
            let changes = &view.nodes[&node.name].status_changes;
            changes.iter().rfind(|change| change.server_id == server).is_some_and(|change| change.current == word)
        })
    };
    assert!(node.panel().wait_for(PATIENCE, by_event).await, "not {word}: {:?}", view(node.panel()));
    view(node.panel()).unwrap()
}

async fn wait_panel_console(node: &Node, server: &str, text: &str) {
    let seen = node.panel().wait_for(PATIENCE, |panel| panel.console_text(server).contains(text)).await;
    assert!(seen, "{text} is not in the panel's console:\n{}", node.panel().console_text(server));
}

#[tokio::test]
async fn a_container_that_is_paused_is_paused_and_can_still_be_stopped() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.run_sample("a").await;
    outside.pause(&container(&server)).await;
    told(&node, &server, "paused").await;
    outside.unpause(&container(&server)).await;
    told(&node, &server, "running").await;
    outside.pause(&container(&server)).await;
    told(&node, &server, "paused").await;
    node.http_ok("stop_server", Some(&server), None).await;
    told(&node, &server, "stopped").await;
    let state = outside.inspect(&container(&server)).await.unwrap().state.unwrap();
    assert_eq!((state.running, state.exit_code), (Some(false), Some(0)), "it was not thawed and asked to stop");
}

#[tokio::test]
async fn a_container_that_is_killed_has_crashed_with_137_and_can_be_started_again() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.run_sample("a").await;
    outside.kill(&container(&server)).await;
    let view = told(&node, &server, "crashed").await;
    assert_eq!((view.reason.as_deref(), view.exit_code), (Some("crash"), Some(137)));
    node.http_ok("start_server", Some(&server), None).await;
    told(&node, &server, "running").await;
}

#[tokio::test]
async fn a_container_that_is_stopped_is_reported_with_how_it_ended() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.run_sample("a").await;
    outside.stop(&container(&server)).await;
    let code = outside.inspect(&container(&server)).await.unwrap().state.unwrap().exit_code.unwrap();
    let word = if code == 0 { "stopped" } else { "crashed" };
    let view = told(&node, &server, word).await;
    assert_eq!(view.exit_code, Some(code));
    assert_eq!(view.reason.as_deref(), Some(if code == 0 { "clean_exit" } else { "crash" }));
}

#[tokio::test]
async fn a_container_that_is_removed_is_missed_and_made_again_by_the_next_start() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.run_sample("a").await;
    let (old, ..) = outside.identity(&container(&server)).await;
    outside.remove(&container(&server)).await;
    let view = told(&node, &server, "crashed").await;
    // Docker kills it before it removes it, so its end may be seen before its absence.
    assert!(["crash", "container_removed"].contains(&view.reason.as_deref().unwrap()), "{view:?}");
    node.http_ok("start_server", Some(&server), None).await;
    told(&node, &server, "running").await;
    let (new, ..) = outside.identity(&container(&server)).await;
    assert_ne!(old, new);
    wait_panel_console(&node, &server, "Done (").await;
}

/// The container of a stopped server goes: there is nothing to report, and the next start makes it again.
#[tokio::test]
async fn a_stopped_container_that_is_removed_changes_nothing() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.create_sample("a").await;
    outside.remove(&container(&server)).await;
    node.http_ok("start_server", Some(&server), None).await;
    told(&node, &server, "running").await;
    let words = node.panel().view(|view| {
        let node = &view.nodes[&node.name];
        node.status_changes.iter().map(|change| change.current.clone()).collect::<Vec<_>>()
    });
    assert!(!words.contains(&"crashed".to_owned()), "{words:?}");
}

#[tokio::test]
async fn a_container_that_is_restarted_runs_on_with_a_new_process_and_its_console() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.run_sample("a").await;
    wait_panel_console(&node, &server, "Done (").await;
    let before = outside.identity(&container(&server)).await;
    outside.restart(&container(&server)).await;
    let after = outside.identity(&container(&server)).await;
    assert_ne!(before.1, after.1);
    let twice_ready = |panel: &DevPanel| panel.console_text(&server).matches("Done (").count() == 2;
    assert!(node.panel().wait_for(PATIENCE, twice_ready).await, "log:\n{}", node.log());
    // It was not running all the time, and the panel was told so.
    let words = |panel: &DevPanel| {
        panel.view(|view| {
            let changes = view.nodes[&node.name].status_changes.iter();
            changes.map(|change| change.current.clone()).skip_while(|word| word != "running").collect::<Vec<_>>()
        })
    };
    let came_back = |panel: &DevPanel| {
        let words = words(panel);
        words.len() >= 3 && words.last().is_some_and(|word| word == "running")
    };
    assert!(node.panel().wait_for(PATIENCE, came_back).await, "{:?}", words(node.panel()));
    node.http_ok("console:command", Some(&server), Some(json!({"command": "say still heard"}))).await;
    wait_panel_console(&node, &server, "still heard").await;
}

#[tokio::test]
async fn a_container_that_somebody_else_starts_is_running() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.run_sample("a").await;
    node.http_ok("stop_server", Some(&server), None).await;
    told(&node, &server, "stopped").await;
    outside.start(&container(&server)).await;
    told(&node, &server, "running").await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "say taken in"}))).await;
    wait_panel_console(&node, &server, "taken in").await;
}

/// Identity is the label, not the name.
#[tokio::test]
async fn a_container_that_is_renamed_stays_the_servers_own() {
    let (node, outside) = (start().await, Outside::default());
    let server = node.run_sample("a").await;
    let new_name = format!("renamed-{server}");
    outside.rename(&container(&server), &new_name).await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "say renamed"}))).await;
    wait_panel_console(&node, &server, "renamed").await;
    assert_eq!(node.status(&server).await, "running");
    node.http_ok("stop_server", Some(&server), None).await;
    told(&node, &server, "stopped").await;
    node.http_ok("start_server", Some(&server), None).await;
    told(&node, &server, "running").await;
    node.http_ok("delete_server", Some(&server), None).await;
    assert!(outside.inspect(&new_name).await.is_none(), "it was left behind");
}

/// A disk that is not mounted looks like this. The game may begin anew, but not without a word to the operator.
#[tokio::test]
async fn a_data_directory_that_is_gone_is_made_anew_and_the_log_says_so() {
    let node = Node::start().await;
    let server = node.create_sample("a").await;
    let data = node.root().join("servers").join(&server);
    node.http_ok("start_server", Some(&server), None).await;
    node.http_ok("kill_server", Some(&server), None).await;
    assert!(!node.log().contains("its data directory"), "said without cause");
    std::fs::remove_dir_all(&data).unwrap();
    node.http_ok("start_server", Some(&server), None).await;
    assert!(data.is_dir());
    let log = node.log();
    let said = log.lines().any(|line| line.contains("WARN") && line.contains(&server) && line.contains("was gone"));
    assert!(said, "{log}");
}
