use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::figures::*;
use super::status_detail::*;
use super::*;
use crate::testing::{assert_same_shape, fixture, items};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Every frame of the contract: one-message files, then lists.
fn all_frames() -> Vec<(String, Value)> {
    let mut frames = Vec::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/ws/to-panel");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let path = format!("ws/to-panel/{file}");
        if file.ends_with(".list.json") {
            frames.extend(items(&path, "frame").into_iter().map(|(name, frame)| (format!("{file}#{name}"), frame)));
        } else {
            frames.push((file, fixture(&path)));
        }
    }
    frames
}

#[test]
fn every_frame_of_the_contract_is_read_and_written_back_to_the_byte() {
    // P-35 to P-47, P-59 to P-62, P-67 to P-72.
    let frames = all_frames();
    assert!(frames.len() > 35, "{}", frames.len());
    for (name, theirs) in frames {
        let text = theirs.to_string();
        let frame = Frame::read(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(frame.to_text(), text, "{name}");
    }
}

#[test]
fn frames_are_built_as_the_contract_shows_them() {
    // P-36, P-47.
    let heartbeat = Frame::new(at("2026-11-20T11:13:46.419Z"), Body::Heartbeat { node_id: "node-1".to_owned() });
    assert_eq!(heartbeat.to_text(), fixture("ws/to-panel/heartbeat.json").to_string());
    let load = AgentLoad { cpu: 25.5, memory: 65.2, disk: 40.1 };
    let pong =
        |id| Frame::new(at("2026-11-20T11:15:03.000Z"), Body::Pong(Pong { id, active_servers: 3, system_load: load }));
    let text = pong(RequestId::Text("heartbeat_001".to_owned())).to_text();
    assert_eq!(text, fixture("ws/to-panel/pong.json").to_string());
    assert!(!pong(RequestId::Absent).to_text().contains("\"id\""), "left out if the ping had none");
    // P-43, P-55.
    let changed = ServerStatusChanged::new("9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3", "starting", "running");
    let place = EventPlace { seq: 43, epoch: "01KAGQ5W2M8Z4T7R9V3X6Y0B1C".to_owned() };
    let event = Event { place: Some(place), replay: false, body: EventBody::ServerStatusChanged(changed) };
    let frame = Frame::new(at("2026-11-20T11:14:02.000Z"), Body::Event(event));
    assert_eq!(frame.to_text(), fixture("ws/to-panel/event-status-changed.json").to_string());
}

#[test]
fn answers_echo_their_id_and_null_if_there_was_none() {
    // P-31, P-42.
    let now = at("2026-11-20T11:13:47.010Z");
    let answer = |id| serde_json::from_str::<Value>(&Frame::response_ok(id, now, None, &json!({})).to_text()).unwrap();
    assert_eq!(answer(RequestId::Absent)["id"], Value::Null);
    assert!(answer(RequestId::Absent).as_object().unwrap().contains_key("id"));
    assert_eq!(answer(RequestId::Null)["id"], Value::Null);
    assert_eq!(answer(RequestId::Number(42))["id"], 42);
    assert_eq!(answer(RequestId::Text("42".to_owned()))["id"], "42");
    assert_eq!(answer(RequestId::Absent)["data"], json!({}), "data is never null");
    let id = RequestId::Text("cmd_1795173227000_a1b2c3d4e".to_owned());
    let error = Frame::response_error(id, now, Code::UnknownAction, "Unknown action: warp_server");
    assert_eq!(
        error.to_text(),
        crate::testing::item("ws/to-panel/response.list.json", "UNKNOWN_ACTION", "frame").to_string()
    );
}

#[test]
fn refusals_take_the_form_their_frame_asks_for() {
    // P-31, P-32, P-46.
    let now = at("2026-11-20T11:15:02.000Z");
    let kinds = |style| {
        let rejection = Rejection {
            id: RequestId::Null,
            style,
            code: Code::ServerNotFound,
            message: "unknown server".to_owned(),
            server_id: Some("9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3".to_owned()),
        };
        Frame::refusals(&rejection, now)
    };
    let texts = |style| kinds(style).iter().map(Frame::to_text).collect::<Vec<_>>();
    assert_eq!(texts(Style::LegacyFrame { reply: false }), [fixture("ws/to-panel/error.json").to_string()]);
    assert!(matches!(kinds(Style::CommandFrame)[..], [Frame { body: Body::Response(_), .. }]));
    let both = kinds(Style::LegacyFrame { reply: true });
    assert!(matches!(both[..], [Frame { body: Body::Error(_), .. }, Frame { body: Body::Response(_), .. }]));
    assert!(kinds(Style::Http).is_empty());
}

#[test]
fn console_frames_say_when_lines_are_old_lossy_or_partial() {
    // P-67, P-74.
    let data = ServerOutput {
        server_id: "a".to_owned(),
        output: "x".to_owned(),
        stream: Stream::Stderr,
        timestamp: at("2026-11-20T11:15:02.000Z"),
        seq: 1,
        last_seq: 1,
        console_epoch: "c1".to_owned(),
        lossy: true,
        partial: true,
    };
    let frame = Frame::new(data.timestamp, Body::ServerOutput { data, replay: true });
    let text: Value = serde_json::from_str(&frame.to_text()).unwrap();
    assert_eq!(
        (&text["replay"], &text["data"]["lossy"], &text["data"]["partial"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(Frame::read(frame.to_text().as_bytes()).unwrap(), frame);
}

#[test]
fn numbers_are_finite_whatever_was_measured() {
    // P-187.
    let load = AgentLoad { cpu: f64::NAN, memory: f64::INFINITY, disk: -0.5 };
    assert_eq!(serde_json::to_value(load).unwrap(), json!({"cpu":0.0,"memory":0.0,"disk":-0.5}));
    assert_eq!(percentage(1, 0), 0.0);
    assert_eq!(percentage(3, 2), 100.0);
    assert_eq!(percentage(1, 3), 33.3);
    let memory = MemoryUse::new(536_870_912, 2_147_483_648);
    assert_eq!((memory.used.as_str(), memory.available.as_str(), memory.percentage), ("512m", "2048m", 25.0));
}

/// Reads the data of an HTTP answer as `T` and writes it back.
#[track_caller]
fn check_data<T: DeserializeOwned + Serialize>(theirs: &Value, place: &str) {
    let data = &theirs["body"]["data"];
    let read: T = serde_json::from_value(data.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_same_shape(&serde_json::to_value(read).unwrap(), data, place);
}

#[test]
fn data_of_answers_has_the_contracts_keys_and_types() {
    // P-84 to P-112, P-134, P-186, P-189.
    check_data::<StatusDetail>(&fixture("http/responses/server-status.json"), "server-status");
    check_data::<CreateAnswer>(&fixture("http/responses/create-server.json"), "create-server");
    check_data::<Lifecycle>(&fixture("http/responses/command-in-progress.json"), "in-progress");
    for (name, response) in items("http/responses/metrics.list.json", "response") {
        match name.as_str() {
            "system" => check_data::<SystemMetrics>(&response, &name),
            _ => check_data::<ServerMetrics>(&response, &name),
        }
    }
    for (name, response) in items("http/responses/console.list.json", "response") {
        match name.as_str() {
            "status" | "status-never-started" => check_data::<ConsoleStatus>(&response, &name),
            "command" => check_data::<Sent>(&response, &name),
            "connect" => check_data::<Connected>(&response, &name),
            "history" => check_data::<ConsoleHistory>(&response, &name),
            "logs" => check_data::<ServerLogs>(&response, &name),
            _ => {}
        }
    }
    for (name, response) in items("http/responses/ours.list.json", "response") {
        match name.as_str() {
            "list_servers" | "list_servers_empty" => check_data::<ServerList>(&response, &name),
            "get_operation_running" | "get_operation_failed" => check_data::<OperationRecord>(&response, &name),
            "bind_alias" => check_data::<Aliases>(&response, &name),
            "get_console_history" => check_data::<ConsolePage>(&response, &name),
            "update_server" => check_data::<UpdateAnswer>(&response, &name),
            "delete_server" => check_data::<Lifecycle>(&response, &name),
            "system.ping" => check_data::<PingAnswer>(&response, &name),
            _ => {}
        }
    }
    for (name, frame) in items("ws/to-panel/response.list.json", "frame") {
        if matches!(name.as_str(), "subscribed" | "unsubscribed") {
            check_data::<Subscription>(&json!({ "body": frame }), &name);
        }
    }
}

#[test]
fn what_the_agent_never_sends_is_not_read() {
    for (text, expected) in [
        ("nonsense", "Json"),
        ("[]", "Missing"),
        (r#"{"timestamp":"2026-11-20T11:15:02.000Z"}"#, "Missing"),
        (r#"{"type":"heartbeat"}"#, "Missing"),
        (r#"{"type":"command_response","timestamp":"2026-11-20T11:15:02.000Z"}"#, "Unknown"),
        (r#"{"type":"event","event":"party","timestamp":"2026-11-20T11:15:02.000Z","data":{}}"#, "Unknown"),
        (r#"{"type":"server_status","timestamp":"2026-11-20T11:15:02.000Z","data":{"status":5}}"#, "Shape"),
    ] {
        let error = format!("{:?}", Frame::read(text.as_bytes()).unwrap_err());
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}
