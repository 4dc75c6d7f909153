//! The actor of one game server: a shell around its [`ServerMachine`].
//!
//! Told [`Lifecycle`] requests by the dispatcher and looks at its container by the engine watch; carries out what the
//! machine answers, and tells the outbox what changed and the dispatcher which operation ended. No handler waits for
//! Docker or the panel: work is spawned, and its end is observed.

mod actions;
mod console;
mod effects;
mod messages;
pub mod plan;
mod shared;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, MessageResult, SpawnHandle};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::ServerId;
use cap_domain::observation::{ContainerFacts, Observation};
use cap_domain::phase::{Phase, Reason, StatusChange};
use cap_domain::server::{Effect, MachineConfig, Persisted, RequestKind, ServerMachine, StepId};
use cap_domain::spec::ServerSpec;

use crate::console::Console;
use crate::console::pump::{Attachment, PumpEvent};
use crate::report::Report;

pub use messages::{
    AllocatePorts, Describe, Lifecycle, LookAgain, Observed, OperationEnded, Owner, RefuseRequests, ReplaceSpec,
    Replaced, Retire, ServerPicture, WriteLine,
};
pub use shared::{Collaborators, MachineDeadlines};

/// See the module.
#[allow(missing_debug_implementations, reason = "collaborators have no useful text")]
pub struct ServerActor {
    shared: Arc<Collaborators>,
    owner: Owner,
    spec: ServerSpec,
    machine: ServerMachine,
    console: Arc<Console>,
    attachment: Option<Attachment>,
    attachments: u64,
    attaching: bool,
    /// Lines the log driver kept from before this run are read once.
    read_back: bool,
    steps: HashMap<StepId, SpawnHandle>,
    last_look: u64,
    facts: Option<ContainerFacts>,
    wake: Option<SpawnHandle>,
    /// Notices that wait for what must be durable before them.
    notices: VecDeque<Effect>,
    persisting: bool,
}

impl ServerActor {
    /// A server whose spec was just accepted and stored.
    pub fn created(shared: Arc<Collaborators>, owner: Owner, spec: ServerSpec, console: Arc<Console>) -> Self {
        let machine = ServerMachine::created(machine_config(&spec, shared.deadlines));
        // Told once it is durable. Nothing was known of this server before.
        let first = StatusChange {
            from: Phase::Unknown,
            to: machine.status(),
            reason: Some(Reason::Install),
            error: None,
            exit_code: None,
        };
        let notices = [Effect::Persist(machine.persisted()), Effect::Changed(first)];
        // Its container, should there be one of that name, is not this server's: nothing to read back.
        let mut actor = Self::new(shared, owner, spec, machine, console, true);
        actor.notices.extend(notices);
        actor
    }

    /// A server read back from the store, or found in the engine.
    pub fn restored(
        shared: Arc<Collaborators>,
        owner: Owner,
        spec: ServerSpec,
        persisted: Persisted,
        console: Arc<Console>,
    ) -> Self {
        let machine = ServerMachine::restored(machine_config(&spec, shared.deadlines), persisted);
        // One that is built anew after a panic finds the lines in the console already.
        let read_back = !console.lock().is_empty();
        // A panel that connects before the engine has answered must hear of this server, too.
        shared.reports.do_send(Report::StatusKnown { server: spec.id.clone(), status: machine.status() });
        Self::new(shared, owner, spec, machine, console, read_back)
    }

    fn new(
        shared: Arc<Collaborators>,
        owner: Owner,
        spec: ServerSpec,
        machine: ServerMachine,
        console: Arc<Console>,
        read_back: bool,
    ) -> Self {
        Self {
            shared,
            owner,
            spec,
            machine,
            console,
            attachment: None,
            attachments: 0,
            attaching: false,
            read_back,
            steps: HashMap::new(),
            last_look: 0,
            facts: None,
            wake: None,
            notices: VecDeque::new(),
            persisting: false,
        }
    }

    fn id(&self) -> &ServerId {
        &self.spec.id
    }

    /// Takes in a look, unless a newer one came before it.
    fn take_look(&mut self, order: u64, observation: Observation, ctx: &mut Context<Self>) {
        if order < self.last_look {
            return;
        }
        self.last_look = order;
        match &observation {
            Observation::Present(facts) => self.facts = Some(facts.clone()),
            Observation::Absent => self.facts = None,
            Observation::EngineUnreachable => {}
        }
        let was_seen = observation != Observation::EngineUnreachable;
        let effects = self.machine.observe(self.shared.clock.now(), observation);
        self.apply(effects, ctx);
        if was_seen {
            self.show_to_sampler();
            self.keep_console_open(ctx);
        }
    }

    /// Looks at the container now. Several at once do no harm: each has its number.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let order = self.shared.order.next();
        let (engine, server) = (Arc::clone(&self.shared.engine), self.id().clone());
        let suspicion = Arc::clone(&self.shared.suspicion);
        let look = async move {
            match engine.look(&server).await {
                Ok(observation) => observation,
                Err(error) => {
                    log::warn!("looking at the container failed: server_id={server} error={error}");
                    if error.engine_is_gone() {
                        suspicion.notify_one();
                    }
                    Observation::EngineUnreachable
                }
            }
        };
        let this = ctx.address();
        actix_rt::spawn(async move {
            let observation = look.await;
            this.do_send(Observed { order, observation });
        });
    }

    fn show_to_sampler(&self) {
        let running = self.facts.as_ref().filter(|facts| facts.running);
        let found = self.spec.origin.found_data().map(std::path::Path::to_owned);
        let data = found.unwrap_or_else(|| self.shared.data.of(self.id()));
        self.shared.board.watch(self.id(), running, &self.spec.limits, data);
    }
}

fn machine_config(spec: &ServerSpec, deadlines: MachineDeadlines) -> MachineConfig {
    MachineConfig {
        stop: spec.stop.clone(),
        detects_readiness: !spec.startup_done.is_empty(),
        start_deadline: deadlines.start,
        kill_retry: deadlines.kill_retry,
        kill_deadline: deadlines.kill,
    }
}

impl Actor for ServerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tell(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.shared.board.forget(&self.spec.id);
    }
}

impl Handler<Lifecycle> for ServerActor {
    type Result = MessageResult<Lifecycle>;

    fn handle(&mut self, Lifecycle(request): Lifecycle, ctx: &mut Self::Context) -> Self::Result {
        log::debug!("request: server_id={} operation={} kind={:?}", self.id(), request.operation, request.kind);
        let (verdict, effects) = self.machine.request(self.shared.clock.now(), request);
        self.apply(effects, ctx);
        MessageResult((verdict, self.machine.status()))
    }
}

impl Handler<Observed> for ServerActor {
    type Result = ();

    fn handle(&mut self, seen: Observed, ctx: &mut Self::Context) {
        self.take_look(seen.order, seen.observation, ctx);
    }
}

impl Handler<LookAgain> for ServerActor {
    type Result = ();

    fn handle(&mut self, _: LookAgain, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<ReplaceSpec> for ServerActor {
    type Result = MessageResult<ReplaceSpec>;

    fn handle(&mut self, ReplaceSpec { spec, unchanged }: ReplaceSpec, _: &mut Self::Context) -> Self::Result {
        let refused = |why: &str| Replaced::Refused(Failure::new(FailureCode::ServerBusy, why));
        let status = self.machine.status();
        let deletes = matches!(self.machine.current_operation(), Some((_, RequestKind::Delete { .. })));
        if deletes || status.last_known == Phase::Deleted {
            return MessageResult(refused("the server is being deleted"));
        }
        if status.last_known == Phase::Installing && !unchanged {
            return MessageResult(refused("an install is under way"));
        }
        self.machine.set_config(machine_config(&spec, self.shared.deadlines));
        // Ports once given stay; they may have been given since the new configuration was put together.
        let ports = if spec.ports.is_empty() { std::mem::take(&mut self.spec.ports) } else { spec.ports };
        self.spec = ServerSpec { ports, ..spec };
        MessageResult(match status.last_known {
            Phase::Installing | Phase::InstallFailed => Replaced::ToInstall,
            _ => Replaced::Taken(status),
        })
    }
}

impl Handler<Describe> for ServerActor {
    type Result = MessageResult<Describe>;

    fn handle(&mut self, _: Describe, _: &mut Self::Context) -> Self::Result {
        MessageResult(ServerPicture {
            spec: self.spec.clone(),
            status: self.machine.status(),
            facts: self.facts.clone(),
            attached: self.attachment.is_some(),
        })
    }
}

impl Handler<PumpEvent> for ServerActor {
    type Result = ();

    fn handle(&mut self, event: PumpEvent, ctx: &mut Self::Context) {
        let current = self.attachment.as_ref().map(|attachment| attachment.number);
        match event {
            PumpEvent::Ready { attachment } if self.attachments == attachment => {
                let effects = self.machine.became_ready(self.shared.clock.now());
                self.apply(effects, ctx);
            }
            PumpEvent::Ended { attachment } if current == Some(attachment) => {
                self.attachment = None;
                self.look(ctx);
            }
            PumpEvent::Ready { .. } | PumpEvent::Ended { .. } => {}
        }
    }
}

impl Handler<RefuseRequests> for ServerActor {
    type Result = ();

    fn handle(&mut self, _: RefuseRequests, _: &mut Self::Context) {
        self.machine.shut_down();
    }
}

impl Handler<Retire> for ServerActor {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// The failure of a call to the engine, as a caller may read it.
fn engine_failure(error: &cap_engine::EngineError) -> Failure {
    use cap_engine::EngineError as E;
    let code = match error {
        E::PortTaken { .. } => FailureCode::PortConflict,
        E::PullFailed { .. } => FailureCode::ImagePullFailed,
        E::NotFound { what: "image" } => FailureCode::ImagePullFailed,
        E::NotFound { .. } => FailureCode::ContainerNotFound,
        _ => FailureCode::DockerError,
    };
    Failure::new(code, error.to_string())
}
