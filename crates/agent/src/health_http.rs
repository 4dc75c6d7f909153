//! The HTTP side of the agent: health for discovery, readiness for operators, commands for panels (section 8).
//!
//! Fed by panels and probes; tells commands to a [`CommandPort`] and answers the rest from a watched [`AgentSnapshot`],
//! so that `/health` answers whatever Docker, the link or the dispatcher do (P-77). It knows no command: a body goes to
//! the port as bytes and comes back as a reply.
//!
//! The server runs on a thread of its own. Everything but `/health` needs a token (P-209), and the token is checked
//! before the body is read (P-210); this sits in front of the routes, so a new route cannot forget it.

mod auth;
mod bind;
mod body;
mod routes;

#[cfg(test)]
mod tests;

use std::{fmt, io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    middleware::from_fn,
    web,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

pub use self::bind::{TlsFilesError, bind, tls_config};
use self::{
    body::BODY_PERMIT_BYTES,
    routes::{Shared, configure},
};
use crate::secret::Secret;

/// Takes commands; the only way from here to the rest of the agent.
pub trait CommandPort: Send + Sync + 'static {
    /// Carries out the command in `body`, exactly once, and gives the reply. `token` is the place of the caller's token
    /// in [`HttpSettings::tokens`]: answers are remembered per token (P-29).
    ///
    /// The future runs to its end even when the caller goes away (P-26).
    fn submit(&self, token: u8, body: Bytes) -> BoxFuture<'static, HttpReply>;

    /// Whether the one who carries out commands still works.
    fn alive(&self) -> BoxFuture<'static, bool>;
}

/// A reply to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// 200 for every understood command, 400 for what is not JSON, 500 for a crash (P-80, P-81).
    pub status: u16,
    /// A JSON object.
    pub body: String,
}

/// What the agent says about itself without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSnapshot {
    /// The node's id.
    pub node_id: String,
    /// The program's version.
    pub version: String,
    /// When the process started; the uptime is counted from here.
    pub started: Instant,
    /// Whether the link to the panel is up.
    pub link_up: bool,
    /// Whether the container engine answers.
    pub docker_ok: bool,
    /// How many servers the agent knows.
    pub server_count: u64,
    /// What keeps the agent from serving; empty = ready. Goes out to whoever has a token: no path, no secret.
    pub problems: Vec<ReadyProblem>,
}

/// One reason why the agent is not ready.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ReadyProblem {
    /// The part: `docker`, `store`, `servers`, ...
    pub part: &'static str,
    /// A plain sentence.
    pub why: String,
}

/// A bound socket, with TLS or without.
#[derive(Debug)]
pub struct HttpListener {
    /// The socket, bound and listening.
    pub socket: TcpListener,
    /// TLS for this listener alone; none = plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// Settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Every token that is accepted (P-209), 255 at most. None: everything but `/health` is 401.
    pub tokens: Vec<Secret>,
    /// The longest body that is taken, in bytes (64 MiB, never less in production, P-81).
    pub max_body: usize,
    /// Limits against slow and many callers.
    pub limits: HttpLimits,
}

impl HttpSettings {
    /// Settings with every default.
    pub fn new(tokens: Vec<Secret>) -> Self {
        Self { tokens, max_body: 64 * 1024 * 1024, limits: HttpLimits::default() }
    }
}

/// Limits against slow and many callers.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// From the connection, or the request's first byte, to the end of its head (10 s).
    pub head: Duration,
    /// The longest pause within a body (15 s).
    pub body_pause: Duration,
    /// The longest time for a whole body (60 s; panels themselves give up after 30 s).
    pub body_total: Duration,
    /// How long an idle connection stays open (75 s; at least 30 s, P-76).
    pub keep_alive: Duration,
    /// Connections at the same time, over all listeners (1024); more wait in the kernel's queue.
    pub connections: usize,
    /// Bytes of bodies held at the same time, over all callers (256 MiB); a body that does not fit is refused.
    pub bodies: usize,
    /// How long the reply to a command may take (29 s): panels give up after 30 s, and a late answer marks the agent
    /// offline. The command goes on.
    pub reply: Duration,
    /// How long `/livez` waits for the answer (1 s).
    pub alive: Duration,
    /// How long open requests may take to end at shutdown (3 s, whole seconds).
    pub shutdown: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body_pause: Duration::from_secs(15),
            body_total: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            connections: 1024,
            bodies: 256 * 1024 * 1024,
            reply: Duration::from_secs(29),
            alive: Duration::from_secs(1),
            shutdown: Duration::from_secs(3),
        }
    }
}

/// A running HTTP side. Dropping it stops nothing; call [`HealthHttp::stop`].
pub struct HealthHttp {
    handle: ServerHandle,
}

impl fmt::Debug for HealthHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HealthHttp")
    }
}

impl HealthHttp {
    /// Serves on every listener. Gives the running side and a future that ends with the server; it must be spawned on the
    /// actix system, and an end that nobody asked for is a failure of the agent.
    pub fn serve(
        settings: HttpSettings,
        listeners: Vec<HttpListener>,
        port: Arc<dyn CommandPort>,
        agent: watch::Receiver<AgentSnapshot>,
    ) -> io::Result<(Self, Server)> {
        let limits = settings.limits.clone();
        let shared = web::Data::new(Shared {
            bodies: Arc::new(Semaphore::new(limits.bodies / BODY_PERMIT_BYTES)),
            settings,
            port,
            agent,
        });
        let mut server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).configure(configure).wrap(from_fn(auth::require_token))
        })
        // One thread serves them all: it only copies bytes and asks others.
        .workers(1)
        // Signals belong to the program.
        .disable_signals()
        .keep_alive(limits.keep_alive)
        .client_request_timeout(limits.head)
        // Also the time in which what a refused caller still sends is read and thrown away, so that it sees the answer.
        .client_disconnect_timeout(Duration::from_secs(5))
        .tls_handshake_timeout(limits.head)
        .max_connections(limits.connections)
        .shutdown_timeout(limits.shutdown.as_secs());
        for listener in listeners {
            server = match listener.tls {
                Some(tls) => server.listen_rustls_0_23(listener.socket, Arc::unwrap_or_clone(tls))?,
                None => server.listen(listener.socket)?,
            };
        }
        let server = server.run();
        Ok((Self { handle: server.handle() }, server))
    }

    /// Takes no new connection and waits for the open requests, [`HttpLimits::shutdown`] at most.
    pub async fn stop(&self) {
        self.handle.stop(true).await;
    }
}
