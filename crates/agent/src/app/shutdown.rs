//! The end of the agent: stop intake, let commands settle, flush, close; each with a deadline. Containers go on.

use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Running;
use crate::dispatcher::Settle;
use crate::outbox::Flush;
use crate::panel::connection::CloseLink;

/// Commands under way may take so long to end; what has not by then is told as INTERRUPTED after the next start.
const SETTLE: Duration = Duration::from_secs(4);

/// The panel may take so long to take what waits.
const FLUSH: Duration = Duration::from_secs(2);

/// Link, HTTP and store may take so long to close, each.
const CLOSE: Duration = Duration::from_secs(1);

/// The signals that end the agent.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        Ok(Self { terminate, interrupt })
    }

    pub(super) async fn wait(mut self) {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        log::info!("{name}: shutting down, the servers go on");
    }
}

pub(super) async fn run(running: Running) {
    let Running { dispatcher, outbox, link, http, store, snapshot } = running;
    snapshot.send_modify(|snapshot| snapshot.shutting_down = true);
    within("commands", SETTLE + CLOSE, dispatcher.send(Settle { within: SETTLE })).await;
    within("outbox", FLUSH + CLOSE, outbox.send(Flush { within: FLUSH })).await;
    if let Some(link) = link {
        within("link", CLOSE, link.send(CloseLink)).await;
    }
    within("HTTP", CLOSE, http.stop()).await;
    within("store", CLOSE, store.close()).await;
    log::info!("shut down");
}

async fn within<T>(what: &str, limit: Duration, end: impl Future<Output = T>) {
    if tokio::time::timeout(limit, end).await.is_err() {
        log::warn!("{what} did not close in time");
    }
}
