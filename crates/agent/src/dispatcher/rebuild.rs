//! Supervision of the server actors: one that panicked is built anew from what the store knows, after a wait.
//!
//! actix's own `Supervisor` restarts actors that stop, never ones that panic; so the dispatcher runs each actor as a
//! task of its own and watches how the task ends.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use cap_domain::command::Answer;
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::ServerId;
use cap_domain::spec::ServerSpec;

use super::{ConsoleKnown, Dispatcher, Entry};
use crate::console::Console;
use crate::server::{Observed, ServerActor};

/// The longest wait before a server actor is built anew.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A server's actor ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Exited {
    server: ServerId,
    panicked: bool,
}

impl Dispatcher {
    /// Its numbering begins at 1, so its name must be new even for a server that was deleted and created again (P-69).
    pub(super) fn new_console(&mut self, spec: &ServerSpec) -> Arc<Console> {
        self.consoles_made += 1;
        let epoch = format!("{}-{}", self.shared.console_epoch, self.consoles_made);
        let console = Arc::new(Console::new(spec.id.clone(), epoch, self.shared.console_limits));
        self.viewers.do_send(ConsoleKnown { server: spec.id.clone(), console: Arc::clone(&console) });
        console
    }

    /// Runs the actor as a task, and hears of its end.
    pub(super) fn supervise(
        &mut self,
        spec: ServerSpec,
        actor: ServerActor,
        console: Arc<Console>,
        created_unix_ms: i64,
        panics: u32,
        ctx: &mut Context<Self>,
    ) {
        let server = spec.id.clone();
        let mut context = actix::Context::<ServerActor>::new();
        // Unbounded, as the dispatcher's own: requests must keep their order, and the machine bounds what waits.
        context.set_mailbox_capacity(0);
        let address = context.address();
        let run = actix_rt::spawn(context.into_future(actor));
        let this = ctx.address();
        let id = server.clone();
        actix_rt::spawn(async move {
            let panicked = run.await.is_err_and(|error| error.is_panic());
            this.do_send(Exited { server: id, panicked });
        });
        self.servers.insert(server, Entry { actor: address, console, spec, created_unix_ms, panics });
    }
}

impl Handler<Exited> for Dispatcher {
    type Result = ();

    fn handle(&mut self, exited: Exited, ctx: &mut Self::Context) {
        if !exited.panicked {
            return; // retired: deleted, or the agent ends
        }
        let Some(entry) = self.servers.get_mut(&exited.server) else { return };
        entry.panics += 1;
        let wait = Duration::from_secs(1 << entry.panics.min(6)).min(LONGEST_WAIT);
        log::error!(
            "the supervisor of a server panicked and is built anew: server_id={} panics={} wait_s={}",
            exited.server,
            entry.panics,
            wait.as_secs()
        );
        let server = exited.server;
        // What it was doing has no outcome any more.
        let failure = Failure::new(FailureCode::InternalError, "the server's supervisor failed");
        for id in self.operations.under_way_of(&server) {
            self.end_without_outcome(&id, &failure);
        }
        ctx.run_later(wait, move |this, ctx| this.rebuild(server, ctx));
    }
}

impl Dispatcher {
    fn end_without_outcome(&mut self, id: &cap_domain::ids::OperationId, failure: &Failure) {
        let now = crate::clock::unix_ms();
        let Some(mut operation) = self.operations.end(id, now, Some(failure.clone())) else { return };
        let waiting = std::mem::take(&mut operation.waiting);
        self.answer_all(waiting, &Answer::Failed { failure: failure.clone() });
        let outcome = Err(failure.clone());
        let tell = super::lifecycle::completed(&operation, &outcome, now);
        self.store_ended(&operation, now, outcome, tell);
    }

    /// A machine built anew knows nothing until it has seen its container.
    fn look_at(&self, server: ServerId, ctx: &mut Context<Self>) {
        let order = self.shared.order.next();
        let engine = Arc::clone(&self.shared.engine);
        let look = async move { (engine.look(&server).await, server) };
        ctx.spawn(look.into_actor(self).map(move |(seen, server), this, _| {
            let Some(entry) = this.servers.get(&server) else { return };
            match seen {
                Ok(observation) => entry.actor.do_send(Observed { order, observation }),
                // The watch finds out what is wrong, and lists when it is over.
                Err(error) => {
                    log::warn!("looking at the container failed: server_id={server} error={error}");
                    this.shared.suspicion.notify_one();
                }
            }
        }));
    }

    fn rebuild(&mut self, server: ServerId, ctx: &mut Context<Self>) {
        let load = self.shared.store.persisted_of(server.clone());
        ctx.spawn(load.into_actor(self).map(move |loaded, this, ctx| {
            let Some(entry) = this.servers.get(&server) else { return };
            let (console, created, panics, spec) =
                (Arc::clone(&entry.console), entry.created_unix_ms, entry.panics, entry.spec.clone());
            let persisted = match loaded {
                Ok(Some(persisted)) => persisted,
                _ => {
                    log::error!("the server's state cannot be read; trying again later: server_id={server}");
                    ctx.run_later(LONGEST_WAIT, move |this, ctx| this.rebuild(server, ctx));
                    return;
                }
            };
            let actor = ServerActor::restored(
                Arc::clone(&this.shared),
                this.owner(ctx),
                spec.clone(),
                persisted,
                Arc::clone(&console),
            );
            this.supervise(spec, actor, console, created, panics, ctx);
            this.look_at(server, ctx);
        }));
    }
}
