//! HTTP over the engine's socket: one connection for each call.
//!
//! A connection of a unix socket costs some tens of microseconds, and a fresh one for each call means that nothing is
//! left over from an engine that was restarted: a call fails only for its own reasons. Dropping a call, a body or a
//! stream closes its connection, and with it the engine's work for it, where the engine can stop.

use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::net::UnixStream;

use crate::docker::failure::Fault;

/// The longest answer that is read whole. A list of 1,000 containers with long labels has about 4 MB.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// The longest text of a refusal that is read; only its first line is ever used.
const LARGEST_REFUSAL: usize = 64 * 1024;

/// What stays as it is in a path or query: letters, digits and what cannot end a segment of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Like [`PLAIN`], and the slashes and colons of an image reference.
const PLAIN_REFERENCE: &AsciiSet = &PLAIN.remove(b'/').remove(b':').remove(b'@');

/// Writes a value into a query.
pub(super) fn in_query(value: &str) -> String {
    utf8_percent_encode(value, PLAIN).to_string()
}

/// Writes an image reference into a path.
pub(super) fn in_path(reference: &str) -> String {
    utf8_percent_encode(reference, PLAIN_REFERENCE).to_string()
}

/// The way to the engine. Holds no connection.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    /// The engine's socket.
    socket: PathBuf,
}

impl Transport {
    /// Remembers the socket; opens nothing.
    pub(super) fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Asks, and reads the whole JSON answer.
    pub(super) async fn get_json(&self, path: &str) -> Result<Value, Fault> {
        let response = self.get(path).await?;
        let body = read_whole(response.into_body(), LARGEST_ANSWER).await?;
        serde_json::from_slice(&body).map_err(|source| Fault::Garbage { what: source.to_string() })
    }

    /// Asks; the body is the caller's to read.
    pub(super) async fn get(&self, path: &str) -> Result<Response<Incoming>, Fault> {
        self.request(Method::GET, path, None).await
    }

    /// Orders without a body.
    pub(super) async fn post(&self, path: &str) -> Result<Response<Incoming>, Fault> {
        self.request(Method::POST, path, None).await
    }

    /// Orders with a JSON body.
    pub(super) async fn post_json(&self, path: &str, body: Vec<u8>) -> Result<Response<Incoming>, Fault> {
        self.request(Method::POST, path, Some(body.into())).await
    }

    /// Removes.
    pub(super) async fn delete(&self, path: &str) -> Result<Response<Incoming>, Fault> {
        self.request(Method::DELETE, path, None).await
    }

    /// Orders a connection that carries raw bytes from then on, in both directions. The second part of the answer is
    /// what the engine had already written behind its header.
    pub(super) async fn post_and_take_over(&self, path: &str) -> Result<(UnixStream, Bytes), Fault> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, "docker")
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "tcp")
            .body(Full::new(Bytes::new()))
            .map_err(|source| Fault::Garbage { what: source.to_string() })?;
        let response = refuse_bad_status(self.send(request).await?).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Fault::Garbage { what: format!("status {} where 101 was due", response.status().as_u16()) });
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(Fault::from)?;
        let parts = upgraded
            .downcast::<TokioIo<UnixStream>>()
            .map_err(|_| Fault::Garbage { what: "not the connection that was opened".to_owned() })?;
        Ok((parts.io.into_inner(), parts.read_buf))
    }

    async fn request(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Response<Incoming>, Fault> {
        let mut builder = Request::builder().method(method).uri(path).header(HOST, "docker");
        if body.is_some() {
            builder = builder.header(CONTENT_TYPE, "application/json");
        }
        let request = builder
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|source| Fault::Garbage { what: source.to_string() })?;
        refuse_bad_status(self.send(request).await?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Fault> {
        let stream = UnixStream::connect(&self.socket).await.map_err(Fault::connection)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends when the answer is read to its end or dropped, or when this call is dropped.
        tokio::spawn(async move {
            if let Err(fault) = connection.with_upgrades().await {
                log::debug!("connection to the engine ended: {fault}");
            }
        });
        Ok(sender.send_request(request).await?)
    }
}

/// Success (2xx, 304 = "is so already") and 101 pass; anything else becomes [`Fault::Refused`] with the engine's words.
async fn refuse_bad_status(response: Response<Incoming>) -> Result<Response<Incoming>, Fault> {
    let status = response.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED || status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let body = read_whole(response.into_body(), LARGEST_REFUSAL).await.unwrap_or_default();
    let message = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|value| value["message"].as_str().map(str::to_owned))
        .unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    Err(Fault::Refused { status: status.as_u16(), message })
}

/// Reads a body to its end, or fails once it is longer than `largest` bytes.
async fn read_whole<B>(mut body: B, largest: usize) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if whole.len() + data.len() > largest {
                return Err(Fault::Garbage { what: format!("an answer of more than {largest} bytes") });
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}
