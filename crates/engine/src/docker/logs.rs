//! What the log driver kept, as lines with the engine's timestamps.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::docker::demultiplex::Demultiplexer;
use crate::docker::failure::Fault;
use crate::docker::transport::Transport;
use crate::error::EngineError;
use crate::port::{ConsoleStream, EngineStream, LogLine};

/// The longest line given in one piece; what is longer comes as several lines of the same timestamp.
const LONGEST_LINE: usize = 1024 * 1024;

/// Asks for the last `lines` lines since `since`. Each read has the deadline `idle`.
pub(super) async fn logs(
    transport: &Transport,
    container: &str,
    terminal: bool,
    since: Option<&str>,
    lines: usize,
    idle: Duration,
) -> Result<EngineStream<LogLine>, Fault> {
    let since = since.map(Moment::parse).transpose()?;
    let mut path = format!("/containers/{container}/logs?stdout=1&stderr=1&timestamps=1&tail={lines}");
    if let Some(since) = since {
        // Engines round this in their own ways, hence the trimming below.
        path.push_str(&format!("&since={}", since.for_query()));
    }
    let body = transport.get(&path).await?.into_body();
    let reader =
        LogReader { body, demultiplexer: Demultiplexer::new(terminal, &[]), lines: Lines::new(terminal, since) };
    let stream = stream::try_unfold(reader, move |mut reader| async move {
        match tokio::time::timeout(idle, reader.next()).await {
            Ok(Ok(Some(line))) => Ok(Some((line, reader))),
            Ok(Ok(None)) => Ok(None),
            Ok(Err(fault)) => Err(fault.during("logs")),
            Err(_) => Err(EngineError::TimedOut { call: "logs", after: idle }),
        }
    });
    Ok(Box::pin(stream))
}

struct LogReader {
    body: Incoming,
    demultiplexer: Demultiplexer,
    lines: Lines,
}

impl LogReader {
    async fn next(&mut self) -> Result<Option<LogLine>, Fault> {
        loop {
            if let Some(line) = self.lines.pop() {
                return Ok(Some(line));
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.lines.take(&mut self.demultiplexer, &data)?;
                    }
                }
                None if self.lines.finish() => {}
                None => return Ok(None),
            }
        }
    }
}

/// A moment as the engine writes it, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(i128);

impl Moment {
    fn parse(text: &str) -> Result<Self, Fault> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|moment| Self(moment.unix_timestamp_nanos()))
            .map_err(|_| Fault::Garbage { what: "a timestamp that is not RFC 3339".to_owned() })
    }

    fn for_query(self) -> String {
        let nanos_per_second = 1_000_000_000;
        format!("{}.{:09}", self.0.div_euclid(nanos_per_second), self.0.rem_euclid(nanos_per_second))
    }
}

/// Puts lines together from log frames. Each frame begins with its own timestamp; one that does not end with a newline
/// goes on in the next frame of its stream.
#[derive(Debug)]
struct Lines {
    terminal: bool,
    since: Option<Moment>,
    /// One line being put together for each stream.
    open: [Option<LogLine>; 2],
    /// Bytes of the line being read from a terminal, which has no frames.
    terminal_line: BytesMut,
    /// Whole lines not yet given; never more than one read holds.
    whole: VecDeque<LogLine>,
}

impl Lines {
    fn new(terminal: bool, since: Option<Moment>) -> Self {
        Self { terminal, since, open: [None, None], terminal_line: BytesMut::new(), whole: VecDeque::new() }
    }

    fn pop(&mut self) -> Option<LogLine> {
        self.whole.pop_front()
    }

    fn take(&mut self, demultiplexer: &mut Demultiplexer, data: &[u8]) -> Result<(), Fault> {
        if self.terminal {
            self.terminal_line.extend_from_slice(data);
            while let Some(length) = self.next_terminal_line() {
                let record = self.terminal_line.split_to(length).freeze();
                self.record(ConsoleStream::Stdout, &record)?;
            }
            return Ok(());
        }
        demultiplexer.buffer().extend_from_slice(data);
        while let Some((stream, record)) = demultiplexer.next_frame()? {
            self.record(stream, &record)?;
        }
        Ok(())
    }

    fn next_terminal_line(&self) -> Option<usize> {
        let newline = self.terminal_line.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        newline.or((self.terminal_line.len() >= LONGEST_LINE).then_some(self.terminal_line.len()))
    }

    /// Takes one record: a timestamp, a blank, and a line or a part of one.
    fn record(&mut self, stream: ConsoleStream, record: &Bytes) -> Result<(), Fault> {
        let blank = record.iter().position(|byte| *byte == b' ');
        let (timestamp, text) = match blank {
            Some(at) => (&record[..at], record.slice(at + 1..)),
            None => return Err(Fault::Garbage { what: "a log line without timestamp".to_owned() }),
        };
        let timestamp = String::from_utf8_lossy(timestamp).into_owned();
        let ends = text.ends_with(b"\n");
        let text = if ends { text.slice(..text.len() - 1) } else { text };
        let text = if ends && self.terminal && text.ends_with(b"\r") { text.slice(..text.len() - 1) } else { text };
        let open = &mut self.open[stream as usize];
        let line = match open.take() {
            None => LogLine { stream, timestamp, bytes: text },
            Some(begun) => {
                let mut bytes = BytesMut::from(begun.bytes.as_ref());
                bytes.extend_from_slice(&text);
                LogLine { bytes: bytes.freeze(), ..begun }
            }
        };
        if ends || line.bytes.len() >= LONGEST_LINE {
            self.give(line)
        } else {
            *open = Some(line);
            Ok(())
        }
    }

    /// Gives what is left at the end of the log; whether there was anything.
    fn finish(&mut self) -> bool {
        if !self.terminal_line.is_empty() {
            let record = self.terminal_line.split().freeze();
            // The last words of a log may be cut anywhere; half a timestamp is no line.
            let _cut_short = self.record(ConsoleStream::Stdout, &record);
        }
        for index in 0..self.open.len() {
            if let Some(line) = self.open[index].take() {
                let _cut_short = self.give(line);
            }
        }
        !self.whole.is_empty()
    }

    fn give(&mut self, line: LogLine) -> Result<(), Fault> {
        let too_early = match self.since {
            Some(since) => Moment::parse(&line.timestamp)? < since,
            None => false,
        };
        if !too_early {
            self.whole.push_back(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
