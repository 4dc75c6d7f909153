//! A caller that writes its requests byte by byte, so that it can be as slow and as wrong as a test needs.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::within;

pub(super) trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

pub(super) struct Caller {
    io: BufReader<Box<dyn Io>>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Caller {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self::over(Box::new(within(TcpStream::connect(address)).await.unwrap()))
    }

    pub(super) fn over(io: Box<dyn Io>) -> Self {
        Self { io: BufReader::new(io) }
    }

    pub(super) async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: agent\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.write(&bytes).await;
        self.answer().await
    }

    /// Writes; a side that has hung up meanwhile is not an error here, its answer is what counts.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        within(self.io.write_all(bytes)).await.ok();
        within(self.io.flush()).await.ok();
    }

    /// Whether something has come, or the other side has hung up, within the time. Takes nothing from the stream.
    pub(super) async fn hears_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.io.fill_buf()).await.is_ok()
    }

    pub(super) async fn answer(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = within(self.io.read_line(&mut head)).await.unwrap();
            assert!(read > 0, "the connection ended within the head: {head:?}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        within(self.io.read_exact(&mut body)).await.unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// Reads what comes until the other side hangs up.
    pub(super) async fn until_hung_up(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        within(self.io.read_to_end(&mut rest)).await.ok();
        rest
    }
}
