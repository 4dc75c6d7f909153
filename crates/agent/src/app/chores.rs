//! What has to be done now and then: the watchdog fed, the store kept within its bounds and watched.

use std::time::Duration;

use actix::Addr;
use cap_domain::ids::NodeId;
use tokio::sync::watch;

use super::tell_systemd;
use crate::clock::unix_ms;
use crate::dispatcher::{AreYouThere, Dispatcher};
use crate::engine_watch::with_sources;
use crate::panel::connection::LinkStatus;
use crate::snapshot::AgentSnapshot;
use crate::store::{Store, StoreError};

/// Between two looks at the store. Its bounds on numbers hold without; this is for those on age.
const STORE_ROUND: Duration = Duration::from_secs(600);

/// Tells systemd's watchdog that the agent is well, as long as the dispatcher answers. An agent that is wholly stuck is
/// ended by systemd, which frees the games from its console readers (see the architecture page).
pub(super) async fn feed_watchdog(dispatcher: Addr<Dispatcher>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut beat = tokio::time::interval(limit / 3);
    loop {
        beat.tick().await;
        if dispatcher.send(AreYouThere).await.is_ok() {
            tell_systemd(sd_notify::NotifyState::Watchdog);
        }
    }
}

/// Notes why the link is down, for `/readyz`.
pub(super) async fn follow_link(mut status: watch::Receiver<LinkStatus>, snapshot: watch::Sender<AgentSnapshot>) {
    while status.changed().await.is_ok() {
        let problem = status.borrow_and_update().problem.clone();
        snapshot.send_if_modified(|snapshot| {
            let changed = snapshot.link_problem != problem;
            snapshot.link_problem = problem;
            changed
        });
    }
}

/// Says loudly when the storage root was another node's before: containers carry the node id, so the servers of the other
/// name would show as gone (P-174).
pub(super) async fn warn_of_another_node(store: &Store, node: &NodeId) -> Result<(), StoreError> {
    const KEY: &str = "node_id";
    match store.get_meta(KEY.to_owned()).await? {
        Some(before) if before == node.as_str() => Ok(()),
        before => {
            if let Some(before) = before {
                log::warn!(
                    "this storage root was node {before}'s, and node.id is {node} now: containers of {before} are left \
                     alone, and its servers need a new start under the new name"
                );
            }
            store.set_meta(KEY.to_owned(), node.to_string()).await
        }
    }
}

/// Prunes the store, for ever; ends with why it cannot be used any more. Then the agent ends, too: the next start puts a
/// damaged file aside and builds the state anew from the containers.
pub(super) async fn tend_store(store: Store) -> StoreError {
    let mut round = tokio::time::interval(STORE_ROUND);
    loop {
        round.tick().await;
        let now = u64::try_from(unix_ms()).unwrap_or(0);
        let pruned = match store.prune_commands(now).await {
            Ok(_) => store.prune_operations(now).await,
            error => error,
        };
        match pruned {
            Ok(_) => {}
            Err(error) if error.is_damage() || matches!(error, StoreError::Closed) => return error,
            // A full or slow disk passes; supervision goes on meanwhile.
            Err(error) => log::error!("the store cannot be pruned: {}", with_sources(&error)),
        }
    }
}
