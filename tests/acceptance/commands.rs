//! Commands and their answers: exactly one outcome each, whatever the id, the shape and the deadline (section 3).

mod flood;
mod hostile;
mod ids;
mod shapes;

use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use serde_json::{Value, json};

/// A sample server that takes so long to start.
fn slow(startup_ms: u32) -> Value {
    let mut payload = Node::sample();
    payload["environment"] = json!({"SAMPLE_STARTUP_MS": startup_ms});
    payload
}

#[tokio::test]
async fn what_ends_before_the_deadline_is_answered_with_its_outcome_and_nothing_follows() {
    let node = NodeSetup::default().set("commands.ack_deadline=20s").start().await;
    let server = node.server("quick");
    for (action, payload, status) in [
        ("create_server", Some(Node::sample()), "stopped"),
        ("start_server", None, "running"),
        ("restart_server", None, "running"),
        ("stop_server", None, "stopped"),
        ("start_server", None, "running"),
        ("kill_server", None, "stopped"),
        ("delete_server", None, "deleted"),
    ] {
        let id = node.send(action, Some(&server), payload);
        let response = node.panel().wait_for_response(&id, PATIENCE).await.expect(action);
        assert_eq!(response["success"], json!(true), "{action}: {response}");
        assert_eq!(response["data"]["status"], json!(status), "{action}: {response}");
        assert_eq!(response["data"]["serverId"], json!(server), "{action}");
        assert!(response["data"].get("operationId").is_none_or(Value::is_null), "{action}: {response}");
        node.barrier().await;
        assert_eq!(node.panel().responses_to(&id).len(), 1, "{action}: P-17");
    }
    node.barrier().await;
    let completed = node.panel().frames().iter().filter(|frame| frame.event() == "operation_completed").count();
    assert_eq!(completed, 0, "P-20");
}

#[tokio::test]
async fn with_no_deadline_each_operation_is_acknowledged_at_once_and_completed_once() {
    let node = NodeSetup::default().set("commands.ack_deadline=0s").start().await;
    let server = node.server("later");
    // Section 9, column K.
    let steps = [
        ("create_server", Some(slow(500)), "creating", "stopped"),
        ("start_server", None, "starting", "running"),
        ("restart_server", None, "restarting", "running"),
        ("stop_server", None, "stopping", "stopped"),
        ("start_server", None, "starting", "running"),
        ("kill_server", None, "stopping", "stopped"),
        ("delete_server", None, "deleting", "deleted"),
    ];
    let mut ids = Vec::new();
    for (action, payload, word, end) in steps {
        let mark = node.mark();
        let id = node.send(action, Some(&server), payload);
        let response = node.panel().wait_for_response(&id, PATIENCE).await.expect(action);
        assert_eq!(response["data"]["status"], json!(word), "{action}: {response}");
        let operation = response["data"]["operationId"].as_str().expect(action).to_owned();
        let completed =
            node.wait_frame(mark, "operation_completed", |frame| frame.event() == "operation_completed").await;
        let data = &completed.json["data"];
        assert_eq!((&data["operationId"], &data["commandId"]), (&json!(operation), &json!(id)), "{action}");
        assert_eq!((&data["success"], &data["action"]), (&json!(true), &json!(action)), "{data}");
        assert_eq!(data["serverId"], json!(server));
        assert!(data.get("error").is_none(), "{data}");
        if end != "deleted" {
            assert_eq!(node.status(&server).await, end, "{action}");
        }
        ids.push(json!(id));
    }
    node.barrier().await;
    for id in ids {
        assert_eq!(node.completions(&id).len(), 1, "P-20");
        assert_eq!(node.panel().responses_to(id.as_str().unwrap()).len(), 1, "P-17");
    }
}

#[tokio::test]
async fn a_slow_start_is_acknowledged_in_time_and_its_end_can_be_asked_for_over_http() {
    let node = NodeSetup::default().without_panel().set("commands.ack_deadline=300ms").start().await;
    let server = node.server("slow");
    node.http("create_server", Some(&server), Some(slow(1500))).await;
    node.wait_status(&server, "stopped").await;
    let answer = node.http("start_server", Some(&server), None).await;
    assert_eq!(answer["message"], json!("start_server in progress"), "{answer}");
    assert_eq!(answer["data"]["status"], json!("starting"));
    let operation = answer["data"]["operationId"].clone();
    let state = async || {
        let data = node.http_ok("get_operation", None, Some(json!({"operationId": operation}))).await;
        data["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(node.status(&server).await, "starting");
    assert_eq!(state().await, "running", "the operation, not the server");
    node.wait_status(&server, "running").await;
    node.wait("the operation ends", || async { state().await == "succeeded" }).await;
    // P-23: what holds already is answered with the outcome.
    let again = node.http("start_server", Some(&server), None).await;
    assert_eq!(again["data"]["status"], json!("running"));
    assert!(again["data"].get("operationId").is_none_or(Value::is_null), "{again}");
}

#[tokio::test]
async fn a_failed_start_is_one_outcome_with_a_code_and_the_server_is_stopped() {
    let node = Node::start().await;
    let server = node.server("broken");
    let mut payload = slow(60_000);
    payload["startup"] = json!("");
    node.http_ok("create_server", Some(&server), Some(payload)).await;
    node.wait_panel_status(&server, "stopped").await;
    node.barrier().await;
    let mark = node.mark();
    let id = node.send("start_server", Some(&server), None);
    // It ends before it is ready: by SIGKILL, as if from outside.
    node.wait("it runs", || async { node.docker_runs(&server).await }).await;
    let pid = node.inspect_json(&server).await.unwrap()["State"]["Pid"].as_i64().unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let outcome = node.panel().wait_for_outcome(&id, PATIENCE).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("START_FAILED"), "{outcome:?}");
    node.wait_panel_status(&server, "stopped").await;
    node.barrier().await;
    node.expect_statuses(mark, &server, &["starting", "stopped"]).await;
}

#[tokio::test]
async fn a_start_that_is_not_ready_in_time_fails_and_leaves_nothing_running() {
    let node = NodeSetup::default().set("commands.start_deadline=5s").start().await;
    let server = node.server("never");
    node.http_ok("create_server", Some(&server), Some(slow(600_000))).await;
    let id = node.send("start_server", Some(&server), None);
    let outcome = node.panel().wait_for_outcome(&id, PATIENCE).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("START_FAILED"), "{outcome:?}");
    node.wait_status(&server, "stopped").await;
    assert!(!node.docker_runs(&server).await);
}
