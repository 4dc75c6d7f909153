//! What health pages and system info read: a picture of the agent that is always at hand, so that answering never waits
//! for an actor.

/// The agent at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentSnapshot {
    /// Whether the link to the panel is up.
    pub link_up: bool,
    /// Why it is not, in plain words without secrets, once something went wrong.
    pub link_problem: Option<String>,
    /// Whether the engine answers.
    pub docker_ok: bool,
    /// Its version, once it has answered.
    pub docker_version: Option<String>,
    /// Servers known.
    pub server_count: usize,
    /// Whether the containers have been listed since the start.
    pub reconciled: bool,
    /// The number of the last durable event of this run (P-56).
    pub last_event_seq: u64,
    /// The agent ends.
    pub shutting_down: bool,
}
