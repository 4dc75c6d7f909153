//! A door in front of the engine: calls of one kind wait before it until it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// See the module. Dropping it closes the socket.
pub(super) struct Gate {
    dir: TempDir,
    open: watch::Sender<bool>,
    waiting: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Gate {
    /// A closed gate for requests that begin with one of these, such as `POST /containers/create`.
    pub(super) fn closed_for(requests: &'static [&'static str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (open, is_open) = watch::channel(false);
        let waiting = Arc::new(AtomicUsize::new(0));
        let listener = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
        let counter = Arc::clone(&waiting);
        let accepting = tokio::spawn(async move {
            while let Ok((agent, _)) = listener.accept().await {
                tokio::spawn(forward(agent, requests, is_open.clone(), Arc::clone(&counter)));
            }
        });
        Self { dir, open, waiting, accepting }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// How many requests have come to the closed gate.
    pub(super) fn has_held(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Opens or closes it; what waits goes on when it is opened.
    pub(super) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Copies both ways. A request's head comes at the begin of what the agent's client writes at once.
async fn forward(agent: UnixStream, requests: &[&str], mut open: watch::Receiver<bool>, waiting: Arc<AtomicUsize>) {
    let socket: &Path = &cap_testkit::docker::docker_socket();
    let Ok(engine) = UnixStream::connect(socket).await else { return };
    let (mut from_agent, mut to_agent) = agent.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    let answers = tokio::spawn(async move {
        // Either side may go away.
        let _ = tokio::io::copy(&mut from_engine, &mut to_agent).await;
        let _ = to_agent.shutdown().await;
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from_agent.read(&mut buffer).await {
        let chunk = &buffer[..count];
        if !*open.borrow() && requests.iter().any(|request| chunk.starts_with(request.as_bytes())) {
            waiting.fetch_add(1, Ordering::SeqCst);
            // A caller that gives up does not take its request back: the engine gets it, as if it had only been slow.
            if open.wait_for(|open| *open).await.is_err() {
                break;
            }
        }
        if to_engine.write_all(chunk).await.is_err() {
            break;
        }
    }
    let _ = to_engine.shutdown().await;
    let _ = answers.await;
}
