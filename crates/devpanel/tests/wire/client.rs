//! A raw WebSocket client that does nothing by itself.

use std::time::Duration;

use actix_codec::Framed;
use awc::ws::{Codec, Frame, Message};
use awc::{BoxedSocket, Client};
use cap_devpanel::DevPanel;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

pub(super) const SECRET: &str = "test-agent-secret";
pub(super) const NODE: &str = "node-1";
pub(super) const SERVER: &str = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3";
/// How long anything that must happen may take; only a failing test waits that long.
pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) struct RawAgent {
    socket: Framed<BoxedSocket, Codec>,
}

impl RawAgent {
    /// Connects with these headers, or gives the HTTP status of the refusal.
    pub(super) async fn dial(panel: &DevPanel, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = Client::new().ws(format!("{}{path}", panel.ws_url())).max_frame_size(32 * 1024 * 1024);
        for (name, value) in headers {
            request = request.set_header(*name, *value);
        }
        match request.connect().await {
            Ok((_response, socket)) => Ok(Self { socket }),
            Err(awc::error::WsClientError::InvalidResponseStatus(status)) => Err(status.as_u16()),
            Err(error) => panic!("neither upgraded nor refused: {error}"),
        }
    }

    /// Connects as an agent should.
    pub(super) async fn connect(panel: &DevPanel, node_id: &str) -> Self {
        let authorization = format!("Bearer {SECRET}");
        let headers = [("Authorization", authorization.as_str())];
        Self::dial(panel, &format!("/?nodeId={node_id}"), &headers).await.expect("the panel accepts the right secret")
    }

    /// Connects, takes the first frame, beats once and waits until the panel has seen it.
    pub(super) async fn online(panel: &DevPanel, node_id: &str) -> Self {
        let mut agent = Self::connect(panel, node_id).await;
        assert_eq!(agent.text().await, r#"{"type":"system_info_request"}"#);
        agent.beat(panel, node_id).await;
        agent
    }

    /// Sends a heartbeat and waits until the panel has seen it.
    pub(super) async fn beat(&mut self, panel: &DevPanel, node_id: &str) {
        let beats = |panel: &DevPanel| panel.frames().iter().filter(|frame| frame.kind() == "heartbeat").count();
        let before = beats(panel);
        let data = json!({"nodeId": node_id, "timestamp": "2026-11-20T11:13:46.419Z", "status": "online"});
        self.send(&json!({"type": "heartbeat", "data": data})).await;
        assert!(panel.wait_for(SOON, |panel| beats(panel) > before).await, "heartbeat arrives");
    }

    pub(super) async fn send(&mut self, frame: &Value) {
        self.send_message(Message::Text(frame.to_string().into())).await;
    }

    pub(super) async fn send_message(&mut self, message: Message) {
        self.socket.send(message).await.expect("the connection is open");
    }

    /// The next frame of any kind; `None` at the end of the connection.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let next = timeout(SOON, self.socket.next()).await.expect("something comes, be it the end");
        next.and_then(Result::ok)
    }

    /// The next text.
    pub(super) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Frame::Text(text)) => String::from_utf8(text.to_vec()).expect("the panel sends UTF-8"),
            other => panic!("a text frame was due, got {other:?}"),
        }
    }

    /// The next text as JSON.
    pub(super) async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code and reason of the close frame that must come next.
    pub(super) async fn close(&mut self) -> (u16, Option<String>) {
        match self.next().await {
            Some(Frame::Close(Some(reason))) => (reason.code.into(), reason.description),
            other => panic!("a close frame was due, got {other:?}"),
        }
    }
}
