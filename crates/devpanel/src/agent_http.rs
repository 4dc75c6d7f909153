//! The stock panels' HTTP client (contract, section 8): discovery, health, status, commands, and their judgement of when
//! an agent is online.

use std::sync::Arc;
use std::time::Duration;

use awc::error::{PayloadError, SendRequestError};
use awc::http::Method;
use awc::http::header::CONTENT_TYPE;
use awc::{Client, Connector};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::config::{AgentAddress, AgentHttp};
use crate::hub::Hub;

mod node_state;

/// How long one port may take during discovery.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long `/api/status` may take.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// Node clients keep an idle connection for this long.
const IDLE_CONNECTION: Duration = Duration::from_secs(5);
/// Largest reply taken. File downloads are base64 of up to 256 M.
const MAX_REPLY_BYTES: usize = 400 * 1024 * 1024;
/// Actions that go out even while the agent counts as offline; a success makes it online again.
const LIFECYCLE: &[&str] = &["start_server", "stop_server", "restart_server", "kill_server"];

/// Why an HTTP call gave no answer of the agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The panel was started without [`AgentHttp`].
    #[error("no agent URL is configured")]
    NotConfigured,
    /// No port answered like an agent.
    #[error("no agent found: {0}")]
    NotFound(String),
    /// The agent counts as offline; the stock panels send only lifecycle commands then.
    #[error("agent is offline")]
    Offline,
    /// No answer in time. The agent now counts as offline.
    #[error("no answer in time")]
    Timeout,
    /// The transport failed. The agent now counts as offline.
    #[error("request failed: {0}")]
    Transport(String),
    /// Not a 2xx. The agent now counts as offline.
    #[error("agent answered {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// Body as text.
        body: String,
    },
    /// A 2xx whose body is not JSON.
    #[error("agent's answer is not JSON")]
    NotJson,
    /// The panel has stopped, or too many calls wait already.
    #[error("panel cannot take the call")]
    Unavailable,
}

/// One call of the HTTP side, carried out on the panel's thread.
#[derive(Debug)]
pub(crate) struct HttpJob {
    pub(crate) request: HttpRequest,
    pub(crate) reply: oneshot::Sender<Result<Value, HttpError>>,
}

/// What is to be asked.
#[derive(Debug)]
pub(crate) enum HttpRequest {
    /// `GET /health`, with discovery if the address is not known yet.
    Health,
    /// `GET /api/status`.
    Status,
    /// `POST /api/command`.
    Command(HttpCommand),
}

/// A command for `POST /api/command`; the order of the fields is the order on the wire (P-79).
#[derive(Debug, Serialize)]
pub(crate) struct HttpCommand {
    /// Local id of its operation; never sent.
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) action: String,
    #[serde(rename = "serverId", skip_serializing_if = "Option::is_none")]
    pub(crate) server_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<Value>,
    #[serde(skip)]
    pub(crate) quiet: bool,
}

/// Carries out jobs, each in a task of its own, until the queue closes. Must run on the panel's thread: the client cannot
/// leave it.
pub(crate) async fn serve(hub: Arc<Hub>, mut jobs: mpsc::Receiver<HttpJob>) {
    let agent = hub.config.agent_http.clone().map(|agent| {
        let caller = Caller { hub: Arc::clone(&hub), client: client(), agent };
        std::rc::Rc::new(caller)
    });
    if let Some(caller) = &agent
        && let Some(period) = caller.agent.check_every
    {
        actix_rt::spawn(check_regularly(std::rc::Rc::clone(caller), period));
    }
    while let Some(job) = jobs.recv().await {
        let Some(caller) = agent.clone() else {
            // A caller that has gone away does not need the answer.
            job.reply.send(Err(HttpError::NotConfigured)).ok();
            continue;
        };
        actix_rt::spawn(async move {
            let answer = caller.call(job.request).await;
            job.reply.send(answer).ok();
        });
    }
}

async fn check_regularly(caller: std::rc::Rc<Caller>, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // What it finds is noted in the view; that is all it is for.
        caller.call(HttpRequest::Status).await.ok();
    }
}

fn client() -> Client {
    let connector = Connector::new().conn_keep_alive(IDLE_CONNECTION).timeout(DISCOVERY_TIMEOUT);
    // Every call has a deadline of its own.
    Client::builder().connector(connector).disable_timeout().disable_redirects().finish()
}

struct Caller {
    hub: Arc<Hub>,
    client: Client,
    agent: AgentHttp,
}

impl Caller {
    async fn call(&self, request: HttpRequest) -> Result<Value, HttpError> {
        let base_url = match self.hub.http_base_url() {
            Some(known) => Ok(known),
            None => self.discover().await,
        };
        match request {
            HttpRequest::Health => {
                let base_url = base_url?;
                let url = format!("{base_url}/health");
                // No credentials here: that is how discovery asks.
                let answer = timeout(DISCOVERY_TIMEOUT, self.get(&url, false)).await;
                self.hub.note_health(&base_url, flatten(answer))
            }
            HttpRequest::Status => {
                let url = format!("{}/api/status", base_url?);
                let answer = timeout(STATUS_TIMEOUT, self.get(&url, true)).await;
                self.hub.note_status(flatten(answer))
            }
            HttpRequest::Command(command) => {
                let sent = self.hub.note_http_sent(&command);
                let lifecycle = LIFECYCLE.contains(&command.action.as_str());
                let answer = match base_url {
                    Ok(_) if !lifecycle && !self.hub.http_online() => Err(HttpError::Offline),
                    Ok(base_url) => self.command(&base_url, &command).await,
                    Err(not_found) => Err(not_found),
                };
                self.hub.note_http_answer(&sent, lifecycle, answer)
            }
        }
    }

    async fn command(&self, base_url: &str, command: &HttpCommand) -> Result<Value, HttpError> {
        let body = serde_json::to_vec(command).expect("strings and JSON values always serialize");
        let request = self
            .client
            .post(format!("{base_url}/api/command"))
            .insert_header((CONTENT_TYPE, "application/json"))
            .bearer_auth(&self.agent.token)
            .send_body(body);
        flatten(timeout(self.agent.command_timeout, read(request)).await)
    }

    /// Finds the agent as the stock panels do and remembers where.
    async fn discover(&self) -> Result<String, HttpError> {
        let candidates = candidates(&self.agent.address);
        let mut tried = Vec::new();
        for base_url in &candidates {
            let url = format!("{base_url}/health");
            match flatten(timeout(DISCOVERY_TIMEOUT, self.get(&url, false)).await) {
                Ok(health) if looks_like_an_agent(&health) => {
                    // Noted for its effect on the view; the answer is the caller's to ask for.
                    self.hub.note_health(base_url, Ok(health)).ok();
                    return Ok(base_url.clone());
                }
                Ok(_) => tried.push(format!("{base_url}: not an agent")),
                Err(error) => tried.push(format!("{base_url}: {error}")),
            }
        }
        let error = HttpError::NotFound(tried.join("; "));
        self.hub.note_not_found(&error);
        Err(error)
    }

    async fn get(&self, url: &str, credentials: bool) -> Result<Value, HttpError> {
        let request = self.client.request(Method::GET, url).insert_header((CONTENT_TYPE, "application/json"));
        let request = if credentials { request.bearer_auth(&self.agent.token) } else { request };
        read(request.send()).await
    }
}

/// Sends, and reads the answer as JSON.
async fn read<S, E>(request: impl Future<Output = Result<awc::ClientResponse<S>, E>>) -> Result<Value, HttpError>
where
    S: futures_util::Stream<Item = Result<bytes::Bytes, PayloadError>>,
    E: Into<SendRequestError>,
{
    let mut response = request.await.map_err(|error| HttpError::Transport(error.into().to_string()))?;
    let body = response.body().limit(MAX_REPLY_BYTES).await;
    let body = body.map_err(|error| HttpError::Transport(error.to_string()))?;
    let status = response.status();
    if !status.is_success() {
        let body = String::from_utf8_lossy(&body).into_owned();
        return Err(HttpError::Status { status: status.as_u16(), body });
    }
    serde_json::from_slice(&body).map_err(|_| HttpError::NotJson)
}

fn flatten<T>(answer: Result<Result<T, HttpError>, tokio::time::error::Elapsed>) -> Result<T, HttpError> {
    answer.unwrap_or(Err(HttpError::Timeout))
}

/// The base URLs that are tried, in order; the node's own port is not among them.
fn candidates(address: &AgentAddress) -> Vec<String> {
    match address {
        AgentAddress::Url(url) => vec![url.trim_end_matches('/').to_owned()],
        AgentAddress::Discover { scheme, host, node_port } => {
            let ports = [8081, u32::from(*node_port) + 1, u32::from(*node_port) + 100, 8080, 3001];
            ports.iter().map(|port| format!("{scheme}://{host}:{port}")).collect()
        }
    }
}

/// JSON with a truthy `nodeId`, or `status` equal to `healthy`.
fn looks_like_an_agent(health: &Value) -> bool {
    let truthy = match &health["nodeId"] {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(_) | Value::Object(_) => true,
    };
    truthy || health["status"] == "healthy"
}

#[cfg(test)]
mod tests {
    use super::{candidates, looks_like_an_agent};
    use crate::config::AgentAddress;
    use serde_json::json;

    #[test]
    fn discovery_tries_the_stock_ports_in_the_stock_order() {
        let address = AgentAddress::Discover { scheme: "https".to_owned(), host: "n".to_owned(), node_port: 9000 };
        let expected = ["https://n:8081", "https://n:9001", "https://n:9100", "https://n:8080", "https://n:3001"];
        assert_eq!(candidates(&address), expected);
    }

    #[test]
    fn an_agent_is_known_by_its_node_id_or_its_health() {
        assert!(looks_like_an_agent(&json!({"nodeId": "node-1"})));
        assert!(looks_like_an_agent(&json!({"status": "healthy"})));
        assert!(!looks_like_an_agent(&json!({"nodeId": "", "status": "ok"})));
        assert!(!looks_like_an_agent(&json!({"nodeId": 0})));
        assert!(!looks_like_an_agent(&json!([])));
    }
}
