//! The panel link and its inbox.

use actix::{Addr, AsyncContext, Context};
use tokio::sync::watch;

use super::chores;
use super::from_config::link_config;
use super::singletons::Singletons;
use crate::config::AgentConfig;
use crate::heartbeat::HeartbeatActor;
use crate::outbox::Outbox;
use crate::panel::connection::{LinkListeners, PanelConnection};
use crate::panel::inbox::{InboxParts, LinkIs, PanelInbox};
use crate::snapshot::AgentSnapshot;

/// The link dials out as soon as it is built; without `panel.url` there is none (P-2).
pub(super) fn link(
    config: &AgentConfig,
    singletons: &Singletons,
    parts: InboxParts,
    outbox: &Addr<Outbox>,
    heartbeat: &Addr<HeartbeatActor>,
    snapshot: &watch::Sender<AgentSnapshot>,
) -> anyhow::Result<Option<Addr<PanelConnection>>> {
    let Some(link_config) = link_config(config) else { return Ok(None) };
    let inbox = singletons.actor("panel inbox", PanelInbox::new(parts));
    let listeners = LinkListeners {
        // The first frame of a link is a heartbeat (P-13).
        up: vec![heartbeat.clone().recipient(), outbox.clone().recipient(), inbox.clone().recipient()],
        down: vec![heartbeat.clone().recipient(), outbox.clone().recipient()],
        inbound: inbox.clone().recipient(),
    };
    let context = Context::new();
    let link = PanelConnection::new(link_config, listeners)?;
    singletons.task("link status", chores::follow_link(link.watch_status(), snapshot.clone()));
    inbox.do_send(LinkIs(context.address().recipient()));
    Ok(Some(singletons.actor_in("panel link", context, link)))
}
