use serde_json::{Value, json};

use crate::view::{LineSource, MAX_CONSOLE_LINES, OperationState, PanelView, Transport};

const NODE: &str = "node-1";
const SERVER: &str = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3";

fn fixture(path: &str) -> Value {
    let full = format!("{}/../../tests/fixtures/ws/to-panel/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{full}: {error}"));
    serde_json::from_str(&text).unwrap()
}

fn item(list: &Value, name: &str) -> Value {
    let items = list.as_array().unwrap();
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no item {name}"))["frame"].clone()
}

fn status(word: &str) -> Value {
    json!({"type": "server_status", "data": {"serverId": SERVER, "status": word}})
}

#[test]
fn system_info_status_figures_and_console_of_the_fixtures_are_understood() {
    let mut view = PanelView::default();
    view.absorb(NODE, 1, &fixture("system-info.json"));
    view.absorb(NODE, 2, &fixture("server-status-running.json"));
    view.absorb(NODE, 3, &fixture("server-output.json"));
    view.absorb(NODE, 4, &fixture("event-server-log.json"));
    view.absorb(NODE, 5, &fixture("event-resource-update.json"));

    let node = &view.nodes[NODE];
    assert_eq!(node.system_info.as_ref().unwrap()["cpuCount"], 16);
    let server = view.server(SERVER).unwrap();
    assert_eq!(server.status, "running");
    assert_eq!(server.samples.len(), 2, "one from stats (P-188), one from resource_update (P-45)");
    assert_eq!(server.samples[0].memory_bytes, Some(536_870_912.0));
    assert_eq!(server.samples[1].memory_percent, Some(58.5));
    // P-67: two lines, numbered 118 and 119; the server_log twin (P-72) adds nothing.
    assert_eq!(server.console.iter().map(|line| line.seq).collect::<Vec<_>>(), vec![Some(118), Some(119)]);
    assert!(view.console_text(SERVER).ends_with("Done (1.204s)! For help, type \"help\""));
}

#[test]
fn every_status_word_of_the_contract_is_shown_and_created_is_only_a_notice() {
    let list = fixture("server-status-other.list.json");
    for word in ["stopped", "restarting", "crashed", "install_failed", "suspended", "paused", "unknown"] {
        let mut view = PanelView::default();
        view.absorb(NODE, 1, &status("starting"));
        view.absorb(NODE, 2, &item(&list, word));
        assert_eq!(view.status(SERVER), Some(word));
        // P-40
        view.absorb(NODE, 3, &item(&list, "created"));
        assert_eq!(view.status(SERVER), Some(word));
    }
}

#[test]
fn a_deleted_server_is_gone_and_late_lines_and_figures_do_not_bring_it_back() {
    let mut view = PanelView::default();
    view.absorb(NODE, 1, &fixture("server-output.json"));
    view.absorb(NODE, 2, &item(&fixture("server-status-other.list.json"), "deleted"));
    view.absorb(NODE, 3, &fixture("server-output.json"));
    view.absorb(NODE, 4, &fixture("event-resource-update.json"));
    assert!(view.server(SERVER).is_none());
    view.absorb(NODE, 5, &status("installing"));
    assert_eq!(view.status(SERVER), Some("installing"), "created again");
}

#[test]
fn a_replayed_status_change_is_recorded_but_does_not_change_the_state() {
    let mut view = PanelView::default();
    view.absorb(NODE, 1, &status("running"));
    let mut replayed = fixture("event-status-changed.json");
    replayed["replay"] = json!(true);
    replayed["data"]["currentStatus"] = json!("starting");
    view.absorb(NODE, 2, &replayed);
    assert_eq!(view.status(SERVER), Some("running"));
    let node = &view.nodes[NODE];
    assert_eq!((node.status_changes.len(), node.last_seq), (1, Some(43)));
    assert_eq!(node.epoch.as_deref(), Some("01KAGQ5W2M8Z4T7R9V3X6Y0B1C"));
}

#[test]
fn an_operation_goes_from_sent_over_in_progress_to_its_outcome() {
    // P-17, P-20
    let mut view = PanelView::default();
    let id = "cmd_1795173226419_oks7ryqg8";
    view.add_operation(NODE, id, "stop_server", Some(SERVER), Transport::Ws, false);
    assert_eq!(view.operation(id).unwrap().state, OperationState::Sent);
    view.absorb(NODE, 1, &item(&fixture("response.list.json"), "in-progress"));
    assert_eq!(view.operation(id).unwrap().state, OperationState::InProgress);
    assert_eq!(view.status(SERVER), None, "an answer is no source of a server's status");
    let completion = json!({"type": "event", "event": "operation_completed", "seq": 44, "epoch": "e", "data": {
        "operationId": "op_01KAGQ7D3N", "commandId": id, "serverId": SERVER, "action": "stop_server",
        "success": false, "error": {"code": "SUPERSEDED", "message": "replaced by kill_server"}}});
    view.absorb(NODE, 2, &completion);
    let operation = view.operation(id).unwrap();
    assert_eq!(operation.state, OperationState::Failed);
    assert_eq!(operation.code.as_deref(), Some("SUPERSEDED"));
    assert_eq!((operation.answers, operation.completions), (1, 1));
}

#[test]
fn a_completion_finds_the_commands_that_joined_by_operation_id() {
    // P-22: both commands were answered with the same operation id, the event names only the first.
    let mut view = PanelView::default();
    for id in ["first", "second"] {
        view.add_operation(NODE, id, "start_server", Some(SERVER), Transport::Ws, false);
        let answer = json!({"type": "response", "id": id, "success": true, "data": {"operationId": "op_1"}});
        view.absorb(NODE, 1, &answer);
    }
    view.absorb(
        NODE,
        2,
        &json!({"type": "event", "event": "operation_completed", "data": {
        "operationId": "op_1", "commandId": "first", "success": true}}),
    );
    assert_eq!(view.operation("first").unwrap().state, OperationState::Succeeded);
    assert_eq!(view.operation("second").unwrap().state, OperationState::Succeeded);
}

#[test]
fn a_refused_command_fails_with_code_and_text() {
    let mut view = PanelView::default();
    view.add_operation(NODE, "cmd_1795173227000_a1b2c3d4e", "warp_server", Some(SERVER), Transport::Ws, false);
    view.absorb(NODE, 1, &item(&fixture("response.list.json"), "UNKNOWN_ACTION"));
    let operation = view.operation("cmd_1795173227000_a1b2c3d4e").unwrap();
    assert_eq!(operation.code.as_deref(), Some("UNKNOWN_ACTION"));
    assert_eq!(operation.message.as_deref(), Some("Unknown action: warp_server"));
}

#[test]
fn an_error_frame_fails_the_oldest_open_legacy_command_of_that_server() {
    // P-32
    let mut view = PanelView::default();
    view.add_operation(NODE, "legacy_1", "server_start", Some("other"), Transport::Legacy, false);
    view.add_operation(NODE, "legacy_2", "server_start", Some(SERVER), Transport::Legacy, false);
    view.absorb(NODE, 1, &fixture("error.json"));
    assert_eq!(view.operation("legacy_1").unwrap().state, OperationState::Sent);
    assert_eq!(view.operation("legacy_2").unwrap().state, OperationState::Failed);
}

#[test]
fn lost_console_lines_are_said_in_the_console() {
    // P-70
    let mut view = PanelView::default();
    let gap = json!({"type": "event", "event": "gap", "data": {"scope": "console", "serverId": SERVER,
        "fromSeq": 120, "toSeq": 480, "reason": "console_overflow"}});
    view.absorb(NODE, 1, &gap);
    let server = view.server(SERVER).unwrap();
    assert_eq!(server.console_gaps, 1);
    assert_eq!(server.console[0].source, LineSource::Notice);
    assert!(server.console[0].text.contains("120 to 480"));
}

#[test]
fn a_create_shows_nothing_until_the_agent_names_the_server_and_then_its_name() {
    let mut view = PanelView::default();
    let payload = json!({"name": "My srv", "image": "x:y", "limits": {"memory": 512}});
    view.absorb_sent_command(NODE, "create_server", SERVER, &payload);
    assert!(view.server(SERVER).is_none());
    view.absorb(NODE, 1, &status("installing"));
    let server = view.server(SERVER).unwrap();
    assert_eq!(server.name.as_deref(), Some("My srv"));
    assert_eq!(server.memory_limit_bytes, Some(512 * 1024 * 1024));
}

#[test]
fn the_console_is_bounded_and_its_numbers_go_on() {
    let mut view = PanelView::default();
    for _ in 0..MAX_CONSOLE_LINES + 10 {
        view.absorb(NODE, 1, &json!({"type": "server_output", "data": {"serverId": SERVER, "output": "line"}}));
    }
    let server = view.server(SERVER).unwrap();
    assert_eq!(server.console.len(), MAX_CONSOLE_LINES);
    assert_eq!(server.console[0].number, 11);
    for _ in 0..40 {
        let long = "x".repeat(65_536);
        view.absorb(NODE, 1, &json!({"type": "server_output", "data": {"serverId": SERVER, "output": long}}));
    }
    assert_eq!(view.server(SERVER).unwrap().console.len(), 16, "1 MiB of 64 KiB lines");
}

#[test]
fn frames_with_missing_or_wrong_fields_do_no_harm() {
    let mut view = PanelView::default();
    for frame in [
        json!({"type": "server_status"}),
        json!({"type": "server_status", "data": {"serverId": 5, "status": "running"}}),
        json!({"type": "server_output", "data": {"serverId": SERVER, "output": 5}}),
        json!({"type": "event", "event": "server_status_changed", "data": []}),
        json!({"type": "event", "event": "operation_completed"}),
        json!({"type": "event", "event": "gap", "data": {"scope": "console"}}),
        json!({"type": "response", "id": {}}),
        json!({"type": "error"}),
        json!([]),
    ] {
        view.absorb(NODE, 1, &frame);
    }
    assert!(view.nodes.get(NODE).is_none_or(|node| node.servers.is_empty()));
}
