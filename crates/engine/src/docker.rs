//! The Docker adapter: [`DockerEngine`], the port carried out over the engine's socket.
//!
//! It speaks HTTP itself and takes from the client library only the words of the create call. The library guesses from
//! the first byte of a console whether it is a terminal (a game that prints a NUL first would lose its console), and
//! its answer types are strict (one new word in one container fails a whole list).
//!
//! Whose a container is decides everything: one that carries another node's id is not seen by `look`, `inspect` and
//! `list`, and every call that would touch it is refused with [`EngineError::Conflict`].

mod attach;
mod clean;
mod containers;
mod creation;
mod demultiplex;
mod events;
mod failure;
mod figures;
mod inspection;
mod logs;
mod ownership;
mod pull;
mod taken_port;
mod transport;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use cap_domain::ids::{NodeId, ServerId};
use cap_domain::observation::Observation;
use cap_domain::spec::Signal;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::docker::containers::Found;
use crate::docker::creation::Abilities;
use crate::docker::failure::{Fault, within};
use crate::docker::ownership::Owner;
use crate::docker::transport::{Transport, in_path};
use crate::error::{EngineError, Result};
use crate::port::{
    Attached, ContainerEngine, ContainerPlan, Deadlines, EngineEvent, EngineFigures, EngineInfo, EngineStream,
    ImageFacts, Inspected, Listed, LogLine, PullProgress,
};

/// How often a removal that somebody else has begun is looked at, until it is done.
const REMOVAL_LOOK: Duration = Duration::from_millis(100);

/// Containers of one node on one Docker engine.
#[derive(Clone, Debug)]
pub struct DockerEngine {
    transport: Transport,
    node: NodeId,
    deadlines: Deadlines,
}

impl DockerEngine {
    /// An engine behind a unix socket. Opens nothing and cannot fail: each call tries anew, so an engine that comes late
    /// or comes back needs no care.
    pub fn connect(socket: &Path, node: NodeId, deadlines: Deadlines) -> Self {
        Self { transport: Transport::new(socket), node, deadlines }
    }

    async fn reading<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = std::result::Result<T, Fault>> + Send,
    ) -> Result<T> {
        within(call, self.deadlines.read, async { work.await.map_err(|fault| fault.during(call)) }).await
    }

    async fn writing<T>(&self, call: &'static str, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        within(call, self.deadlines.write, work).await
    }

    /// The container of a server, if there is one and it is not another node's.
    async fn see(&self, server: &ServerId) -> std::result::Result<Option<Found>, Fault> {
        let found = containers::find(&self.transport, &self.node, server).await?;
        Ok(found.filter(|found| found.owner != Owner::Foreign))
    }

    /// The container of a server, to act on it; none if there is none.
    async fn find_to_touch(&self, call: &'static str, server: &ServerId) -> Result<Option<Found>> {
        match containers::find(&self.transport, &self.node, server).await.map_err(|fault| fault.during(call))? {
            Some(found) if found.owner == Owner::Foreign => {
                Err(EngineError::Conflict { call, message: "the container belongs to another node".to_owned() })
            }
            found => Ok(found),
        }
    }

    async fn touch(&self, call: &'static str, server: &ServerId) -> Result<Found> {
        self.find_to_touch(call, server).await?.ok_or(EngineError::NotFound { what: "container" })
    }

    async fn order(&self, call: &'static str, path: &str) -> Result<()> {
        self.transport.post(path).await.map(drop).map_err(|fault| fault.during(call))
    }
}

#[async_trait]
impl ContainerEngine for DockerEngine {
    async fn info(&self) -> Result<EngineInfo> {
        self.reading("info", async {
            let info = self.transport.get_json("/info").await?;
            let text = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
            let Some(version) = info["ServerVersion"].as_str() else {
                return Err(Fault::Garbage { what: "an info without version".to_owned() });
            };
            Ok(EngineInfo {
                version: version.to_owned(),
                storage_driver: text("Driver"),
                // Engines before 20.10 do not say; they knew version 1 only.
                cgroup_version: if info["CgroupVersion"].as_str() == Some("2") { 2 } else { 1 },
                cgroup_driver: text("CgroupDriver"),
            })
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        // Half of the deadline for one inspect: a container that hangs must not cost the list of the others.
        let patience = self.deadlines.read / 2;
        self.reading("list", containers::list(&self.transport, &self.node, patience)).await
    }

    async fn look(&self, server: &ServerId) -> Result<Observation> {
        self.reading("look", async {
            match self.see(server).await? {
                Some(found) => Ok(Observation::Present(inspection::facts(&found.container)?)),
                None => Ok(Observation::Absent),
            }
        })
        .await
    }

    async fn inspect(&self, server: &ServerId) -> Result<Option<Inspected>> {
        self.reading("inspect", async {
            self.see(server).await?.map(|found| inspection::inspected(&found.container)).transpose()
        })
        .await
    }

    async fn image(&self, reference: &str) -> Result<Option<ImageFacts>> {
        self.reading("image", async {
            match self.transport.get_json(&format!("/images/{}/json", in_path(reference))).await {
                Ok(image) => Ok(Some(inspection::image_facts(&image))),
                Err(fault) if fault.is_not_found() => Ok(None),
                Err(fault) => Err(fault),
            }
        })
        .await
    }

    async fn pull(&self, reference: &str, progress: Box<dyn Fn(PullProgress) + Send + Sync>) -> Result<()> {
        pull::pull(&self.transport, reference, self.deadlines.pull_idle, &*progress).await
    }

    async fn create(&self, plan: &ContainerPlan) -> Result<()> {
        const CALL: &str = "create";
        self.writing(CALL, async {
            let failed = |fault: Fault| fault.during(CALL);
            let abilities = Abilities::of(&self.transport.get_json("/info").await.map_err(failed)?);
            // The engine guards the name only; a renamed container of the same server would get a twin.
            let twin = containers::id_by_label(&self.transport, &self.node, &plan.server).await.map_err(failed)?;
            if twin.is_some() {
                let message = "the server has a container already".to_owned();
                return Err(EngineError::Conflict { call: CALL, message });
            }
            let body = serde_json::to_vec(&creation::body(plan, abilities))
                .map_err(|source| failed(Fault::Garbage { what: source.to_string() }))?;
            let path = format!("/containers/create?name={}", plan.server.container_name());
            let response = self.transport.post_json(&path, body).await.map_err(failed)?;
            log_warnings(&plan.server, response).await;
            Ok(())
        })
        .await
    }

    async fn attach(&self, server: &ServerId) -> Result<Attached> {
        const CALL: &str = "attach";
        within(CALL, self.deadlines.read, async {
            let found = self.touch(CALL, server).await?;
            let terminal = inspection::terminal(&found.container);
            attach::attach(&self.transport, &found.id, terminal).await.map_err(|fault| fault.during(CALL))
        })
        .await
    }

    async fn start(&self, server: &ServerId) -> Result<()> {
        const CALL: &str = "start";
        self.writing(CALL, async {
            let found = self.touch(CALL, server).await?;
            self.order(CALL, &format!("/containers/{}/start", found.id)).await
        })
        .await
    }

    async fn signal(&self, server: &ServerId, signal: Signal) -> Result<()> {
        const CALL: &str = "signal";
        self.writing(CALL, async {
            let found = self.touch(CALL, server).await?;
            self.order(CALL, &format!("/containers/{}/kill?signal={}", found.id, signal.name())).await
        })
        .await
    }

    async fn unpause(&self, server: &ServerId) -> Result<()> {
        const CALL: &str = "unpause";
        self.writing(CALL, async {
            let found = self.touch(CALL, server).await?;
            if found.container["State"]["Paused"].as_bool() != Some(true) {
                return Ok(());
            }
            match self.order(CALL, &format!("/containers/{}/unpause", found.id)).await {
                // Somebody was faster.
                Err(EngineError::Failed { message, .. } | EngineError::Conflict { message, .. })
                    if message.contains("is not paused") =>
                {
                    Ok(())
                }
                outcome => outcome,
            }
        })
        .await
    }

    async fn remove(&self, server: &ServerId) -> Result<()> {
        const CALL: &str = "remove";
        self.writing(CALL, async {
            while let Some(found) = self.find_to_touch(CALL, server).await? {
                // `v=1` takes the volumes that the image asked for and nobody named; the data is a bind mount and stays.
                match self.transport.delete(&format!("/containers/{}?force=1&v=1", found.id)).await {
                    Ok(_) => return Ok(()),
                    Err(fault) if fault.is_missing_container() => return Ok(()),
                    Err(Fault::Refused { status: 409, message }) if message.contains("already in progress") => {
                        tokio::time::sleep(REMOVAL_LOOK).await;
                    }
                    Err(fault) => return Err(fault.during(CALL)),
                }
            }
            Ok(())
        })
        .await
    }

    async fn logs(&self, server: &ServerId, since: Option<&str>, lines: usize) -> Result<EngineStream<LogLine>> {
        const CALL: &str = "logs";
        let deadline = self.deadlines.read;
        within(CALL, deadline, async {
            let found = self.touch(CALL, server).await?;
            let terminal = inspection::terminal(&found.container);
            logs::logs(&self.transport, &found.id, terminal, since, lines, deadline)
                .await
                .map_err(|fault| fault.during(CALL))
        })
        .await
    }

    async fn events(&self) -> Result<EngineStream<EngineEvent>> {
        self.reading("events", events::events(&self.transport, &self.node)).await
    }

    async fn figures(&self, server: &ServerId) -> Result<EngineFigures> {
        const CALL: &str = "figures";
        within(CALL, self.deadlines.read, async {
            let found = self.touch(CALL, server).await?;
            if found.container["State"]["Running"].as_bool() != Some(true) {
                return Err(EngineError::Conflict { call: CALL, message: "the container does not run".to_owned() });
            }
            let path = format!("/containers/{}/stats?stream=false&one-shot=true", found.id);
            let stats = self.transport.get_json(&path).await.map_err(|fault| fault.during(CALL))?;
            Ok(figures::figures(&stats, &found.container))
        })
        .await
    }
}

/// Logs what the engine could not honour. The container is made; an answer that cannot be read changes nothing.
async fn log_warnings(server: &ServerId, response: hyper::Response<hyper::body::Incoming>) {
    let Ok(body) = response.into_body().collect().await else { return };
    let answer = serde_json::from_slice::<Value>(&body.to_bytes()).unwrap_or(Value::Null);
    for warning in answer["Warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        log::warn!("container of server {server}: {}", clean::clean(warning));
    }
}
