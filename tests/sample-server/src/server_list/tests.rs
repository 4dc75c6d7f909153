use super::*;

/// Plays both ends in memory.
struct Line {
    from_client: io::Cursor<Vec<u8>>,
    to_client: Vec<u8>,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.from_client.read(buffer)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to_client.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn talk_with(packets: &[Packet]) -> (io::Result<()>, Vec<u8>) {
    let mut sent = Vec::new();
    for packet in packets {
        write_packet(&mut sent, packet).unwrap();
    }
    let mut line = Line { from_client: io::Cursor::new(sent), to_client: Vec::new() };
    (talk(&mut line), line.to_client)
}

fn handshake(next: u8) -> Packet {
    Packet::new(0).with_bytes(&[0xff, 0x05]).with_text("localhost").with_bytes(&[0x63, 0xdd, next])
}

#[test]
fn a_client_sees_the_status_and_its_ping_comes_back() {
    let ping = Packet::new(1).with_bytes(b"12345678");
    let (outcome, answers) = talk_with(&[handshake(1), Packet::new(0), ping]);
    outcome.unwrap();
    let mut answers = &answers[..];
    let mut status = read_packet(&mut answers).unwrap();
    assert_eq!(status.text().unwrap(), STATUS.as_bytes());
    let mut pong = read_packet(&mut answers).unwrap();
    assert_eq!((pong.id, pong.bytes(8).unwrap()), (1, &b"12345678"[..]));
}

#[test]
fn a_player_is_sent_away_with_a_word() {
    let (outcome, answers) = talk_with(&[handshake(2)]);
    outcome.unwrap();
    assert_eq!(read_packet(&mut &answers[..]).unwrap().text().unwrap(), FAREWELL.as_bytes());
}

#[test]
fn garbage_gets_no_answer() {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\xfe\x01", b"", b"\x00\x00\x00"] {
        let mut line = Line { from_client: io::Cursor::new(garbage.to_vec()), to_client: Vec::new() };
        assert!(talk(&mut line).is_err(), "{garbage:?}");
        assert!(line.to_client.is_empty());
    }
}

#[test]
fn places_for_connections_are_bounded_and_come_back() {
    let open = Arc::new(AtomicUsize::new(0));
    let places: Vec<_> = (0..MOST_CONNECTIONS).map(|_| Place::take(&open).unwrap()).collect();
    assert!(Place::take(&open).is_none());
    drop(places);
    assert!(Place::take(&open).is_some());
}
