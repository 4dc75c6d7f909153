use serde_json::json;

use super::*;
use crate::testing::{fixture, fixture_bytes, item};

#[track_caller]
fn check(ours: &str, file: &str) {
    assert_eq!(ours.as_bytes(), fixture_bytes(file), "{file}");
}

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

#[test]
fn frames_are_those_of_the_real_panels_to_the_byte() {
    // P-48, P-49, P-51, P-54.
    check(&system_info_request(), "ws/from-panel/system-info-request.json");
    let theirs = fixture("ws/from-panel/command-stop.json");
    let command = CommandFrame::new(
        theirs["id"].as_str().unwrap(),
        Timestamp::parse(theirs["timestamp"].as_str().unwrap()).unwrap(),
        theirs["agentId"].as_str().unwrap(),
        "stop_server",
    )
    .server("9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3");
    let with_payload = command.clone().payload(object(json!({"signal":"SIGTERM","timeout":30})));
    check(&with_payload.to_text(), "ws/from-panel/command-stop.json");
    assert!(!command.to_text().contains("payload"), "absent if there is none");
    let data = object(json!({"serverId":"9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3","command":"say hi"}));
    check(&legacy("server_command", &data), "ws/from-panel/legacy-server-command.json");
}

#[test]
fn our_extensions_are_written_as_the_contract_shows_them() {
    // P-58, P-63, P-66.
    let resume_of = |name| item("ws/from-panel/resume.list.json", name, "frame").to_string();
    assert_eq!(resume(Some("01KAGQ5W2M8Z4T7R9V3X6Y0B1C"), 7), resume_of("current-epoch"));
    assert_eq!(resume(None, 0), resume_of("knows-nothing"));
    let ack_of = |name| item("ws/from-panel/ack.list.json", name, "frame").to_string();
    assert_eq!(ack(None, 42), ack_of("ack"));
    assert_eq!(ack(Some("01K9ZZ0000000000000000000A"), 42), ack_of("other-epoch"));
    assert_eq!(link_policy(60), item("ws/from-panel/link-policy.list.json", "one-minute", "frame").to_string());
}

#[test]
fn http_bodies_are_those_of_the_real_panels_to_the_byte() {
    // P-79, P-152.
    let theirs = fixture("create/A-http.json");
    let body = http_command("create_server", theirs["serverId"].as_str(), theirs["payload"].as_object());
    check(&body, "create/A-http.json");
    assert_eq!(http_command("list_servers", None, None), r#"{"action":"list_servers"}"#);
}

#[test]
fn a_ping_is_read_back() {
    let text = ping("p-1", Timestamp::from_unix_ms(0));
    assert_eq!(text, r#"{"id":"p-1","type":"ping","timestamp":"1970-01-01T00:00:00.000Z"}"#);
}
