//! The server-list ping: what a Minecraft client asks before it shows a server.
//!
//! Anybody can connect, so everything is bounded: connections at once, time and bytes for each.

mod packet;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server_list::packet::{Packet, read_packet, write_packet};

/// Connections at once; more are closed as they come.
const MOST_CONNECTIONS: usize = 16;

/// How long one connection may take from its first byte to its last.
const LONGEST_CONNECTION: Duration = Duration::from_secs(5);

/// What a client is shown. 767 is the protocol of version 1.21.
const STATUS: &str = r#"{"version":{"name":"1.21","protocol":767},"players":{"max":20,"online":0,"sample":[]},"description":{"text":"A sample server"},"enforcesSecureChat":false}"#;

/// What a client is told that wants to play.
const FAREWELL: &str = r#"{"text":"This is a sample server: nobody can play here."}"#;

/// Answers until the process ends.
pub(crate) fn answer(listener: &TcpListener) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((connection, _)) = listener.accept() else {
            // Out of descriptors, mostly. A pause, so that the loop does not spin.
            thread::park_timeout(Duration::from_millis(100));
            continue;
        };
        let place = Place::take(&open);
        if let Some(place) = place {
            // If no thread can be had, the connection and its place are dropped with the closure.
            let _no_thread = thread::Builder::new().stack_size(64 * 1024).spawn(move || {
                let _whatever_it_sent = talk(&mut Bounded::new(&connection));
                let _closed = connection.shutdown(Shutdown::Both);
                drop(place);
            });
        }
    }
}

/// One of the places for connections, given back when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        if open.fetch_add(1, Ordering::SeqCst) < MOST_CONNECTIONS {
            return Some(Self(Arc::clone(open)));
        }
        open.fetch_sub(1, Ordering::SeqCst);
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One conversation: a handshake, then a status and a ping, each asked at most once.
fn talk(connection: &mut (impl Read + Write)) -> io::Result<()> {
    let mut handshake = read_packet(connection)?;
    handshake.expect_id(0)?;
    let _protocol = handshake.variable_number()?;
    let _address = handshake.text()?;
    let _port = handshake.bytes(2)?;
    match handshake.variable_number()? {
        1 => {}
        // 2 is a login, 3 a transfer: both end with a word.
        2 | 3 => return write_packet(connection, &Packet::new(0).with_text(FAREWELL)),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    }
    for _ in 0..2 {
        let mut request = read_packet(connection)?;
        match request.id {
            0 => write_packet(connection, &Packet::new(0).with_text(STATUS))?,
            1 => {
                let payload = request.bytes(8)?.to_vec();
                return write_packet(connection, &Packet::new(1).with_bytes(&payload));
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

/// A connection that ends when its time is over, however slowly the bytes drip.
struct Bounded<'a> {
    connection: &'a TcpStream,
    ends: Instant,
}

impl<'a> Bounded<'a> {
    #[expect(clippy::disallowed_methods, reason = "a program without tokio; no test depends on this clock")]
    fn new(connection: &'a TcpStream) -> Self {
        Self { connection, ends: Instant::now() + LONGEST_CONNECTION }
    }

    #[expect(clippy::disallowed_methods, reason = "a program without tokio; no test depends on this clock")]
    fn time_left(&self) -> io::Result<Option<Duration>> {
        match self.ends.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.connection.set_read_timeout(self.time_left()?)?;
        self.connection.read(buffer)
    }
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.set_write_timeout(self.time_left()?)?;
        self.connection.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.connection.flush()
    }
}

#[cfg(test)]
mod tests;
