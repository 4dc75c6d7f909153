//! The dispatcher: the registry of servers, and the one door for commands from both transports.
//!
//! It decides whether a command is taken (identity, rate, who is meant), hands it to the server's actor, and sees to it
//! that each gets exactly one answer. It also owns its server actors: it builds them, feeds them what the engine watch
//! sees, and builds one anew that panicked.

mod admission;
mod answers;
mod boot;
mod create;
mod deleted;
mod engine_news;
mod lifecycle;
mod operations;
mod queries;
mod rebuild;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Recipient, ResponseFuture, WeakAddr};
use cap_domain::command::{Answer, Caller, Verb};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::identity::Registry;
use cap_domain::ids::{OperationId, ServerId};
use cap_domain::journal::{CommandKey, CommandLedger};
use cap_domain::ports::PortRange;
use cap_domain::rate::TokenBucket;
use cap_domain::spec::{PortBinding, ServerSpec};
use tokio::sync::{oneshot, watch};

use crate::config::AllowedImages;
use crate::console::Console;
use crate::reply::{CommandAnswer, Submit};
use crate::server::{AllocatePorts, Collaborators, OperationEnded, Owner, RefuseRequests, ServerActor};
use crate::snapshot::AgentSnapshot;
use deleted::DeletedIds;
use operations::Operations;

pub use admission::RateLimit;
pub use boot::Restored;

/// What the node allows and gives (invariant 11): from the configuration file only.
#[derive(Clone, Debug)]
pub struct NodePolicy {
    /// An image that fits none of these patterns is refused.
    pub allowed_images: AllowedImages,
    /// The most memory a server may ask for, in bytes.
    pub max_memory_bytes: Option<u64>,
    /// The most cpu a server may ask for, in thousandths of a core.
    pub max_cpu_millis: Option<u64>,
    /// The most servers on this node.
    pub max_servers: Option<usize>,
    /// Where allocated ports come from.
    pub port_range: PortRange,
    /// What ports are bound to when nobody says.
    pub port_ip: IpAddr,
    /// One terminal stream unless a create says otherwise.
    pub tty: bool,
}

/// How the dispatcher paces itself.
#[derive(Clone, Copy, Debug)]
pub struct DispatcherPace {
    /// When an operation is answered with its in-progress word (P-17).
    pub ack_deadline: Duration,
    /// When a query is given up (P-18).
    pub query_deadline: Duration,
    /// Commands per second and their burst, per caller (P-30).
    pub rate: RateLimit,
}

/// Everything the dispatcher is built from.
#[allow(missing_debug_implementations, reason = "collaborators have no useful text")]
pub struct DispatcherParts {
    /// What server actors share.
    pub shared: Arc<Collaborators>,
    /// What the node allows.
    pub policy: NodePolicy,
    /// Deadlines and rates.
    pub pace: DispatcherPace,
    /// Hears of servers that come and go, so that their consoles can be followed.
    pub viewers: Recipient<ConsoleKnown>,
    /// What health pages read.
    pub snapshot: watch::Sender<AgentSnapshot>,
    /// What the store had.
    pub restored: Restored,
    /// Whether unknown panel ids may be learned (P-172).
    pub learn_aliases: bool,
}

/// A server's console is there to be followed.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ConsoleKnown {
    /// Whose.
    pub server: ServerId,
    /// Its console.
    pub console: Arc<Console>,
}

/// Shut down: refuse what comes, settle what is under way, and resolve when that is done or the time is up.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Settle {
    /// How long operations under way may take to end.
    pub within: Duration,
}

/// Local policy was read anew: it holds for the commands that follow.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ReplacePolicy(pub NodePolicy);

/// Proof of life for `/livez`.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct AreYouThere;

/// See the module.
#[allow(missing_debug_implementations, reason = "collaborators have no useful text")]
pub struct Dispatcher {
    shared: Arc<Collaborators>,
    policy: NodePolicy,
    pace: DispatcherPace,
    viewers: Recipient<ConsoleKnown>,
    snapshot: watch::Sender<AgentSnapshot>,
    restored: Option<Restored>,
    registry: Registry,
    servers: BTreeMap<ServerId, Entry>,
    operations: Operations,
    /// Ports of configurations that a server's actor has not answered for yet.
    promised_ports: HashMap<OperationId, (ServerId, Vec<PortBinding>)>,
    ledger: CommandLedger<CommandAnswer>,
    /// Repeats of a command whose first is not answered yet.
    repeats: HashMap<CommandKey, Vec<oneshot::Sender<CommandAnswer>>>,
    rates: HashMap<Caller, TokenBucket>,
    /// Ids deleted by this agent, so that deleting them again succeeds (P-23).
    deleted: DeletedIds,
    /// Consoles made in this run: each numbering has a name of its own (P-69).
    consoles_made: u64,
    /// This actor, for work that comes back to it.
    me: Option<WeakAddr<Self>>,
    engine_up: bool,
    shutting_down: bool,
    /// Held by whatever still owes an answer or an event; a shutdown waits for all of them.
    owed: Rc<()>,
    started: tokio::time::Instant,
}

/// One server.
struct Entry {
    actor: Addr<ServerActor>,
    console: Arc<Console>,
    spec: ServerSpec,
    created_unix_ms: i64,
    panics: u32,
}

/// One command that waits for its answer.
#[derive(Debug)]
struct Pending {
    /// Where the answer goes; the caller may have gone away.
    reply: oneshot::Sender<CommandAnswer>,
    /// Set if the answer is to be remembered.
    key: Option<CommandKey>,
    /// Whether the command may have changed what must survive; false for queries.
    changes: bool,
}

impl Dispatcher {
    /// A dispatcher that takes over what the store had when it starts.
    pub fn new(parts: DispatcherParts) -> Self {
        use cap_domain::identity::Learning;
        let learning = if parts.learn_aliases { Learning::On } else { Learning::Off };
        Self {
            shared: parts.shared,
            policy: parts.policy,
            pace: parts.pace,
            viewers: parts.viewers,
            snapshot: parts.snapshot,
            restored: Some(parts.restored),
            registry: Registry::new(learning),
            servers: BTreeMap::new(),
            operations: Operations::default(),
            promised_ports: HashMap::new(),
            ledger: CommandLedger::new(),
            repeats: HashMap::new(),
            rates: HashMap::new(),
            deleted: DeletedIds::default(),
            consoles_made: 0,
            me: None,
            engine_up: false,
            shutting_down: false,
            owed: Rc::new(()),
            started: tokio::time::Instant::now(),
        }
    }

    fn owner(&self, ctx: &Context<Self>) -> Owner {
        Owner { ended: ctx.address().recipient(), ports: ctx.address().recipient() }
    }

    fn show(&self) {
        let (servers, docker_ok) = (self.servers.len(), self.engine_up);
        self.snapshot.send_modify(|snapshot| {
            snapshot.server_count = servers;
            snapshot.docker_ok = docker_ok;
        });
    }

    /// The verbs that need a server have one by now.
    fn entry(&self, server: &ServerId) -> Result<&Entry, Failure> {
        self.servers
            .get(server)
            .ok_or_else(|| Failure::new(FailureCode::ServerNotFound, format!("Unknown server {server}")))
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Unbounded: a request that meets a full mailbox is parked, and those that come later overtake it (P-26). The
        // bounds are the callers' rates and the servers' queues (P-30).
        ctx.set_mailbox_capacity(0);
        self.me = Some(ctx.address().downgrade());
        if let Some(restored) = self.restored.take() {
            self.take_over(restored, ctx);
        }
        self.show();
    }
}

impl Handler<Submit> for Dispatcher {
    type Result = ResponseFuture<CommandAnswer>;

    fn handle(&mut self, Submit(command): Submit, ctx: &mut Self::Context) -> Self::Result {
        // A caller that goes away drops only the receiving end: the command goes on (P-26).
        let (reply, answer) = oneshot::channel();
        let is_query = is_query(&command.verb);
        self.admit(command, reply, ctx);
        let deadline = self.pace.query_deadline;
        let owed = Rc::clone(&self.owed);
        Box::pin(async move {
            let _owed = owed;
            let lost = || failed(FailureCode::InternalError, "the command was lost");
            if !is_query {
                return answer.await.unwrap_or_else(|_| lost());
            }
            match tokio::time::timeout(deadline, answer).await {
                Ok(answer) => answer.unwrap_or_else(|_| lost()),
                Err(_) => failed(FailureCode::Timeout, "no answer in time"),
            }
        })
    }
}

impl Handler<OperationEnded> for Dispatcher {
    type Result = ();

    fn handle(&mut self, ended: OperationEnded, _: &mut Self::Context) {
        self.operation_ended(ended);
    }
}

impl Handler<AllocatePorts> for Dispatcher {
    type Result = Result<Vec<PortBinding>, Failure>;

    fn handle(&mut self, request: AllocatePorts, _: &mut Self::Context) -> Self::Result {
        self.allocate_for(&request.server, &request.exposed)
    }
}

impl Handler<ReplacePolicy> for Dispatcher {
    type Result = ();

    fn handle(&mut self, ReplacePolicy(policy): ReplacePolicy, _: &mut Self::Context) {
        self.policy = policy;
    }
}

impl Handler<AreYouThere> for Dispatcher {
    type Result = ();

    fn handle(&mut self, _: AreYouThere, _: &mut Self::Context) {}
}

impl Handler<Settle> for Dispatcher {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, settle: Settle, ctx: &mut Self::Context) -> Self::Result {
        self.shutting_down = true;
        for entry in self.servers.values() {
            entry.actor.do_send(RefuseRequests);
        }
        let this = ctx.address();
        Box::pin(async move {
            let all_ended = async {
                while this.send(UnderWay).await.is_ok_and(|count| count > 0) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            if tokio::time::timeout(settle.within, all_ended).await.is_err() {
                log::warn!("operations still under way are left to the next start of the agent");
            }
        })
    }
}

/// How many operations are under way, and how many answers and events are still owed.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "usize")]
struct UnderWay;

impl Handler<UnderWay> for Dispatcher {
    type Result = usize;

    fn handle(&mut self, _: UnderWay, _: &mut Self::Context) -> usize {
        self.operations.count_under_way() + Rc::strong_count(&self.owed) - 1
    }
}

fn failed(code: FailureCode, message: impl Into<String>) -> CommandAnswer {
    Answer::Failed { failure: Failure::new(code, message) }
}

/// Queries change nothing: they are not remembered, and may simply be run again (P-27).
fn is_query(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::ServerStatus
            | Verb::ListServers { .. }
            | Verb::ConsoleHistory { .. }
            | Verb::ConsoleStatus
            | Verb::ServerMetrics
            | Verb::NodeMetrics
            | Verb::GetOperation { .. }
            | Verb::Ping
            | Verb::AgentStatus
    )
}
