//! The ways in which the panel can be made to misbehave.

use awc::ws::{Frame, Message};
use cap_devpanel::{ConnectionEnd, DevPanel, DevPanelConfig, Misbehave};

use super::client::{NODE, RawAgent, SECRET, SOON};

fn panel(misbehave: Misbehave) -> DevPanel {
    DevPanel::start(DevPanelConfig { misbehave: Some(misbehave), ..DevPanelConfig::new(SECRET) }).unwrap()
}

#[actix_rt::test]
async fn it_refuses_the_right_secret_until_told_otherwise() {
    let panel = panel(Misbehave::Refuse401);
    let authorization = format!("Bearer {SECRET}");
    let headers = [("Authorization", authorization.as_str())];
    assert_eq!(RawAgent::dial(&panel, "/?nodeId=node-1", &headers).await.err(), Some(401));
    panel.set_misbehave(None);
    RawAgent::online(&panel, NODE).await;
}

#[actix_rt::test]
async fn it_closes_with_any_code() {
    for code in [1008, 1009, 4000, 4409] {
        let panel = panel(Misbehave::CloseWith(code));
        let mut agent = RawAgent::connect(&panel, NODE).await;
        assert_eq!(agent.close().await.0, code);
        assert!(agent.next().await.is_none());
        assert!(panel.wait_for(SOON, |panel| panel.connections()[0].end.is_some()).await);
        assert_eq!(panel.connections()[0].end, Some(ConnectionEnd::ClosedByPanel(code)));
    }
}

#[actix_rt::test]
async fn it_accepts_and_stays_silent_until_the_connection_is_dropped() {
    let panel = panel(Misbehave::AcceptButSilent);
    let mut agent = RawAgent::connect(&panel, NODE).await;
    agent.send_message(Message::Ping("anyone?".into())).await;
    agent.send_message(Message::Text("hello".into())).await;
    panel.drop_connections();
    // Had it sent anything at all, that would come before the end.
    assert!(agent.next().await.is_none());
    assert_eq!(panel.frames_received(), 0);
    assert_eq!(panel.connections()[0].end, Some(ConnectionEnd::DroppedByPanel));
}

#[actix_rt::test]
async fn it_sends_garbage_and_then_works() {
    let panel = panel(Misbehave::Garbage);
    let mut agent = RawAgent::online(&panel, NODE).await;
    let id = panel.send_command(NODE, "list_servers", None, None).unwrap();
    let (mut texts, mut binaries) = (0, 0);
    loop {
        match agent.next().await {
            Some(Frame::Text(text)) if text.windows(id.len()).any(|window| window == id.as_bytes()) => break,
            Some(Frame::Text(_)) => texts += 1,
            Some(Frame::Binary(_)) => binaries += 1,
            other => panic!("garbage never ends the connection: {other:?}"),
        }
    }
    assert!(texts > 10 && binaries > 1, "{texts} texts, {binaries} binaries");
}

#[actix_rt::test]
async fn it_behaves_and_then_closes_by_itself() {
    let panel = panel(Misbehave::CloseAfter(30));
    let mut agent = RawAgent::connect(&panel, NODE).await;
    assert_eq!(agent.text().await, r#"{"type":"system_info_request"}"#);
    assert_eq!(agent.close().await.0, 1001);
}

#[actix_rt::test]
async fn dropped_connections_end_without_a_close_frame_and_closed_ones_with_it() {
    let panel = DevPanel::start(DevPanelConfig::new(SECRET)).unwrap();
    let mut agent = RawAgent::online(&panel, NODE).await;
    panel.drop_connections();
    assert!(agent.next().await.is_none());
    assert!(!panel.is_online(NODE));

    let mut agent = RawAgent::online(&panel, NODE).await;
    panel.close_all(1012, "restarting");
    assert_eq!(agent.close().await, (1012, Some("restarting".to_owned())));
    assert!(panel.wait_for(SOON, |panel| !panel.is_online(NODE)).await);
}
