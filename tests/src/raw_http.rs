//! HTTP without a client library: exactly the bytes a test wants to send, over any stream.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Sends one request and reads the answer to its end; gives the status code and the body as JSON (`Null` if it is none).
///
/// HTTP/1.0, so that the answer comes in one piece and ends with the connection.
pub async fn request(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &str,
    body: &[u8],
) -> std::io::Result<(u16, Value)> {
    let head = format!("{head}\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]);
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.get(end + 4..).unwrap_or_default();
    Ok((code, serde_json::from_slice(body).unwrap_or(Value::Null)))
}
