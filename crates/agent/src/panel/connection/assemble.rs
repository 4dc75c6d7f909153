//! Joins fragments to messages under one cap (P-15).

use actix_http::ws::Item;
use bytes::{Bytes, BytesMut};

use super::messages::LinkEnd;

/// Collects the fragments of one message.
#[derive(Debug)]
pub(super) struct Assembler {
    max_message: usize,
    fragments: BytesMut,
}

impl Assembler {
    /// Messages longer than `max_message` bytes end the link.
    pub(super) fn new(max_message: usize) -> Self {
        Self { max_message, fragments: BytesMut::new() }
    }

    /// Takes one fragment; gives the message when it was the last. The codec has already checked their order.
    pub(super) fn push(&mut self, fragment: Item) -> Result<Option<Bytes>, LinkEnd> {
        let (bytes, last) = match fragment {
            Item::FirstText(bytes) | Item::FirstBinary(bytes) => {
                self.fragments.clear();
                (bytes, false)
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        if self.fragments.len() + bytes.len() > self.max_message {
            self.fragments = BytesMut::new();
            return Err(LinkEnd::InboundTooLong);
        }
        self.fragments.extend_from_slice(&bytes);
        Ok(last.then(|| self.fragments.split().freeze()))
    }
}

/// A whole message as text; anything but UTF-8 ends the link (P-212).
pub(super) fn as_text(message: Bytes) -> Result<String, LinkEnd> {
    String::from_utf8(Vec::from(message)).map_err(|_| LinkEnd::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn fragments_are_joined_up_to_the_cap_and_not_beyond() {
        let mut assembler = Assembler::new(6);
        assert_eq!(assembler.push(Item::FirstText(bytes("ab"))), Ok(None));
        assert_eq!(assembler.push(Item::Continue(bytes("cd"))), Ok(None));
        assert_eq!(assembler.push(Item::Last(bytes("ef"))), Ok(Some(bytes("abcdef"))));
        assert_eq!(assembler.push(Item::FirstBinary(bytes("abcd"))), Ok(None));
        assert_eq!(assembler.push(Item::Last(bytes("efg"))), Err(LinkEnd::InboundTooLong));
    }

    #[test]
    fn a_character_split_over_fragments_is_whole_again() {
        let mut assembler = Assembler::new(10);
        assert_eq!(assembler.push(Item::FirstText(Bytes::from_static(b"\xc3"))), Ok(None));
        let message = assembler.push(Item::Last(Bytes::from_static(b"\xa4"))).unwrap().unwrap();
        assert_eq!(as_text(message), Ok("ä".to_owned()));
        assert_eq!(as_text(Bytes::from_static(b"\xc3")), Err(LinkEnd::NotUtf8));
    }
}
