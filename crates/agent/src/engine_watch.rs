//! Follows the engine: events, relists, and whether it answers at all.
//!
//! Events are hints; a hint makes us look. A list on start, after every reconnect and on a slow timer is the one
//! reconciliation path: whatever was missed is found there. Everything seen goes to the dispatcher with the number of
//! the look, taken before the engine was asked, so that an older look can never overwrite a newer one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Message, Recipient};
use cap_domain::backoff::Backoff;
use cap_domain::ids::ServerId;
use cap_domain::observation::Observation;
use cap_engine::port::{EngineEvent, EngineEventKind, EngineInfo, EngineStream, Listed};
use cap_engine::{ContainerEngine, EngineError};
use futures_util::StreamExt;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{MissedTickBehavior, interval};

/// Looks made at the same time because of events.
const LOOKS_AT_ONCE: usize = 16;

/// Numbers looks at containers in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct LookOrder(Arc<AtomicU64>);

impl LookOrder {
    /// The number of a look that begins now.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What the watch tells the dispatcher.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum EngineNews {
    /// The engine answers (again).
    Up(EngineInfo),
    /// The engine cannot be asked.
    Down {
        /// For people; clean.
        why: String,
    },
    /// The containers of this node, all of them.
    Listed {
        /// The number of the look.
        order: u64,
        /// What is there.
        containers: Vec<Listed>,
    },
    /// One container.
    Looked {
        /// Whose.
        server: ServerId,
        /// The number of the look.
        order: u64,
        /// What was seen.
        observation: Observation,
    },
}

/// How the watch paces itself.
#[derive(Clone, Copy, Debug)]
pub struct WatchPace {
    /// Between full lists, when nothing else asks for one.
    pub relist: Duration,
    /// Between questions whether the engine still answers.
    pub probe: Duration,
}

/// The watch. [`EngineWatch::run`] never returns.
#[allow(missing_debug_implementations, reason = "holds an engine, which has no useful text")]
pub struct EngineWatch {
    engine: Arc<dyn ContainerEngine>,
    order: LookOrder,
    pace: WatchPace,
    news: Recipient<EngineNews>,
    suspicion: Arc<Notify>,
}

impl EngineWatch {
    /// A watch that tells `news`. Whoever sees the engine fail a call pokes `suspicion`, and the engine is asked at once.
    pub fn new(
        engine: Arc<dyn ContainerEngine>,
        order: LookOrder,
        pace: WatchPace,
        news: Recipient<EngineNews>,
        suspicion: Arc<Notify>,
    ) -> Self {
        Self { engine, order, pace, news, suspicion }
    }

    /// Connects, follows, and begins anew when the engine goes; for ever.
    pub async fn run(self) {
        let mut backoff = Backoff::for_engine();
        let mut told_down = false;
        loop {
            let why = match self.connect().await {
                Ok((info, events)) => {
                    backoff.reset();
                    told_down = false;
                    log::info!("container engine {} answers", info.version);
                    self.news.do_send(EngineNews::Up(info));
                    self.follow(events).await
                }
                Err(error) => error,
            };
            if !told_down {
                log::warn!("container engine lost: {}", with_sources(&why));
                told_down = true;
                self.news.do_send(EngineNews::Down { why: why.to_string() });
            }
            let wait = backoff.next_delay(fastrand::f64());
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    /// Events are subscribed to before the first list, so that nothing falls between the two.
    async fn connect(&self) -> Result<(EngineInfo, EngineStream<EngineEvent>), EngineError> {
        let info = self.engine.info().await?;
        let events = self.engine.events().await?;
        Ok((info, events))
    }

    async fn follow(&self, mut events: EngineStream<EngineEvent>) -> EngineError {
        let mut relist = interval(self.pace.relist);
        let mut probe = interval(self.pace.probe);
        for timer in [&mut relist, &mut probe] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let looks = Arc::new(Semaphore::new(LOOKS_AT_ONCE));
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) if event.kind == EngineEventKind::Create => {}
                    Some(Ok(event)) => self.look_soon(event.server, &looks),
                    Some(Err(error)) => return error,
                    None => return closed(),
                },
                _ = relist.tick() => if let Err(error) = self.list().await { return error },
                _ = probe.tick() => if let Err(error) = self.engine.info().await { return error },
                // A call failed although the engine answers: what that call left open, a list tells.
                () = self.suspicion.notified() => {
                    if let Err(error) = self.engine.info().await { return error }
                    if let Err(error) = self.list().await { return error }
                }
            }
        }
    }

    async fn list(&self) -> Result<(), EngineError> {
        let order = self.order.next();
        let containers = self.engine.list().await?;
        self.news.do_send(EngineNews::Listed { order, containers });
        Ok(())
    }

    fn look_soon(&self, server: ServerId, looks: &Arc<Semaphore>) {
        let (engine, order, news) = (Arc::clone(&self.engine), self.order.clone(), self.news.clone());
        let (looks, suspicion) = (Arc::clone(looks), Arc::clone(&self.suspicion));
        actix_rt::spawn(async move {
            let Ok(_permit) = looks.acquire().await else { return };
            let order = order.next();
            match engine.look(&server).await {
                Ok(observation) => news.do_send(EngineNews::Looked { server, order, observation }),
                Err(error) => {
                    log::debug!("look at {server} failed: {error}");
                    suspicion.notify_one();
                }
            }
        });
    }
}

fn closed() -> EngineError {
    EngineError::Unreachable { source: "the event stream ended".into() }
}

/// An error with its causes, for the log.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
