//! The little HTTP this program speaks: one request, one answer, over a socket that is closed after it.
//!
//! By hand, for two peers on this machine (a Docker Engine and the dev panel): a client library would be the largest
//! thing everybody's first command has to compile.

use std::io::{Error, ErrorKind, Read, Result, Write};

use serde_json::Value;

/// No answer is longer; a longer one is an error.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Such as 200.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is not.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Sends a request and reads its answer to the end. The stream's own deadlines hold.
pub(crate) fn exchange(
    mut stream: impl Read + Write,
    host: &str,
    method: &str,
    target: &str,
    body: Option<&Value>,
) -> Result<Answer> {
    // HTTP/1.0: the other side sends no chunks, and the end of the answer is the end of the stream.
    let mut request = format!("{method} {target} HTTP/1.0\r\nHost: {host}\r\n");
    let body = body.map(Value::to_string);
    if let Some(body) = &body {
        request.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body.as_deref().unwrap_or_default());
    // In one piece: the other side may answer and close after the first it reads.
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    let read = stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    if u64::try_from(read).is_ok_and(|read| read == LONGEST_ANSWER) {
        return Err(Error::new(ErrorKind::InvalidData, "the answer is too long"));
    }
    parse(&answer).ok_or_else(|| Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end_of_head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end_of_head]).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    first.next().filter(|version| version.starts_with("HTTP/1."))?;
    let status = first.next()?.parse().ok()?;
    let body = &answer[end_of_head + 4..];
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    // A body that is shorter than announced was cut off.
    match length {
        Some(length) if body.len() < length => None,
        Some(length) => Some(Answer { status, body: body[..length].to_vec() }),
        None => Some(Answer { status, body: body.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        let answer = parse(b"HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{\"id\":\"x1\"}").unwrap();
        assert_eq!(answer.status, 202);
        assert_eq!(answer.json()["id"], "x1");
    }

    #[test]
    fn without_a_length_the_body_goes_on_to_the_end() {
        let answer = parse(b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n\r\nOK").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"OK".as_slice()));
    }

    #[test]
    fn an_answer_that_was_cut_off_or_is_not_http_is_none() {
        for broken in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nOK"]
        {
            assert_eq!(parse(broken.as_bytes()), None, "{broken:?}");
        }
    }
}
