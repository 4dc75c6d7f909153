//! One life of the agent: when it ends, nothing of it reaches the engine any more.

use async_trait::async_trait;
use cap_domain::ids::ServerId;
use cap_domain::observation::Observation;
use cap_domain::spec::Signal;
use cap_engine::error::Result;
use cap_engine::port::{
    Attached, ContainerEngine, ContainerPlan, EngineEvent, EngineFigures, EngineInfo, EngineStream, ImageFacts,
    Inspected, Listed, LogLine, PullProgress,
};
use cap_testkit::SimEngine;
use tokio::sync::watch;

/// Ends with [`Life::end`]. The actors of an ended life cannot be stopped from outside; they are cut off instead.
pub(crate) struct Life {
    alive: watch::Sender<bool>,
    watch: std::cell::RefCell<Option<tokio::task::JoinHandle<()>>>,
}

impl Life {
    pub(crate) fn begin(engine: SimEngine) -> (LivingEngine, Self) {
        let (alive, seen) = watch::channel(true);
        (LivingEngine { engine, alive: seen }, Self { alive, watch: std::cell::RefCell::default() })
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.watch.replace(Some(actix_rt::spawn(work)));
    }

    pub(crate) fn end(self) {
        self.alive.send_replace(false);
        if let Some(watch) = self.watch.take() {
            watch.abort();
        }
    }
}

/// The engine as one life of the agent sees it.
pub(crate) struct LivingEngine {
    engine: SimEngine,
    alive: watch::Receiver<bool>,
}

impl LivingEngine {
    /// What the call gives, or nothing for ever once the life has ended.
    async fn while_alive<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let mut alive = self.alive.clone();
        let ended = async move {
            // The guard of the watch must not live on, so only whether it came counts.
            let _ = alive.wait_for(|alive| !alive).await.is_ok();
        };
        tokio::select! {
            biased;
            () = ended => std::future::pending().await,
            answer = call => answer,
        }
    }
}

#[async_trait]
impl ContainerEngine for LivingEngine {
    async fn info(&self) -> Result<EngineInfo> {
        self.while_alive(self.engine.info()).await
    }
    async fn list(&self) -> Result<Vec<Listed>> {
        self.while_alive(self.engine.list()).await
    }
    async fn look(&self, server: &ServerId) -> Result<Observation> {
        self.while_alive(self.engine.look(server)).await
    }
    async fn inspect(&self, server: &ServerId) -> Result<Option<Inspected>> {
        self.while_alive(self.engine.inspect(server)).await
    }
    async fn image(&self, reference: &str) -> Result<Option<ImageFacts>> {
        self.while_alive(self.engine.image(reference)).await
    }
    async fn pull(&self, reference: &str, progress: Box<dyn Fn(PullProgress) + Send + Sync>) -> Result<()> {
        self.while_alive(self.engine.pull(reference, progress)).await
    }
    async fn create(&self, plan: &ContainerPlan) -> Result<()> {
        self.while_alive(self.engine.create(plan)).await
    }
    async fn attach(&self, server: &ServerId) -> Result<Attached> {
        self.while_alive(self.engine.attach(server)).await
    }
    async fn start(&self, server: &ServerId) -> Result<()> {
        self.while_alive(self.engine.start(server)).await
    }
    async fn signal(&self, server: &ServerId, signal: Signal) -> Result<()> {
        self.while_alive(self.engine.signal(server, signal)).await
    }
    async fn unpause(&self, server: &ServerId) -> Result<()> {
        self.while_alive(self.engine.unpause(server)).await
    }
    async fn remove(&self, server: &ServerId) -> Result<()> {
        self.while_alive(self.engine.remove(server)).await
    }
    async fn logs(&self, server: &ServerId, since: Option<&str>, lines: usize) -> Result<EngineStream<LogLine>> {
        self.while_alive(self.engine.logs(server, since, lines)).await
    }
    async fn events(&self) -> Result<EngineStream<EngineEvent>> {
        self.while_alive(self.engine.events()).await
    }
    async fn figures(&self, server: &ServerId) -> Result<EngineFigures> {
        self.while_alive(self.engine.figures(server)).await
    }
}
