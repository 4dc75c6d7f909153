//! Limits against large, slow and many callers (S-22).

use super::*;

const HEAD: &str = "POST /api/command HTTP/1.1\r\nHost: a\r\nX-API-Key: test-daemon-token\r\n";

/// P-81: exactly the limit is taken, one byte more is 413, announced or not.
#[actix::test]
async fn the_body_limit_is_exact() {
    const LIMIT: usize = 300_000;
    let mut settings = settings();
    settings.max_body = LIMIT;
    let running = Running::start(settings, FakePort::reading());
    let string_of = |length: usize| format!("\"{}\"", "x".repeat(length - 2)).into_bytes();
    assert_eq!(running.command(&string_of(LIMIT)).await.status, 200);
    let answer = running.command(&string_of(LIMIT + 1)).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["success"], false);

    let mut caller = running.caller().await;
    let mut chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", LIMIT + 1).into_bytes();
    chunked.extend(string_of(LIMIT + 1));
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    caller.write(&chunked).await;
    assert_eq!(caller.answer().await.status, 413);
    assert_eq!(running.port.given().len(), 1);
}

/// The default takes 64 MiB, as panels need it.
#[test]
fn the_default_limit_is_that_of_the_contract() {
    assert_eq!(settings().max_body, 64 << 20);
    assert!(settings().limits.keep_alive >= Duration::from_secs(30), "P-76");
    assert!(settings().limits.bodies >= settings().max_body);
}

/// A head that never ends.
#[actix::test]
async fn a_slow_head_is_cut_off_and_health_answers_meanwhile() {
    let mut settings = settings();
    settings.limits.head = Duration::from_millis(100);
    let running = Running::start(settings, FakePort::reading());
    let mut slow = running.caller().await;
    slow.write(b"GET /health HTTP/1.1\r\nX-Slow: ").await;
    let mut silent = running.caller().await;
    assert_eq!(running.ask("GET", "/health", &[], b"").await.status, 200);
    slow.until_hung_up().await;
    silent.until_hung_up().await;
}

/// A body that stalls.
#[actix::test]
async fn a_stalled_body_is_cut_off() {
    let mut settings = settings();
    settings.limits.body_pause = Duration::from_millis(50);
    let running = Running::start(settings, FakePort::reading());
    let mut caller = running.caller().await;
    caller.write(format!("{HEAD}Content-Length: 100\r\n\r\nonly this").as_bytes()).await;
    assert_eq!(caller.answer().await.status, 408);
    assert!(running.port.given().is_empty());
}

/// A body that never stalls and never ends.
#[actix::test]
async fn a_trickling_body_is_cut_off() {
    let mut settings = settings();
    settings.limits.body_total = Duration::from_millis(200);
    let running = Running::start(settings, FakePort::reading());
    let mut caller = running.caller().await;
    caller.write(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await;
    while !caller.hears_within(Duration::from_millis(10)).await {
        caller.write(b"1\r\nx\r\n").await;
    }
    assert_eq!(caller.answer().await.status, 408);
}

/// I7: bodies that do not fit into the memory for them together are refused; the room comes back.
#[actix::test]
async fn bodies_together_have_a_bound() {
    let mut settings = settings();
    settings.limits.bodies = 4 * BODY_PERMIT_BYTES;
    let (release, released) = watch::channel(false);
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let running = Running::start(
        settings,
        FakePort::answering(move |_| {
            let mut released = released.clone();
            begun.send(()).unwrap();
            async move {
                released.wait_for(|released| *released).await.unwrap();
                HttpReply { status: 200, body: "{}".to_owned() }
            }
            .boxed()
        }),
    );
    let three_quarters = vec![b'x'; 3 * BODY_PERMIT_BYTES];
    let mut first = running.caller().await;
    first.write(format!("{HEAD}Content-Length: {}\r\n\r\n", three_quarters.len()).as_bytes()).await;
    first.write(&three_quarters).await;
    within(has_begun.recv()).await.unwrap();
    let refused = running.command(&three_quarters).await;
    assert_eq!((refused.status, &refused.json()["code"]), (200, &"RATE_LIMITED".into()));
    release.send(true).unwrap();
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(running.command(&three_quarters).await.status, 200);
}

/// A broken transfer coding is the caller's fault and harms no other.
#[actix::test]
async fn a_broken_chunk_is_a_400() {
    let running = Running::start(settings(), FakePort::reading());
    let mut caller = running.caller().await;
    caller.write(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n").as_bytes()).await;
    assert_eq!(caller.answer().await.status, 400);
    assert_eq!(running.ask("GET", "/health", &[], b"").await.status, 200);
}
