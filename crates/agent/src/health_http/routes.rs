//! The routes and their answers (section 8).

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE},
    },
    web,
};
use cap_protocol::{
    code::Code,
    http_reply::{self, AgentStatus, DockerState, Health},
    request::RequestId,
    timestamp::Timestamp,
};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use super::{
    AgentSnapshot, CommandPort, HttpReply, HttpSettings, ReadyProblem,
    auth::{OPEN_PATH, TokenIndex},
    body::{self, BodyLimits, BodyRefused},
};

/// What every route can reach.
pub(super) struct Shared {
    pub(super) settings: HttpSettings,
    pub(super) port: Arc<dyn CommandPort>,
    pub(super) agent: watch::Receiver<AgentSnapshot>,
    pub(super) bodies: Arc<Semaphore>,
}

/// Registers the routes.
pub(super) fn configure(app: &mut web::ServiceConfig) {
    app.service(
        web::resource(OPEN_PATH)
            .route(web::get().to(health))
            .route(web::head().to(health))
            .default_service(web::to(|| only("GET, HEAD"))),
    )
    .service(web::resource("/api/status").route(web::get().to(status)).default_service(web::to(|| only("GET"))))
    .service(web::resource("/livez").route(web::get().to(livez)).default_service(web::to(|| only("GET"))))
    .service(web::resource("/readyz").route(web::get().to(readyz)).default_service(web::to(|| only("GET"))))
    .service(web::resource("/api/command").route(web::post().to(command)).default_service(web::to(|| only("POST"))))
    .default_service(web::to(not_found));
}

/// A JSON answer; nothing here may be cached.
pub(super) fn json_builder(status: u16) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CONTENT_TYPE, "application/json")).insert_header((CACHE_CONTROL, "no-store"));
    builder
}

fn json(status: u16, body: String) -> HttpResponse {
    json_builder(status).body(body)
}

fn failure(status: u16, code: Code, message: &str) -> HttpResponse {
    json(status, http_reply::failure(&RequestId::Absent, code, message))
}

async fn only(methods: &'static str) -> HttpResponse {
    let body = http_reply::failure(&RequestId::Absent, Code::InvalidRequest, "method not allowed");
    json_builder(405).insert_header((ALLOW, methods)).body(body)
}

async fn not_found() -> HttpResponse {
    failure(404, Code::InvalidRequest, "no such route")
}

/// P-77. Reads nothing but the snapshot.
async fn health(shared: web::Data<Shared>) -> HttpResponse {
    let agent = shared.agent.borrow().clone();
    let docker = if agent.docker_ok { DockerState::Ok } else { DockerState::Unreachable };
    let uptime = agent.started.elapsed().as_secs();
    json(200, Health::new(agent.node_id, agent.version, now(), uptime, agent.link_up, docker).to_text())
}

/// P-78.
async fn status(shared: web::Data<Shared>) -> HttpResponse {
    let agent = shared.agent.borrow().clone();
    let uptime = agent.started.elapsed().as_secs();
    json(200, AgentStatus::new(agent.version, uptime, agent.server_count).to_text())
}

#[derive(Serialize)]
struct Live {
    live: bool,
}

/// Asks the one who does the work: a process that answers 200 by itself proves nothing.
async fn livez(shared: web::Data<Shared>) -> HttpResponse {
    let live = timeout(shared.settings.limits.alive, shared.port.alive()).await.unwrap_or(false);
    json_builder(if live { 200 } else { 503 }).json(Live { live })
}

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    problems: &'a [ReadyProblem],
}

async fn readyz(shared: web::Data<Shared>) -> HttpResponse {
    let problems = shared.agent.borrow().problems.clone();
    let ready = problems.is_empty();
    json_builder(if ready { 200 } else { 503 }).json(Ready { ready, problems: &problems })
}

/// P-79 to P-82.
async fn command(request: HttpRequest, payload: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    let Some(TokenIndex(token)) = request.extensions().get::<TokenIndex>().copied() else {
        return failure(500, Code::InternalError, "internal error");
    };
    let limits = &shared.settings.limits;
    let body_limits =
        BodyLimits { max_body: shared.settings.max_body, pause: limits.body_pause, total: limits.body_total };
    let held = match body::read(payload, announced_length(&request), body_limits, &shared.bodies).await {
        Ok(held) => held,
        Err(refused) => return refuse(refused, shared.settings.max_body),
    };
    let port = Arc::clone(&shared.port);
    // A task of its own: a caller that goes away does not cancel a command (P-26), and a panic is one answer.
    let submitted = actix_web::rt::spawn(async move {
        let body::HeldBody { bytes, _share } = held;
        port.submit(token, bytes).await
    });
    match timeout(limits.reply, submitted).await {
        Ok(Ok(HttpReply { status, body })) => json(status, body),
        Ok(Err(error)) => {
            log::error!("a command over HTTP crashed: {error}");
            failure(500, Code::InternalError, "internal error")
        }
        Err(_) => {
            log::warn!("a command over HTTP was not answered in time; it goes on");
            failure(200, Code::Timeout, "the command was not answered in time")
        }
    }
}

/// The `Content-Length`, if the body has one.
fn announced_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn refuse(refused: BodyRefused, max_body: usize) -> HttpResponse {
    match refused {
        BodyRefused::TooLarge => json(413, http_reply::too_large(max_body as u64)),
        BodyRefused::TooSlow => failure(408, Code::Timeout, "the body did not come in time"),
        // Overload is an answer, not a failure of the agent (P-81).
        BodyRefused::NoRoom => failure(200, Code::RateLimited, "too many large requests at the same time"),
        BodyRefused::Broken => failure(400, Code::InvalidRequest, "the body is broken"),
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
