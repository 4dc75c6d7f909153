//! The handle: starts a panel on a thread of its own, and lets any thread look at it and act through it.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError, mpsc as std_mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::agent_http::{HttpCommand, HttpError, HttpJob, HttpRequest};
use crate::config::{DevPanelConfig, Misbehave, WebConfig};
use crate::hub::{AgentState, Hub, Outgoing, Refused};
use crate::record::{RecordedConnection, RecordedFrame};
use crate::view::{Operation, PanelView};
use crate::wire;

mod program;

use program::Program;

/// Shortest token for a page that is open to the network, in bytes: too long to be guessed by trying.
const MIN_TOKEN_LENGTH: usize = 16;

/// Why a panel did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The web page would be open to the network without a token.
    #[error(
        "the web address {0} is not a loopback address, so a token of at least {MIN_TOKEN_LENGTH} characters is needed"
    )]
    TokenNeeded(SocketAddr),
    /// The panel's thread could not be started.
    #[error("cannot start the panel's thread")]
    Thread(#[source] std::io::Error),
    /// The servers did not come up.
    #[error("the panel's servers did not start")]
    Servers,
}

/// A running panel. Dropping it stops it.
///
/// All methods may be called from any thread, in or out of an async runtime. Those that wait come in two kinds: `async`
/// ones need a tokio (or actix) runtime, `..._blocking` ones must not be called from one whose thread is needed elsewhere.
#[derive(Debug)]
pub struct DevPanel {
    hub: Arc<Hub>,
    link_address: SocketAddr,
    web_address: Option<SocketAddr>,
    thread: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl DevPanel {
    /// Opens the listeners and starts the panel's thread. When this returns, agents and browsers can connect.
    ///
    /// # Errors
    /// A listener that cannot be opened, a web page that would be open to the network without a token.
    pub fn start(config: DevPanelConfig) -> Result<Self, StartError> {
        let agent_listener = listen(config.listen)?;
        let link_address = local_address(&agent_listener, config.listen)?;
        let web_listener = match &config.web {
            Some(web) if !web.listen.ip().is_loopback() && token_length(web) < MIN_TOKEN_LENGTH => {
                return Err(StartError::TokenNeeded(web.listen));
            }
            Some(web) => Some(listen(web.listen)?),
            None => None,
        };
        let web_address = match (&web_listener, &config.web) {
            (Some(listener), Some(web)) => Some(local_address(listener, web.listen)?),
            _ => None,
        };
        let (hub, http_queue) = Hub::new(config, format!("ws://{link_address}"));
        let hub = Arc::new(hub);
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std_mpsc::channel();
        let program = Program { hub: Arc::clone(&hub), agent_listener, web_listener, http_queue };
        let thread = std::thread::Builder::new()
            .name("devpanel".to_owned())
            .spawn(move || {
                // The servers run on workers of this system and end with it.
                actix_rt::System::new().block_on(program.run(ready, stopped));
            })
            .map_err(StartError::Thread)?;
        let panel = Self { hub, link_address, web_address, thread: Mutex::new(Some((stop, thread))) };
        started.recv().map_err(|_| StartError::Servers)?;
        Ok(panel)
    }

    // --- addresses ---

    /// The address agents connect to.
    pub fn address(&self) -> SocketAddr {
        self.link_address
    }

    /// The URL for the agent's `panel.url`, without a node id.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.link_address)
    }

    /// The URL of the web page; empty if there is none.
    pub fn url(&self) -> String {
        self.web_address.map_or_else(String::new, |address| format!("http://{address}"))
    }

    // --- looking ---

    /// All agents that ever connected, as the registry has them.
    pub fn agents(&self) -> Vec<AgentState> {
        self.view(|view| {
            let states = view.nodes.values().map(|node| AgentState {
                node_id: node.node_id.clone(),
                online: node.online,
                connected: node.connected,
                connections: node.connections,
            });
            states.collect()
        })
    }

    /// Whether this agent counts as online.
    pub fn is_online(&self, node_id: &str) -> bool {
        self.view(|view| view.nodes.get(node_id).is_some_and(|node| node.online))
    }

    /// Looks at the panel's view. The panel stands still meanwhile: be quick, and call no other method in `read`.
    pub fn view<R>(&self, read: impl FnOnce(&PanelView) -> R) -> R {
        self.hub.view(read)
    }

    /// The status word of a server, or `None` if the panel knows no such server.
    pub fn status(&self, server_id: &str) -> Option<String> {
        self.view(|view| view.status(server_id).map(str::to_owned))
    }

    /// The game's console lines the panel still has, joined by newlines.
    pub fn console_text(&self, server_id: &str) -> String {
        self.view(|view| view.console_text(server_id))
    }

    /// What became of a command.
    pub fn operation(&self, id: &str) -> Option<Operation> {
        self.view(|view| view.operation(id).cloned())
    }

    /// The messages received, oldest first: the last 100 000, 256 MiB at most.
    pub fn frames(&self) -> Vec<Arc<RecordedFrame>> {
        self.hub.records(|records| records.frames())
    }

    /// How many messages were received in all; the next one has this `order` plus 1.
    pub fn frames_received(&self) -> u64 {
        self.hub.records(|records| records.frames_received())
    }

    /// The attempts to connect, oldest first: the last 10 000.
    pub fn connections(&self) -> Vec<RecordedConnection> {
        self.hub.records(|records| records.connections())
    }

    /// The first `response` frame to this command id, if it came.
    pub fn response_to(&self, id: &str) -> Option<Value> {
        self.responses_to(id).into_iter().next()
    }

    /// All `response` frames to this command id; more than one is a mistake of the agent (P-17).
    pub fn responses_to(&self, id: &str) -> Vec<Value> {
        self.hub.records(|records| records.answers(id))
    }

    // --- waiting ---

    /// Waits until `condition` holds; `false` if it still does not after `deadline`.
    ///
    /// It is looked at once at the start and after every change, so a state that comes and goes between two changes can
    /// be missed: ask for what lasts (`frames`, `operation`), not for what passes.
    pub async fn wait_for(&self, deadline: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.hub.watch();
        let waiting = async {
            while !condition(self) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // A change at the last moment counts.
        tokio::time::timeout(deadline, waiting).await.is_ok() || condition(self)
    }

    /// As [`wait_for`](Self::wait_for), for threads without a runtime.
    pub fn wait_for_blocking(&self, deadline: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + deadline;
        loop {
            let seen = self.hub.version();
            if condition(self) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.hub.block_until_changed(seen, left);
        }
    }

    /// Waits for the `response` to a command; `None` if it did not come in time.
    pub async fn wait_for_response(&self, id: &str, deadline: Duration) -> Option<Value> {
        self.wait_for(deadline, |panel| panel.response_to(id).is_some()).await;
        self.response_to(id)
    }

    /// Waits until a command has its outcome, be it answered at once or by an event; `None` if it did not come in time.
    pub async fn wait_for_outcome(&self, id: &str, deadline: Duration) -> Option<Operation> {
        let ended = |panel: &Self| panel.operation(id).is_some_and(|operation| operation.has_ended());
        self.wait_for(deadline, ended).await;
        self.operation(id).filter(Operation::has_ended)
    }

    // --- acting, on the link ---

    /// Sends a command frame (P-51) and gives its id.
    ///
    /// # Errors
    /// Refused as the stock panels do, if the agent counts as offline.
    pub fn send_command(
        &self,
        node_id: &str,
        action: &str,
        server_id: Option<&str>,
        payload: Option<Value>,
    ) -> Result<String, Refused> {
        self.hub.send_command(node_id, action, server_id, payload.as_ref(), false)
    }

    /// Sends a legacy frame (P-49); gives a local id for [`operation`](Self::operation), since the frame has none.
    ///
    /// # Errors
    /// As [`send_command`](Self::send_command); also for an action that the old panels did not have.
    pub fn send_legacy(
        &self,
        node_id: &str,
        action: &str,
        server_id: &str,
        payload: Option<Value>,
    ) -> Result<String, Refused> {
        self.hub.send_legacy(node_id, action, Some(server_id), payload.as_ref())
    }

    /// Writes any text as one message, whether the agent counts as online or not.
    ///
    /// # Errors
    /// If there is no open connection, or the agent does not read.
    pub fn send_raw(&self, node_id: &str, text: impl Into<String>) -> Result<(), Refused> {
        self.hub.send_any(node_id, Outgoing::Text(text.into()))
    }

    /// Writes any bytes as one binary message.
    ///
    /// # Errors
    /// As [`send_raw`](Self::send_raw).
    pub fn send_binary(&self, node_id: &str, bytes: impl Into<Bytes>) -> Result<(), Refused> {
        self.hub.send_any(node_id, Outgoing::Binary(bytes.into()))
    }

    /// Drops every connection without a close frame, as a crash of the panel would.
    pub fn drop_connections(&self) {
        self.hub.drop_connections();
    }

    /// Closes every connection with a close frame.
    pub fn close_all(&self, code: u16, reason: &str) {
        self.hub.close_all(code, reason);
    }

    /// Changes how connections are treated from now on; open ones stay as they are.
    pub fn set_misbehave(&self, misbehave: Option<Misbehave>) {
        self.hub.set_misbehave(misbehave);
    }

    // --- acting, over HTTP ---

    /// `GET /health`, with discovery if the agent's address is not known yet.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub async fn http_health(&self) -> Result<Value, HttpError> {
        self.hub.http_call(HttpRequest::Health).await
    }

    /// `GET /api/status`.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub async fn http_status(&self) -> Result<Value, HttpError> {
        self.hub.http_call(HttpRequest::Status).await
    }

    /// `POST /api/command`; gives the agent's reply, also when it says `success:false`.
    ///
    /// # Errors
    /// See [`HttpError`]; refused as the stock panels do, if the agent counts as offline and this is no lifecycle command.
    pub async fn http_command(
        &self,
        action: &str,
        server_id: Option<&str>,
        payload: Option<Value>,
    ) -> Result<Value, HttpError> {
        let (action, server_id) = (action.to_owned(), server_id.map(str::to_owned));
        self.hub
            .http_call(HttpRequest::Command(HttpCommand {
                id: wire::new_http_id(),
                action,
                server_id,
                payload,
                quiet: false,
            }))
            .await
    }

    // --- ending ---

    /// Stops the panel: listeners and connections are closed without a close frame. What it knew can still be read.
    pub fn stop(&self) {
        self.hub.drop_connections();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = thread {
            // An error means that the thread has ended already.
            stop.send(()).ok();
            if thread.join().is_err() {
                log::error!("the panel's thread panicked");
            }
        }
    }
}

impl Drop for DevPanel {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Hub {
    /// Has the panel's thread make an HTTP call.
    pub(crate) async fn http_call(&self, request: HttpRequest) -> Result<Value, HttpError> {
        let (reply, answer) = oneshot::channel();
        self.http_jobs.try_send(HttpJob { request, reply }).map_err(|_| HttpError::Unavailable)?;
        answer.await.unwrap_or(Err(HttpError::Unavailable))
    }

    /// Has the panel's thread send a command; its outcome shows as an operation.
    pub(crate) fn http_start(&self, command: HttpCommand) -> Result<(), HttpError> {
        if self.config.agent_http.is_none() {
            return Err(HttpError::NotConfigured);
        }
        let (reply, _nobody_waits) = oneshot::channel();
        let job = HttpJob { request: HttpRequest::Command(command), reply };
        self.http_jobs.try_send(job).map_err(|_| HttpError::Unavailable)
    }
}

fn token_length(web: &WebConfig) -> usize {
    web.token.as_deref().unwrap_or_default().len()
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|source| StartError::Listen { address, source })
}

fn local_address(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { address, source })
}
