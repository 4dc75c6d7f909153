//! What comes in, what goes out, and what does not end the link.

use actix_http::ws::{Frame, Item, Message};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};

use super::{fake_panel::*, *};

async fn connected() -> (FakePanel, Running, LinkUp, PanelSocket) {
    connected_with(|_| {}).await
}

async fn connected_with(change: impl FnOnce(&mut LinkConfig)) -> (FakePanel, Running, LinkUp, PanelSocket) {
    let panel = FakePanel::start().await;
    let mut config = config_for(panel.url());
    change(&mut config);
    let mut running = Running::start(config);
    let socket = panel.accept().await;
    let up = running.up().await;
    (panel, running, up, socket)
}

/// The panel speaks right after accepting; the first frame may share a segment with the upgrade's answer.
#[actix::test]
async fn a_frame_in_the_same_segment_as_the_upgrade_is_not_lost() {
    let panel = FakePanel::start().await;
    let mut running = Running::against(&panel);
    let request = r#"{"type":"system_info_request"}"#;
    let mut bytes = vec![0x81, request.len() as u8];
    bytes.extend_from_slice(request.as_bytes());
    let _socket = panel.knock().await.upgrade_and_say(&bytes).await;
    running.up().await;
    assert_eq!(running.inbound().await, request);
}

/// P-15.
#[actix::test]
async fn text_binary_and_fragments_are_messages_alike() {
    let (_panel, mut running, _up, mut socket) = connected().await;
    socket.send(Message::Binary(Bytes::from_static(b"binary"))).await;
    assert_eq!(running.inbound().await, "binary");
    socket.send(Message::Continuation(Item::FirstText(Bytes::from_static(b"one ")))).await;
    socket.send(Message::Ping(Bytes::from_static(b"between"))).await;
    socket.send(Message::Continuation(Item::Continue(Bytes::from_static(b"two ")))).await;
    socket.send(Message::Continuation(Item::Last(Bytes::from_static(b"three")))).await;
    assert_eq!(running.inbound().await, "one two three");
    assert_eq!(socket.frame().await, Frame::Pong(Bytes::from_static(b"between")));
}

/// P-15: a message of exactly the limit is taken, one byte more closes with 1009, whole or in pieces.
#[actix::test]
async fn the_message_limit_is_exact() {
    const LIMIT: usize = 200_000;
    let limited = |config: &mut LinkConfig| config.ws_max_message = LIMIT;

    let (_panel, mut running, _up, mut socket) = connected_with(limited).await;
    socket.say(&"x".repeat(LIMIT)).await;
    assert_eq!(running.inbound().await.len(), LIMIT);
    socket.say(&"x".repeat(LIMIT + 1)).await;
    assert_eq!(socket.close_code().await, 1009);
    assert_eq!(running.down().await, LinkEnd::InboundTooLong);

    let (panel, mut running, _up, mut socket) = connected_with(limited).await;
    socket.send(Message::Continuation(Item::FirstText(vec![b'x'; LIMIT].into()))).await;
    socket.send(Message::Continuation(Item::Last(Bytes::from_static(b"x")))).await;
    assert_eq!(socket.close_code().await, 1009);
    assert_eq!(running.down().await, LinkEnd::InboundTooLong);
    drop(socket);
    panel.accept().await;
    running.up().await;
}

/// W7: a header that promises gigabytes ends the link although the gigabytes never come.
#[actix::test]
async fn an_announced_giant_is_refused_by_its_header() {
    let (_panel, mut running, _up, mut socket) = connected().await;
    socket.send_raw(&[0x82, 127, 0, 0, 0, 2, 0, 0, 0, 0]).await;
    assert_eq!(running.down().await, LinkEnd::InboundTooLong);
    assert_eq!(socket.close_code().await, 1009);
}

/// P-212: garbage is for the receiver to ignore; the link stays up through all of it.
#[actix::test]
async fn garbage_never_ends_the_link() {
    let (_panel, mut running, _up, mut socket) = connected().await;
    let nested = "[".repeat(100_000);
    for garbage in ["", "not json", "{", "[1,2", "null", "\u{0}\u{7}", r#"{"type":7}"#, nested.as_str()] {
        socket.say(garbage).await;
        assert_eq!(running.inbound().await, garbage);
    }
    assert_eq!(running.status.borrow().phase, LinkPhase::Up);
}

/// P-212.
#[actix::test]
async fn bytes_that_are_not_utf8_close_with_1007_and_are_never_handed_on() {
    let hex = include_str!("../../../../../../tests/fixtures/hostile/invalid-utf8.hex.txt");
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    let (panel, mut running, _up, mut socket) = connected().await;
    socket.send(Message::Binary(bytes.into())).await;
    assert_eq!(socket.close_code().await, 1007);
    assert_eq!(running.down().await, LinkEnd::NotUtf8);
    drop(socket);
    panel.accept().await;
    running.up().await;
}

#[actix::test]
async fn a_broken_protocol_closes_with_1002() {
    let (_panel, mut running, _up, mut socket) = connected().await;
    socket.send_raw(&[0x83, 0]).await;
    assert_eq!(socket.close_code().await, 1002);
    assert!(matches!(running.down().await, LinkEnd::ProtocolViolation { .. }));
}

/// P-14.
#[actix::test]
async fn pings_are_answered_and_sent() {
    let (_panel, _running, _up, mut socket) =
        connected_with(|config| config.timings.ping_interval = Duration::from_millis(20)).await;
    assert!(matches!(socket.frame().await, Frame::Ping(_)));
    socket.send(Message::Ping(Bytes::from_static(b"are you there"))).await;
    loop {
        match socket.frame().await {
            Frame::Ping(_) => {}
            other => break assert_eq!(other, Frame::Pong(Bytes::from_static(b"are you there"))),
        }
    }
}

/// W7: floods of pings and of empty fragments neither end the link nor pile up; the last ping is answered.
#[actix::test]
async fn floods_of_pings_and_fragments_do_no_harm() {
    let (_panel, mut running, _up, socket) = connected().await;
    let (mut to_agent, mut from_agent) = socket.0.split();
    let reading = async {
        loop {
            match within(from_agent.next()).await.unwrap().unwrap() {
                Frame::Pong(payload) if payload == b"9999"[..] => break,
                Frame::Pong(_) => {}
                other => panic!("expected a pong, got {other:?}"),
            }
        }
    };
    let flooding = async {
        to_agent.feed(Message::Continuation(Item::FirstText(Bytes::new()))).await.unwrap();
        for n in 0..10_000 {
            to_agent.feed(Message::Ping(n.to_string().into())).await.unwrap();
            to_agent.feed(Message::Continuation(Item::Continue(Bytes::new()))).await.unwrap();
        }
        to_agent.send(Message::Continuation(Item::Last(Bytes::from_static(b"end")))).await.unwrap();
    };
    tokio::join!(within(flooding), reading);
    assert_eq!(running.inbound().await, "end");
}

/// P-14, W3: accepting but silent. Pings go out, nothing comes back.
#[actix::test]
async fn a_silent_panel_is_found_dead_and_redialled() {
    let (panel, mut running, _up, _mute) = connected_with(|config| {
        config.timings.dead_after = Duration::from_millis(100);
        config.timings.close_deadline = Duration::from_millis(20);
    })
    .await;
    assert_eq!(running.down().await, LinkEnd::Silent);
    panel.accept().await;
    running.up().await;
}

/// P-14: a pong is a sign of life.
#[actix::test]
async fn pongs_keep_a_quiet_link_alive() {
    let (_panel, running, _up, mut socket) = connected_with(|config| {
        config.timings.ping_interval = Duration::from_millis(100);
        config.timings.dead_after = Duration::from_secs(3);
    })
    .await;
    let mut answered = 0;
    // Four seconds of pings: longer than the silence that kills.
    while answered < 40 {
        if let Frame::Ping(payload) = socket.frame().await {
            socket.send(Message::Pong(payload)).await;
            answered += 1;
        }
    }
    assert_eq!(running.status.borrow().phase, LinkPhase::Up);
    assert_eq!(running.status.borrow().generation, 1);
}

/// P-13: the heartbeat goes first although other frames came before it, and the others keep their order.
#[actix::test]
async fn an_urgent_frame_is_first_and_overtakes() {
    let (_panel, running, up, mut socket) = connected_with(|config| config.timings.first_beat_grace = PATIENCE).await;
    let one = running.link.send(frame(&up, "one"));
    let two = running.link.send(frame(&up, "two"));
    let beat = running.link.send(urgent(&up, "heartbeat"));
    let (one, two, beat) = within(async { tokio::join!(one, two, beat) }).await;
    assert_eq!((one.unwrap(), two.unwrap(), beat.unwrap()), (Ok(()), Ok(()), Ok(())));
    for expected in ["heartbeat", "one", "two"] {
        assert_eq!(socket.text().await, expected);
    }
}

#[actix::test]
async fn without_a_heartbeat_the_others_go_after_the_grace() {
    let (_panel, running, up, mut socket) =
        connected_with(|config| config.timings.first_beat_grace = Duration::from_millis(10)).await;
    assert_eq!(within(running.link.send(frame(&up, "one"))).await.unwrap(), Ok(()));
    assert_eq!(socket.text().await, "one");
}

/// The window is bounded, and what does not fit is told.
#[actix::test]
async fn frames_beyond_the_window_are_refused_and_none_is_lost_in_secret() {
    let (_panel, running, up, mut socket) = connected_with(|config| config.timings.first_beat_grace = PATIENCE).await;
    let sends: Vec<_> = (0..NORMAL_WINDOW + 1).map(|n| running.link.send(frame(&up, &n.to_string()))).collect();
    let mut all = std::pin::pin!(futures_util::future::join_all(sends));
    // The frames wait for the heartbeat; this puts them all into the mailbox.
    assert!(futures_util::poll!(all.as_mut()).is_pending());
    running.link.send(urgent(&up, "heartbeat")).await.unwrap().unwrap();
    let answers: Vec<_> = within(all).await.into_iter().map(Result::unwrap).collect();
    assert!(answers[..NORMAL_WINDOW].iter().all(Result::is_ok));
    assert_eq!(answers[NORMAL_WINDOW], Err(SendFailed::WindowFull));
    assert_eq!(socket.text().await, "heartbeat");
    for n in 0..NORMAL_WINDOW {
        assert_eq!(socket.text().await, n.to_string());
    }
}

#[actix::test]
async fn a_frame_for_an_older_connection_is_refused() {
    let (panel, mut running, old, socket) = connected().await;
    drop(socket);
    running.down().await;
    assert_eq!(running.link.send(frame(&old, "stale")).await.unwrap(), Err(SendFailed::LinkGone));
    let mut socket = panel.accept().await;
    let new = running.up().await;
    assert!(new.generation > old.generation);
    assert_eq!(running.link.send(frame(&old, "stale")).await.unwrap(), Err(SendFailed::LinkGone));
    running.link.send(urgent(&new, "fresh")).await.unwrap().unwrap();
    assert_eq!(socket.text().await, "fresh");
}

/// Frames that the socket did not take are answered when the link ends; nobody waits for ever.
#[actix::test]
async fn waiting_frames_are_answered_when_the_link_ends() {
    let (_panel, mut running, up, socket) = connected_with(|config| config.timings.first_beat_grace = PATIENCE).await;
    let mut waiting = std::pin::pin!(running.link.send(frame(&up, "never")));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    drop(socket);
    assert_eq!(within(waiting).await.unwrap(), Err(SendFailed::LinkGone));
    assert!(matches!(running.down().await, LinkEnd::Broken { .. }));
}

/// P-10: 1009 halves what is sent from then on.
#[actix::test]
async fn close_1009_halves_later_messages() {
    let (panel, mut running, up, mut socket) = connected().await;
    assert_eq!(up.max_message, None);
    let mut limit = 100_000;
    let mut up = up;
    for _ in 0..2 {
        running.link.send(urgent(&up, &"x".repeat(limit))).await.unwrap().unwrap();
        assert_eq!(socket.text().await.len(), limit);
        socket.close(1009, "").await;
        drop(socket);
        running.down().await;
        socket = panel.accept().await;
        up = running.up().await;
        limit /= 2;
        assert_eq!(up.max_message, Some(limit));
        let too_long = running.link.send(urgent(&up, &"x".repeat(limit + 1))).await.unwrap();
        assert_eq!(too_long, Err(SendFailed::TooLong { limit }));
    }
}

/// Back-pressure: a receiver that works on one message holds one; the rest stays with the panel. Heartbeats go on.
#[actix::test]
async fn a_slow_receiver_holds_one_message_and_no_heartbeat() {
    struct Slow(mpsc::UnboundedSender<String>, std::rc::Rc<tokio::sync::Semaphore>);
    impl Actor for Slow {
        type Context = Context<Self>;
    }
    impl Handler<Inbound> for Slow {
        type Result = ResponseFuture<()>;
        fn handle(&mut self, inbound: Inbound, _: &mut Context<Self>) -> ResponseFuture<()> {
            self.0.send(inbound.text).unwrap();
            let permits = self.1.clone();
            Box::pin(async move { permits.acquire().await.unwrap().forget() })
        }
    }
    let panel = FakePanel::start().await;
    let (seen, mut handed) = mpsc::unbounded_channel();
    let permits = std::rc::Rc::new(tokio::sync::Semaphore::new(0));
    let (tell, mut told) = mpsc::unbounded_channel();
    let listeners = LinkListeners {
        up: vec![Listener(tell).start().recipient()],
        down: vec![],
        inbound: Slow(seen, permits.clone()).start().recipient(),
    };
    let link = PanelConnection::new(config_for(panel.url()), listeners).unwrap().start();
    let mut socket = panel.accept().await;
    let Some(Told::Up(up)) = within(told.recv()).await else { panic!("expected LinkUp") };
    socket.say("first").await;
    socket.say("second").await;
    assert_eq!(within(handed.recv()).await.as_deref(), Some("first"));
    within(link.send(urgent(&up, "heartbeat"))).await.unwrap().unwrap();
    assert_eq!(socket.text().await, "heartbeat");
    assert!(handed.try_recv().is_err(), "the second is not read before the first is done");
    permits.add_permits(2);
    assert_eq!(within(handed.recv()).await.as_deref(), Some("second"));
}
