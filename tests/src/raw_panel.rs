//! A panel that sends bytes no real WebSocket library would: each connection is taken and answered by hand.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::node::PATIENCE;

/// See the module.
#[derive(Debug)]
pub struct RawPanel {
    listener: TcpListener,
}

/// An upgraded connection, seen from the panel.
#[derive(Debug)]
pub struct RawLink {
    io: TcpStream,
}

impl RawPanel {
    /// A panel on a free loopback port.
    pub async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    /// For the agent's `panel.url`.
    pub fn url(&self) -> String {
        format!("ws://{}", self.listener.local_addr().unwrap())
    }

    /// Takes and upgrades the next connection.
    pub async fn accept(&self) -> RawLink {
        let (mut io, _) = timeout(PATIENCE, self.listener.accept()).await.expect("the agent did not dial").unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(timeout(PATIENCE, io.read_u8()).await.unwrap().unwrap());
        }
        let request = String::from_utf8(request).unwrap();
        let key = request.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("sec-websocket-key").then_some(value)
        });
        let accept = actix_http::ws::hash_key(key.expect("an upgrade request").as_bytes());
        let accept = String::from_utf8(accept.to_vec()).unwrap();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        io.write_all(answer.as_bytes()).await.unwrap();
        RawLink { io }
    }
}

impl RawLink {
    /// Sends one frame with this first byte (FIN bit and opcode) and payload. An agent that hung up is no failure.
    pub async fn send(&mut self, first_byte: u8, payload: &[u8]) -> std::io::Result<()> {
        let mut frame = header(first_byte, payload.len());
        frame.extend_from_slice(payload);
        self.io.write_all(&frame).await
    }

    /// Sends the header of a frame whose payload never comes.
    pub async fn announce(&mut self, first_byte: u8, length: usize) {
        self.io.write_all(&header(first_byte, length)).await.unwrap();
    }

    /// Sends a text frame.
    pub async fn text(&mut self, text: &str) {
        self.send(0x81, text.as_bytes()).await.unwrap();
    }

    /// The next frame: its opcode and its payload, unmasked; none when the agent has hung up.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        timeout(PATIENCE, self.read_frame()).await.expect("the agent is silent").ok()
    }

    /// Reads until a text frame holds this; the frame.
    pub async fn text_with(&mut self, wanted: &str) -> String {
        loop {
            let (opcode, payload) = self.frame().await.expect("the agent hung up");
            let text = String::from_utf8_lossy(&payload).into_owned();
            if opcode == 1 && text.contains(wanted) {
                return text;
            }
        }
    }

    /// Reads until the agent closes; the code of its close frame.
    pub async fn close_code(&mut self) -> Option<u16> {
        while let Some((opcode, payload)) = self.frame().await {
            if opcode == 8 {
                return payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
            }
        }
        None
    }

    async fn read_frame(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let opcode = self.io.read_u8().await? & 0x0f;
        let length = match self.io.read_u8().await? & 0x7f {
            126 => u64::from(self.io.read_u16().await?),
            127 => self.io.read_u64().await?,
            short => u64::from(short),
        };
        let mut mask = [0; 4];
        self.io.read_exact(&mut mask).await?;
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.io.read_exact(&mut payload).await?;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[at % 4];
        }
        Ok((opcode, payload))
    }
}

fn header(first_byte: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first_byte];
    match length {
        short @ 0..=125 => header.push(u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            header.push(126);
            header.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            header.push(127);
            header.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    header
}
