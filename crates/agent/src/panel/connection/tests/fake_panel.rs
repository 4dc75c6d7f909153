//! A panel that does what the test says and nothing else: each connection is taken and answered by hand.

use std::pin::Pin;

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use actix_http::ws::{self, CloseCode, CloseReason, Frame, Message};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::within;

pub(super) trait Io: AsyncRead + AsyncWrite {}
impl<T: AsyncRead + AsyncWrite> Io for T {}

pub(super) type BoxedIo = Pin<Box<dyn Io>>;

pub(super) struct FakePanel {
    pub(super) listener: TcpListener,
}

/// A connection whose upgrade request was read and not yet answered.
pub(super) struct Knock {
    pub(super) request: String,
    io: BoxedIo,
}

/// An upgraded connection, seen from the panel.
pub(super) struct PanelSocket(pub(super) Framed<BoxedIo, ws::Codec>);

impl FakePanel {
    pub(super) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(super) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port())
    }

    /// Takes the next connection and reads its upgrade request.
    pub(super) async fn knock(&self) -> Knock {
        let (io, _) = within(self.listener.accept()).await.unwrap();
        Knock::read(Box::pin(io)).await
    }

    /// Takes and upgrades the next connection.
    pub(super) async fn accept(&self) -> PanelSocket {
        self.knock().await.upgrade().await
    }
}

impl Knock {
    pub(super) async fn read(mut io: BoxedIo) -> Self {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let byte = within(io.read_u8()).await.unwrap();
            request.push(byte);
        }
        Self { request: String::from_utf8(request).unwrap(), io }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.request.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(super) async fn answer(mut self, status: &str) {
        let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        self.io.write_all(response.as_bytes()).await.unwrap();
    }

    pub(super) async fn upgrade(self) -> PanelSocket {
        self.upgrade_and_say(&[]).await
    }

    /// Upgrades, with bytes in the same segment as the answer.
    pub(super) async fn upgrade_and_say(mut self, bytes: &[u8]) -> PanelSocket {
        let key = self.header("Sec-WebSocket-Key").expect("an upgrade request");
        let accept = String::from_utf8(ws::hash_key(key.as_bytes()).to_vec()).unwrap();
        let mut response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        response.extend_from_slice(bytes);
        self.io.write_all(&response).await.unwrap();
        PanelSocket(Framed::new(self.io, ws::Codec::new().max_size(16 * 1024 * 1024)))
    }
}

impl PanelSocket {
    pub(super) async fn say(&mut self, text: &str) {
        self.send(Message::Text(text.to_owned().into())).await;
    }

    pub(super) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(super) async fn send_raw(&mut self, bytes: &[u8]) {
        self.0.io_mut().write_all(bytes).await.unwrap();
        self.0.io_mut().flush().await.unwrap();
    }

    pub(super) async fn close(&mut self, code: u16, reason: &str) {
        let reason = CloseReason { code: CloseCode::from(code), description: Some(reason.to_owned()) };
        self.send(Message::Close(Some(reason))).await;
    }

    pub(super) async fn frame(&mut self) -> Frame {
        within(self.0.next()).await.expect("the agent keeps the socket open").unwrap()
    }

    /// The next text frame; pings are passed over.
    pub(super) async fn text(&mut self) -> String {
        loop {
            match self.frame().await {
                Frame::Text(bytes) => return String::from_utf8(bytes.to_vec()).unwrap(),
                Frame::Ping(_) => {}
                other => panic!("expected text, got {other:?}"),
            }
        }
    }

    /// Reads up to the agent's close frame and gives its code.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            if let Frame::Close(reason) = self.frame().await {
                return reason.expect("a close code").code.into();
            }
        }
    }

    /// Reads until the agent has hung up.
    pub(super) async fn until_hung_up(&mut self) {
        while let Some(Ok(_)) = within(self.0.next()).await {}
    }
}
