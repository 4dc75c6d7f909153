//! One HTTP request, written out by hand: what a newcomer's `curl` shows.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `GET` of a URL such as `http://127.0.0.1:8081/health`, with these extra headers: status and body.
pub async fn get(url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    request("GET", url, headers, "").await
}

/// `POST` of a body.
pub async fn post(url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    request("POST", url, headers, body).await
}

async fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an http URL");
    let mut io = TcpStream::connect(host).await.unwrap();
    let mut head = format!("{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    io.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(crate::node::PATIENCE, io.read_to_end(&mut answer)).await.expect("an answer in time").unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status line");
    let body = answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned());
    (status, body)
}
