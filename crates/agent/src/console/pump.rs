//! The console pumps: one task per attached container, on a thread of their own, so that nothing else can stall a
//! game's standard output.
//!
//! A pump reads chunks, splits them into lines, puts them into the [`Console`] and looks for readiness. It waits for
//! nothing but the container. Standard input goes the other way through a bounded queue.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::{Message, Recipient};
use bytes::Bytes;
use cap_domain::ids::ServerId;
use cap_domain::lines::{Line, LineSplitter};
use cap_domain::readiness::ReadinessDetector;
use cap_engine::port::{Attached, ConsoleStream};
use cap_engine::{ContainerEngine, EngineError};
use futures_util::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::clock::unix_ms;
use crate::console::Console;

/// Lines of input that may wait for one server; more are refused, so that a game that does not read cannot hoard them.
const WAITING_INPUT: usize = 64;

/// A game that does not take a line of input for so long has its input refused.
const INPUT_DEADLINE: Duration = Duration::from_secs(5);

/// What a pump tells the server's actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum PumpEvent {
    /// The output matched the readiness texts.
    Ready {
        /// Which attachment.
        attachment: u64,
    },
    /// The engine closed the stream. Not a proof that the process ended: look.
    Ended {
        /// Which attachment.
        attachment: u64,
    },
}

/// Why input did not reach the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Nothing is attached.
    #[error("the console is not attached")]
    NotAttached,
    /// The queue is full or the game does not read.
    #[error("the server does not read its input")]
    NotRead,
}

/// One line of input, and who hears whether the game took it.
type Input = (Bytes, oneshot::Sender<Result<(), InputError>>);

/// Starts pumps. Cheap to clone.
#[derive(Clone)]
pub struct Pumps {
    /// An engine client of the pumps' own: its connections must live on the pumps' thread.
    engine: Arc<dyn ContainerEngine>,
    runtime: Handle,
    max_line: usize,
}

impl std::fmt::Debug for Pumps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pumps").field("max_line", &self.max_line).finish_non_exhaustive()
    }
}

/// An open console: dropping it closes the stream.
#[derive(Debug)]
pub struct Attachment {
    /// Tells the events of this attachment from those of earlier ones.
    pub number: u64,
    input: mpsc::Sender<Input>,
    pump: tokio::task::AbortHandle,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl Attachment {
    /// Gives bytes to the game's standard input; resolves when they were written. The future is independent of `self`.
    pub fn write(&self, bytes: Bytes) -> impl Future<Output = Result<(), InputError>> + use<> {
        let (done, outcome) = oneshot::channel();
        let queued = self.input.try_send((bytes, done)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => InputError::NotRead,
            mpsc::error::TrySendError::Closed(_) => InputError::NotAttached,
        });
        async move {
            queued?;
            outcome.await.unwrap_or(Err(InputError::NotAttached))
        }
    }
}

/// What a new attachment needs.
#[derive(Debug)]
pub struct AttachRequest {
    /// Whose console.
    pub server: ServerId,
    /// Chosen by the caller; comes back in the events.
    pub number: u64,
    /// Where the lines go.
    pub console: Arc<Console>,
    /// Armed while readiness is to be found in the output.
    pub detector: Option<Arc<ReadinessDetector>>,
    /// Who hears of readiness and the end.
    pub events: Recipient<PumpEvent>,
}

impl Pumps {
    /// Pumps that run on this runtime, with lines of at most `max_line` bytes.
    pub fn new(engine: Arc<dyn ContainerEngine>, runtime: Handle, max_line: usize) -> Self {
        Self { engine, runtime, max_line }
    }

    /// A thread with a runtime of its own for pumps. It lives as long as the process: what it carries must outlive
    /// every actor.
    pub fn spawn_thread() -> std::io::Result<Handle> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("console-pumps".into())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
        Ok(handle)
    }

    /// Opens the console and starts its pump. When this returns, whatever the process writes will be read.
    pub async fn attach(&self, request: AttachRequest) -> Result<Attachment, EngineError> {
        let engine = Arc::clone(&self.engine);
        let max_line = self.max_line;
        let number = request.number;
        let (input, inputs) = mpsc::channel(WAITING_INPUT);
        let (opened, when_open) = oneshot::channel();
        let pump = self.runtime.spawn(async move {
            match engine.attach(&request.server).await {
                Ok(attached) => {
                    if opened.send(Ok(())).is_ok() {
                        pump(attached, request, inputs, max_line).await;
                    }
                }
                // Nobody waits any more if this fails: then there is nobody to tell.
                Err(error) => drop(opened.send(Err(error))),
            }
        });
        let attachment = Attachment { number, input, pump: pump.abort_handle() };
        match when_open.await {
            Ok(Ok(())) => Ok(attachment),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(EngineError::Failed { call: "attach", message: "the console pump ended".into() }),
        }
    }
}

async fn pump(attached: Attached, request: AttachRequest, inputs: mpsc::Receiver<Input>, max_line: usize) {
    let Attached { mut output, input } = attached;
    // Input has a task of its own: a game that does not read its input must not stop us reading its output.
    let writer = tokio::spawn(write_lines(input, inputs));
    let abort_writer = AbortOnDrop(writer.abort_handle());
    let mut stdout = StreamPump::new(ConsoleStream::Stdout, max_line);
    let mut stderr = StreamPump::new(ConsoleStream::Stderr, max_line);
    let mut detector = request.detector.clone();
    while let Some(chunk) = output.next().await {
        let Ok(chunk) = chunk else { break };
        let stream = match chunk.stream {
            ConsoleStream::Stdout => &mut stdout,
            ConsoleStream::Stderr => &mut stderr,
        };
        let lines = stream.split(&chunk.bytes);
        deliver(&request, stream.stream, lines, &mut detector);
    }
    for stream in [&mut stdout, &mut stderr] {
        let rest = stream.finish();
        deliver(&request, stream.stream, rest, &mut detector);
    }
    drop(abort_writer);
    request.events.do_send(PumpEvent::Ended { attachment: request.number });
}

/// Writes line after line. One that the game does not take in time is refused, and so is what comes behind it; but as it
/// may have been written in part, it is finished as soon as the game reads on, so that the next line begins as a line.
async fn write_lines(mut to_game: Pin<Box<dyn AsyncWrite + Send>>, mut inputs: mpsc::Receiver<Input>) {
    while let Some((bytes, done)) = inputs.recv().await {
        let write = async {
            to_game.write_all(&bytes).await?;
            to_game.flush().await
        };
        let mut write = std::pin::pin!(write);
        let (in_time, outcome) = match tokio::time::timeout(INPUT_DEADLINE, &mut write).await {
            Ok(Ok(())) => (true, Ok(())),
            Ok(Err(_)) => (true, Err(InputError::NotAttached)),
            Err(_) => (false, Err(InputError::NotRead)),
        };
        let broken = outcome == Err(InputError::NotAttached);
        // Whoever typed it may have gone away, here and below.
        let _ = done.send(outcome);
        if broken {
            return;
        }
        let mut finished = in_time;
        while !finished {
            tokio::select! {
                written = &mut write => match written {
                    Ok(()) => finished = true,
                    Err(_) => return,
                },
                next = inputs.recv() => match next {
                    Some((_, done)) => drop(done.send(Err(InputError::NotRead))),
                    None => return,
                },
            }
        }
    }
}

fn deliver(
    request: &AttachRequest,
    stream: ConsoleStream,
    lines: Vec<Line>,
    detector: &mut Option<Arc<ReadinessDetector>>,
) {
    let ready = detector.as_ref().is_some_and(|detector| lines.iter().any(|line| detector.matches(&line.text)));
    request.console.push(stream, unix_ms(), lines);
    if ready {
        *detector = None;
        request.events.do_send(PumpEvent::Ready { attachment: request.number });
    }
}

struct StreamPump {
    stream: ConsoleStream,
    splitter: LineSplitter,
}

impl StreamPump {
    fn new(stream: ConsoleStream, max_line: usize) -> Self {
        Self { stream, splitter: LineSplitter::new(max_line) }
    }

    fn split(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        self.splitter.push(bytes, |line| lines.push(line));
        lines
    }

    fn finish(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.splitter.flush(|line| lines.push(line));
        lines
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    fn line(text: &'static str) -> (Input, oneshot::Receiver<Result<(), InputError>>) {
        let (done, outcome) = oneshot::channel();
        ((Bytes::from_static(text.as_bytes()), done), outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn a_game_that_reads_on_after_a_while_gets_whole_lines_and_input_works_again() {
        let (to_game, mut game) = tokio::io::duplex(4);
        let (lines, inputs) = mpsc::channel(WAITING_INPUT);
        tokio::spawn(write_lines(Box::pin(to_game), inputs));

        let (first, outcome) = line("say one\n");
        lines.send(first).await.unwrap();
        assert_eq!(outcome.await.unwrap(), Err(InputError::NotRead), "the game does not read");
        let (second, outcome) = line("say two\n");
        lines.send(second).await.unwrap();
        assert_eq!(outcome.await.unwrap(), Err(InputError::NotRead), "refused at once while one is stuck");

        let mut read = [0; 8];
        game.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"say one\n");
        let (third, outcome) = line("list\n");
        lines.send(third).await.unwrap();
        game.read_exact(&mut read[..5]).await.unwrap();
        assert_eq!(&read[..5], b"list\n");
        assert_eq!(outcome.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn input_to_a_stream_that_is_closed_says_so() {
        let (to_game, game) = tokio::io::duplex(64);
        drop(game);
        let (lines, inputs) = mpsc::channel(WAITING_INPUT);
        tokio::spawn(write_lines(Box::pin(to_game), inputs));
        let (first, outcome) = line("list\n");
        lines.send(first).await.unwrap();
        assert_eq!(outcome.await.unwrap(), Err(InputError::NotAttached));
    }
}
