//! Bodies of the agent's HTTP answers (section 8).

use serde::{Deserialize, Serialize};

use crate::Object;
use crate::code::Code;
use crate::outbound::object_of;
use crate::request::{Rejection, RequestId};
use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// A command that worked, or is under way: status 200 (P-80).
pub fn success(id: &RequestId, message: Option<&str>, data: &impl Serialize) -> String {
    text(&Success { success: true, message, data: &object_of(data), id: echoed(id) })
}

/// A command that was refused or failed: status 200 too (P-81).
pub fn failure(id: &RequestId, code: Code, message: &str) -> String {
    text(&Failure { success: false, error: message, code, id: echoed(id) })
}

/// The answer to [`crate::http::BodyError::Refused`]: status 200.
pub fn refused(rejection: &Rejection) -> String {
    failure(&rejection.id, rejection.code, &rejection.message)
}

/// The answer to [`crate::http::BodyError::NotJson`]: status 400.
pub fn not_json() -> String {
    failure(&RequestId::Absent, Code::InvalidRequest, "body is not JSON")
}

/// Bad or no credentials: status 401 (P-210).
pub fn unauthorized() -> String {
    failure(&RequestId::Absent, Code::AuthFailed, "unauthorized")
}

/// A body over the limit, given in bytes: status 413 (P-81).
pub fn too_large(limit: u64) -> String {
    let mebibytes = limit / (1024 * 1024);
    failure(&RequestId::Absent, Code::InvalidRequest, &format!("body is larger than {mebibytes} MiB"))
}

fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("bodies have text keys and no failing serializers")
}

/// HTTP answers carry an id only if the command did.
fn echoed(id: &RequestId) -> Option<&RequestId> {
    (*id != RequestId::Absent).then_some(id)
}

#[derive(Serialize)]
struct Success<'a> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    data: &'a Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RequestId>,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: &'a str,
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RequestId>,
}

/// Whether the engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum DockerState {
    Ok,
    Unreachable,
}

/// Body of `GET /health` (P-77). `status` and `connected` are constants: discovery reads them as "this agent lives".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    status: String,
    /// The node's id.
    pub node_id: String,
    /// This program's version.
    pub version: String,
    connected: bool,
    /// Now.
    pub timestamp: Timestamp,
    /// Of this process, in seconds.
    pub uptime: u64,
    /// Whether the link is up.
    pub ws_connected: bool,
    /// Whether the engine answers.
    pub docker: DockerState,
}

impl Health {
    /// What there is to say; the constants are added.
    pub fn new(
        node_id: impl Into<String>,
        version: impl Into<String>,
        timestamp: Timestamp,
        uptime: u64,
        ws_connected: bool,
        docker: DockerState,
    ) -> Self {
        Self {
            status: "healthy".to_owned(),
            node_id: node_id.into(),
            version: version.into(),
            connected: true,
            timestamp,
            uptime,
            ws_connected,
            docker,
        }
    }

    /// Whether discovery would take this for a live agent.
    pub fn is_healthy(&self) -> bool {
        self.status == "healthy" && self.connected
    }

    /// The body.
    pub fn to_text(&self) -> String {
        text(self)
    }
}

/// Body of `GET /api/status`, not wrapped (P-78), and data of system.status (P-132).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    online: bool,
    /// This program's version.
    pub version: String,
    /// Of this process, in seconds.
    pub uptime: u64,
    /// Servers the agent knows.
    pub server_count: u64,
}

impl AgentStatus {
    /// What there is to say; `online` is always true.
    pub fn new(version: impl Into<String>, uptime: u64, server_count: u64) -> Self {
        Self { online: true, version: version.into(), uptime, server_count }
    }

    /// The body.
    pub fn to_text(&self) -> String {
        text(self)
    }
}
