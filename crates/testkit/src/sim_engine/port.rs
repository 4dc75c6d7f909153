//! The port, carried out on the world.

use std::sync::Arc;

use async_trait::async_trait;
use cap_domain::ids::ServerId;
use cap_domain::observation::Observation;
use cap_domain::spec::Signal;
use cap_engine::EngineError;
use cap_engine::error::Result;
use cap_engine::port::{
    Attached, ContainerEngine, ContainerPlan, EngineEvent, EngineFigures, EngineInfo, EngineStream, ImageFacts,
    Inspected, Listed, LogLine, PullProgress,
};
use futures_util::stream;
use tokio::sync::mpsc;

use crate::sim_engine::console::{attach, channel_stream};
use crate::sim_engine::container::Owner;
use crate::sim_engine::gate::Target;
use crate::sim_engine::world::{World, conflict};
use crate::sim_engine::{Call, SimEngine, game};

/// Events that wait for one follower; more are lost for it, as with the real engine.
const EVENTS_WAITING: usize = 1024;

impl SimEngine {
    async fn about<T: Send + 'static>(
        &self,
        call: Call,
        server: &ServerId,
        effect: impl FnOnce(&mut World, &ServerId) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let owned = server.clone();
        self.carry_out(call, Target::Server(server.clone()), move |world| effect(world, &owned)).await
    }
}

#[async_trait]
impl ContainerEngine for SimEngine {
    async fn info(&self) -> Result<EngineInfo> {
        let info = EngineInfo {
            version: "99.0.0-sim".to_owned(),
            storage_driver: "memory".to_owned(),
            cgroup_version: 2,
            cgroup_driver: "none".to_owned(),
        };
        self.carry_out(Call::Info, Target::Engine, move |_| Ok(info)).await
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        self.carry_out(Call::List, Target::Engine, |world| {
            let seen = world.containers.iter().filter(|(_, container)| container.owner != Owner::OtherNode);
            let listed = seen.map(|(server, container)| Listed {
                server: server.clone(),
                ours: container.owner == Owner::ThisNode,
                facts: container.facts.clone(),
            });
            Ok(listed.collect())
        })
        .await
    }

    async fn look(&self, server: &ServerId) -> Result<Observation> {
        self.about(Call::Look, server, |world, server| {
            let seen = world.seen(server);
            Ok(seen.map_or(Observation::Absent, |container| Observation::Present(container.facts.clone())))
        })
        .await
    }

    async fn inspect(&self, server: &ServerId) -> Result<Option<Inspected>> {
        self.about(Call::Inspect, server, |world, server| Ok(world.seen(server).map(|found| found.inspected()))).await
    }

    async fn image(&self, reference: &str) -> Result<Option<ImageFacts>> {
        let wanted = reference.to_owned();
        let target = Target::Image(reference.to_owned());
        self.carry_out(Call::Image, target, move |world| Ok(world.images.get(&wanted).cloned())).await
    }

    async fn pull(&self, reference: &str, progress: Box<dyn Fn(PullProgress) + Send + Sync>) -> Result<()> {
        let wanted = reference.to_owned();
        let pull_failed =
            |message: String, transient| EngineError::PullFailed { image: reference.to_owned(), message, transient };
        progress(PullProgress { percent: 0 });
        let offered = self
            .carry_out(Call::Pull, Target::Image(reference.to_owned()), move |world| {
                let offered = world.offered.contains(&wanted);
                if offered {
                    world.have_image(&wanted);
                }
                Ok(offered)
            })
            .await;
        match offered {
            Ok(true) => {
                progress(PullProgress { percent: 100 });
                Ok(())
            }
            Ok(false) => Err(pull_failed("manifest unknown".to_owned(), false)),
            Err(EngineError::TimedOut { after, .. }) => {
                Err(pull_failed(format!("no sign of life for {} s", after.as_secs()), true))
            }
            Err(EngineError::Failed { message, .. }) => Err(pull_failed(message, true)),
            Err(EngineError::Conflict { message, .. }) => Err(pull_failed(message, false)),
            Err(other) => Err(other),
        }
    }

    async fn create(&self, plan: &ContainerPlan) -> Result<()> {
        let plan = plan.clone();
        self.carry_out(Call::Create, Target::Server(plan.server.clone()), move |world| {
            let owner = if plan.node == world.node { Owner::ThisNode } else { Owner::OtherNode };
            world.create(&plan, owner)
        })
        .await
    }

    async fn attach(&self, server: &ServerId) -> Result<Attached> {
        self.about(Call::Attach, server, |world, server| Ok(attach(world.touch(Call::Attach, server)?))).await
    }

    async fn start(&self, server: &ServerId) -> Result<()> {
        let shared = Arc::downgrade(&self.shared);
        self.about(Call::Start, server, move |world, server| game::start(world, &shared, server)).await
    }

    async fn signal(&self, server: &ServerId, signal: Signal) -> Result<()> {
        self.about(Call::Signal, server, move |world, server| world.signal(server, signal)).await
    }

    async fn unpause(&self, server: &ServerId) -> Result<()> {
        self.about(Call::Unpause, server, |world, server| {
            world.touch(Call::Unpause, server)?;
            world.set_paused(server, false);
            Ok(())
        })
        .await
    }

    async fn remove(&self, server: &ServerId) -> Result<()> {
        self.about(Call::Remove, server, |world, server| match world.touch(Call::Remove, server) {
            Ok(_) => {
                world.remove(server);
                Ok(())
            }
            Err(EngineError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    async fn logs(&self, server: &ServerId, since: Option<&str>, lines: usize) -> Result<EngineStream<LogLine>> {
        let since = since.unwrap_or_default().to_owned();
        let kept = self
            .about(Call::Logs, server, move |world, server| {
                let log = &world.touch(Call::Logs, server)?.log;
                let skipped = log.len().saturating_sub(lines);
                // Texts of one form compare as the moments do.
                let wanted = log.iter().skip(skipped).filter(|line| line.timestamp >= since);
                Ok(wanted.cloned().map(Ok).collect::<Vec<_>>())
            })
            .await?;
        Ok(Box::pin(stream::iter(kept)))
    }

    async fn events(&self) -> Result<EngineStream<EngineEvent>> {
        self.carry_out(Call::Events, Target::Engine, |world| {
            let (sender, receiver) = mpsc::channel(EVENTS_WAITING);
            world.followers.retain(|follower| !follower.is_closed());
            world.followers.push(sender);
            Ok(channel_stream(receiver))
        })
        .await
    }

    async fn figures(&self, server: &ServerId) -> Result<EngineFigures> {
        self.about(Call::Figures, server, |world, server| {
            let elapsed = world.elapsed();
            let container = world.touch(Call::Figures, server)?;
            if !container.facts.running {
                return Err(conflict(Call::Figures, "the container does not run"));
            }
            Ok(EngineFigures {
                // A tenth of a core.
                cpu_nanos: elapsed.as_nanos() as u64 / 10,
                memory_bytes: 64 << 20,
                memory_limit_bytes: container.plan.limits.memory_bytes.unwrap_or(0),
                network_received_bytes: 0,
                network_sent_bytes: 0,
                pids: 1,
            })
        })
        .await
    }
}
