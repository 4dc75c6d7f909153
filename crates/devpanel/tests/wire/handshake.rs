//! Section 2, the upgrade.

use awc::ws::{Frame, Message};
use cap_devpanel::{DevPanel, DevPanelConfig};
use serde_json::json;

use super::client::{NODE, RawAgent, SECRET, SOON};

fn panel() -> DevPanel {
    DevPanel::start(DevPanelConfig::new(SECRET)).unwrap()
}

#[actix_rt::test]
async fn any_authorization_that_is_not_byte_equal_is_refused_with_401() {
    let panel = panel();
    let wrong: &[&[(&str, &str)]] = &[
        &[],
        &[("Authorization", "Bearer wrong-secret")],
        &[("Authorization", "bearer test-agent-secret")],
        &[("Authorization", "Bearer  test-agent-secret")],
        &[("Authorization", "test-agent-secret")],
        &[("Authorization", "Bearer test-agent-secretx")],
        &[("X-API-Key", "test-agent-secret")],
        &[("Authorization", "Bearer undefined")],
    ];
    for headers in wrong {
        let refused = RawAgent::dial(&panel, "/?nodeId=node-1", headers).await;
        assert_eq!(refused.err(), Some(401), "{headers:?}");
    }
    assert!(panel.connections().iter().all(|connection| !connection.accepted));
    assert!(panel.agents().is_empty());
}

#[actix_rt::test]
async fn the_first_frame_is_the_request_for_system_info_and_nothing_follows() {
    // P-48, and "nothing else" in section 2: what comes next is what the test itself causes.
    let panel = panel();
    let mut agent = RawAgent::connect(&panel, NODE).await;
    assert_eq!(agent.text().await, r#"{"type":"system_info_request"}"#);
    agent.send_message(Message::Ping("are you there".into())).await;
    assert!(matches!(agent.next().await, Some(Frame::Pong(payload)) if &payload[..] == b"are you there"));
    assert_eq!(panel.connections()[0].pings, 1);
}

#[actix_rt::test]
async fn any_path_is_accepted_and_the_url_alone_names_the_node() {
    let panel = panel();
    let authorization = format!("Bearer {SECRET}");
    let headers = [("Authorization", authorization.as_str()), ("X-Node-Id", "from-a-header")];
    let mut agent = RawAgent::dial(&panel, "/agents/ws?x=1&nodeId=a%20b&y=2", &headers).await.ok().unwrap();
    agent.text().await;
    assert_eq!(panel.agents()[0].node_id, "a%20b", "not decoded");
    let connection = &panel.connections()[0];
    assert_eq!(connection.url, "/agents/ws?x=1&nodeId=a%20b&y=2");
    assert_eq!(connection.headers["x-node-id"], "from-a-header");
    assert!(!connection.headers.contains_key("authorization"), "secrets are not recorded");
}

#[actix_rt::test]
async fn without_a_node_id_the_upgrade_succeeds_and_1008_follows() {
    let panel = panel();
    let authorization = format!("Bearer {SECRET}");
    let headers = [("Authorization", authorization.as_str()), ("X-Node-Id", NODE), ("X-Agent-ID", NODE)];
    let mut agent = RawAgent::dial(&panel, "/agents", &headers).await.ok().unwrap();
    assert_eq!(agent.close().await, (1008, Some("Invalid node ID".to_owned())));
    assert!(agent.next().await.is_none(), "the socket ends");
    assert!(panel.agents().is_empty());
}

#[actix_rt::test]
async fn messages_of_8_million_bytes_arrive_whole() {
    // P-15 gives agents the same limit.
    let panel = panel();
    let mut agent = RawAgent::online(&panel, NODE).await;
    let long = "x".repeat(8 * 1024 * 1024);
    agent.send(&json!({"type": "server_output", "data": {"serverId": "s", "output": long}})).await;
    assert!(panel.wait_for(SOON, |panel| panel.console_text("s").len() == 8 * 1024 * 1024).await);
}

#[actix_rt::test]
async fn bad_frames_of_an_agent_are_recorded_and_end_nothing() {
    let panel = panel();
    let mut agent = RawAgent::online(&panel, NODE).await;
    agent.send_message(Message::Text("not json".into())).await;
    agent.send_message(Message::Binary(vec![0xff, 0x00].into())).await;
    agent.send(&json!({"type": "no_such_frame"})).await;
    agent.beat(&panel, NODE).await;
    let frames = panel.frames();
    let kinds: Vec<&str> = frames.iter().map(|frame| frame.kind()).collect();
    assert_eq!(kinds, ["heartbeat", "", "", "no_such_frame", "heartbeat"]);
    assert!(frames[2].binary);
    assert!(frames.windows(2).all(|pair| pair[1].order == pair[0].order + 1));
}

#[actix_rt::test]
async fn a_panel_can_be_started_again_on_its_former_port() {
    let first = panel();
    let mut agent = RawAgent::online(&first, NODE).await;
    let address = first.address();
    first.stop();
    assert!(agent.next().await.is_none(), "connections end with the panel");
    let second = DevPanel::start(DevPanelConfig { listen: address, ..DevPanelConfig::new(SECRET) }).unwrap();
    let _agent = RawAgent::online(&second, NODE).await;
    assert!(second.is_online(NODE));
}
