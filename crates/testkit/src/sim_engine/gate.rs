//! The way every call goes: counted, then through outages and troubles, then to its effect.

use std::time::Duration;

use cap_domain::ids::ServerId;
use cap_engine::EngineError;
use cap_engine::error::Result;
use tokio::time::{Instant, timeout_at};

use crate::sim_engine::world::World;
use crate::sim_engine::{Call, SimEngine, Trouble};

/// Whom trouble is made for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Calls about this server.
    Server(ServerId),
    /// Pulls of this image.
    Image(String),
    /// Calls about the engine itself.
    Engine,
}

/// Whether the engine answers at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outage {
    None,
    Away,
    Hanging,
}

/// What a call still has to go through.
enum Way {
    Open,
    LoseAnswer,
    Slow(Duration),
}

impl SimEngine {
    /// Carries a call out. The effect happens at once, under the lock; its wait is around it.
    pub(super) async fn carry_out<T: Send + 'static>(
        &self,
        call: Call,
        target: Target,
        effect: impl FnOnce(&mut World) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.shared.world().count(call, &target);
        let after = self.deadline(call);
        let end = Instant::now() + after;
        let timed_out = || EngineError::TimedOut { call: call.name(), after };
        match self.pass(call, &target, end, timed_out).await? {
            Way::Open => effect(&mut self.shared.world()),
            Way::LoseAnswer => {
                let _lost = effect(&mut self.shared.world());
                tokio::time::sleep_until(end).await;
                Err(timed_out())
            }
            Way::Slow(delay) => {
                let shared = std::sync::Arc::clone(&self.shared);
                // On its own: the real engine also goes on when nobody waits any more.
                let work = tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    effect(&mut shared.world())
                });
                match timeout_at(end, work).await {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(_)) => Err(EngineError::Failed { call: call.name(), message: "panicked".to_owned() }),
                    Err(_) => Err(timed_out()),
                }
            }
        }
    }

    fn deadline(&self, call: Call) -> Duration {
        match call {
            Call::Pull => self.deadlines.pull_idle,
            _ if call.writes() => self.deadlines.write,
            _ => self.deadlines.read,
        }
    }

    async fn pass(
        &self,
        call: Call,
        target: &Target,
        end: Instant,
        timed_out: impl Fn() -> EngineError,
    ) -> Result<Way> {
        loop {
            // Made before looking, so that no change can come in between.
            let changed = self.shared.changed.notified();
            let (outage, trouble) = {
                let mut world = self.shared.world();
                (world.outage, world.trouble_for(call, target))
            };
            match (outage, trouble) {
                (Outage::Away, _) => return Err(EngineError::Unreachable { source: "the engine is away".into() }),
                (Outage::Hanging, _) | (Outage::None, Some(Trouble::Hangs)) => {
                    timeout_at(end, changed).await.map_err(|_| timed_out())?;
                }
                (Outage::None, None) => return Ok(Way::Open),
                (Outage::None, Some(Trouble::DoneWithoutAnswer)) => return Ok(Way::LoseAnswer),
                (Outage::None, Some(Trouble::Slow(delay))) => return Ok(Way::Slow(delay)),
                (Outage::None, Some(Trouble::Fails(message))) => {
                    return Err(EngineError::Failed { call: call.name(), message });
                }
                (Outage::None, Some(Trouble::Refuses(message))) => {
                    return Err(EngineError::Conflict { call: call.name(), message });
                }
                (Outage::None, Some(Trouble::Panics)) => panic!("{} panics, as the test wants it", call.name()),
                (Outage::None, Some(Trouble::PortTaken(port))) => return Err(EngineError::PortTaken { port }),
            }
        }
    }
}
