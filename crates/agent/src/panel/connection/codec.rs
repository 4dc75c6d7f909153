//! The WebSocket codec with a limit that holds before the bytes are there.
//!
//! The stock codec notices an oversized frame only once the whole of it sits in the read buffer, so a header that
//! announces gigabytes would be believed. This one reads the announced length first.

use actix_codec::{Decoder, Encoder};
use actix_http::ws::{Codec, Frame, Message, ProtocolError};
use bytes::BytesMut;

/// The stock codec in client mode behind a check of the announced frame length.
#[derive(Debug)]
pub(super) struct BoundedCodec {
    inner: Codec,
    max_frame: usize,
}

impl BoundedCodec {
    /// Refuses frames whose payload is longer than `max_frame` bytes as soon as their header is there.
    pub(super) fn client(max_frame: usize) -> Self {
        Self { inner: Codec::new().max_size(max_frame).client_mode(), max_frame }
    }
}

/// The payload length a frame header announces; `None` while the header is incomplete.
fn announced_length(header: &[u8]) -> Option<u64> {
    let short = u64::from(header.get(1)? & 0x7f);
    match short {
        126 => Some(u64::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?))),
        127 => Some(u64::from_be_bytes(header.get(2..10)?.try_into().ok()?)),
        _ => Some(short),
    }
}

impl Decoder for BoundedCodec {
    type Item = Frame;
    type Error = ProtocolError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, ProtocolError> {
        match announced_length(src) {
            Some(length) if length > self.max_frame as u64 => Err(ProtocolError::Overflow),
            _ => self.inner.decode(src),
        }
    }
}

impl Encoder<Message> for BoundedCodec {
    type Error = ProtocolError;

    fn encode(&mut self, item: Message, dst: &mut BytesMut) -> Result<(), ProtocolError> {
        self.inner.encode(item, dst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W7: the header alone is enough to refuse.
    #[test]
    fn a_header_that_announces_too_much_is_refused_before_its_payload_comes() {
        let mut codec = BoundedCodec::client(1000);
        let mut header = BytesMut::from(&[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0][..]);
        assert!(matches!(codec.decode(&mut header), Err(ProtocolError::Overflow)));
        let mut header = BytesMut::from(&[0x81, 126, 0x03, 0xe9][..]);
        assert!(matches!(codec.decode(&mut header), Err(ProtocolError::Overflow)));
        let mut fits = BytesMut::from(&[0x81, 126, 0x03, 0xe8][..]);
        assert!(matches!(codec.decode(&mut fits), Ok(None)));
    }
}
