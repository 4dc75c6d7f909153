//! What a server actor is told, and what it tells its owner.

use actix::{Message, Recipient};
use cap_domain::failure::Failure;
use cap_domain::ids::{OperationId, ServerId};
use cap_domain::observation::{ContainerFacts, Observation};
use cap_domain::phase::Status;
use cap_domain::server::{Request, Verdict};
use cap_domain::spec::{PortBinding, PortProtocol, ServerSpec};

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
