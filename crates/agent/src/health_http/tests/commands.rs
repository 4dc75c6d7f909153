//! `POST /api/command`.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// P-81, P-82, P-215: which hostile bodies are a 400, and which are an answer.
#[actix::test]
async fn hostile_bodies_get_the_codes_of_the_contract() {
    macro_rules! hostile {
        ($file:literal) => {
            include_bytes!(concat!("../../../../../tests/fixtures/hostile/", $file)).to_vec()
        };
    }
    let running = Running::start(settings(), FakePort::reading());
    for (body, status) in [
        (hostile!("truncated.txt"), 400),
        (hostile!("not-json.txt"), 400),
        (hostile!("empty.txt"), 400),
        (hostile!("trailing-bytes.txt"), 400),
        (hostile!("nan.txt"), 400),
        (hostile!("number-overflow.txt"), 400),
        (hostile!("deep-nesting.txt"), 200),
        (hex(include_str!("../../../../../tests/fixtures/hostile/invalid-utf8.hex.txt")), 400),
        (hostile!("lone-surrogate.json"), 200),
        (hostile!("duplicate-keys.json"), 200),
    ] {
        let answer = running.command(&body).await;
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        assert!(answer.json()["success"].is_boolean());
        assert_eq!(running.port.given().last().unwrap().1, body, "the port gets the bytes as they are");
    }
    let top_level = include_str!("../../../../../tests/fixtures/hostile/top-level.list.json");
    for item in serde_json::from_str::<Vec<serde_json::Value>>(top_level).unwrap() {
        let answer = running.command(item["body"].to_string().as_bytes()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (200, &"INVALID_REQUEST".into()), "{}", item["name"]);
    }
}

/// P-79: any content type, or none.
#[actix::test]
async fn the_content_type_does_not_matter() {
    let running = Running::start(settings(), FakePort::reading());
    for content_type in [None, Some("text/plain"), Some("application/json"), Some("nonsense")] {
        let mut headers = vec![("X-API-Key", DAEMON_TOKEN)];
        headers.extend(content_type.map(|value| ("Content-Type", value)));
        assert_eq!(running.ask("POST", "/api/command", &headers, br#"{"action":"ping"}"#).await.status, 200);
    }
}

/// P-210: who has no token is refused before the body has come.
#[actix::test]
async fn a_bad_token_is_refused_before_the_body_is_there() {
    let running = Running::start(settings(), FakePort::reading());
    let mut caller = running.caller().await;
    caller.write(b"POST /api/command HTTP/1.1\r\nHost: a\r\nX-API-Key: nope\r\nContent-Length: 1000\r\n\r\n").await;
    assert_eq!(caller.answer().await.status, 401);
    assert!(running.port.given().is_empty());
}

/// A caller that writes its whole body before it reads still sees the 401, not a reset.
#[actix::test]
async fn a_large_body_with_a_bad_token_still_gets_its_answer() {
    let running = Running::start(settings(), FakePort::reading());
    let answer = running.ask("POST", "/api/command", &[("X-API-Key", "nope")], &vec![b'x'; 8 << 20]).await;
    assert_eq!(answer.status, 401);
    assert!(running.port.given().is_empty());
}

/// P-81: a crash is one 500 without details, and the next command is served.
#[actix::test]
async fn a_crash_is_one_clean_500() {
    let running = Running::start(
        settings(),
        FakePort::answering(|body| {
            if body.as_ref() == b"crash" {
                async { panic!("secret detail") }.boxed()
            } else {
                std::future::ready(HttpReply { status: 200, body: "{}".to_owned() }).boxed()
            }
        }),
    );
    let answer = running.command(b"crash").await;
    assert_eq!((answer.status, &answer.json()["code"]), (500, &"INTERNAL_ERROR".into()));
    assert!(!answer.body.contains("secret detail"));
    assert_eq!(running.command(b"fine").await.status, 200);
}

/// P-26: the caller goes away, the command goes on.
#[actix::test]
async fn a_caller_that_goes_away_does_not_cancel_the_command() {
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let (finished, mut has_finished) = mpsc::unbounded_channel();
    let (go_on, may_go_on) = watch::channel(false);
    let running = Running::start(
        settings(),
        FakePort::answering(move |_| {
            let (begun, finished, mut may_go_on) = (begun.clone(), finished.clone(), may_go_on.clone());
            async move {
                begun.send(()).unwrap();
                may_go_on.wait_for(|go| *go).await.unwrap();
                finished.send(()).unwrap();
                HttpReply { status: 200, body: "{}".to_owned() }
            }
            .boxed()
        }),
    );
    let tcp = tokio::net::TcpStream::connect(running.address).await.unwrap();
    // A reset: after an orderly end the caller could still be reading.
    socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
    let mut caller = Caller::over(Box::new(tcp));
    let head = "POST /api/command HTTP/1.1\r\nHost: a\r\nX-API-Key: test-daemon-token\r\nContent-Length: 2\r\n\r\n{}";
    caller.write(head.as_bytes()).await;
    within(has_begun.recv()).await.unwrap();
    drop(caller);
    // The one thread of the server serves these after it has seen the reset.
    for _ in 0..10 {
        assert_eq!(running.ask("GET", "/health", &[], b"").await.status, 200);
    }
    go_on.send(true).unwrap();
    within(has_finished.recv()).await.expect("the command was cancelled");
}

/// A command that is not answered in time gets a clean answer, as late as a panel can still read it.
#[actix::test]
async fn an_answer_that_never_comes_is_a_timeout_and_not_a_500() {
    let mut settings = settings();
    settings.limits.reply = Duration::from_millis(20);
    let running = Running::start(settings, FakePort::answering(|_| std::future::pending().boxed()));
    let answer = running.command(b"{}").await;
    assert_eq!((answer.status, &answer.json()["code"]), (200, &"TIMEOUT".into()));
}

/// A slow command holds up neither health nor another command.
#[actix::test]
async fn a_hanging_command_holds_up_nobody() {
    let running = Running::start(
        settings(),
        FakePort::answering(|body| {
            if body.as_ref() == b"hang" {
                std::future::pending().boxed()
            } else {
                std::future::ready(HttpReply { status: 200, body: "{}".to_owned() }).boxed()
            }
        }),
    );
    let mut hanging = running.caller().await;
    hanging
        .write(
            b"POST /api/command HTTP/1.1\r\nHost: a\r\nX-API-Key: test-daemon-token\r\nContent-Length: 4\r\n\r\nhang",
        )
        .await;
    assert_eq!(running.command(b"{}").await.status, 200);
    assert_eq!(running.ask("GET", "/health", &[], b"").await.status, 200);
}
