//! The server's console: opened before a start, opened again when a running container has none, filled once with what
//! the log driver kept from before this run of the agent.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use bytes::Bytes;
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::lines::LineSplitter;
use cap_domain::phase::Phase;
use cap_domain::readiness::ReadinessDetector;
use cap_engine::ContainerEngine;
use futures_util::StreamExt;

use super::{ServerActor, WriteLine};
use crate::console::pump::{AttachRequest, Attachment, InputError};

/// Lines read back from the log driver when the agent finds a container that it did not start itself.
const READ_BACK_LINES: usize = 1000;

/// Before a console that could not be opened is tried again.
const REATTACH_AFTER: Duration = Duration::from_secs(1);

impl ServerActor {
    /// The next attachment of this server's console.
    pub(super) fn attach_request(&mut self, ctx: &mut Context<Self>) -> AttachRequest {
        self.attachments += 1;
        AttachRequest {
            server: self.id().clone(),
            number: self.attachments,
            console: Arc::clone(&self.console),
            detector: self.detector(),
            events: ctx.address().recipient(),
        }
    }

    fn detector(&self) -> Option<Arc<ReadinessDetector>> {
        if self.spec.startup_done.is_empty() {
            return None;
        }
        match ReadinessDetector::new(&self.spec.startup_done) {
            Ok(detector) => Some(Arc::new(detector)),
            Err(failure) => {
                log::warn!("readiness texts unusable: server_id={} error={}", self.id(), failure.message);
                None
            }
        }
    }

    /// A running container whose output nobody reads gets a reader: after a start of the agent or the engine, or when
    /// somebody else started it.
    pub(super) fn keep_console_open(&mut self, ctx: &mut Context<Self>) {
        let Some(facts) = &self.facts else { return };
        let start_under_way = !self.steps.is_empty();
        if self.attaching || start_under_way || (self.attachment.is_some() && self.read_back) {
            return;
        }
        let read_back = !std::mem::replace(&mut self.read_back, true);
        let attach = facts.running && self.attachment.is_none();
        if !attach && !read_back {
            return;
        }
        self.attaching = true;
        let since = facts.started_at.clone();
        let request = self.attach_request(ctx);
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let mut ready = false;
            if read_back {
                ready = read_log(shared.engine.as_ref(), &request, since.as_deref()).await;
            }
            let attached = if attach { Some(shared.pumps.attach(request).await) } else { None };
            (ready, attached)
        };
        ctx.spawn(actix::fut::ActorFutureExt::map(work.into_actor(self), |(ready, attached), this: &mut Self, ctx| {
            this.attaching = false;
            if ready && this.machine.status().phase == Phase::Starting {
                let effects = this.machine.became_ready(this.shared.clock.now());
                this.apply(effects, ctx);
            }
            this.attached(attached, ctx);
        }));
    }

    fn attached(&mut self, attached: Option<Result<Attachment, cap_engine::EngineError>>, ctx: &mut Context<Self>) {
        match attached {
            None => {}
            // A start has opened a newer one meanwhile.
            Some(Ok(attachment)) if attachment.number != self.attachments => {}
            Some(Ok(attachment)) => {
                log::debug!("console open: server_id={}", self.id());
                self.attachment = Some(attachment);
            }
            Some(Err(error)) => {
                log::warn!("console could not be opened: server_id={} error={error}", self.id());
                ctx.run_later(REATTACH_AFTER, |this, ctx| this.keep_console_open(ctx));
            }
        }
    }
}

/// Puts what the log driver kept into the console; tells whether the current process was seen ready in it.
async fn read_log(engine: &dyn ContainerEngine, request: &AttachRequest, started_at: Option<&str>) -> bool {
    let mut lines = match engine.logs(&request.server, None, READ_BACK_LINES).await {
        Ok(lines) => lines,
        Err(error) => {
            log::debug!("log could not be read back: server_id={} error={error}", request.server);
            return false;
        }
    };
    let mut ready = false;
    while let Some(Ok(line)) = lines.next().await {
        let mut split = Vec::new();
        let mut splitter = LineSplitter::new(crate::server::plan::LOG_LINE_MAX);
        splitter.push(&line.bytes, |line| split.push(line));
        splitter.flush(|line| split.push(line));
        let of_this_process = started_at.is_none_or(|start| line.timestamp.as_str() >= start);
        ready |= of_this_process
            && request.detector.as_ref().is_some_and(|detector| split.iter().any(|line| detector.matches(&line.text)));
        request.console.push(line.stream, rfc3339_ms(&line.timestamp), split);
    }
    ready
}

fn rfc3339_ms(text: &str) -> i64 {
    let parsed = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    parsed.map_or(0, |time| i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0))
}

impl Handler<WriteLine> for ServerActor {
    type Result = ResponseFuture<Result<(), Failure>>;

    fn handle(&mut self, WriteLine(line): WriteLine, _: &mut Self::Context) -> Self::Result {
        let not_running = || Failure::new(FailureCode::ServerNotRunning, "the server is not running");
        if !self.machine.status().last_known.has_process() {
            return Box::pin(std::future::ready(Err(not_running())));
        }
        let Some(attachment) = &self.attachment else {
            let failure = Failure::new(FailureCode::ServerBusy, "the server's console is being opened");
            return Box::pin(std::future::ready(Err(failure)));
        };
        let mut bytes = line.into_bytes();
        bytes.push(b'\n');
        let written = attachment.write(Bytes::from(bytes));
        Box::pin(async move {
            written.await.map_err(|error| match error {
                InputError::NotAttached => not_running(),
                InputError::NotRead => Failure::new(FailureCode::ServerBusy, "the server does not read its input"),
            })
        })
    }
}
