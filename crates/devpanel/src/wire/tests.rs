use serde_json::{Value, json};

use super::{CommandFrame, legacy_frame, new_command_id};

fn fixture(path: &str) -> String {
    let full = format!("{}/../../tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{full}: {error}"))
}

#[test]
fn command_frame_has_the_bytes_of_the_stock_panels() {
    // P-51, P-52: the fixture has the key order of the real panels.
    let expected = fixture("ws/from-panel/command-stop.json");
    let payload = json!({"signal": "SIGTERM", "timeout": 30});
    let frame = CommandFrame {
        id: "cmd_1795173226419_oks7ryqg8",
        kind: "command",
        timestamp: "2026-11-20T11:13:46.419Z".to_owned(),
        agent_id: "cmt6n5x1c000008l4f0v2bq7d",
        action: "stop_server",
        server_id: Some("9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3"),
        payload: Some(&payload),
    };
    assert_eq!(frame.to_text(), expected.trim_end());
}

#[test]
fn payload_is_absent_when_the_action_has_none() {
    let expected = fixture("ws/from-panel/command-start.json");
    let frame = CommandFrame {
        id: "cmd_1795173226419_k3v9x0q2m",
        kind: "command",
        timestamp: "2026-11-20T11:13:46.419Z".to_owned(),
        agent_id: "cmt6n5x1c000008l4f0v2bq7d",
        action: "start_server",
        server_id: Some("9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3"),
        payload: None,
    };
    assert_eq!(frame.to_text(), expected.trim_end());
}

#[test]
fn command_ids_have_the_stock_form() {
    let id = new_command_id();
    let parts: Vec<&str> = id.split('_').collect();
    assert_eq!(parts[0], "cmd");
    assert_eq!(parts[1].len(), 13, "milliseconds since 1970");
    assert!(parts[1].bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(parts[2].len(), 9);
    assert!(parts[2].bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()));
}

/// The text of the fixture's item as it stands in the file, whose key order is the panels'.
fn item_text(file: &str, name: &str) -> String {
    let marker = format!("{{\"name\":\"{name}\",\"frame\":");
    let line = file.lines().find(|line| line.starts_with(&marker)).expect("the fixture names this item");
    line[marker.len()..].trim_end_matches(',').strip_suffix('}').expect("closes the item").to_owned()
}

#[test]
fn legacy_frames_have_the_bytes_of_the_stock_panels() {
    // P-49
    const SERVER: &str = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3";
    let power = fixture("ws/from-panel/legacy-power.list.json");
    let cases: [(&str, &str, Option<Value>); 5] = [
        ("server_start", "start_server", None),
        ("server_stop", "stop_server", None),
        ("server_restart", "restart_server", None),
        ("server_power-kill", "kill_server", None),
        ("server_power-start", "server_power", Some(json!({"action": "start"}))),
    ];
    for (name, action, payload) in cases {
        assert_eq!(legacy_frame(action, SERVER, payload.as_ref()).unwrap(), item_text(&power, name), "{name}");
    }
    let command = legacy_frame("console:command", SERVER, Some(&json!({"command": "say hi"}))).unwrap();
    assert_eq!(command, fixture("ws/from-panel/legacy-server-command.json").trim_end());
    let write = json!({"content": "motd=Grüße ☃\n", "path": "/server.properties"});
    let file_write = legacy_frame("write_file", SERVER, Some(&write)).unwrap();
    assert_eq!(file_write, fixture("ws/from-panel/legacy-file-write.json").trim_end());
}

#[test]
fn actions_the_old_panels_never_had_make_no_legacy_frame() {
    assert_eq!(legacy_frame("list_servers", "x", None), None);
}
