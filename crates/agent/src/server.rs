//! The actor of one game server: a shell around its [`ServerMachine`].
//!
//! Told [`Lifecycle`] requests by the dispatcher and looks at its container by the engine watch; carries out what the
//! machine answers, and tells the outbox what changed and the dispatcher which operation ended. No handler waits for
//! Docker or the panel: work is spawned, and its end is observed.

mod actions;
mod console;
mod effects;
pub mod plan;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, MessageResult, Recipient, SpawnHandle};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::{OperationId, ServerId};
use cap_domain::observation::{ContainerFacts, Observation};
use cap_domain::phase::{Phase, Reason, Status, StatusChange};
use cap_domain::server::{Effect, MachineConfig, Persisted, Request, RequestKind, ServerMachine, StepId, Verdict};
use cap_domain::spec::{PortBinding, PortProtocol, ServerSpec};
use cap_engine::ContainerEngine;

use crate::clock::Monotonic;
use crate::config::ImagePull;
use crate::console::pump::{Attachment, PumpEvent, Pumps};
use crate::console::{Console, ConsoleLimits};
use crate::data_dirs::DataDirs;
use crate::engine_watch::LookOrder;
use crate::report::Report;
use crate::sampler::FigureBoard;
use crate::store::Store;
use plan::Planner;

/// What all server actors share.
#[allow(missing_debug_implementations, reason = "collaborators have no useful text")]
pub struct Collaborators {
    /// The engine, for everything but consoles.
    pub engine: Arc<dyn ContainerEngine>,
    /// Poked when the engine failed a call.
    pub suspicion: Arc<tokio::sync::Notify>,
    /// Numbers looks.
    pub order: LookOrder,
    /// Opens consoles.
    pub pumps: Pumps,
    /// What must survive.
    pub store: Store,
    /// Where data lies.
    pub data: DataDirs,
    /// Makes container plans.
    pub planner: Planner,
    /// Pull images always, when missing, or never.
    pub image_pull: ImagePull,
    /// Who to read figures of, and the figures read.
    pub board: FigureBoard,
    /// Machine time.
    pub clock: Monotonic,
    /// Deadlines of the machines, in milliseconds: start, kill retry, kill.
    pub deadlines: MachineDeadlines,
    /// Bounds of a console.
    pub console_limits: ConsoleLimits,
    /// Names the numbering of consoles for this run of the agent.
    pub console_epoch: String,
    /// What the panel must learn.
    pub reports: Recipient<Report>,
    /// Poked when something went to the trash.
    pub trash_filled: Arc<tokio::sync::Notify>,
}

/// See [`MachineConfig`].
#[derive(Clone, Copy, Debug)]
pub struct MachineDeadlines {
    /// How long a start may take.
    pub start: u64,
    /// How long before a kill is tried again.
    pub kill_retry: u64,
    /// How long a kill may go on.
    pub kill: u64,
}

/// A lifecycle request; the answer says whether it was taken, and what the server is now.
#[derive(Debug, Message)]
#[rtype(result = "(Verdict, Status)")]
pub struct Lifecycle(pub Request);

/// One look at the server's container, with its number.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Observed {
    /// The number of the look: older ones than the last are dropped.
    pub order: u64,
    /// What was seen.
    pub observation: Observation,
}

/// Look at the container now: a list did not tell enough of it.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct LookAgain;

/// Replace the configuration (P-151): it applies at the next start, unless it cannot be replaced now.
#[derive(Debug, Message)]
#[rtype(result = "Replaced")]
pub struct ReplaceSpec {
    /// The new one.
    pub spec: ServerSpec,
    /// It says the same as the one before: then an install under way can be joined.
    pub unchanged: bool,
}

/// What became of a [`ReplaceSpec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Taken.
    Taken(Status),
    /// Taken, and to be installed: the last install failed, or the same one is under way.
    ToInstall,
    /// Not taken.
    Refused(Failure),
}

/// Asks what the server is.
#[derive(Debug, Message)]
#[rtype(result = "ServerPicture")]
pub struct Describe;

/// What a server is, as far as its actor knows.
#[derive(Clone, Debug)]
pub struct ServerPicture {
    /// What it is to be.
    pub spec: ServerSpec,
    /// What it is.
    pub status: Status,
    /// The last look at its container; none if it has none.
    pub facts: Option<ContainerFacts>,
    /// Whether its output is being read.
    pub attached: bool,
}

/// A line for the game's standard input.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct WriteLine(pub String);

/// The agent shuts down: take no new requests.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct RefuseRequests;

/// The server was deleted, or the agent ends: stop the actor.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Retire;

/// What a server actor tells the dispatcher.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct OperationEnded {
    /// Whose.
    pub server: ServerId,
    /// Which.
    pub operation: OperationId,
    /// How; `Ok` carries a note for people.
    pub outcome: Result<Option<String>, Failure>,
    /// What the server is now.
    pub status: Status,
    /// What it listens on.
    pub ports: Vec<PortBinding>,
}

/// A server without ports asks the dispatcher, who knows what is taken, for some (P-164).
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<PortBinding>, Failure>")]
pub struct AllocatePorts {
    /// Whose.
    pub server: ServerId,
    /// What its image exposes.
    pub exposed: Vec<(u16, PortProtocol)>,
}

/// The dispatcher, as its server actors see it.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Hears which operations ended.
    pub ended: Recipient<OperationEnded>,
    /// Gives out ports.
    pub ports: Recipient<AllocatePorts>,
}

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
