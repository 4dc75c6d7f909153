//! Frames of an agent, read by the dev panel and by tests.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::event::{Event, EventBody, EventPlace};
use super::node::{AgentLoad, Pong};
use super::response::{Outcome, Response};
use super::{Body, Frame};
use crate::Object;
use crate::code::Code;
use crate::json;
use crate::request::RequestId;
use crate::timestamp::Timestamp;

/// Why a frame of the agent is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or too deep.
    #[error("frame of the agent is not readable JSON")]
    Json(#[source] json::JsonError),
    /// JSON, but not an object with a `type` and a `timestamp`.
    #[error("frame of the agent has no {0}")]
    Missing(&'static str),
    /// A type or event this version does not know; a panel ignores it.
    #[error("frame or event {0} of the agent is not known")]
    Unknown(String),
    /// A field is missing or of another type than the contract says.
    #[error("frame {frame} of the agent does not have the contract's fields")]
    Shape {
        /// Its type, or the name of the event.
        frame: String,
        /// What serde found.
        #[source]
        source: serde_json::Error,
    },
}

pub(super) fn frame(text: &[u8]) -> Result<Frame, ReadError> {
    let Value::Object(mut object) = json::parse(text).map_err(ReadError::Json)? else {
        return Err(ReadError::Missing("object"));
    };
    let kind = object.get("type").and_then(Value::as_str).ok_or(ReadError::Missing("type"))?.to_owned();
    let timestamp = object.get("timestamp").and_then(Value::as_str).and_then(Timestamp::parse);
    let timestamp = timestamp.ok_or(ReadError::Missing("timestamp"))?;
    let replay = object.get("replay") == Some(&Value::Bool(true));
    let data = object.shift_remove("data");
    let is_detail = data.as_ref().is_some_and(|data| data.get("resources").is_some());
    let body = match kind.as_str() {
        "heartbeat" => {
            let node_id = data.as_ref().and_then(|data| data["nodeId"].as_str()).map(str::to_owned);
            Body::Heartbeat { node_id: node_id.ok_or(ReadError::Missing("nodeId"))? }
        }
        "system_info" => Body::SystemInfo(Box::new(read(&kind, data)?)),
        "server_status" if is_detail => Body::ServerStatusDetail(Box::new(read(&kind, data)?)),
        "server_status" => Body::ServerStatus(read(&kind, data)?),
        "server_output" => Body::ServerOutput { data: read(&kind, data)?, replay },
        "file_content" => Body::FileContent(read(&kind, data)?),
        "error" => Body::Error(read(&kind, data)?),
        "response" => Body::Response(response(&object, data)?),
        "event" => Body::Event(event(&object, data, replay)?),
        "pong" => Body::Pong(pong(&object, data)?),
        _ => return Err(ReadError::Unknown(kind)),
    };
    Ok(Frame { timestamp, body })
}

fn read<T: DeserializeOwned>(frame: &str, data: Option<Value>) -> Result<T, ReadError> {
    let data = data.ok_or(ReadError::Missing("data"))?;
    serde_json::from_value(data).map_err(|source| ReadError::Shape { frame: frame.to_owned(), source })
}

fn response(object: &Object, data: Option<Value>) -> Result<Response, ReadError> {
    let id = object.get("id").ok_or(ReadError::Missing("id"))?;
    let id = RequestId::from_value(Some(id)).ok_or(ReadError::Missing("id"))?;
    let outcome = match object.get("success") {
        Some(Value::Bool(true)) => Outcome::Ok {
            message: object.get("message").and_then(Value::as_str).map(str::to_owned),
            data: read("response", data)?,
        },
        Some(Value::Bool(false)) => {
            let error = object.get("error").ok_or(ReadError::Missing("error"))?;
            let code = error["code"].as_str().and_then(Code::from_name).ok_or(ReadError::Missing("error.code"))?;
            let message = error["message"].as_str().ok_or(ReadError::Missing("error.message"))?.to_owned();
            Outcome::Error { code, message }
        }
        _ => return Err(ReadError::Missing("success")),
    };
    Ok(Response { id, outcome })
}

fn event(object: &Object, data: Option<Value>, replay: bool) -> Result<Event, ReadError> {
    let name = object.get("event").and_then(Value::as_str).ok_or(ReadError::Missing("event"))?;
    let is_console = data.as_ref().is_some_and(|data| data["scope"] == "console");
    let body = match name {
        "server_status_changed" => EventBody::ServerStatusChanged(read(name, data)?),
        "operation_completed" => EventBody::OperationCompleted(read(name, data)?),
        "server_status" => EventBody::ServerStatus(Box::new(read(name, data)?)),
        "server_log" => EventBody::ServerLog(read(name, data)?),
        "resource_update" => EventBody::ResourceUpdate(read(name, data)?),
        "gap" if is_console => EventBody::ConsoleGap(read(name, data)?),
        "gap" => EventBody::EventGap(read(name, data)?),
        "resume_complete" => EventBody::ResumeComplete(read(name, data)?),
        _ => return Err(ReadError::Unknown(name.to_owned())),
    };
    let seq = object.get("seq").and_then(Value::as_u64);
    let epoch = object.get("epoch").and_then(Value::as_str);
    let place = match (seq, epoch) {
        (Some(seq), Some(epoch)) => Some(EventPlace { seq, epoch: epoch.to_owned() }),
        _ => None,
    };
    Ok(Event { place, replay, body })
}

fn pong(object: &Object, data: Option<Value>) -> Result<Pong, ReadError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        active_servers: u32,
        system_load: AgentLoad,
    }
    let id = RequestId::from_value(object.get("id")).ok_or(ReadError::Missing("id"))?;
    let Data { active_servers, system_load } = read("pong", data)?;
    Ok(Pong { id, active_servers, system_load })
}
