//! Section 2, who counts as online.

use std::time::Duration;

use awc::ws::{CloseCode, Frame, Message};
use cap_devpanel::{ConnectionEnd, DevPanel, DevPanelConfig, HeartbeatRules, Refused};

use super::client::{NODE, RawAgent, SECRET, SERVER, SOON};

fn panel() -> DevPanel {
    DevPanel::start(DevPanelConfig::new(SECRET)).unwrap()
}

#[actix_rt::test]
async fn an_agent_that_stops_beating_goes_offline_is_refused_commands_and_comes_back_with_a_beat() {
    let heartbeat =
        HeartbeatRules { offline_after: Duration::from_millis(300), check_every: Duration::from_millis(50) };
    let panel = DevPanel::start(DevPanelConfig { heartbeat, ..DevPanelConfig::new(SECRET) }).unwrap();
    let mut agent = RawAgent::online(&panel, NODE).await;
    assert!(panel.wait_for(SOON, |panel| !panel.is_online(NODE)).await);
    // Only commands are refused; the connection stays.
    assert_eq!(panel.send_command(NODE, "start_server", Some(SERVER), None), Err(Refused::Offline));
    assert!(panel.agents()[0].connected);
    agent.beat(&panel, NODE).await;
    let sent = panel.send_command(NODE, "start_server", Some(SERVER), None);
    let id = sent.expect("online again");
    assert_eq!(agent.json().await["id"], id.as_str());
}

#[actix_rt::test]
async fn only_heartbeat_frames_count() {
    let heartbeat =
        HeartbeatRules { offline_after: Duration::from_millis(300), check_every: Duration::from_millis(50) };
    let panel = DevPanel::start(DevPanelConfig { heartbeat, ..DevPanelConfig::new(SECRET) }).unwrap();
    let mut agent = RawAgent::online(&panel, NODE).await;
    let going_offline = async { panel.wait_for(SOON, |panel| !panel.is_online(NODE)).await };
    let busy = async {
        loop {
            agent.send(&serde_json::json!({"type": "server_output", "data": {"serverId": "s", "output": "x"}})).await;
            agent.send_message(Message::Ping("x".into())).await;
            assert!(matches!(agent.next().await, Some(Frame::Pong(_))));
        }
    };
    tokio::select! {
        offline = going_offline => assert!(offline),
        () = busy => {}
    }
}

#[actix_rt::test]
async fn a_second_connection_replaces_the_first_without_closing_it() {
    let panel = panel();
    let mut first = RawAgent::online(&panel, NODE).await;
    let mut second = RawAgent::online(&panel, NODE).await;
    let id = panel.send_command(NODE, "list_servers", None, None).unwrap();
    assert_eq!(second.json().await["id"], id.as_str(), "commands go to the newest");
    // The first is still served: its frames count.
    first.beat(&panel, NODE).await;
    assert!(panel.connections().iter().all(|connection| connection.end.is_none()));
}

#[actix_rt::test]
async fn the_late_close_of_the_first_marks_the_new_one_offline_until_its_next_heartbeat() {
    let panel = panel();
    let mut first = RawAgent::online(&panel, NODE).await;
    let mut second = RawAgent::online(&panel, NODE).await;
    first.send_message(Message::Close(Some(CloseCode::Normal.into()))).await;
    assert!(panel.wait_for(SOON, |panel| panel.connections()[0].end.is_some()).await);
    assert_eq!(panel.connections()[0].end, Some(ConnectionEnd::ClosedByAgent(Some(1000))));
    assert!(!panel.is_online(NODE));
    assert!(panel.agents()[0].connected, "the new connection is open");
    assert_eq!(panel.send_command(NODE, "list_servers", None, None), Err(Refused::Offline));
    second.beat(&panel, NODE).await;
    assert!(panel.is_online(NODE));
    assert!(panel.send_command(NODE, "list_servers", None, None).is_ok());
}

#[actix_rt::test]
async fn an_agent_that_vanishes_is_offline_at_once() {
    let panel = panel();
    let agent = RawAgent::online(&panel, NODE).await;
    drop(agent);
    assert!(panel.wait_for(SOON, |panel| !panel.is_online(NODE)).await);
    assert_eq!(panel.connections()[0].end, Some(ConnectionEnd::Lost));
    assert_eq!(panel.send_command("no-such-node", "x", None, None), Err(Refused::UnknownNode));
}

#[test]
fn a_thread_without_a_runtime_can_wait_too() {
    let panel = panel();
    assert!(!panel.wait_for_blocking(Duration::from_millis(50), |panel| panel.is_online(NODE)));
    let agent = std::thread::scope(|scope| {
        let dialling = scope.spawn(|| {
            actix_rt::System::new().block_on(async {
                let agent = RawAgent::online(&panel, NODE).await;
                drop(agent);
            });
        });
        let seen = panel.wait_for_blocking(SOON, |panel| panel.frames_received() == 1);
        dialling.join().unwrap();
        seen
    });
    assert!(agent);
}
