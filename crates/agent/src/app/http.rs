//! The HTTP side: listeners from the configuration, and the picture of the agent that health pages show.

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::{AgentConfig, PanelConfig};
use crate::health_http::{self, HealthHttp, HttpListener, HttpSettings, ReadyProblem};
use crate::http_commands::HttpCommands;
use crate::snapshot::AgentSnapshot;

/// Opens the listeners and serves.
pub(super) fn serve(
    config: &AgentConfig,
    commands: HttpCommands,
    agent: watch::Receiver<AgentSnapshot>,
) -> anyhow::Result<HealthHttp> {
    let tls = match &config.http.tls {
        Some(files) => {
            Some(health_http::tls_config(&files.cert, &files.key).context("http.tls_cert and http.tls_key")?)
        }
        None => None,
    };
    let mut listeners = Vec::new();
    for listener in &config.http.listen {
        let socket = health_http::bind(listener.address)
            .with_context(|| format!("http.listen: {} cannot be opened", listener.address))?;
        let tls = tls.clone().filter(|_| listener.tls.unwrap_or(true));
        let scheme = if tls.is_some() { "https" } else { "http" };
        log::info!("listening on {scheme}://{}", socket.local_addr().unwrap_or(listener.address));
        listeners.push(HttpListener { socket, tls });
    }
    let settings =
        HttpSettings { max_body: config.http.max_body, ..HttpSettings::new(config.http.accepted_tokens.clone()) };
    let (http, server) = HealthHttp::serve(settings, listeners, Arc::new(commands), health_of(config, agent))
        .context("the HTTP listeners cannot be served")?;
    actix_rt::spawn(async move {
        if let Err(error) = server.await {
            log::error!("the HTTP listener failed: {error}");
        }
    });
    Ok(http)
}

/// Follows the agent's picture and makes health pages' of it.
fn health_of(
    config: &AgentConfig,
    mut agent: watch::Receiver<AgentSnapshot>,
) -> watch::Receiver<health_http::AgentSnapshot> {
    let (node_id, panel, started) = (config.node.id.to_string(), config.panel.clone(), Instant::now());
    let picture = move |agent: &AgentSnapshot| health_http::AgentSnapshot {
        node_id: node_id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        link_up: agent.link_up,
        docker_ok: agent.docker_ok,
        server_count: agent.server_count as u64,
        problems: problems(&panel, agent),
    };
    let (health, shown) = watch::channel(picture(&agent.borrow()));
    actix_rt::spawn(async move {
        while agent.changed().await.is_ok() {
            let next = picture(&agent.borrow_and_update());
            health.send_replace(next);
        }
    });
    shown
}

fn problems(panel: &PanelConfig, agent: &AgentSnapshot) -> Vec<ReadyProblem> {
    let mut problems = Vec::new();
    let mut add = |part: &'static str, why: &str| problems.push(ReadyProblem { part, why: why.to_owned() });
    if agent.shutting_down {
        add("agent", "shutting down");
    }
    if !agent.docker_ok {
        add("docker", "the container engine does not answer");
    } else if !agent.reconciled {
        add("docker", "the containers have not been listed yet");
    }
    if panel.url.is_some() && !agent.link_up {
        match &agent.link_problem {
            Some(problem) => add("panel", &format!("the link to the panel is down: {problem}")),
            None => add("panel", "the link to the panel is not up yet"),
        }
    }
    problems
}
