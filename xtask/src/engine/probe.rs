//! Asking a socket whether a Docker Engine answers there. By hand, so that no client needs to be installed.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long an engine may take to answer a question that costs it nothing.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// No answer to these questions is longer; more is not read.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// What is at the socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// An engine.
    Engine {
        /// Such as `27.3.1`; `unknown` if it does not say.
        version: String,
    },
    /// The socket exists, and this user may not open it.
    Denied,
    /// It accepts connections and does not answer in time.
    Silent,
    /// No engine, and why.
    Nothing(String),
}

/// Asks, within [`DEADLINE`].
pub(super) fn ask(socket: &Path) -> Answer {
    ask_within(socket, DEADLINE)
}

fn ask_within(socket: &Path, deadline: Duration) -> Answer {
    match get(socket, "/_ping", deadline) {
        Ok(answer)
            if answer.starts_with("HTTP/1.") && answer.lines().next().is_some_and(|line| line.contains(" 200 ")) =>
        {
            let version = get(socket, "/version", deadline).ok().and_then(|answer| version_in(&answer));
            Answer::Engine { version: version.unwrap_or_else(|| "unknown".to_owned()) }
        }
        Ok(answer) => Answer::Nothing(format!("it answers `{}`", answer.lines().next().unwrap_or_default())),
        Err(error) => match error.kind() {
            ErrorKind::PermissionDenied => Answer::Denied,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Answer::Silent,
            ErrorKind::NotFound => Answer::Nothing("there is no such socket".to_owned()),
            ErrorKind::ConnectionRefused => Answer::Nothing("nobody listens on the socket any more".to_owned()),
            _ => Answer::Nothing(error.to_string()),
        },
    }
}

fn get(socket: &Path, path: &str, deadline: Duration) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(deadline))?;
    stream.set_write_timeout(Some(deadline))?;
    // HTTP/1.0: the engine closes the connection after its answer, so the end of the answer is the end of the stream.
    // In one piece: the other side may answer and close after the first it reads.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn version_in(answer: &str) -> Option<String> {
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body.get("Version")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// Serves each connection with one of the answers, then closes it.
    fn engine_that_says(folder: &Path, answers: Vec<&'static str>) -> std::path::PathBuf {
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = [0; 512];
                let _ = stream.read(&mut question).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        socket
    }

    #[test]
    fn an_engine_is_known_by_its_ping_and_says_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let answers =
            vec!["HTTP/1.0 200 OK\r\n\r\nOK", "HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n{\"Version\":\"27.3.1\"}"];
        let socket = engine_that_says(folder.path(), answers);
        assert_eq!(ask(&socket), Answer::Engine { version: "27.3.1".to_owned() });
    }

    #[test]
    fn a_server_that_is_not_an_engine_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let socket = engine_that_says(folder.path(), vec!["HTTP/1.0 404 Not Found\r\n\r\n"]);
        assert_eq!(ask(&socket), Answer::Nothing("it answers `HTTP/1.0 404 Not Found`".to_owned()));
    }

    #[test]
    fn a_socket_that_is_missing_or_left_behind_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        assert_eq!(ask(&socket), Answer::Nothing("there is no such socket".to_owned()));
        drop(UnixListener::bind(&socket).unwrap());
        assert_eq!(ask(&socket), Answer::Nothing("nobody listens on the socket any more".to_owned()));
    }

    #[test]
    fn an_engine_that_hangs_is_silent_and_does_not_hang_us() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(ask_within(&socket, Duration::from_millis(50)), Answer::Silent);
    }
}
