//! Section 5, what the panel sends, and what it makes of the answers.

use std::time::Duration;

use awc::ws::Frame;
use cap_devpanel::{DevPanel, DevPanelConfig, OperationState, Refused};
use serde_json::{Value, json};

use super::client::{NODE, RawAgent, SECRET, SERVER, SOON};

async fn panel_and_agent() -> (DevPanel, RawAgent) {
    let panel = DevPanel::start(DevPanelConfig::new(SECRET)).unwrap();
    let agent = RawAgent::online(&panel, NODE).await;
    (panel, agent)
}

#[actix_rt::test]
async fn a_command_frame_has_the_stock_keys_in_the_stock_order() {
    // P-51
    let (panel, mut agent) = panel_and_agent().await;
    let payload = json!({"signal": "SIGTERM", "timeout": 30});
    let id = panel.send_command(NODE, "stop_server", Some(SERVER), Some(payload)).unwrap();
    let text = agent.text().await;
    let frame: Value = serde_json::from_str(&text).unwrap();
    let timestamp = frame["timestamp"].as_str().unwrap();
    assert_eq!(timestamp.len(), "2026-11-20T11:13:46.419Z".len());
    let expected = format!(
        r#"{{"id":"{id}","type":"command","timestamp":"{timestamp}","agentId":"{NODE}","action":"stop_server","serverId":"{SERVER}","payload":{{"signal":"SIGTERM","timeout":30}}}}"#
    );
    assert_eq!(text, expected);
}

#[actix_rt::test]
async fn an_answer_is_found_by_the_id_of_its_command() {
    let (panel, mut agent) = panel_and_agent().await;
    let first = panel.send_command(NODE, "start_server", Some(SERVER), None).unwrap();
    let second = panel.send_command(NODE, "list_servers", None, None).unwrap();
    assert_ne!(first, second);
    agent.json().await;
    agent.json().await;
    agent
        .send(&json!({"type": "response", "id": second, "success": true, "data": {"servers": [
        {"serverId": SERVER, "status": "running", "name": "My srv", "image": "a:b"}], "count": 1}}))
        .await;
    agent
        .send(&json!({"type": "response", "id": first, "success": false,
        "error": {"code": "SERVER_BUSY", "message": "busy"}}))
        .await;
    let answer = panel.wait_for_response(&second, SOON).await.unwrap();
    assert_eq!(answer["data"]["count"], 1);
    assert_eq!(panel.status(SERVER).as_deref(), Some("running"), "a list tells the truth about servers");
    let outcome = panel.wait_for_outcome(&first, SOON).await.unwrap();
    assert_eq!((outcome.state, outcome.code.as_deref()), (OperationState::Failed, Some("SERVER_BUSY")));
    assert_eq!(panel.wait_for_response("cmd_never", Duration::from_millis(20)).await, None);
}

#[actix_rt::test]
async fn an_operation_ends_with_its_event() {
    // P-17, P-20
    let (panel, mut agent) = panel_and_agent().await;
    let id = panel.send_command(NODE, "start_server", Some(SERVER), None).unwrap();
    agent.json().await;
    agent
        .send(&json!({"type": "response", "id": id, "success": true,
        "data": {"serverId": SERVER, "status": "starting", "operationId": "op_1"}}))
        .await;
    assert!(panel.wait_for_response(&id, SOON).await.is_some());
    assert_eq!(panel.operation(&id).unwrap().state, OperationState::InProgress);
    agent
        .send(&json!({"type": "event", "event": "operation_completed", "seq": 1, "epoch": "e", "data": {
        "operationId": "op_1", "commandId": id, "serverId": SERVER, "action": "start_server", "success": true}}))
        .await;
    let outcome = panel.wait_for_outcome(&id, SOON).await.unwrap();
    assert_eq!(outcome.state, OperationState::Succeeded);
    assert_eq!((outcome.answers, outcome.completions), (1, 1));
}

#[actix_rt::test]
async fn legacy_raw_and_binary_messages_arrive_as_they_are() {
    let (panel, mut agent) = panel_and_agent().await;
    panel.send_legacy(NODE, "console:command", SERVER, Some(json!({"command": "say hi"}))).unwrap();
    let expected = format!(r#"{{"type":"server_command","data":{{"serverId":"{SERVER}","command":"say hi"}}}}"#);
    assert_eq!(agent.text().await, expected);
    panel.send_raw(NODE, "anything { at all").unwrap();
    assert_eq!(agent.text().await, "anything { at all");
    panel.send_binary(NODE, vec![1, 2, 3]).unwrap();
    assert!(matches!(agent.next().await, Some(Frame::Binary(bytes)) if bytes[..] == [1, 2, 3]));
    assert_eq!(panel.send_legacy(NODE, "list_servers", SERVER, None), Err(Refused::NoLegacyFrame));
}

#[actix_rt::test]
async fn the_view_follows_what_the_agent_pushes_and_survives_a_reconnect() {
    let (panel, mut agent) = panel_and_agent().await;
    let fixture = |name: &str| -> Value {
        let path = format!("{}/../../tests/fixtures/ws/to-panel/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    for name in ["system-info", "server-status-running", "event-status-changed", "server-output"] {
        agent.send(&fixture(name)).await;
    }
    assert!(panel.wait_for(SOON, |panel| panel.console_text(SERVER).contains("Done (1.204s)!")).await);
    let mut agent = RawAgent::online(&panel, NODE).await;
    panel.view(|view| {
        let node = &view.nodes[NODE];
        assert_eq!(node.connections, 2);
        assert_eq!((node.last_seq, node.status_changes.len()), (Some(43), 1));
        assert_eq!(node.servers[SERVER].status, "running");
    });
    agent.send(&json!({"type": "server_status", "data": {"serverId": SERVER, "status": "stopped"}})).await;
    assert!(panel.wait_for(SOON, |panel| panel.status(SERVER).as_deref() == Some("stopped")).await);
}
