use serde_json::json;

use super::*;
use crate::params::{PowerParams, StopParams};
use crate::testing::{fixture, fixture_bytes, item, items};

const SERVER: &str = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3";

#[track_caller]
fn read(frame: &Value) -> Inbound {
    parse_frame(frame.to_string().as_bytes())
}

#[track_caller]
fn request(frame: &Value) -> Request {
    match read(frame) {
        Inbound::Request(request) => *request,
        other => panic!("not a request but {other:?}"),
    }
}

#[track_caller]
fn rejected(frame: &Value) -> Rejection {
    match read(frame) {
        Inbound::Rejected(rejection) => rejection,
        other => panic!("not rejected but {other:?}"),
    }
}

const LEGACY: Style = Style::LegacyFrame { reply: false };

#[test]
fn legacy_frames_are_commands_without_a_reply() {
    // P-32, P-49.
    let mut frames = items("ws/from-panel/legacy-power.list.json", "frame");
    frames.extend(items("ws/from-panel/legacy-state.list.json", "frame"));
    assert_eq!(frames.len(), 11);
    let expected = [
        Action::StartServer,
        Action::StopServer,
        Action::RestartServer,
        Action::ServerPower,
        Action::ServerPower,
        Action::ServerPower,
        Action::ServerPower,
        Action::DeleteServer,
        Action::SuspendServer,
        Action::UnsuspendServer,
        Action::ReinstallServer,
    ];
    for ((name, frame), action) in frames.into_iter().zip(expected) {
        let request = request(&frame);
        assert_eq!(request.action, action, "{name}");
        assert_eq!((request.style, request.id), (LEGACY, RequestId::Absent), "{name}");
        assert_eq!(request.server_id.as_deref(), Some(SERVER), "{name}");
        assert!(!request.go_envelope, "{name}");
    }
}

#[test]
fn legacy_parameters_come_from_data() {
    // P-49, P-185.
    let command = request(&fixture("ws/from-panel/legacy-server-command.json"));
    assert_eq!((command.action, &command.params["command"]), (Action::ConsoleCommand, &json!("say hi")));
    let read_file = request(&fixture("ws/from-panel/legacy-file-read.json"));
    assert_eq!((read_file.action, &read_file.params["path"]), (Action::ReadFile, &json!("/server.properties")));
    let write_file = request(&fixture("ws/from-panel/legacy-file-write.json"));
    assert_eq!((write_file.action, &write_file.params["content"]), (Action::WriteFile, &json!("motd=Grüße ☃\n")));
    for (word, action) in [("start", Action::StartServer), ("stop", Action::StopServer), ("kill", Action::KillServer)] {
        let frame = item("ws/from-panel/legacy-power.list.json", &format!("server_power-{word}"), "frame");
        assert_eq!(PowerParams::from_map(&request(&frame).params).unwrap().power.action(), action);
    }
}

#[test]
fn a_legacy_frame_with_an_id_wants_a_reply() {
    // P-32.
    let frame = item("ws/from-panel/command-other-shapes.list.json", "legacy-frame-with-message-id", "frame");
    let request = request(&frame);
    assert_eq!(request.style, Style::LegacyFrame { reply: true });
    assert_eq!(request.id, RequestId::Text("m-1".to_owned()));
}

#[test]
fn command_frames_of_all_generations_are_read() {
    // P-51, P-52, P-54.
    for (file, action, id) in [
        ("command-start.json", Action::StartServer, "cmd_1795173226419_k3v9x0q2m"),
        ("command-stop.json", Action::StopServer, "cmd_1795173226419_oks7ryqg8"),
        ("command-restart.json", Action::RestartServer, "cmd_1795173226500_z81m4kq0d"),
        ("command-kill.json", Action::StopServer, "cmd_1795173226777_p0o9i8u7y"),
    ] {
        let request = request(&fixture(&format!("ws/from-panel/{file}")));
        assert_eq!((request.action, request.style), (action, Style::CommandFrame), "{file}");
        assert_eq!(request.id, RequestId::Text(id.to_owned()), "{file}");
        assert_eq!(request.server_id.as_deref(), Some(SERVER), "{file}");
        assert_eq!(StopParams::from_map(&request.params).is_kill(), file == "command-kill.json", "{file}");
    }
    let docs = items("ws/from-panel/command-docs.list.json", "frame");
    let actions =
        [Action::GetServerStatus, Action::ListFiles, Action::ReadFile, Action::GetServerStatus, Action::DeleteServer];
    for ((name, frame), action) in docs.into_iter().zip(actions) {
        let request = request(&frame);
        assert_eq!((request.action, request.server_id.as_deref()), (action, Some("server_123")), "{name}");
    }
    for file in ["command-repeat.list.json", "command-ours.list.json", "command-stop-odd.list.json"] {
        for (name, frame) in items(&format!("ws/from-panel/{file}"), "frame") {
            let request = request(&frame);
            assert_eq!(request.id, RequestId::Text(frame["id"].as_str().unwrap().to_owned()), "{file}#{name}");
        }
    }
}

#[test]
fn other_shapes_of_commands_run_and_echo_their_id() {
    // P-31, P-173, P-175, P-177 to P-180.
    for (name, frame) in items("ws/from-panel/command-other-shapes.list.json", "frame") {
        match name.as_str() {
            "object-id" => {
                let rejection = rejected(&frame);
                assert_eq!((rejection.code, rejection.id), (Code::InvalidRequest, RequestId::Null));
                continue;
            }
            "two-server-ids" => assert_eq!(request(&frame).other_server_ids, ["4b25f2173d6b78e70f57373618a68540"]),
            "same-id-two-spellings" => {
                assert_eq!(request(&frame).other_server_ids, ["9F1C7A523E644D0B8A771F2E5B90C4D3"]);
            }
            "no-id" => assert_eq!(request(&frame).id, RequestId::Absent),
            "number-id" => assert_eq!(request(&frame).id, RequestId::Number(42)),
            "nested-in-data" => {
                assert_eq!(request(&frame).id, RequestId::Text("cmd_1795173250002_bbbbbbbb2".to_owned()));
            }
            _ => assert!(request(&frame).id.is_given(), "{name}"),
        }
        let request = request(&frame);
        assert_eq!((request.action, request.server_id.as_deref()), (Action::StartServer, Some(SERVER)), "{name}");
    }
}

#[test]
fn an_unknown_action_is_rejected_with_its_id() {
    // P-213.
    let rejection = rejected(&fixture("ws/from-panel/command-unknown-action.json"));
    assert_eq!(rejection.code, Code::UnknownAction);
    assert_eq!(rejection.message, "Unknown action: warp_server");
    assert_eq!(rejection.id, RequestId::Text("cmd_1795173227000_a1b2c3d4e".to_owned()));
}

#[test]
fn pings_and_questions_are_recognised() {
    // P-48, P-54.
    assert_eq!(read(&fixture("ws/from-panel/system-info-request.json")), Inbound::SystemInfoRequest);
    let junk = item("hostile/wrong-frames.list.json", "sysinfo-with-junk", "frame");
    assert_eq!(read(&junk), Inbound::SystemInfoRequest, "P-214: unknown keys are ignored");
    let ping = read(&fixture("ws/from-panel/ping.json"));
    assert_eq!(ping, Inbound::Ping { id: RequestId::Text("heartbeat_001".to_owned()) });
    assert_eq!(read(&json!({"type":"ping"})), Inbound::Ping { id: RequestId::Absent });
}

#[test]
fn resumes_are_read_or_answered_with_an_error() {
    // P-58, P-65.
    let known = |epoch: &str, last_seq| Inbound::Resume { epoch: Some(epoch.to_owned()), last_seq };
    for (name, frame) in items("ws/from-panel/resume.list.json", "frame") {
        match name.as_str() {
            "current-epoch" => assert_eq!(read(&frame), known("01KAGQ5W2M8Z4T7R9V3X6Y0B1C", 7)),
            "old-epoch" => assert_eq!(read(&frame), known("01K9ZZ0000000000000000000A", 7)),
            "knows-nothing" => assert_eq!(read(&frame), Inbound::Resume { epoch: None, last_seq: 0 }),
            "up-to-date" => assert_eq!(read(&frame), known("01KAGQ5W2M8Z4T7R9V3X6Y0B1C", 44)),
            // Only the journal knows that this is too much.
            "beyond-newest" => assert_eq!(read(&frame), known("01KAGQ5W2M8Z4T7R9V3X6Y0B1C", 999_999)),
            "wrong-types" | "no-data" => {
                let rejection = rejected(&frame);
                assert_eq!((rejection.code, rejection.style), (Code::InvalidRequest, LEGACY), "{name}");
            }
            other => panic!("new item {other}"),
        }
    }
    for data in [
        json!({"lastSeq":1}),
        json!({"epoch":"a"}),
        json!({"epoch":"a b","lastSeq":1}),
        json!({"epoch":"a","lastSeq":1.5}),
    ] {
        assert_eq!(rejected(&json!({"type":"resume","data":data})).code, Code::InvalidRequest, "{data}");
    }
    let with_id = rejected(&json!({"type":"resume","id":9}));
    assert_eq!((with_id.style, with_id.id), (Style::LegacyFrame { reply: true }, RequestId::Number(9)), "P-212");
}

#[test]
fn acks_are_read_or_answered_with_an_error() {
    // P-63, P-65.
    for (name, frame) in items("ws/from-panel/ack.list.json", "frame") {
        match name.as_str() {
            "negative" => assert_eq!(rejected(&frame).code, Code::InvalidRequest),
            "other-epoch" => {
                let epoch = Some("01K9ZZ0000000000000000000A".to_owned());
                assert_eq!(read(&frame), Inbound::Ack { epoch, seq: 42 });
            }
            _ => assert_eq!(read(&frame), Inbound::Ack { epoch: None, seq: frame["data"]["seq"].as_u64().unwrap() }),
        }
    }
}

#[test]
fn link_policies_are_read_or_answered_with_an_error() {
    // P-66.
    let policy = |seconds: Option<u64>| Inbound::LinkPolicy { reconnect_spread: seconds.map(Duration::from_secs) };
    for (name, frame) in items("ws/from-panel/link-policy.list.json", "frame") {
        match name.as_str() {
            "one-minute" => assert_eq!(read(&frame), policy(Some(60))),
            "too-long" | "text" => assert_eq!(rejected(&frame).code, Code::InvalidRequest, "{name}"),
            "empty" => assert_eq!(read(&frame), policy(None)),
            other => panic!("new item {other}"),
        }
    }
    let spread = |seconds: Value| json!({"type":"link_policy","data":{"reconnectSpread":seconds}});
    assert_eq!(read(&spread(json!(0))), policy(Some(0)));
    assert_eq!(read(&spread(json!(600))), policy(Some(600)));
    assert_eq!(rejected(&spread(json!(-1))).code, Code::InvalidRequest);
    assert_eq!(rejected(&spread(json!(600.1))).code, Code::InvalidRequest);
}

#[test]
fn the_browser_mock_is_recognised() {
    // P-12.
    for (name, frame) in items("ws/from-panel/mock-panel.list.json", "frame") {
        assert_eq!(read(&frame), Inbound::MockPanel, "{name}");
    }
}

#[test]
fn unknown_frames_are_ignored() {
    // P-176, P-212, P-214.
    for (name, frame) in items("ws/from-panel/unknown.list.json", "frame") {
        match name.as_str() {
            "extra-keys" => assert_eq!(request(&frame).action, Action::StartServer),
            "no-type" => assert_eq!(read(&frame), Inbound::Ignored { why: Ignored::NoType }),
            _ => assert_eq!(read(&frame), Inbound::Ignored { why: Ignored::UnknownType }, "{name}"),
        }
    }
    for alias in ["start", "Server_Start", "server-start", "start_server"] {
        let frame = json!({"type":alias,"data":{"serverId":SERVER}});
        assert_eq!(read(&frame), Inbound::Ignored { why: Ignored::UnknownType }, "{alias} is no frame");
    }
}

#[test]
fn broken_frames_are_answered_by_their_kind() {
    // P-185, P-212, P-216.
    for (name, frame) in items("hostile/wrong-frames.list.json", "frame") {
        match name.as_str() {
            "command-no-action" => {
                let rejection = rejected(&frame);
                assert_eq!((rejection.code, rejection.style), (Code::InvalidRequest, Style::CommandFrame));
                assert_eq!(rejection.id, RequestId::Text("x1".to_owned()));
            }
            "start-no-data" | "start-data-null" | "start-data-text" => {
                let rejection = rejected(&frame);
                assert_eq!((rejection.code, rejection.style), (Code::InvalidRequest, LEGACY), "{name}");
            }
            "type-number" | "type-null" => assert_eq!(read(&frame), Inbound::Ignored { why: Ignored::NoType }),
            "power-no-action" => {
                let invalid = PowerParams::from_map(&request(&frame).params).unwrap_err();
                assert_eq!(invalid.code, Code::InvalidRequest);
            }
            "sysinfo-with-junk" => assert_eq!(read(&frame), Inbound::SystemInfoRequest),
            other => panic!("new item {other}"),
        }
    }
}

#[test]
fn what_is_not_a_frame_is_ignored_with_its_reason() {
    // P-212, P-215, P-216.
    for name in ["truncated", "not-json", "empty", "trailing-bytes", "nan", "number-overflow"] {
        let inbound = parse_frame(&fixture_bytes(&format!("hostile/{name}.txt")));
        assert_eq!(inbound, Inbound::Ignored { why: Ignored::NotJson }, "{name}");
    }
    let deep = parse_frame(&fixture_bytes("hostile/deep-nesting.txt"));
    assert_eq!(deep, Inbound::Ignored { why: Ignored::TooDeep });
    assert_eq!(parse_frame(b"{\"type\":\"\xff\"}"), Inbound::Ignored { why: Ignored::NotUtf8 });
    for (name, body) in items("hostile/top-level.list.json", "body") {
        let why = if body.is_object() { Ignored::NoType } else { Ignored::NotAnObject };
        assert_eq!(read(&body), Inbound::Ignored { why }, "{name}");
    }
}
