//! Carrying out what the machine answers.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, WrapFuture};
use cap_domain::failure::Failure;
use cap_domain::phase::{Phase, Reason};
use cap_domain::server::{Effect, StepId};

use super::actions::StepEnd;
use super::{OperationEnded, ServerActor};
use crate::clock::unix_ms;
use crate::engine_watch::with_sources;
use crate::report::Report;

/// How long telling waits for the disk.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

impl ServerActor {
    /// Begins work at once; tells what happened only after what must be durable is (invariant 10).
    pub(super) fn apply(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Perform { step, action } => self.perform(step, action, ctx),
                Effect::Abandon { step } => self.abandon(step, ctx),
                Effect::Look => self.look(ctx),
                notice => self.notices.push_back(notice),
            }
        }
        self.tell(ctx);
        self.sleep_until_deadline(ctx);
    }

    fn perform(&mut self, step: StepId, action: cap_domain::server::Action, ctx: &mut Context<Self>) {
        log::debug!("step begins: server_id={} step={} action={action:?}", self.id(), step.0);
        let work = self.work_on(action, ctx);
        let handle =
            ctx.spawn(actix::fut::ActorFutureExt::map(work.into_actor(self), move |end, this: &mut Self, ctx| {
                this.steps.remove(&step);
                this.end_step(step, end, ctx);
            }));
        self.steps.insert(step, handle);
    }

    fn abandon(&mut self, step: StepId, ctx: &mut Context<Self>) {
        if let Some(handle) = self.steps.remove(&step) {
            log::debug!("step abandoned: server_id={} step={}", self.id(), step.0);
            ctx.cancel_future(handle);
        }
    }

    fn end_step(&mut self, step: StepId, end: StepEnd, ctx: &mut Context<Self>) {
        if let Err(failure) = &end.result {
            log::warn!(
                "step failed: server_id={} step={} code={} error={}",
                self.id(),
                step.0,
                failure.code.as_str(),
                failure.message
            );
        }
        if let Some(attachment) = end.attachment {
            self.attachment = Some(attachment);
        }
        if let Some(ports) = end.ports {
            self.spec.ports = ports;
        }
        let effects = self.machine.step_ended(self.shared.clock.now(), step, end.result);
        self.apply(effects, ctx);
    }

    /// Works through the notices in order; stops at one that must be durable first, and goes on when it is.
    pub(super) fn tell(&mut self, ctx: &mut Context<Self>) {
        while !self.persisting {
            match self.notices.pop_front() {
                None => return,
                Some(Effect::Persist(persisted)) => {
                    self.persisting = true;
                    let write = self.shared.store.set_persisted(self.id().clone(), persisted);
                    let server = self.id().clone();
                    let then = async move {
                        // Supervision goes on from memory: a full or hanging disk must not take the games down.
                        match tokio::time::timeout(STORE_PATIENCE, write).await {
                            Ok(Ok(_)) => {}
                            Ok(Err(error)) => log::error!(
                                "state could not be stored: server_id={server} error={}",
                                with_sources(&error)
                            ),
                            Err(_) => log::warn!("state is not stored yet: server_id={server}: the disk is slow"),
                        }
                    };
                    ctx.spawn(actix::fut::ActorFutureExt::map(then.into_actor(self), |(), this: &mut Self, ctx| {
                        this.persisting = false;
                        this.tell(ctx);
                    }));
                }
                Some(Effect::Changed(change)) => {
                    log::info!(
                        "server_id={} {} -> {}{}{}",
                        self.id(),
                        change.from.status_word(),
                        change.to.phase.status_word(),
                        change.reason.map(|reason| format!(" reason={}", reason.word())).unwrap_or_default(),
                        change.error.as_ref().map(|error| format!(" error={error}")).unwrap_or_default(),
                    );
                    let server = self.id().clone();
                    if change.to.phase == Phase::Stopped && change.reason == Some(Reason::Install) {
                        // P-40: a notice, not a state.
                        let message = "Server created successfully".to_owned();
                        let notice =
                            Report::Notice { server: server.clone(), phase: None, message, unix_ms: unix_ms() };
                        self.shared.reports.do_send(notice);
                    }
                    self.shared.reports.do_send(Report::StatusChanged { server, change, unix_ms: unix_ms() });
                }
                Some(Effect::Finished { operation, outcome }) => self.tell_end(operation, outcome),
                Some(Effect::Perform { .. } | Effect::Abandon { .. } | Effect::Look) => {}
            }
        }
    }

    fn tell_end(&self, operation: cap_domain::ids::OperationId, outcome: Result<Option<String>, Failure>) {
        self.owner.ended.do_send(OperationEnded {
            server: self.id().clone(),
            operation,
            outcome,
            status: self.machine.status(),
            ports: self.spec.ports.clone(),
        });
    }

    fn sleep_until_deadline(&mut self, ctx: &mut Context<Self>) {
        if let Some(wake) = self.wake.take() {
            ctx.cancel_future(wake);
        }
        let Some(deadline) = self.machine.next_deadline() else { return };
        let wait = Duration::from_millis(deadline.saturating_sub(self.shared.clock.now()));
        self.wake = Some(ctx.run_later(wait, |this, ctx| {
            this.wake = None;
            let effects = this.machine.tick(Arc::clone(&this.shared).clock.now());
            this.apply(effects, ctx);
        }));
    }
}
