//! What all server actors share.

use std::sync::Arc;

use actix::Recipient;
use cap_engine::ContainerEngine;

use super::plan::Planner;
use crate::clock::Monotonic;
use crate::config::ImagePull;
use crate::console::ConsoleLimits;
use crate::console::pump::Pumps;
use crate::data_dirs::DataDirs;
use crate::engine_watch::LookOrder;
use crate::report::Report;
use crate::sampler::FigureBoard;
use crate::store::Store;

/// The collaborators of every server actor.
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

/// See [`MachineConfig`](cap_domain::server::MachineConfig).
#[derive(Clone, Copy, Debug)]
pub struct MachineDeadlines {
    /// How long a start may take.
    pub start: u64,
    /// How long before a kill is tried again.
    pub kill_retry: u64,
    /// How long a kill may go on.
    pub kill: u64,
}
