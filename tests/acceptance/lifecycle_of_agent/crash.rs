//! SIGKILL, and what the next agent makes of it (A1; P-20, P-27, P-55).

use std::time::Duration;

use cap_acceptance::engine_proxy::{EngineProxy, Fault};
use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use cap_acceptance::outside::{Outside, container};
use cap_devpanel::{DevPanel, OperationState};
use serde_json::{Value, json};

/// Servers that run while the agent is killed, and how often it is.
const SERVERS: usize = 5;
const ROUNDS: u64 = 10;

/// A server that says it is ready long after every test has ended.
fn slow_starter() -> Value {
    let mut payload = Node::sample();
    payload["environment"] = json!({"SAMPLE_STARTUP_MS": 600_000});
    payload
}

/// A1: PIDs and start times unchanged, servers adopted, lines written meanwhile kept, the panel told.
#[tokio::test]
async fn games_outlive_an_agent_that_is_killed_again_and_again() {
    let mut node = Node::start().await;
    let outside = Outside::default();
    let mut servers = Vec::new();
    for number in 0..SERVERS {
        let server = node.run_sample(&number.to_string()).await;
        let identity = outside.identity(&container(&server)).await;
        servers.push((server, identity));
    }
    for round in 0..ROUNDS {
        // At another moment each time: while it starts, lists, attaches, or has been up for a while.
        let moment = Duration::from_millis(round * 37 % 300);
        node.kill_agent();
        for (server, _) in &servers {
            outside.type_line(&container(server), &format!("say meanwhile {round}")).await;
        }
        node.spawn_agent();
        if round + 1 < ROUNDS {
            node.wait_healthy().await;
            tokio::time::sleep(moment).await;
        }
    }
    node.wait_healthy().await;
    node.wait_online().await;
    for (server, identity) in &servers {
        node.wait_status(server, "running").await;
        node.wait_panel_status(server, "running").await;
        assert_eq!(&outside.identity(&container(server)).await, identity, "{server} was restarted");
        node.wait_console(server, &format!("meanwhile {}", ROUNDS - 1)).await;
        node.say(server, "and now live").await;
        node.wait_console(server, "and now live").await;
        let history = node.history(server).await;
        for round in 0..ROUNDS {
            let line = format!("meanwhile {round}");
            let count = history.iter().filter(|text| text.ends_with(&line)).count();
            assert_eq!(count, 1, "{line} in {history:#?}");
        }
        let live = |panel: &DevPanel| panel.console_text(server).contains("and now live");
        assert!(node.panel().wait_for(PATIENCE, live).await, "log:\n{}", node.log());
    }
}

/// P-20: an operation that the crash cut off ends with INTERRUPTED, everywhere it can be asked for.
#[tokio::test]
async fn an_operation_cut_off_by_a_crash_ends_as_interrupted_and_is_not_run_again() {
    let setup = NodeSetup::default().quick_reconnect().set("commands.ack_deadline=200ms");
    let mut node = setup.start().await;
    let server = node.server("a");
    node.link_ok("create_server", Some(&server), Some(slow_starter())).await;
    let start = node.send("start_server", Some(&server), None);
    let acknowledged = node.panel().wait_for_response(&start, PATIENCE).await.unwrap();
    assert_eq!(acknowledged["data"]["status"], json!("starting"), "{acknowledged}");
    let operation = acknowledged["data"]["operationId"].clone();
    node.wait("its process is there", || async {
        node.inspect(&server).await.is_some_and(|inspected| inspected.facts.running)
    })
    .await;
    let identity = Outside::default().identity(&container(&server)).await;

    node.kill_agent();
    node.start_agent().await;
    let outcome = node.panel().wait_for_outcome(&start, PATIENCE).await;
    let outcome = outcome.unwrap_or_else(|| panic!("the panel was never told; log:\n{}", node.log()));
    assert_eq!((outcome.state, outcome.code.as_deref()), (OperationState::Failed, Some("INTERRUPTED")));
    assert_eq!(outcome.completions, 1);
    let asked = node.http_ok("get_operation", None, Some(json!({"operationId": operation}))).await;
    assert_eq!(asked["error"]["code"], json!("INTERRUPTED"), "{asked}");
    // P-27, P-29: the same command again gets the recorded answer, and starts nothing.
    let again = json!({"id": start, "type": "command", "action": "start_server", "serverId": server}).to_string();
    node.panel().send_raw(&node.name, again).unwrap();
    let twice = |panel: &DevPanel| panel.responses_to(&start).len() == 2;
    assert!(node.panel().wait_for(PATIENCE, twice).await);
    let answers = node.panel().responses_to(&start);
    assert_eq!(answers[0]["data"], answers[1]["data"]);
    // The game itself was not harmed: it goes on starting.
    assert_eq!(Outside::default().identity(&container(&server)).await, identity);
    node.wait_panel_status(&server, "starting").await;
}

/// A command that was cut off before it was answered has one answer for good when it is asked again (P-27).
#[tokio::test]
async fn a_command_cut_off_before_its_answer_says_interrupted_when_it_is_repeated() {
    let mut node = NodeSetup::default().quick_reconnect().set("commands.ack_deadline=20s").start().await;
    let server = node.server("a");
    node.link_ok("create_server", Some(&server), Some(slow_starter())).await;
    let start = node.send("start_server", Some(&server), None);
    node.wait("its process is there", || async {
        node.inspect(&server).await.is_some_and(|inspected| inspected.facts.running)
    })
    .await;
    node.kill_agent();
    node.start_agent().await;
    let again = json!({"id": start, "type": "command", "action": "start_server", "serverId": server}).to_string();
    node.panel().send_raw(&node.name, again).unwrap();
    let answer = node.panel().wait_for_response(&start, PATIENCE).await.unwrap();
    assert_eq!(answer["error"]["code"], json!("INTERRUPTED"), "{answer}");
}

/// Half a deletion is worse than a late one.
#[tokio::test]
async fn a_deletion_cut_off_by_a_crash_is_resumed() {
    let proxy = EngineProxy::start(&cap_testkit::docker::docker_socket());
    let setup = NodeSetup::default().socket(proxy.socket()).quick_reconnect().set("commands.ack_deadline=200ms");
    let mut node = setup.start().await;
    let server = node.run_sample("a").await;
    proxy.set(Fault::Hang).await;
    let deletion = node.send("delete_server", Some(&server), None);
    let acknowledged = node.panel().wait_for_response(&deletion, PATIENCE).await.unwrap();
    assert_eq!(acknowledged["data"]["status"], json!("deleting"), "{acknowledged}");
    node.kill_agent();
    proxy.cut().await;
    assert!(node.inspect(&server).await.is_some(), "the deletion was done before it was cut off");
    proxy.set(Fault::None).await;
    node.start_agent().await;
    node.wait("the container is gone", || async { node.inspect(&server).await.is_none() }).await;
    node.wait("the server is unknown", || async {
        node.http("get_server_status", Some(&server), None).await["code"] == json!("SERVER_NOT_FOUND")
    })
    .await;
    let outcome = node.panel().wait_for_outcome(&deletion, PATIENCE).await;
    assert_eq!(outcome.map(|outcome| outcome.state), Some(OperationState::Succeeded), "log:\n{}", node.log());
}

#[tokio::test]
async fn the_same_servers_are_listed_after_a_crash() {
    let mut node = Node::start().await;
    let (first, second) = (node.run_sample("a").await, node.create_sample("b").await);
    node.http_ok("bind_alias", Some(&second), Some(json!({"alias": "the-other-name"}))).await;
    let before = node.http_ok("list_servers", None, None).await;
    node.kill_agent();
    node.start_agent().await;
    node.wait_status(&first, "running").await;
    node.wait_status("the-other-name", "stopped").await;
    assert_eq!(node.http_ok("list_servers", None, None).await, before);
}
