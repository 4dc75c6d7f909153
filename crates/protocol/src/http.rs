//! `POST /api/command`: a body in, a [`Request`] out.

use serde_json::Value;

use crate::code::Code;
use crate::json::{self, JsonError};
use crate::request::{Rejection, Request, RequestId, Style, normalise};

#[cfg(test)]
mod tests;

/// Why a body is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON: status 400 (P-81). The reply is [`crate::http_reply::not_json`].
    #[error("body is not JSON")]
    NotJson,
    /// JSON, but not a command: status 200 with `success:false` (P-82).
    #[error(transparent)]
    Refused(#[from] Rejection),
}

/// Reads the body of a command, whatever its `Content-Type` (P-79).
pub fn parse_body(body: &[u8]) -> Result<Request, BodyError> {
    let refused = |message: String| {
        BodyError::Refused(Rejection {
            id: RequestId::Absent,
            style: Style::Http,
            code: Code::InvalidRequest,
            message,
            server_id: None,
        })
    };
    match json::parse(body) {
        Ok(Value::Object(command)) => Ok(normalise::command(command, Style::Http)?),
        Ok(_) => Err(refused("the command must be a JSON object".to_owned())),
        Err(JsonError::NotUtf8 | JsonError::NotJson) => Err(BodyError::NotJson),
        // Not a 400, which panels read as a broken agent (P-215).
        Err(error @ (JsonError::TooDeep | JsonError::TooManyValues)) => Err(refused(format!("the body is {error}"))),
    }
}
