//! Everything the simulated engine knows, and the effects of calls on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cap_domain::ids::{NodeId, ServerId};
use cap_domain::spec::{PortBinding, Signal};
use cap_engine::EngineError;
use cap_engine::error::Result;
use cap_engine::port::{ContainerPlan, EngineEvent, EngineEventKind, ImageFacts};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::image::SAMPLE_IMAGE;
use crate::sim_engine::container::{Container, Owner};
use crate::sim_engine::game::Game;
use crate::sim_engine::gate::{Outage, Target};
use crate::sim_engine::{Call, Trouble};

/// The moment at which every simulation begins: 2026-01-01 00:00:00 UTC.
const BEGINNING: i128 = 1_767_225_600_000_000_000;

/// Troubles for a call, and how often they still come (none = until healed).
type Troubles = BTreeMap<(Call, Target), (Trouble, Option<u32>)>;

#[derive(Debug)]
pub(super) struct World {
    pub(super) node: NodeId,
    pub(super) outage: Outage,
    pub(super) containers: BTreeMap<ServerId, Container>,
    pub(super) games: BTreeMap<ServerId, Game>,
    /// Images that are here.
    pub(super) images: BTreeMap<String, ImageFacts>,
    /// Images that a registry has.
    pub(super) offered: BTreeSet<String>,
    /// Ports that somebody else on the host has.
    pub(super) taken_ports: BTreeSet<u16>,
    /// Whether events are lost.
    pub(super) events_are_lost: bool,
    pub(super) followers: Vec<mpsc::Sender<EngineEvent>>,
    troubles: Troubles,
    counts: BTreeMap<(Call, Target), u64>,
    begun: Instant,
    /// Makes ids, process ids and timestamps different from all before.
    ticks: u64,
}

impl World {
    pub(super) fn new(node: NodeId) -> Self {
        let mut world = Self {
            node,
            outage: Outage::None,
            containers: BTreeMap::new(),
            games: BTreeMap::new(),
            images: BTreeMap::new(),
            offered: BTreeSet::new(),
            taken_ports: BTreeSet::new(),
            events_are_lost: false,
            followers: Vec::new(),
            troubles: BTreeMap::new(),
            counts: BTreeMap::new(),
            begun: Instant::now(),
            ticks: 0,
        };
        world.have_image(SAMPLE_IMAGE);
        world
    }

    pub(super) fn have_image(&mut self, reference: &str) {
        let facts = ImageFacts {
            id: format!("sha256:{reference}"),
            exposed: vec![(25565, cap_domain::spec::PortProtocol::Tcp)],
            user: "1000:1000".to_owned(),
            working_dir: "/data".to_owned(),
        };
        self.images.insert(reference.to_owned(), facts);
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    /// The moment now, as the engine writes it, later than every moment before.
    pub(super) fn now(&mut self) -> String {
        let nanos = BEGINNING + self.begun.elapsed().as_nanos() as i128 + i128::from(self.tick());
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .expect("a simulation does not last for centuries")
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn count(&mut self, call: Call, target: &Target) {
        *self.counts.entry((call, target.clone())).or_default() += 1;
    }

    pub(super) fn counted(&self, call: Call, target: Option<&Target>) -> u64 {
        let wanted = |key: &(Call, Target)| key.0 == call && target.is_none_or(|target| key.1 == *target);
        self.counts.iter().filter(|(key, _)| wanted(key)).map(|(_, count)| count).sum()
    }

    pub(super) fn make_trouble(&mut self, call: Call, target: Target, trouble: Option<Trouble>, times: Option<u32>) {
        match trouble {
            Some(trouble) => drop(self.troubles.insert((call, target), (trouble, times))),
            None => drop(self.troubles.remove(&(call, target))),
        }
    }

    /// The trouble that a call meets now. One that comes a number of times comes once less afterwards, except a hang,
    /// which is over when it is healed.
    pub(super) fn trouble_for(&mut self, call: Call, target: &Target) -> Option<Trouble> {
        let key = (call, target.clone());
        let (trouble, times) = self.troubles.get_mut(&key)?;
        let met = trouble.clone();
        if let Some(left) = times {
            *left -= 1;
            if *left == 0 {
                self.troubles.remove(&key);
            }
        }
        Some(met)
    }

    /// The container of a server, as a look sees it.
    pub(super) fn seen(&self, server: &ServerId) -> Option<&Container> {
        self.containers.get(server).filter(|container| container.owner != Owner::OtherNode)
    }

    /// The container of a server, to act on it.
    pub(super) fn touch(&mut self, call: Call, server: &ServerId) -> Result<&mut Container> {
        match self.containers.get_mut(server) {
            None => Err(EngineError::NotFound { what: "container" }),
            Some(container) if container.owner == Owner::OtherNode => {
                Err(conflict(call, "the container belongs to another node"))
            }
            Some(container) => Ok(container),
        }
    }

    pub(super) fn create(&mut self, plan: &ContainerPlan, owner: Owner) -> Result<()> {
        if !self.images.contains_key(&plan.image) {
            return Err(EngineError::NotFound { what: "image" });
        }
        if self.containers.contains_key(&plan.server) {
            return Err(conflict(Call::Create, "the container name is already in use"));
        }
        let container_id = format!("{:064x}", self.tick());
        let created = self.now();
        self.containers.insert(plan.server.clone(), Container::new(plan.clone(), owner, container_id, created));
        self.tell(&plan.server, EngineEventKind::Create);
        Ok(())
    }

    /// The port of a plan that cannot be bound now.
    pub(super) fn taken_port(&self, plan: &ContainerPlan) -> Option<u16> {
        let overlap = |a: &PortBinding, b: &PortBinding| {
            let addresses = a.ip == b.ip || a.ip.is_unspecified() || b.ip.is_unspecified();
            a.external == b.external && a.protocol == b.protocol && addresses
        };
        let bound = |port: &PortBinding| {
            let mut others = self.containers.values().filter(|other| other.facts.running);
            others.any(|other| other.plan.server != plan.server && other.plan.ports.iter().any(|b| overlap(port, b)))
        };
        let taken = |port: &&PortBinding| self.taken_ports.contains(&port.external) || bound(port);
        plan.ports.iter().find(taken).map(|port| port.external)
    }

    pub(super) fn signal(&mut self, server: &ServerId, signal: Signal) -> Result<()> {
        let unkillable = self.games.get(server).is_some_and(|game| game.survives_sigkill);
        let container = self.touch(Call::Signal, server)?;
        let Some(process) = &container.process else {
            return Err(conflict(Call::Signal, "the container is not running"));
        };
        match signal {
            Signal::Kill if unkillable => {}
            Signal::Kill => self.end(server, 137, false),
            // A full queue is a game that takes no signals.
            signal => drop(process.signals.try_send(signal)),
        }
        Ok(())
    }

    pub(super) fn set_paused(&mut self, server: &ServerId, paused: bool) {
        let Some(container) = self.containers.get_mut(server) else { return };
        let Some(process) = &container.process else { return };
        if container.facts.paused == paused {
            return;
        }
        process.paused.send_replace(paused);
        container.facts.paused = paused;
        self.tell(server, if paused { EngineEventKind::Pause } else { EngineEventKind::Unpause });
    }

    /// Ends a server's process, if it has one.
    pub(super) fn end(&mut self, server: &ServerId, exit_code: i64, oom_killed: bool) {
        let ended = self.containers.get_mut(server).is_some_and(|container| container.end(exit_code, oom_killed));
        if ended {
            if oom_killed {
                self.tell(server, EngineEventKind::Oom);
            }
            self.tell(server, EngineEventKind::Die);
        }
    }

    pub(super) fn remove(&mut self, server: &ServerId) {
        self.end(server, 137, false);
        if self.containers.remove(server).is_some() {
            self.tell(server, EngineEventKind::Destroy);
        }
    }

    /// Tells all who follow. Hints: one who does not keep up, or a hanging engine, loses them.
    pub(super) fn tell(&mut self, server: &ServerId, kind: EngineEventKind) {
        let foreign = self.containers.get(server).is_some_and(|container| container.owner == Owner::OtherNode);
        if foreign || self.events_are_lost || self.outage != Outage::None {
            return;
        }
        self.followers.retain(|follower| {
            let sent = follower.try_send(EngineEvent { server: server.clone(), kind });
            !matches!(sent, Err(mpsc::error::TrySendError::Closed(_)))
        });
    }
}

pub(super) fn conflict(call: Call, message: &str) -> EngineError {
    EngineError::Conflict { call: call.name(), message: message.to_owned() }
}
