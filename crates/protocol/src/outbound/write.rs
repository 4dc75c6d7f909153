//! Frames as text, keys in the contract's order.

use serde::Serialize;

use super::event::{ConsoleGap, Event, EventBody, EventGap};
use super::node::{AgentLoad, Pong};
use super::response::{Outcome, Response};
use super::server::is_false;
use super::{Body, Frame};
use crate::Object;
use crate::code::Code;
use crate::request::RequestId;
use crate::timestamp::Timestamp;

pub(super) fn text(frame: &Frame) -> String {
    let timestamp = frame.timestamp;
    match &frame.body {
        Body::Heartbeat { node_id } => {
            wrapped("heartbeat", timestamp, false, &HeartbeatData { node_id, timestamp, status: "online" })
        }
        Body::SystemInfo(data) => wrapped("system_info", timestamp, false, data),
        Body::ServerStatus(data) => wrapped("server_status", timestamp, false, data),
        Body::ServerStatusDetail(data) => wrapped("server_status", timestamp, false, data),
        Body::ServerOutput { data, replay } => wrapped("server_output", timestamp, *replay, data),
        Body::FileContent(data) => wrapped("file_content", timestamp, false, data),
        Body::Error(data) => wrapped("error", timestamp, false, data),
        Body::Response(response) => response_text(response, timestamp),
        Body::Event(event) => event_text(event, timestamp),
        Body::Pong(pong) => pong_text(pong, timestamp),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("frames have text keys and no failing serializers")
}

#[derive(Serialize)]
struct Wrapped<'a, T> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "is_false")]
    replay: bool,
    data: &'a T,
    timestamp: Timestamp,
}

fn wrapped(kind: &'static str, timestamp: Timestamp, replay: bool, data: &impl Serialize) -> String {
    json(&Wrapped { r#type: kind, replay, data, timestamp })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeartbeatData<'a> {
    node_id: &'a str,
    timestamp: Timestamp,
    status: &'static str,
}

#[derive(Serialize)]
struct ResponseText<'a> {
    id: &'a RequestId,
    r#type: &'static str,
    timestamp: Timestamp,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorText<'a>>,
}

#[derive(Serialize)]
struct ErrorText<'a> {
    code: Code,
    message: &'a str,
}

fn response_text(response: &Response, timestamp: Timestamp) -> String {
    let id = &response.id;
    let common =
        ResponseText { id, r#type: "response", timestamp, success: true, message: None, data: None, error: None };
    match &response.outcome {
        Outcome::Ok { message, data } => {
            json(&ResponseText { message: message.as_deref(), data: Some(data), ..common })
        }
        Outcome::Error { code, message } => {
            json(&ResponseText { success: false, error: Some(ErrorText { code: *code, message }), ..common })
        }
    }
}

#[derive(Serialize)]
struct EventText<'a, T> {
    r#type: &'static str,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    replay: bool,
    timestamp: Timestamp,
    data: &'a T,
}

fn event_text(event: &Event, timestamp: Timestamp) -> String {
    match &event.body {
        EventBody::ServerStatusChanged(data) => with_data(event, timestamp, data),
        EventBody::OperationCompleted(data) => with_data(event, timestamp, data),
        EventBody::ServerStatus(data) => with_data(event, timestamp, data),
        EventBody::ServerLog(data) => with_data(event, timestamp, data),
        EventBody::ResourceUpdate(data) => with_data(event, timestamp, data),
        EventBody::EventGap(gap) => with_data(event, timestamp, &EventGapText { scope: "events", gap }),
        EventBody::ConsoleGap(gap) => with_data(event, timestamp, &ConsoleGapText { scope: "console", gap }),
        EventBody::ResumeComplete(data) => with_data(event, timestamp, data),
    }
}

fn with_data(event: &Event, timestamp: Timestamp, data: &impl Serialize) -> String {
    json(&EventText {
        r#type: "event",
        event: event.body.name(),
        seq: event.place.as_ref().map(|place| place.seq),
        epoch: event.place.as_ref().map(|place| place.epoch.as_str()),
        replay: event.replay,
        timestamp,
        data,
    })
}

#[derive(Serialize)]
struct EventGapText<'a> {
    scope: &'static str,
    #[serde(flatten)]
    gap: &'a EventGap,
}

#[derive(Serialize)]
struct ConsoleGapText<'a> {
    scope: &'static str,
    #[serde(flatten)]
    gap: &'a ConsoleGap,
}

#[derive(Serialize)]
struct PongText<'a> {
    #[serde(skip_serializing_if = "is_absent")]
    id: &'a RequestId,
    r#type: &'static str,
    timestamp: Timestamp,
    data: PongData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PongData {
    agent_status: &'static str,
    active_servers: u32,
    system_load: AgentLoad,
}

fn is_absent(id: &&RequestId) -> bool {
    **id == RequestId::Absent
}

fn pong_text(pong: &Pong, timestamp: Timestamp) -> String {
    let data = PongData { agent_status: "healthy", active_servers: pong.active_servers, system_load: pong.system_load };
    json(&PongText { id: &pong.id, r#type: "pong", timestamp, data })
}
