//! What a test does to the simulated engine, beside calling it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cap_domain::ids::{NodeId, ServerId};
use cap_domain::observation::ContainerFacts;
use cap_domain::spec::Limits;
use cap_engine::error::Result;
use cap_engine::port::{ConsoleStream, ContainerPlan};

use crate::image::SAMPLE_IMAGE;
use crate::sim_engine::gate::{Outage, Target};
use crate::sim_engine::{Call, Game, Owner, SimEngine, Trouble, game};

/// The engine as a whole.
impl SimEngine {
    /// The engine goes: calls fail at once, open consoles and event streams end. Containers go on.
    pub fn go_away(&self) {
        self.set_outage(Outage::Away);
        let mut world = self.shared.world();
        world.followers.clear();
        for container in world.containers.values_mut() {
            container.cut_consoles();
        }
    }

    /// The engine takes calls and answers none, until it comes back; each call ends at its deadline. Open streams stay
    /// open, and events of this time are lost.
    pub fn hang_calls(&self) {
        self.set_outage(Outage::Hanging);
    }

    /// The engine answers again, also the calls that still wait.
    pub fn come_back(&self) {
        self.set_outage(Outage::None);
    }

    /// From now on events are lost (or no longer).
    pub fn lose_events(&self, lost: bool) {
        self.shared.world().events_are_lost = lost;
    }

    /// An image that is here already.
    pub fn have_image(&self, reference: &str) {
        self.shared.world().have_image(reference);
    }

    /// An image that a pull finds.
    pub fn offer_image(&self, reference: &str) {
        self.shared.world().offered.insert(reference.to_owned());
    }

    /// A port that somebody else on the host has: starts that need it fail.
    pub fn take_port(&self, port: u16) {
        self.shared.world().taken_ports.insert(port);
    }

    /// A port that is free again.
    pub fn free_port(&self, port: u16) {
        self.shared.world().taken_ports.remove(&port);
    }

    /// How often a call was made.
    pub fn calls(&self, call: Call) -> u64 {
        self.shared.world().counted(call, None)
    }

    /// How often a call was made about a server.
    pub fn calls_about(&self, server: &ServerId, call: Call) -> u64 {
        self.shared.world().counted(call, Some(&Target::Server(server.clone())))
    }

    fn set_outage(&self, outage: Outage) {
        self.shared.world().outage = outage;
        self.shared.changed.notify_waiters();
    }
}

/// Trouble with calls.
impl SimEngine {
    /// A call about a server goes wrong, until it is healed.
    pub fn trouble(&self, server: &ServerId, call: Call, trouble: Trouble) {
        self.set_trouble(call, Target::Server(server.clone()), Some(trouble), None);
    }

    /// A call about a server goes wrong once. A call that hangs once hangs until something is healed.
    pub fn trouble_once(&self, server: &ServerId, call: Call, trouble: Trouble) {
        self.set_trouble(call, Target::Server(server.clone()), Some(trouble), Some(1));
    }

    /// The call goes well again; calls that hang go on.
    pub fn heal(&self, server: &ServerId, call: Call) {
        self.set_trouble(call, Target::Server(server.clone()), None, None);
    }

    /// [`Call::Pull`] or [`Call::Image`] of an image goes wrong, until it is healed. A pull that [`Trouble::Fails`] may
    /// be tried again, one that the registry [`Trouble::Refuses`] may not.
    pub fn trouble_with_image(&self, reference: &str, call: Call, trouble: Trouble) {
        self.set_trouble(call, Target::Image(reference.to_owned()), Some(trouble), None);
    }

    /// Images come again.
    pub fn heal_image(&self, reference: &str, call: Call) {
        self.set_trouble(call, Target::Image(reference.to_owned()), None, None);
    }

    /// [`Call::Info`], [`Call::List`] or [`Call::Events`] goes wrong, until it is healed.
    pub fn trouble_with_engine(&self, call: Call, trouble: Trouble) {
        self.set_trouble(call, Target::Engine, Some(trouble), None);
    }

    /// The engine's own calls go well again.
    pub fn heal_engine(&self, call: Call) {
        self.set_trouble(call, Target::Engine, None, None);
    }

    fn set_trouble(&self, call: Call, target: Target, trouble: Option<Trouble>, times: Option<u32>) {
        self.shared.world().make_trouble(call, target, trouble, times);
        self.shared.changed.notify_waiters();
    }
}

/// Games, and people who work on the engine behind the agent's back. None of this passes outages and troubles.
impl SimEngine {
    /// How a server's game behaves from its next start on.
    pub fn set_game(&self, server: &ServerId, game: Game) {
        self.shared.world().games.insert(server.clone(), game);
    }

    /// The game writes these bytes to its console. Waits for readers, as games do.
    pub async fn write(&self, server: &ServerId, stream: ConsoleStream, bytes: impl Into<Bytes>) {
        self.shared.write(server, stream, bytes.into()).await;
    }

    /// The process ends by itself.
    pub fn end_game(&self, server: &ServerId, exit_code: i64) {
        self.shared.world().end(server, exit_code, false);
    }

    /// The kernel kills the process for want of memory.
    pub fn run_out_of_memory(&self, server: &ServerId) {
        self.shared.world().end(server, 137, true);
    }

    /// Somebody starts the container.
    pub fn start_behind_back(&self, server: &ServerId) -> Result<()> {
        game::start(&mut self.shared.world(), &Arc::downgrade(&self.shared), server)
    }

    /// Somebody restarts the container: another process in the same container.
    pub fn restart_behind_back(&self, server: &ServerId) -> Result<()> {
        let mut world = self.shared.world();
        world.end(server, 143, false);
        game::start(&mut world, &Arc::downgrade(&self.shared), server)
    }

    /// Somebody freezes the container, or unfreezes it.
    pub fn pause_behind_back(&self, server: &ServerId, paused: bool) {
        self.shared.world().set_paused(server, paused);
    }

    /// Somebody removes the container.
    pub fn remove_behind_back(&self, server: &ServerId) {
        self.shared.world().remove(server);
    }

    /// A container that was there before: made by this agent earlier, by the Go agent, or for another node.
    pub fn put_container(&self, server: &ServerId, owner: Owner) -> Result<()> {
        let mut plan = self.plan(server);
        if owner == Owner::OtherNode {
            plan.node = NodeId::parse("another-node").expect("a valid id");
        }
        self.shared.world().create(&plan, owner)
    }

    /// What a container is doing, seen by no call. None if there is none; those of other nodes are seen.
    pub fn facts(&self, server: &ServerId) -> Option<ContainerFacts> {
        self.shared.world().containers.get(server).map(|container| container.facts.clone())
    }

    /// How many processes live, of all containers.
    pub fn processes(&self) -> usize {
        self.shared.world().containers.values().filter(|container| container.process.is_some()).count()
    }

    /// A plan for the sample image, to be changed by the test.
    pub fn plan(&self, server: &ServerId) -> ContainerPlan {
        ContainerPlan {
            server: server.clone(),
            node: self.shared.world().node.clone(),
            fingerprint: "sim".to_owned(),
            image: SAMPLE_IMAGE.to_owned(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            data_source: format!("/sim/{server}").into(),
            data_target: "/data".into(),
            ports: Vec::new(),
            limits: Limits::default(),
            user: "1000:1000".to_owned(),
            tty: false,
            oom_killer: true,
            pids_limit: 512,
            capabilities: Vec::new(),
            read_only_root: true,
            tmpfs_bytes: 64 << 20,
            log_max_bytes: 5 << 20,
            log_max_files: 2,
            network: "bridge".to_owned(),
            dns: Vec::new(),
            labels: BTreeMap::new(),
        }
    }
}
