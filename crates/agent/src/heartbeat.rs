//! The beat that keeps the node online in the panel (P-13), and the figures of the node.
//!
//! Fed by the link ([`LinkUp`], [`LinkDown`]) and by time; emits one urgent frame per beat, and a [`NodeSnapshot`] that
//! others read through a watch: system info, `/api/status`, node metrics. The figures are read on a blocking thread, one
//! reading at a time; a beat never waits for them.

mod node;

#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, ContextFutureSpawner, Handler, Message, SpawnHandle, WrapFuture,
};
use cap_domain::ids::NodeId;
use cap_protocol::{
    outbound::{Body, Frame},
    timestamp::Timestamp,
};
use tokio::sync::watch;

use self::node::NodeSampler;
pub use self::node::NodeSnapshot;
use crate::panel::connection::{LinkDown, LinkUp, SendFailed, SendFrame};

/// Settings of the beat.
#[derive(Clone, Debug)]
pub struct HeartbeatConfig {
    /// Whose beat it is.
    pub node_id: NodeId,
    /// Between two beats (15 s; 5 to 30 s are allowed, P-13).
    pub interval: Duration,
    /// Beats soon after the link came up, counted from then: a panel that closes the old connection late marks this
    /// node offline, and one of these repairs it (P-13: about 1 s and about 5 s).
    pub early_beats: [Duration; 2],
    /// Between two readings of the node's figures (5 s).
    pub sample_interval: Duration,
    /// The directory whose file system counts as the node's disk.
    pub data_root: PathBuf,
}

impl HeartbeatConfig {
    /// Settings with the defaults of the contract.
    pub fn new(node_id: NodeId, data_root: impl Into<PathBuf>) -> Self {
        Self {
            node_id,
            interval: Duration::from_secs(15),
            early_beats: [Duration::from_secs(1), Duration::from_secs(5)],
            sample_interval: Duration::from_secs(5),
            data_root: data_root.into(),
        }
    }
}

/// The actor that beats.
#[derive(Debug)]
pub struct HeartbeatActor {
    config: HeartbeatConfig,
    link: Option<BeatingLink>,
    /// Taken while a reading is under way.
    sampler: Option<NodeSampler>,
    snapshot: watch::Sender<NodeSnapshot>,
}

#[derive(Debug)]
struct BeatingLink {
    up: LinkUp,
    timers: Vec<SpawnHandle>,
}

/// Time to read the figures.
#[derive(Message)]
#[rtype(result = "()")]
struct ReadFigures;

impl HeartbeatActor {
    /// An actor that beats once a link is up. The watch holds an empty snapshot until the first reading is done, shortly
    /// after the actor was started.
    pub fn new(config: HeartbeatConfig) -> Self {
        let sampler = NodeSampler::new(config.data_root.clone());
        let (snapshot, _) = watch::channel(NodeSnapshot::default());
        Self { config, link: None, sampler: Some(sampler), snapshot }
    }

    /// The node's figures, always the latest.
    pub fn watch_node(&self) -> watch::Receiver<NodeSnapshot> {
        self.snapshot.subscribe()
    }

    fn beat(&mut self, ctx: &mut Context<Self>) {
        let Some(link) = &self.link else { return };
        let frame = Frame::new(now(), Body::Heartbeat { node_id: self.config.node_id.as_str().to_owned() });
        let beat = SendFrame { generation: link.up.generation, text: frame.to_text(), urgent: true };
        link.up
            .sink
            .send(beat)
            .into_actor(self)
            .map(|sent, _, _| match sent {
                // A link that is gone is told to us by itself.
                Ok(Ok(()) | Err(SendFailed::LinkGone)) | Err(_) => {}
                // The socket is stuck with earlier beats in it; a further one would say nothing new.
                Ok(Err(failed)) => log::debug!("a heartbeat was left out: {failed}"),
            })
            .spawn(ctx);
    }

    fn stop_beating(&mut self, ctx: &mut Context<Self>) {
        for timer in self.link.take().into_iter().flat_map(|link| link.timers) {
            ctx.cancel_future(timer);
        }
    }
}

impl Actor for HeartbeatActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.notify(ReadFigures);
    }
}

impl Handler<LinkUp> for HeartbeatActor {
    type Result = ();

    fn handle(&mut self, up: LinkUp, ctx: &mut Context<Self>) {
        self.stop_beating(ctx);
        let mut timers: Vec<_> =
            self.config.early_beats.iter().map(|after| ctx.run_later(*after, |actor, ctx| actor.beat(ctx))).collect();
        timers.push(ctx.run_interval(self.config.interval, Self::beat));
        self.link = Some(BeatingLink { up, timers });
        self.beat(ctx);
    }
}

impl Handler<LinkDown> for HeartbeatActor {
    type Result = ();

    fn handle(&mut self, down: LinkDown, ctx: &mut Context<Self>) {
        // The end of an older connection says nothing about the present one.
        if self.link.as_ref().is_some_and(|link| link.up.generation == down.generation) {
            self.stop_beating(ctx);
        }
    }
}

impl Handler<ReadFigures> for HeartbeatActor {
    type Result = ();

    fn handle(&mut self, _: ReadFigures, ctx: &mut Context<Self>) {
        let Some(mut sampler) = self.sampler.take() else { return };
        let reading = tokio::task::spawn_blocking(move || {
            let snapshot = sampler.read();
            (sampler, snapshot)
        });
        reading
            .into_actor(self)
            .map(|read, actor, ctx| {
                match read {
                    Ok((sampler, snapshot)) => {
                        actor.sampler = Some(sampler);
                        actor.snapshot.send_replace(snapshot);
                    }
                    Err(error) => {
                        log::error!("reading the node's figures failed, starting afresh: {error}");
                        actor.sampler = Some(NodeSampler::new(actor.config.data_root.clone()));
                    }
                }
                // From the end of one reading to the begin of the next: readings never pile up behind a slow disk.
                ctx.notify_later(ReadFigures, actor.config.sample_interval);
            })
            .spawn(ctx);
    }
}

fn now() -> Timestamp {
    // A clock before 1970 is shown as 1970: a beat with a wrong time is better than none.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
