//! A container engine in memory, for tests with a paused clock.
//!
//! It keeps containers as a real engine would, refuses what a real engine would refuse, and runs a small game in each
//! container that prints `Done`, obeys its console and stops on SIGTERM. On request calls hang, fail or take long, games
//! misbehave, and the whole engine goes away.
//!
//! What it does not simulate: a reader that stalls blocks the game here as well, but not its kill; figures are made up.
//!
//! ```
//! # use cap_domain::{ids::{NodeId, ServerId}, spec::Signal};
//! # use cap_engine::{ContainerEngine, EngineError};
//! # use cap_testkit::sim_engine::{Call, SimEngine, Trouble};
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let engine = SimEngine::new(NodeId::parse("n1").unwrap());
//! let server = ServerId::parse("mc1").unwrap();
//! engine.create(&engine.plan(&server)).await.unwrap();
//! engine.trouble(&server, Call::Start, Trouble::Hangs);
//! assert!(matches!(engine.start(&server).await, Err(EngineError::TimedOut { .. })));
//! engine.heal(&server, Call::Start);
//! engine.start(&server).await.unwrap();
//! engine.signal(&server, Signal::Kill).await.unwrap();
//! # });
//! ```

mod call;
mod console;
mod container;
mod game;
mod gate;
mod port;
mod puppeteer;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_domain::ids::NodeId;
use cap_engine::port::Deadlines;
use tokio::sync::Notify;

pub use crate::sim_engine::call::{Call, Trouble};
pub use crate::sim_engine::container::Owner;
pub use crate::sim_engine::game::Game;
use crate::sim_engine::world::World;

/// A simulated engine of one node. A clone is the same engine.
#[derive(Clone, Debug)]
pub struct SimEngine {
    shared: Arc<Shared>,
    deadlines: Deadlines,
}

/// What calls, games and tests share.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    /// Told when troubles or outages change, so that hanging calls look again.
    changed: Notify,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimEngine {
    /// An engine with the sample image, no containers, and the product's own deadlines.
    pub fn new(node: NodeId) -> Self {
        Self::with_deadlines(node, Deadlines::default())
    }

    /// The same with other deadlines.
    pub fn with_deadlines(node: NodeId, deadlines: Deadlines) -> Self {
        let world = Mutex::new(World::new(node));
        Self { shared: Arc::new(Shared { world, changed: Notify::new() }), deadlines }
    }
}

#[cfg(test)]
mod tests;
