//! The upgrade request, refusals, and when the link dials again.

use futures_util::SinkExt;

use super::{fake_panel::*, *};

async fn request_for(path_and_query: &str) -> Knock {
    let panel = FakePanel::start().await;
    let _running = Running::start(config_for(panel.url() + path_and_query));
    panel.knock().await
}

/// P-6, P-7, P-8.
#[actix::test]
async fn upgrade_request_is_what_the_panel_compares() {
    for (configured, target) in [
        ("", "/?nodeId=node-1"),
        ("/agent/ws", "/agent/ws?nodeId=node-1"),
        ("/p?region=eu", "/p?region=eu&nodeId=node-1"),
        ("/p?nodeId=someone.else", "/p?nodeId=someone.else"),
    ] {
        let knock = request_for(configured).await;
        assert!(knock.request.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{}", knock.request);
        assert_eq!(knock.header("Authorization"), Some("Bearer test-agent-secret"));
        assert_eq!(knock.header("X-Node-Id"), Some("node-1"));
        assert_eq!(knock.header("X-Agent-ID"), Some("node-1"));
        assert_eq!(knock.header("Sec-WebSocket-Extensions"), None, "no compression is offered");
    }
}

/// P-6: http is read as ws. The name is resolved, not only addresses.
#[actix::test]
async fn a_host_name_with_an_http_scheme_is_dialled() {
    let panel = FakePanel::start().await;
    let mut running = Running::start(config_for(format!("http://localhost:{}", panel.port())));
    let _socket = panel.accept().await;
    running.up().await;
}

/// P-10, W6: 401 and 403 are slow retries, from the sixth in a row very slow ones.
#[actix::test]
async fn refused_secret_is_retried_slowly_and_then_very_slowly() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    for round in 1..=6u64 {
        let answer = if round % 2 == 0 { "403 Forbidden" } else { "401 Unauthorized" };
        panel.knock().await.answer(answer).await;
        let status = running.status_that(|s| s.generation == round && s.phase == LinkPhase::Down).await;
        let problem = status.problem.unwrap();
        assert!(problem.starts_with("agent secret refused"), "{problem}");
        assert!(!problem.contains(SECRET));
        let delay = status.next_try.unwrap().as_secs_f64();
        let expected = if round < 6 { 48.0..=72.0 } else { 300.0..=900.0 };
        assert!(expected.contains(&delay), "round {round}: {delay}");
    }
}

/// P-9: 5 s, doubling to 60 s, each +-20 %.
#[actix::test]
async fn retries_double_up_to_a_minute_and_never_end() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    for (round, step) in (1u64..).zip([5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0]) {
        drop(panel.knock().await);
        let status = running.status_that(|s| s.generation == round && s.phase == LinkPhase::Down).await;
        let delay = status.next_try.unwrap().as_secs_f64();
        assert!((step * 0.8..=step * 1.2).contains(&delay), "round {round}: {delay}");
    }
}

/// W2: a panel that accepts and closes at once does not reset the backoff.
#[actix::test]
async fn a_flapping_panel_does_not_reset_the_backoff() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    let mut last = 0.0;
    for round in 1..=4u64 {
        panel.accept().await.close(1001, "").await;
        let status = running.status_that(|s| s.generation == round && s.phase == LinkPhase::Down).await;
        let delay = status.next_try.unwrap().as_secs_f64();
        assert!(delay > last, "round {round}: {delay} after {last}");
        last = delay;
    }
}

#[actix::test]
async fn an_answer_that_is_no_upgrade_is_explained_and_retried() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    panel.knock().await.answer("302 Found").await;
    let status = running.status_that(|s| s.phase == LinkPhase::Down && s.problem.is_some()).await;
    assert!(status.problem.unwrap().contains("no panel answers there (HTTP 302)"));
    panel.accept().await;
    running.up().await;
}

#[actix::test]
async fn a_closed_port_is_explained_and_dialled_again_when_it_opens() {
    let panel = FakePanel::start().await;
    let (url, address) = (panel.url(), panel.listener.local_addr().unwrap());
    drop(panel);
    let mut running = Running::start(config_for(url));
    let status = running.status_that(|s| s.generation > 1 && s.problem.is_some()).await;
    assert!(status.problem.unwrap().starts_with("connection refused"));
    let panel = FakePanel { listener: tokio::net::TcpListener::bind(address).await.unwrap() };
    panel.accept().await;
    running.up().await;
}

#[actix::test]
async fn an_unknown_host_name_is_explained_without_the_query() {
    let mut running = Running::start(config_for("ws://no-such-host.invalid/?token=hunter2"));
    let status = running.status_that(|s| s.problem.is_some()).await;
    let problem = status.problem.unwrap();
    assert!(problem.starts_with("the panel's host name cannot be resolved"), "{problem}");
    assert!(!problem.contains("hunter2"));
}

/// A panel that accepts the connection and never answers the upgrade.
#[actix::test]
async fn an_upgrade_that_is_never_answered_ends_at_the_deadline() {
    let panel = FakePanel::start().await;
    let mut config = config_for(panel.url());
    config.timings.dial_deadline = Duration::from_millis(50);
    let mut running = Running::start(config);
    let _held = panel.knock().await;
    let status = running.status_that(|s| s.problem.is_some()).await;
    assert_eq!(status.problem.as_deref(), Some("the panel did not answer in time"));
}

/// P-10: 1008 is a refusal, 4000 to 4999 are.
#[actix::test]
async fn close_1008_and_4000_are_retried_slowly() {
    for code in [1008, 4000, 4999] {
        let panel = FakePanel::start().await;
        let mut running = Running::against(&panel);
        panel.accept().await.close(code, "Invalid node ID").await;
        running.up().await;
        assert_eq!(running.down().await, LinkEnd::ClosedByPanel { code, reason: "Invalid node ID".to_owned() });
        let status = running.status_that(|s| s.phase == LinkPhase::Down && s.next_try.is_some()).await;
        let delay = status.next_try.unwrap().as_secs_f64();
        assert!((48.0..=72.0).contains(&delay), "{code}: {delay}");
        panel.accept().await;
    }
}

/// P-10: after 4409 nothing dials until a restart.
#[actix::test]
async fn close_4409_ends_dialling() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    panel.accept().await.close(4409, "fenced").await;
    let status = running.status_that(|s| s.phase == LinkPhase::Fenced).await;
    assert_eq!(status.next_try, None);
    // Even the actor's own wish to dial is refused now; the answer to a later message proves it was handled.
    running.link.do_send(Connect);
    running.link.send(SetReconnectSpread(Duration::ZERO)).await.unwrap();
    assert_eq!(running.status.borrow().generation, 1);
    assert_eq!(running.status.borrow().phase, LinkPhase::Fenced);
}

/// P-12.
#[actix::test]
async fn the_browser_mock_of_an_http_panel_is_left_alone_for_ten_minutes() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    let mut socket = panel.accept().await;
    let fixture = include_str!("../../../../../../tests/fixtures/ws/from-panel/mock-panel.list.json");
    for item in serde_json::from_str::<Vec<serde_json::Value>>(fixture).unwrap() {
        socket.say(&item["frame"].to_string()).await;
    }
    assert_eq!(socket.close_code().await, 1000);
    drop(socket);
    let status = running.status_that(|s| s.phase == LinkPhase::Down && s.next_try.is_some()).await;
    assert_eq!(status.next_try, Some(Duration::from_secs(600)));
    panel.accept().await;
}

/// P-12: the request may come after a mock frame, and decides.
#[actix::test]
async fn mock_frames_beside_a_system_info_request_are_no_mock() {
    let panel = FakePanel::start().await;
    let mut config = config_for(panel.url());
    config.timings.mock_panel_verdict = Duration::from_millis(500);
    let mut running = Running::start(config);
    let mut socket = panel.accept().await;
    running.up().await;
    // In one write, so that the verdict cannot fall between them.
    for text in [r#"{"type":"stats"}"#, r#"{"type":"system_info_request"}"#] {
        socket.0.feed(actix_http::ws::Message::Text(text.into())).await.unwrap();
    }
    socket.0.flush().await.unwrap();
    running.inbound().await;
    running.inbound().await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    socket.say("still here").await;
    assert_eq!(running.inbound().await, "still here");
}
