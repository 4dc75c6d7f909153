//! What the engine watch sees, taken to the servers; and containers nobody knows, adopted (invariant 9).

use std::collections::HashMap;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use cap_domain::ids::ServerId;
use cap_domain::observation::Observation;
use cap_domain::phase::Phase;
use cap_domain::server::{Persisted, Power};
use cap_domain::spec::{Origin, ServerSpec, StopMethod};
use cap_engine::port::{Inspected, Listed};

use super::Dispatcher;
use crate::engine_watch::EngineNews;
use crate::server::{LookAgain, Observed};
use crate::store::ServerRecord;

impl Handler<EngineNews> for Dispatcher {
    type Result = ();

    fn handle(&mut self, news: EngineNews, ctx: &mut Self::Context) {
        match news {
            EngineNews::Up(info) => {
                self.engine_up = true;
                self.snapshot.send_modify(|snapshot| snapshot.docker_version = Some(info.version));
                self.show();
            }
            EngineNews::Down { .. } => {
                self.engine_up = false;
                self.show();
                for entry in self.servers.values() {
                    let order = self.shared.order.next();
                    entry.actor.do_send(Observed { order, observation: Observation::EngineUnreachable });
                }
            }
            EngineNews::Looked { server, order, observation } => {
                if let Some(entry) = self.servers.get(&server) {
                    entry.actor.do_send(Observed { order, observation });
                }
            }
            EngineNews::Listed { order, containers } => self.reconcile(order, containers, ctx),
        }
    }
}

impl Dispatcher {
    /// The one reconciliation path: every server hears what its container is, and strangers are taken in.
    fn reconcile(&mut self, order: u64, containers: Vec<Listed>, ctx: &mut Context<Self>) {
        let mut seen: HashMap<ServerId, Listed> =
            containers.into_iter().map(|container| (container.server.clone(), container)).collect();
        for (server, entry) in &self.servers {
            let observation = match seen.remove(server) {
                // Its details could not be had this time: half a look must not pass for another process.
                Some(listed) if listed.facts.running && listed.facts.started_at.is_none() => {
                    entry.actor.do_send(LookAgain);
                    continue;
                }
                Some(listed) => Observation::Present(listed.facts),
                None => Observation::Absent,
            };
            entry.actor.do_send(Observed { order, observation });
        }
        for (server, listed) in seen {
            self.adopt(server, listed, order, ctx);
        }
        self.snapshot.send_if_modified(|snapshot| !std::mem::replace(&mut snapshot.reconciled, true));
    }

    fn adopt(&mut self, server: ServerId, listed: Listed, order: u64, ctx: &mut Context<Self>) {
        let engine = std::sync::Arc::clone(&self.shared.engine);
        let id = server.clone();
        let inspect = async move { engine.inspect(&id).await };
        ctx.spawn(inspect.into_actor(self).map(move |inspected, this, ctx| {
            if this.servers.contains_key(&server) {
                return; // created meanwhile
            }
            match inspected {
                Ok(Some(inspected)) => {
                    log::info!("container adopted: server_id={server} image={} ours={}", inspected.image, listed.ours);
                    this.take_in(&server, &inspected, ctx);
                    if let Some(entry) = this.servers.get(&server) {
                        entry.actor.do_send(Observed { order, observation: Observation::Present(inspected.facts) });
                    }
                }
                Ok(None) => {}
                Err(error) => log::warn!("container cannot be adopted: server_id={server} error={error}"),
            }
        }));
    }

    fn take_in(&mut self, server: &ServerId, inspected: &Inspected, ctx: &mut Context<Self>) {
        let spec = spec_of(server, inspected);
        let desired = if inspected.facts.running { Power::On } else { Power::Off };
        let persisted = Persisted { phase: Phase::Stopped, desired, ready_since: None, started_at: None };
        let created_at_ms = unix_ms_of(&inspected.created);
        let record = ServerRecord { spec, persisted, created_at_ms, create_received_at_ms: created_at_ms };
        self.store_server(record.clone());
        self.insert_restored(record, ctx);
        self.show();
    }
}

/// The spec read off a container: it is used as it is until a create replaces it.
fn spec_of(server: &ServerId, inspected: &Inspected) -> ServerSpec {
    let data = inspected.binds.first().map(|(source, _)| source.clone());
    ServerSpec {
        id: server.clone(),
        name: server.to_string(),
        image: inspected.image.clone(),
        startup: None,
        environment: inspected.environment.clone(),
        limits: inspected.limits.clone(),
        ports: inspected.ports.clone(),
        stop: StopMethod::Terminate,
        startup_done: Vec::new(),
        tty: inspected.tty,
        oom_killer: true,
        origin: Origin::Adopted { data },
        kept: std::collections::BTreeMap::new(),
    }
}

fn unix_ms_of(rfc3339: &str) -> u64 {
    let parsed = time::OffsetDateTime::parse(rfc3339, &time::format_description::well_known::Rfc3339);
    parsed.map_or(0, |time| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0))
}
