//! Packets of Minecraft's protocol: a length, an id and fields, with numbers of variable length.

use std::io::{self, Read, Write};

/// The longest packet a client of the server list sends; a handshake has at most some 270 bytes.
const LONGEST_PACKET: usize = 1024;

/// One packet, read or to be written.
#[derive(Debug)]
pub(super) struct Packet {
    /// What it is.
    pub(super) id: i32,
    /// Its fields.
    fields: Vec<u8>,
    /// How much of the fields is read.
    read: usize,
}

impl Packet {
    /// An empty packet.
    pub(super) fn new(id: i32) -> Self {
        Self { id, fields: Vec::new(), read: 0 }
    }

    /// With a text behind what it has.
    pub(super) fn with_text(mut self, text: &str) -> Self {
        push_variable_number(&mut self.fields, text.len() as i32);
        self.with_bytes(text.as_bytes())
    }

    /// With bytes behind what it has.
    pub(super) fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.fields.extend_from_slice(bytes);
        self
    }

    /// An error unless the packet is this one.
    pub(super) fn expect_id(&self, id: i32) -> io::Result<()> {
        if self.id == id { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// The next field, of so many bytes.
    pub(super) fn bytes(&mut self, length: usize) -> io::Result<&[u8]> {
        let end = self.read.checked_add(length).filter(|end| *end <= self.fields.len());
        let end = end.ok_or(io::ErrorKind::InvalidData)?;
        let field = &self.fields[self.read..end];
        self.read = end;
        Ok(field)
    }

    /// The next field, a number.
    pub(super) fn variable_number(&mut self) -> io::Result<i32> {
        let mut rest = &self.fields[self.read..];
        let before = rest.len();
        let number = read_variable_number(&mut rest)?;
        self.read += before - rest.len();
        Ok(number)
    }

    /// The next field, a text; its bytes.
    pub(super) fn text(&mut self) -> io::Result<&[u8]> {
        let length = usize::try_from(self.variable_number()?).map_err(|_| io::ErrorKind::InvalidData)?;
        self.bytes(length)
    }
}

/// Reads one packet.
pub(super) fn read_packet(input: &mut impl Read) -> io::Result<Packet> {
    let length = usize::try_from(read_variable_number(input)?).map_err(|_| io::ErrorKind::InvalidData)?;
    if !(1..=LONGEST_PACKET).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut fields = vec![0; length];
    input.read_exact(&mut fields)?;
    let mut packet = Packet { id: 0, fields, read: 0 };
    packet.id = packet.variable_number()?;
    Ok(packet)
}

/// Writes one packet.
pub(super) fn write_packet(output: &mut impl Write, packet: &Packet) -> io::Result<()> {
    let mut body = Vec::with_capacity(packet.fields.len() + 5);
    push_variable_number(&mut body, packet.id);
    body.extend_from_slice(&packet.fields);
    let mut whole = Vec::with_capacity(body.len() + 5);
    push_variable_number(&mut whole, body.len() as i32);
    whole.extend_from_slice(&body);
    output.write_all(&whole)?;
    output.flush()
}

/// Seven bits a byte, the lowest first; the eighth says that more follows; five bytes at most.
fn read_variable_number(input: &mut impl Read) -> io::Result<i32> {
    let mut number = 0_u32;
    for place in 0..5 {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        number |= u32::from(byte[0] & 0x7f) << (7 * place);
        if byte[0] & 0x80 == 0 {
            return Ok(number as i32);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn push_variable_number(bytes: &mut Vec<u8>, number: i32) {
    let mut rest = number as u32;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length_are_written_as_they_are_read() {
        // The examples of the protocol's own documentation.
        for (number, wire) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (25565, &[0xdd, 0xc7, 0x01]),
            (i32::MAX, &[0xff, 0xff, 0xff, 0xff, 0x07]),
            (-1, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut written = Vec::new();
            push_variable_number(&mut written, number);
            assert_eq!(written, wire, "{number}");
            assert_eq!(read_variable_number(&mut &wire[..]).unwrap(), number);
        }
        assert!(read_variable_number(&mut &[0xff; 9][..]).is_err());
    }

    #[test]
    fn a_packet_that_lies_about_its_length_is_refused() {
        assert!(read_packet(&mut &[0xff, 0xff, 0xff, 0x7f][..]).is_err());
        assert!(read_packet(&mut &[0][..]).is_err());
        let mut text_too_long = read_packet(&mut &[3, 0, 100, b'x'][..]).unwrap();
        assert!(text_too_long.text().is_err());
    }
}
