//! A browser's part, and a node that is there.

use std::time::Duration;

use actix_codec::Framed;
use awc::http::Method;
use awc::ws::{Codec, Frame, Message};
use awc::{BoxedSocket, Client, ClientRequest};
use cap_devpanel::{DevPanel, DevPanelConfig, WebConfig};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

pub(super) const SECRET: &str = "test-agent-secret";
pub(super) const NODE: &str = "node-1";
pub(super) const SERVER: &str = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3";
pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) fn panel(web: WebConfig) -> DevPanel {
    DevPanel::start(DevPanelConfig { web: Some(web), ..DevPanelConfig::new(SECRET) }).unwrap()
}

pub(super) fn request(panel: &DevPanel, method: Method, path: &str) -> ClientRequest {
    Client::builder().disable_redirects().finish().request(method, format!("{}{path}", panel.url()))
}

pub(super) fn get(panel: &DevPanel, path: &str) -> ClientRequest {
    request(panel, Method::GET, path)
}

/// Posts a command; gives the status and the answer.
pub(super) async fn post(panel: &DevPanel, command: &Value) -> (u16, Value) {
    let sending = request(panel, Method::POST, "/api/command").send_json(command);
    let mut response = timeout(SOON, sending).await.unwrap().unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A node that is online and does nothing by itself.
pub(super) struct Node(Framed<BoxedSocket, Codec>);

impl Node {
    pub(super) async fn online(panel: &DevPanel, node_id: &str) -> Self {
        let request = Client::new().ws(format!("{}/?nodeId={node_id}", panel.ws_url()));
        let (_, socket) = request.set_header("Authorization", format!("Bearer {SECRET}")).connect().await.unwrap();
        let mut node = Self(socket);
        assert_eq!(node.next().await["type"], "system_info_request");
        node.send(&json!({"type": "heartbeat"})).await;
        assert!(panel.wait_for(SOON, |panel| panel.is_online(node_id)).await);
        node
    }

    pub(super) async fn send(&mut self, frame: &Value) {
        self.0.send(Message::Text(frame.to_string().into())).await.unwrap();
    }

    pub(super) async fn next(&mut self) -> Value {
        match timeout(SOON, self.0.next()).await.unwrap() {
            Some(Ok(Frame::Text(text))) => serde_json::from_slice(&text).unwrap(),
            other => panic!("a text frame was due, got {other:?}"),
        }
    }
}
