//! The engine's framing of consoles and logs: an 8-byte header (stream, three zeros, big-endian length), then that many
//! bytes. A terminal has no frames: its bytes are passed as they are, whatever they look like.

use bytes::{Buf, Bytes, BytesMut};

use crate::docker::failure::Fault;
use crate::port::ConsoleStream;

const HEADER: usize = 8;

/// The longest frame taken whole. The engine cuts log lines at 16 KiB, so a longer one is not the engine's.
const LARGEST_WHOLE_FRAME: usize = 1024 * 1024;

/// Takes bytes as they come from the engine and gives them back by stream.
#[derive(Debug)]
pub(super) struct Demultiplexer {
    /// No frames: everything is stdout.
    terminal: bool,
    /// Read, not yet given back.
    buffer: BytesMut,
    /// The frame whose header is read, and how many of its bytes are still due.
    open_frame: Option<(ConsoleStream, usize)>,
}

impl Demultiplexer {
    /// `already_read` is what came before the first read.
    pub(super) fn new(terminal: bool, already_read: &[u8]) -> Self {
        Self { terminal, buffer: BytesMut::from(already_read), open_frame: None }
    }

    /// Where to read into.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next bytes there are, without waiting for the rest of their frame and without copying; none if more must be
    /// read first.
    pub(super) fn next_piece(&mut self) -> Result<Option<(ConsoleStream, Bytes)>, Fault> {
        if self.terminal {
            return Ok((!self.buffer.is_empty()).then(|| (ConsoleStream::Stdout, self.buffer.split().freeze())));
        }
        let Some((stream, due)) = self.frame()? else { return Ok(None) };
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let length = due.min(self.buffer.len());
        self.open_frame = (length < due).then_some((stream, due - length));
        Ok(Some((stream, self.buffer.split_to(length).freeze())))
    }

    /// The next whole frame; none if more must be read first. Not for terminals.
    pub(super) fn next_frame(&mut self) -> Result<Option<(ConsoleStream, Bytes)>, Fault> {
        let Some((stream, length)) = self.frame()? else { return Ok(None) };
        if length > LARGEST_WHOLE_FRAME {
            return Err(Fault::Garbage { what: format!("a log frame of {length} bytes") });
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        self.open_frame = None;
        Ok(Some((stream, self.buffer.split_to(length).freeze())))
    }

    /// The frame that is open, or the next one with anything in it.
    fn frame(&mut self) -> Result<Option<(ConsoleStream, usize)>, Fault> {
        while self.open_frame.is_none() && self.buffer.len() >= HEADER {
            let stream = match self.buffer[..4] {
                // The engine may echo standard input as stream 0; it shows as output, as on a terminal.
                [0 | 1, 0, 0, 0] => ConsoleStream::Stdout,
                [2, 0, 0, 0] => ConsoleStream::Stderr,
                _ => return Err(Fault::Garbage { what: "a console frame of an unknown stream".to_owned() }),
            };
            self.buffer.advance(4);
            let length = self.buffer.get_u32() as usize;
            self.open_frame = (length > 0).then_some((stream, length));
        }
        Ok(self.open_frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend((payload.len() as u32).to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    fn all_pieces(demultiplexer: &mut Demultiplexer) -> Vec<(ConsoleStream, Vec<u8>)> {
        let mut pieces = Vec::new();
        while let Some((stream, bytes)) = demultiplexer.next_piece().unwrap() {
            pieces.push((stream, bytes.to_vec()));
        }
        pieces
    }

    #[test]
    fn frames_come_apart_by_stream_wherever_the_bytes_are_cut() {
        let mut wire = frame(1, b"one\n");
        wire.extend(frame(2, b"two\n"));
        wire.extend(frame(1, b""));
        wire.extend(frame(1, b"three"));
        for cut in 0..wire.len() {
            let mut demultiplexer = Demultiplexer::new(false, &wire[..cut]);
            let mut pieces = all_pieces(&mut demultiplexer);
            demultiplexer.buffer().extend_from_slice(&wire[cut..]);
            pieces.extend(all_pieces(&mut demultiplexer));
            let of = |wanted: ConsoleStream| -> Vec<u8> {
                pieces.iter().filter(|(stream, _)| *stream == wanted).flat_map(|(_, bytes)| bytes.clone()).collect()
            };
            assert_eq!(of(ConsoleStream::Stdout), b"one\nthree", "cut at {cut}");
            assert_eq!(of(ConsoleStream::Stderr), b"two\n", "cut at {cut}");
        }
    }

    #[test]
    fn the_first_half_of_a_frame_is_not_held_back() {
        let mut demultiplexer = Demultiplexer::new(false, &frame(1, b"prompt> rest")[..8 + 8]);
        assert_eq!(all_pieces(&mut demultiplexer), vec![(ConsoleStream::Stdout, b"prompt> ".to_vec())]);
    }

    #[test]
    fn bytes_of_a_terminal_are_never_taken_for_a_frame() {
        let looks_like_a_frame = frame(1, b"x");
        let mut demultiplexer = Demultiplexer::new(true, &looks_like_a_frame);
        assert_eq!(all_pieces(&mut demultiplexer), vec![(ConsoleStream::Stdout, looks_like_a_frame)]);
    }

    #[test]
    fn an_unknown_stream_is_a_fault_and_no_output() {
        assert!(Demultiplexer::new(false, &frame(9, b"x")).next_piece().is_err());
    }

    #[test]
    fn a_whole_frame_waits_for_its_end_and_has_a_bound() {
        let wire = frame(1, b"line\n");
        let mut demultiplexer = Demultiplexer::new(false, &wire[..10]);
        assert!(demultiplexer.next_frame().unwrap().is_none());
        demultiplexer.buffer().extend_from_slice(&wire[10..]);
        assert_eq!(demultiplexer.next_frame().unwrap().unwrap().1, &b"line\n"[..]);
        let endless = [1, 0, 0, 0, 255, 255, 255, 255];
        assert!(Demultiplexer::new(false, &endless).next_frame().is_err());
    }
}
