//! The Docker adapter against engines that are gone, hang, or are none. No real engine takes part.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use cap_domain::ids::{NodeId, ServerId};
use cap_domain::spec::Signal;
use cap_engine::port::Deadlines;
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
fn answering(folder: &Path, answer: &'static [u8]) -> std::path::PathBuf {
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

#[tokio::test]
async fn one_bad_entry_does_not_fail_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = r#"[3, {"Id":null}, {"Id":"bad","Names":["/ctrl-alt-play-bad"],"State":"running"},
        {"Id":"good","Names":["/ctrl-alt-play-good"],"State":"teleporting","Labels":{"x":"y"}}]"#;
    let good =
        r#"{"Id":"good","Name":"/ctrl-alt-play-good","State":{"Running":true,"Status":"teleporting","StartedAt":"t"}}"#;
    let socket = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let length = connection.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let (status, body) = match request.split(' ').nth(1) {
                Some("/containers/json?all=1") => ("200 OK", list),
                Some("/containers/good/json") => ("200 OK", good),
                _ => ("500 Internal Server Error", r#"{"message":"broken"}"#),
            };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut listed = engine(&socket, LONG).list().await.unwrap();
    listed.sort_by(|left, right| left.server.cmp(&right.server));
    let seen: Vec<_> = listed
        .iter()
        .map(|entry| (entry.server.as_str(), entry.facts.running, entry.facts.started_at.as_deref()))
        .collect();
    assert_eq!(seen, [("bad", true, None), ("good", true, Some("t"))]);
}
