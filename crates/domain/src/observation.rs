//! What was seen of a container. Docker is observed, never assumed.

/// One look at a server's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The engine answered: there is no such container.
    Absent,
    /// The engine answered: this is what it has.
    Present(ContainerFacts),
    /// The engine did not answer (gone, hanging, refused).
    EngineUnreachable,
}

/// The facts about one container, as `inspect` (or `list`) gives them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ContainerFacts {
    /// The engine's full id.
    pub container_id: String,
    /// Whether its process lives (true while paused, too).
    pub running: bool,
    /// Whether it is frozen.
    pub paused: bool,
    /// The engine's own text for the start of the current or last process; none if it was never started.
    /// Compared for equality only: two different texts are two different processes.
    pub started_at: Option<String>,
    /// The exit code of the last process, when it has ended.
    pub exit_code: Option<i64>,
    /// The engine says the kernel killed it for want of memory.
    pub oom_killed: bool,
    /// The host's process id, while it runs.
    pub pid: Option<u32>,
}
