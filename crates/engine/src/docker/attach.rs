//! Live consoles: a hijacked connection, read without frames for a terminal and by frames otherwise.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream;
use rustix::net::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::docker::demultiplex::Demultiplexer;
use crate::docker::failure::Fault;
use crate::docker::transport::{Transport, in_query};
use crate::port::{Attached, ConsoleChunk};

/// How much is read at once. At 400,000 lines a second the engine writes some 40 MB, so reads are few.
const READ_AT_ONCE: usize = 64 * 1024;

/// By default the engine takes Ctrl-P Ctrl-Q on a terminal's input as "detach" and swallows them. Input comes from
/// panels and may hold anything; this sequence of control characters no game command has.
const DETACH_KEYS: &str = "ctrl-@,ctrl-^,ctrl-],ctrl-@,ctrl-_,ctrl-^";

/// Opens the console of a container. `terminal` must be what the container was made with.
///
/// The streams belong to the runtime this is called on, wherever they are polled later. Dropping the output closes the
/// whole connection at once, even while the input is still held elsewhere: an attached connection that nobody reads
/// blocks the game.
pub(super) async fn attach(transport: &Transport, container: &str, terminal: bool) -> Result<Attached, Fault> {
    let keys = in_query(DETACH_KEYS);
    let path = format!("/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1&logs=0&detachKeys={keys}");
    let (connection, already_read) = transport.post_and_take_over(&path).await?;
    let (output, input) = connection.into_split();
    let console = Console { output: ClosingReader(output), demultiplexer: Demultiplexer::new(terminal, &already_read) };
    let output = stream::try_unfold(console, |mut console| async move {
        match console.next().await {
            Ok(Some(chunk)) => Ok(Some((chunk, console))),
            Ok(None) => Ok(None),
            Err(fault) => Err(fault.during("attach")),
        }
    });
    Ok(Attached { output: Box::pin(output), input: Box::pin(Input(Some(input))) })
}

struct Console {
    output: ClosingReader,
    demultiplexer: Demultiplexer,
}

impl Console {
    async fn next(&mut self) -> Result<Option<ConsoleChunk>, Fault> {
        loop {
            if let Some((stream, bytes)) = self.demultiplexer.next_piece()? {
                return Ok(Some(ConsoleChunk { stream, bytes }));
            }
            let buffer = self.demultiplexer.buffer();
            buffer.reserve(READ_AT_ONCE);
            match self.output.0.read_buf(buffer).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(source) if source.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(source) => return Err(Fault::connection(source)),
            }
        }
    }
}

/// The reading half; closes both directions when it goes.
struct ClosingReader(OwnedReadHalf);

impl Drop for ClosingReader {
    fn drop(&mut self) {
        let connection: &UnixStream = self.0.as_ref();
        // Fails only if the engine has closed it already.
        if let Err(error) = rustix::net::shutdown(connection, Shutdown::Both) {
            log::debug!("console connection was closed already: {error}");
        }
    }
}

/// The writing half. Neither shutting it down nor dropping it tells the engine anything: at the end of the input the
/// engine would close the output as well, while the game goes on.
struct Input(Option<OwnedWriteHalf>);

impl Input {
    fn half(self: Pin<&mut Self>) -> io::Result<Pin<&mut OwnedWriteHalf>> {
        self.get_mut().0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl AsyncWrite for Input {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.half()?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.half()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if let Some(half) = self.0.take() {
            half.forget();
        }
    }
}
