//! Consoles of simulated containers.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use cap_domain::ids::ServerId;
use cap_engine::port::{Attached, ConsoleChunk, ConsoleStream, EngineStream};
use futures_util::stream;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use crate::sim_engine::Shared;
use crate::sim_engine::container::{Container, Input};

/// Chunks that wait for a reader; then the game waits, as with the real engine.
const CHUNKS_WAITING: usize = 1024;

/// Opens a console.
pub(super) fn attach(container: &mut Container) -> Attached {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    container.readers.push(sender);
    let input = SharedInput { input: Arc::clone(&container.input), connected: Arc::clone(&container.connected) };
    Attached { output: channel_stream(receiver), input: Box::pin(input) }
}

/// A stream of what comes through a channel.
pub(super) fn channel_stream<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> EngineStream<T> {
    Box::pin(stream::unfold(receiver, |mut receiver| async move { Some((Ok(receiver.recv().await?), receiver)) }))
}

impl Shared {
    /// Writes to the console of a server: into its log, and to everybody who reads. Waits for readers.
    pub(super) async fn write(&self, server: &ServerId, stream: ConsoleStream, bytes: Bytes) {
        let (readers, stream) = {
            let mut world = self.world();
            let now = world.now();
            let Some(container) = world.containers.get_mut(server) else { return };
            // A terminal has one stream only.
            let stream = if container.plan.tty { ConsoleStream::Stdout } else { stream };
            container.keep(stream, &bytes, &now);
            container.readers.retain(|reader| !reader.is_closed());
            (container.readers.clone(), stream)
        };
        for reader in readers {
            let _closed = reader.send(ConsoleChunk { stream, bytes: bytes.clone() }).await;
        }
    }
}

struct SharedInput {
    input: Input,
    connected: Arc<AtomicBool>,
}

impl SharedInput {
    fn with<T>(
        &self,
        act: impl FnOnce(Pin<&mut tokio::io::DuplexStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if !self.connected.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        act(Pin::new(&mut *input))
    }
}

impl AsyncWrite for SharedInput {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|input| input.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|input| input.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // One who leaves does not close the game's input.
        Poll::Ready(Ok(()))
    }
}
