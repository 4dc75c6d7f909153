//! The Docker adapter against engines that are gone, hang, or are none. No real engine takes part.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cap_domain::ids::{NodeId, ServerId};
use cap_domain::spec::Signal;
use cap_engine::port::{Deadlines, PullProgress};
use cap_engine::{ContainerEngine, DockerEngine, EngineError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

const SHORT: Deadlines = Deadlines {
    read: Duration::from_millis(100),
    write: Duration::from_millis(100),
    pull_idle: Duration::from_millis(100),
};

/// For engines that answer: long enough that the deadline is never the reason.
const LONG: Deadlines =
    Deadlines { read: Duration::from_secs(60), write: Duration::from_secs(60), pull_idle: Duration::from_secs(60) };

fn engine(socket: &Path, deadlines: Deadlines) -> DockerEngine {
    DockerEngine::connect(socket, NodeId::parse("n1").unwrap(), deadlines)
}

fn server() -> ServerId {
    ServerId::parse("a").unwrap()
}

/// The errors of one call of each kind, all of which must fail.
async fn errors(engine: &DockerEngine) -> Vec<EngineError> {
    vec![
        engine.info().await.unwrap_err(),
        engine.list().await.unwrap_err(),
        engine.look(&server()).await.unwrap_err(),
        engine.image("x").await.unwrap_err(),
        engine.start(&server()).await.unwrap_err(),
        engine.signal(&server(), Signal::Kill).await.unwrap_err(),
        engine.remove(&server()).await.unwrap_err(),
        engine.attach(&server()).await.err().unwrap(),
        engine.logs(&server(), None, 1).await.err().unwrap(),
        engine.events().await.err().unwrap(),
        engine.figures(&server()).await.unwrap_err(),
    ]
}

/// Accepts for ever, and answers every connection with the same bytes after it has asked for something.
fn answering(folder: &Path, answer: &'static [u8]) -> PathBuf {
    let socket = folder.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let _read = connection.read(&mut request).await;
                let _written = connection.write_all(answer).await;
            });
        }
    });
    socket
}

#[tokio::test]
async fn an_engine_that_is_gone_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&folder.path().join("absent.sock"), LONG);
    for error in errors(&engine).await {
        assert!(matches!(error, EngineError::Unreachable { .. }), "{error:?}");
        assert!(error.engine_is_gone());
        assert!(!error.to_string().contains("absent.sock"), "{error}");
    }
    let pull = engine.pull("x", Box::new(|_| {})).await.unwrap_err();
    assert!(matches!(pull, EngineError::Unreachable { .. }), "{pull:?}");
}

#[tokio::test]
async fn an_engine_that_comes_late_is_found_without_a_new_adapter() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&folder.path().join("engine.sock"), LONG);
    assert!(engine.info().await.is_err());
    answering(folder.path(), b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"ServerVersion\":\"99.0.0\"}\n");
    assert_eq!(engine.info().await.unwrap().version, "99.0.0");
}

#[tokio::test]
async fn an_engine_that_accepts_and_never_answers_times_out() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let _never_accepts = UnixListener::bind(&socket).unwrap();
    let engine = engine(&socket, SHORT);
    for error in errors(&engine).await {
        assert!(matches!(error, EngineError::TimedOut { .. }), "{error:?}");
        assert!(error.engine_is_gone());
    }
    let pull = engine.pull("x", Box::new(|_| {})).await.unwrap_err();
    assert!(matches!(pull, EngineError::PullFailed { transient: true, .. }), "{pull:?}");
}

#[tokio::test]
async fn something_that_is_no_engine_fails_and_is_not_taken_for_absence() {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"half\": ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&answering(folder.path(), answer), LONG);
        for error in [
            engine.info().await.unwrap_err(),
            engine.list().await.unwrap_err(),
            engine.look(&server()).await.unwrap_err(),
            engine.start(&server()).await.unwrap_err(),
            engine.attach(&server()).await.err().unwrap(),
        ] {
            assert!(matches!(error, EngineError::Failed { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_leaves_the_outcome_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let socket = answering(folder.path(), b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\":");
    let error = engine(&socket, LONG).look(&server()).await.unwrap_err();
    assert!(error.engine_is_gone(), "{error:?}");
}

#[tokio::test]
async fn a_404_about_something_else_is_not_taken_for_an_absent_container() {
    let folder = tempfile::tempdir().unwrap();
    let socket = answering(
        folder.path(),
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 29\r\n\r\n{\"message\":\"page not found\"}\n",
    );
    let error = engine(&socket, LONG).look(&server()).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed { .. }), "{error:?}");
}

/// What a scripted engine does with a request.
enum Reply {
    Answer(&'static str, &'static str),
    Silence,
}

/// An engine that looks at the path of each request.
fn scripted(folder: &Path, reply: impl Fn(&str) -> Reply + Send + 'static) -> PathBuf {
    let socket = folder.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        // Connections that get no answer stay open.
        let mut silent = Vec::new();
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = connection.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            match reply(request.split(' ').nth(1).unwrap_or_default()) {
                Reply::Answer(status, body) => {
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    connection.write_all(answer.as_bytes()).await.unwrap();
                }
                Reply::Silence => silent.push(connection),
            }
        }
    });
    socket
}

#[tokio::test]
async fn entries_that_are_bad_or_hang_do_not_fail_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let socket = scripted(folder.path(), |path| match path {
        "/containers/json?all=1" => Reply::Answer(
            "200 OK",
            r#"[3, {"Id":null}, {"Id":"bad","Names":["/ctrl-alt-play-bad"],"State":"running","Labels":{"ctrl-alt-play.managed":"true"}},
            {"Id":"hung","Names":["/ctrl-alt-play-hung"],"State":"paused","Labels":{"ctrl-alt-play.managed":"true"}},
            {"Id":"gone","Names":["/ctrl-alt-play-gone"],"State":"exited","Labels":{"ctrl-alt-play.managed":"true"}},
            {"Id":"good","Names":["/ctrl-alt-play-good"],"State":"teleporting","Labels":{"ctrl-alt-play.managed":"true","x":"y"}}]"#,
        ),
        "/containers/good/json" => {
            Reply::Answer("200 OK", r#"{"Id":"good","State":{"Running":true,"Status":"teleporting","StartedAt":"t"}}"#)
        }
        "/containers/gone/json" => Reply::Answer("404 Not Found", r#"{"message":"No such container: gone"}"#),
        "/containers/hung/json" => Reply::Silence,
        _ => Reply::Answer("500 Internal Server Error", r#"{"message":"broken"}"#),
    });
    let deadlines = Deadlines { read: Duration::from_secs(4), ..LONG };
    let mut listed = engine(&socket, deadlines).list().await.unwrap();
    listed.sort_by(|left, right| left.server.cmp(&right.server));
    let seen: Vec<_> = listed
        .iter()
        .map(|entry| (entry.server.as_str(), entry.facts.running, entry.facts.started_at.as_deref()))
        .collect();
    assert_eq!(seen, [("bad", true, None), ("good", true, Some("t")), ("hung", true, None)]);
}

/// What a pull tells while the engine answers with these lines.
async fn pulled(lines: &'static str) -> (Result<(), EngineError>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = scripted(folder.path(), move |path| match path {
        "/images/create?fromImage=a%2Fb%3A1" => Reply::Answer("200 OK", lines),
        _ => Reply::Answer("400 Bad Request", ""),
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let progress = Box::new(move |progress: PullProgress| teller.lock().unwrap().push(progress.percent));
    let outcome = engine(&socket, LONG).pull("a/b:1", progress).await;
    let told = told.lock().unwrap().clone();
    (outcome, told)
}

#[tokio::test]
async fn a_pull_tells_its_progress_up_to_100() {
    let (outcome, told) = pulled(concat!(
        r#"{"status":"Pulling from a/b","id":"1"}"#,
        "\r\n",
        r#"{"status":"Pulling fs layer","progressDetail":{},"id":"x"}"#,
        "\r\n",
        r#"{"status":"Downloading","progressDetail":{"current":50,"total":100},"id":"x"}"#,
        "\r\n",
        r#"{"status":"Pull complete","progressDetail":{},"id":"x"}"#,
        "\r\n",
        r#"{"status":"Status: Downloaded newer image"}"#,
        "\r\n"
    ))
    .await;
    outcome.unwrap();
    assert_eq!(told, [0, 35, 99, 100]);
}

#[tokio::test]
async fn a_pull_that_fails_in_the_middle_is_no_success() {
    let (outcome, told) = pulled(concat!(
        r#"{"status":"Pulling fs layer","progressDetail":{},"id":"x"}"#,
        "\r\n",
        r#"{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}"#,
        "\r\n"
    ))
    .await;
    assert!(matches!(outcome, Err(EngineError::PullFailed { transient: true, .. })), "{outcome:?}");
    assert!(!told.contains(&100));
}
