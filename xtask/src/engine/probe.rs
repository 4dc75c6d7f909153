//! Asking a socket whether a Docker Engine answers there. By hand, so that no client needs to be installed.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::http;

/// How long an engine may take to answer a question that costs it nothing.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

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
        Ok(answer) if answer.status == 200 => {
            let version = get(socket, "/version", deadline).ok().map(|answer| answer.json());
            let version = version.as_ref().and_then(|body| body["Version"].as_str());
            Answer::Engine { version: version.unwrap_or("unknown").to_owned() }
        }
        Ok(answer) => Answer::Nothing(format!("something else listens there; it answers {}", answer.status)),
        Err(error) => match error.kind() {
            ErrorKind::PermissionDenied => Answer::Denied,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Answer::Silent,
            ErrorKind::NotFound => Answer::Nothing("there is no such socket".to_owned()),
            ErrorKind::ConnectionRefused => Answer::Nothing("nobody listens on the socket any more".to_owned()),
            _ => Answer::Nothing(error.to_string()),
        },
    }
}

fn get(socket: &Path, target: &str, deadline: Duration) -> std::io::Result<http::Answer> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(deadline))?;
    stream.set_write_timeout(Some(deadline))?;
    http::exchange(stream, "docker", "GET", target, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
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
        assert_eq!(ask(&socket), Answer::Nothing("something else listens there; it answers 404".to_owned()));
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
