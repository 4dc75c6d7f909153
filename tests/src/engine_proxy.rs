//! A fault proxy in front of the engine's socket: forwards, refuses, hangs or cuts, as the test says.
//!
//! Only the agent that is given [`EngineProxy::socket`] is harmed; the engine itself and everybody else notice nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};

/// What the proxy does with connections, open and new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: all bytes go through.
    None,
    /// New connections are taken and closed at once, open ones are cut: an engine that went away.
    Refuse,
    /// Connections stay open and are taken, but no byte moves any more: an engine that hangs.
    Hang,
}

/// See the module. Dropping it ends it.
#[derive(Debug)]
pub struct EngineProxy {
    dir: TempDir,
    fault: watch::Sender<Fault>,
    /// Orders to cut all connections; each is answered when they are closed.
    cuts: mpsc::Sender<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
    cloak: Arc<Mutex<Option<Cloak>>>,
}

/// Bytes from the engine that are shown as others of the same length.
#[derive(Clone, Debug)]
struct Cloak {
    shown: Vec<u8>,
    instead_of: Vec<u8>,
}

impl EngineProxy {
    /// A proxy in front of this engine that does no harm yet.
    pub fn start(engine: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("cap-proxy-").tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
        let (fault, faults) = watch::channel(Fault::None);
        let (cuts, cut) = mpsc::channel(1);
        let cloak = Arc::new(Mutex::new(None));
        let task = tokio::spawn(accept(listener, engine.to_owned(), (faults, cut), Arc::clone(&cloak)));
        Self { dir, fault, cuts, task, cloak }
    }

    /// Where the agent is to find its engine.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// Changes what happens to connections, open ones included.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        if fault == Fault::Refuse {
            self.cut().await;
        }
    }

    /// Cuts every open connection, and returns when they are closed; new ones are treated as before.
    pub async fn cut(&self) {
        let (done, closed) = oneshot::channel();
        self.cuts.send(done).await.unwrap();
        closed.await.unwrap();
    }

    /// Containers labelled with the node id `hidden` look as if they had no node id label, as those of the Go agent.
    ///
    /// A container that really has none would be adopted by every agent of every test that runs at the same time.
    pub fn show_without_node(&self, hidden: &str) {
        let label = |key: &str| format!("\"ctrl-alt-play.{key}-id\":\"{hidden}\"").into_bytes();
        let cloak = Cloak { shown: label("edon"), instead_of: label("node") };
        *self.cloak.lock().unwrap() = Some(cloak);
    }
}

impl Drop for EngineProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: UnixListener,
    engine: PathBuf,
    (faults, mut cuts): (watch::Receiver<Fault>, mpsc::Receiver<oneshot::Sender<()>>),
    cloak: Arc<Mutex<Option<Cloak>>>,
) {
    // Ends its connections when it is aborted itself.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                if *faults.borrow() == Fault::Refuse {
                    continue;
                }
                let cloak = cloak.lock().unwrap().clone();
                connections.spawn(serve(client, engine.clone(), faults.clone(), cloak));
            }
            Some(done) = cuts.recv() => {
                connections.shutdown().await;
                // Whoever ordered it may have gone.
                let _ = done.send(());
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(client: UnixStream, engine: PathBuf, mut faults: watch::Receiver<Fault>, cloak: Option<Cloak>) {
    // An error means that the proxy itself has ended.
    let _ = faults.wait_for(|fault| *fault != Fault::Hang).await;
    let Ok(server) = UnixStream::connect(engine).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = pass(from_client, to_server, faults.clone(), None);
    let down = pass(from_server, to_client, faults, cloak);
    tokio::join!(up, down);
}

/// Moves bytes until the sender ends, then ends the receiver's half.
async fn pass(
    mut from: tokio::net::unix::OwnedReadHalf,
    mut to: tokio::net::unix::OwnedWriteHalf,
    mut faults: watch::Receiver<Fault>,
    cloak: Option<Cloak>,
) {
    let mut held: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        // Bytes that come while the engine "hangs" wait here.
        let _ = faults.wait_for(|fault| *fault != Fault::Hang).await;
        held.extend_from_slice(&buffer[..read]);
        let ready = match &cloak {
            Some(cloak) if read > 0 => cloak.apply(&mut held),
            _ => held.len(),
        };
        if to.write_all(&held[..ready]).await.is_err() {
            return;
        }
        held.drain(..ready);
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
    }
}

impl Cloak {
    /// Replaces in place; gives how many bytes can be passed on: the rest may be the begin of something to replace.
    fn apply(&self, bytes: &mut [u8]) -> usize {
        let length = self.instead_of.len();
        let mut at = 0;
        while at + length <= bytes.len() {
            if bytes[at..at + length] == self.instead_of[..] {
                bytes[at..at + length].copy_from_slice(&self.shown);
                at += length;
            } else {
                at += 1;
            }
        }
        let tail = (1..length.min(bytes.len() + 1)).rev();
        let begun = tail.into_iter().find(|&count| bytes[bytes.len() - count..] == self.instead_of[..count]);
        bytes.len() - begun.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloak_replaces_across_reads_and_keeps_everything_else() {
        let cloak = Cloak { shown: b"NODE".to_vec(), instead_of: b"node".to_vec() };
        for split in 0..=13 {
            let text = b"a node, nodes";
            let (mut held, mut passed) = (Vec::new(), Vec::new());
            for part in [&text[..split], &text[split..]] {
                held.extend_from_slice(part);
                let ready = cloak.apply(&mut held);
                passed.extend(held.drain(..ready));
            }
            passed.extend(held);
            assert_eq!(String::from_utf8(passed).unwrap(), "a NODE, NODEs", "split at {split}");
        }
    }
}
