//! How sockets are closed, and that it happens before the next dial (P-11).

use super::{fake_panel::*, *};

/// P-11: the panel sees the old socket closed before it sees the new one.
#[actix::test]
async fn the_old_socket_is_closed_before_the_next_dial() {
    let panel = FakePanel::start().await;
    let mut config = config_for(panel.url());
    config.timings.retry_scale = 0.0;
    let mut running = Running::start(config);
    for _ in 0..20 {
        let mut socket = panel.accept().await;
        running.up().await;
        socket.close(1001, "restarting").await;
        tokio::select! {
            biased;
            _ = panel.listener.accept() => panic!("dialled before the old socket was closed"),
            () = socket.until_hung_up() => {}
        }
        running.down().await;
    }
}

/// P-11: a panel that never hangs up delays the next dial by the deadline only.
#[actix::test]
async fn a_close_that_is_never_finished_does_not_stop_the_redial() {
    let panel = FakePanel::start().await;
    let mut config = config_for(panel.url());
    config.timings.close_deadline = Duration::from_millis(20);
    let mut running = Running::start(config);
    let mut stuck = panel.accept().await;
    running.up().await;
    stuck.close(1001, "").await;
    running.down().await;
    panel.accept().await;
    running.up().await;
}

/// A lost link is told at once, before the old socket is closed.
#[actix::test]
async fn link_down_does_not_wait_for_the_close() {
    let panel = FakePanel::start().await;
    let mut config = config_for(panel.url());
    config.timings.close_deadline = PATIENCE * 2;
    let mut running = Running::start(config);
    let mut held = panel.accept().await;
    running.up().await;
    held.close(1012, "").await;
    assert!(matches!(running.down().await, LinkEnd::ClosedByPanel { code: 1012, .. }));
    assert_eq!(running.status.borrow().phase, LinkPhase::Closing);
}

/// A close frame without a code is answered without one.
#[actix::test]
async fn a_close_without_code_is_a_lost_link() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    let mut socket = panel.accept().await;
    running.up().await;
    socket.send(actix_http::ws::Message::Close(None)).await;
    assert_eq!(running.down().await, LinkEnd::ClosedByPanel { code: 1005, reason: String::new() });
    drop(socket);
    panel.accept().await;
    running.up().await;
}

/// Shutdown: what was accepted goes out, then 1000, then the end of the stream, and no further dial.
#[actix::test]
async fn shutdown_writes_what_was_accepted_and_closes_with_1000() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    let mut socket = panel.accept().await;
    let up = running.up().await;
    let mut last_words: Vec<_> = (0..10).map(|n| Box::pin(running.link.send(frame(&up, &n.to_string())))).collect();
    for send in &mut last_words {
        assert!(futures_util::poll!(send).is_pending());
    }
    let close = running.link.send(CloseLink);
    let panel_side = async {
        for n in 0..10 {
            assert_eq!(socket.text().await, n.to_string());
        }
        assert_eq!(socket.close_code().await, 1000);
        socket.close(1000, "").await;
        socket.until_hung_up().await;
        drop(socket);
    };
    let (closed, ()) = within(async { tokio::join!(close, panel_side) }).await;
    closed.unwrap();
    assert_eq!(running.down().await, LinkEnd::Shutdown);
    assert_eq!(running.status.borrow().phase, LinkPhase::Closed);
    assert_eq!(running.link.send(frame(&up, "late")).await.unwrap(), Err(SendFailed::LinkGone));
    running.link.send(Connect).await.unwrap();
    assert_eq!(running.status.borrow().generation, 1, "no dial after the shutdown");
}

/// A panel that does not answer the close holds the shutdown up by the deadline only.
#[actix::test]
async fn shutdown_ends_although_the_panel_does_not_answer() {
    let panel = FakePanel::start().await;
    let mut config = config_for(panel.url());
    config.timings.close_deadline = Duration::from_millis(20);
    let mut running = Running::start(config);
    let _mute = panel.accept().await;
    running.up().await;
    within(running.link.send(CloseLink)).await.unwrap();
    assert_eq!(running.status.borrow().phase, LinkPhase::Closed);
}

/// Shutdown while a dial is under way, and while the next one is only scheduled.
#[actix::test]
async fn shutdown_ends_dials_and_waits() {
    let panel = FakePanel::start().await;
    let running = Running::against(&panel);
    let knock = panel.knock().await;
    within(running.link.send(CloseLink)).await.unwrap();
    assert_eq!(running.status.borrow().phase, LinkPhase::Closed);
    drop(knock);

    let mut config = config_for(panel.url());
    config.timings.retry_scale = 1000.0;
    let mut running = Running::start(config);
    panel.knock().await.answer("500 Oops").await;
    running.status_that(|s| s.phase == LinkPhase::Down && s.next_try.is_some()).await;
    within(running.link.send(CloseLink)).await.unwrap();
    within(running.link.send(CloseLink)).await.unwrap();
    assert_eq!(running.status.borrow().phase, LinkPhase::Closed);
}

/// W1, issue 2: dropped twenty times in every way, the link comes back each time, once.
#[actix::test]
async fn twenty_drops_in_all_ways_and_the_link_comes_back_each_time() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    for round in 0..20 {
        let mut socket = panel.accept().await;
        let up = running.up().await;
        running.link.send(urgent(&up, "heartbeat")).await.unwrap().unwrap();
        assert_eq!(socket.text().await, "heartbeat");
        match round % 4 {
            0 => drop(socket),
            1 => socket.close(1000, "").await,
            2 => socket.send_raw(&[0xff, 0xff, 0xff]).await,
            _ => {
                socket.close(1011, "").await;
                socket.until_hung_up().await;
            }
        }
        running.down().await;
    }
    let _socket = panel.accept().await;
    assert_eq!(running.up().await.generation, 21);
}
