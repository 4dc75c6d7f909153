//! From a body on the wire to the core and back (sections 9, 13 and 14 of the contract).

use cap_agent::heartbeat::NodeSnapshot;
use cap_agent::panel::translate::{inbound, outbound};
use cap_domain::command::{Answer, Caller, Command, Verb};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::spec::{Signal, StopRequest};
use cap_protocol::action::Action;
use cap_protocol::http::parse_body;
use cap_protocol::request::Request;
use cap_protocol::timestamp::Timestamp;
use cap_testkit::sim_engine::{Call, Trouble};
use serde_json::{Value, json};

use crate::rig::{Rig, Settings, id};

fn request(body: &Value) -> Request {
    parse_body(body.to_string().as_bytes()).unwrap()
}

fn command(body: &Value) -> Result<Command, Failure> {
    inbound::command(&request(body), Caller::Http(0))
}

/// What a body is answered with.
async fn post(rig: &Rig, body: Value) -> Value {
    let request = request(&body);
    let command = inbound::command(&request, Caller::Http(0));
    let asked = outbound::Asked::new(&request, command.as_ref().ok().map(|command| &command.verb));
    let answer = match command {
        Ok(command) => rig.submit(command).await,
        Err(failure) => Answer::Failed { failure },
    };
    let node = outbound::Node { now: Timestamp::from_unix_ms(0), figures: NodeSnapshot::default() };
    serde_json::from_str(&outbound::http_body(&asked, &answer, &node)).unwrap()
}

/// The body in a fixture, or in the named item of a list of fixtures.
#[track_caller]
fn fixture(file: &str, item: Option<&str>) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/http/responses").join(file);
    let whole: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    match item {
        None => whole["body"].clone(),
        Some(wanted) => {
            let found = whole.as_array().unwrap().iter().find(|item| item["name"] == wanted);
            found.unwrap_or_else(|| panic!("no {wanted} in {file}"))["response"]["body"].clone()
        }
    }
}

/// Every key of the contract's example is there with its type; where one has null, the other may have anything.
#[track_caller]
fn assert_same_keys(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(ours), keys(theirs), "at {place}");
            for (key, value) in ours {
                assert_same_keys(value, &theirs[key], &format!("{place}.{key}"));
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            if let (Some(ours), Some(theirs)) = (ours.first(), theirs.first()) {
                assert_same_keys(ours, theirs, &format!("{place}[0]"));
            }
        }
        _ => assert_eq!(std::mem::discriminant(ours), std::mem::discriminant(theirs), "at {place}: {ours} {theirs}"),
    }
}

#[test]
fn each_action_of_this_version_becomes_its_verb_and_no_other_runs() {
    let params = |action: Action| match action {
        Action::CreateServer => json!({ "image": "sample:1" }),
        Action::ServerPower => json!({ "action": "stop" }),
        Action::GetOperation => json!({ "operationId": "op_1" }),
        Action::BindAlias => json!({ "alias": "other" }),
        Action::ConsoleCommand => json!({ "command": "say hi" }),
        _ => json!({}),
    };
    let verb_of = |action: Action| match action {
        Action::ServerPower => "stop_server",
        Action::ConsoleConnect | Action::ConsoleDisconnect => "console:status",
        Action::GetServerLogs => "console:history",
        same => same.name(),
    };
    use Action as A;
    let served = [
        A::CreateServer,
        A::StartServer,
        A::StopServer,
        A::RestartServer,
        A::KillServer,
        A::ServerPower,
        A::DeleteServer,
        A::GetServerStatus,
        A::GetServerMetrics,
        A::GetSystemMetrics,
        A::ListServers,
        A::GetOperation,
        A::BindAlias,
        A::ConsoleStatus,
        A::ConsoleConnect,
        A::ConsoleDisconnect,
        A::ConsoleCommand,
        A::ConsoleHistory,
        A::GetServerLogs,
        A::SystemPing,
        A::SystemStatus,
    ];
    for action in Action::all() {
        let body = json!({ "action": action.name(), "serverId": "s1", "payload": params(action) });
        match command(&body) {
            Ok(command) => {
                assert!(served.contains(&action), "{action:?} is served");
                assert_eq!(command.verb.action_name(), verb_of(action));
                assert_eq!(command.target, request(&body).server_id);
            }
            Err(failure) => {
                assert!(!served.contains(&action), "{action:?}: {failure:?}");
                // P-133: docker actions are unknown unless they are switched on.
                let expected = match action.name().starts_with("docker") {
                    true => FailureCode::UnknownAction,
                    false => FailureCode::NotSupported,
                };
                assert_eq!(failure.code, expected, "{action:?}");
            }
        }
    }
}

#[test]
fn a_stop_is_what_its_signal_and_timeout_say() {
    // P-181 to P-184
    let stop = |signal, grace_seconds| Verb::Stop(StopRequest { signal, grace_seconds });
    let table = [
        (json!({}), stop(None, 30)),
        (json!({ "signal": "SIGTERM", "timeout": 10 }), stop(None, 10)),
        (json!({ "signal": "^C", "timeout": "7" }), stop(Some(Signal::Int), 7)),
        (json!({ "signal": 3, "timeout": 1.2 }), stop(Some(Signal::Quit), 2)),
        (json!({ "signal": "SIGSTOP", "timeout": "soon" }), stop(None, 30)),
        (json!({ "signal": null, "timeout": 1000 }), stop(None, 300)),
        (json!({ "signal": "kill", "timeout": 5 }), Verb::Kill),
        (json!({ "signal": "9" }), Verb::Kill),
    ];
    for (payload, expected) in table {
        let body = json!({ "action": "stop_server", "serverId": "s1", "payload": payload });
        assert_eq!(command(&body).unwrap().verb, expected, "{body}");
    }
    // P-185
    for (word, expected) in [("kill", Verb::Kill), ("start", Verb::Start), ("stop", stop(None, 30))] {
        let body = json!({ "action": "power", "serverId": "s1", "payload": { "signal": word } });
        assert_eq!(command(&body).unwrap().verb, expected, "{body}");
    }
    let body = json!({ "action": "power", "serverId": "s1", "payload": { "action": "explode" } });
    assert_eq!(command(&body).unwrap_err().code, FailureCode::InvalidRequest);
}

#[actix::test]
async fn answers_over_http_have_the_keys_of_the_contract() {
    // P-80, P-84 to P-112, P-134, P-186, P-189
    let rig = Rig::new().await;
    let on = |action: &str, payload: Value| json!({ "action": action, "serverId": "s1", "payload": payload });
    let check = async |body: Value, file: &str, item: Option<&str>| {
        let answer = post(&rig, body.clone()).await;
        assert_eq!(answer["success"], true, "{body}: {answer}");
        assert_same_keys(&answer["data"], &fixture(file, item)["data"], &format!("{file} {item:?}"));
        answer
    };
    let create = json!({ "image": cap_testkit::image::SAMPLE_IMAGE, "startup_done": "Done (" });
    let created = post(&rig, on("create_server", create)).await;
    let mut expected = fixture("create-server.json", None)["data"].clone();
    expected.as_object_mut().unwrap().shift_remove("operationId"); // the outcome, not the in-progress answer
    assert_same_keys(&created["data"], &expected, "create");
    check(on("get_metrics", json!({})), "metrics.list.json", Some("server-stopped")).await;
    check(on("console:status", json!({})), "console.list.json", Some("status-never-started")).await;
    assert_eq!(post(&rig, on("start", json!({}))).await["data"]["status"], "running");
    rig.wait_line("s1", "Starting").await;
    let status = check(on("get_status", json!({})), "server-status.json", None).await;
    assert_eq!((&status["data"]["status"], &status["data"]["state"]), (&json!("running"), &json!("RUNNING")));
    check(on("get_metrics", json!({})), "metrics.list.json", Some("server")).await;
    check(on("send_command", json!({ "command": "say hi" })), "console.list.json", Some("command")).await;
    check(on("console:status", json!({})), "console.list.json", Some("status")).await;
    check(on("console:connect", json!({})), "console.list.json", Some("connect")).await;
    check(on("console:history", json!({ "lines": "5" })), "console.list.json", Some("history")).await;
    check(on("get_logs", json!({ "lines": 5 })), "console.list.json", Some("logs")).await;
    check(on("bind_alias", json!({ "alias": "other" })), "ours.list.json", Some("bind_alias")).await;
    let list = check(json!({ "action": "list_servers" }), "ours.list.json", Some("list_servers")).await;
    assert_eq!(list["data"]["servers"][0]["aliases"], json!(["other"]));
    check(
        json!({ "action": "list_servers", "payload": { "status": "stopped" } }),
        "ours.list.json",
        Some("list_servers_empty"),
    )
    .await;
    check(json!({ "action": "system_metrics" }), "metrics.list.json", Some("system")).await;
    check(json!({ "action": "system.ping" }), "ours.list.json", Some("system.ping")).await;
    // P-34: an answer echoes the id the caller used.
    let by_alias = post(&rig, json!({ "action": "stop", "serverId": "other", "id": 7 })).await;
    assert_eq!((&by_alias["data"]["serverId"], &by_alias["id"]), (&json!("other"), &json!(7)));
    check(on("delete", json!({})), "ours.list.json", Some("delete_server")).await;
    let unknown = post(&rig, json!({ "action": "start", "serverId": "4b25f2173d6b78e70f57373618a68540" })).await;
    assert_eq!(unknown, fixture("errors.list.json", Some("unknown-server")));
}

#[actix::test]
async fn an_operation_under_way_is_answered_with_its_word_and_can_be_asked_for() {
    // P-17, P-99
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let answer = post(&rig, json!({ "action": "start_server", "serverId": "s1" })).await;
    let expected = fixture("command-in-progress.json", None);
    assert_same_keys(&answer, &expected, "in progress");
    assert_eq!(
        (&answer["message"], &answer["data"]["status"]),
        (&json!("start_server in progress"), &json!("starting"))
    );
    let asked = json!({ "action": "get_operation", "payload": { "operationId": answer["data"]["operationId"] } });
    let running = post(&rig, asked.clone()).await;
    assert_same_keys(&running["data"], &fixture("ours.list.json", Some("get_operation_running"))["data"], "running");
    assert_eq!(running["data"]["state"], "running");
    rig.carry_out("s1", Verb::Kill).await;
    let failed = post(&rig, asked).await;
    assert_same_keys(&failed["data"], &fixture("ours.list.json", Some("get_operation_failed"))["data"], "failed");
    assert_eq!(failed["data"]["error"]["code"], "SUPERSEDED");
}

// P-11, P-14: tests of the link set times of their own; these are the ones that the program runs with.
#[test]
fn a_link_is_dead_after_45_seconds_of_silence_and_asked_three_times_before() {
    let timings = cap_agent::panel::connection::LinkTimings::default();
    assert_eq!(timings.dead_after.as_secs(), 45);
    assert!(timings.ping_interval * 3 <= timings.dead_after, "one lost pong must not end a link");
    assert_eq!(timings.dial_deadline.as_secs(), 10);
    assert!((timings.retry_scale - 1.0).abs() < f64::EPSILON, "retries wait as long as the contract says");
}
