//! Builds everything, bottom up, and stops it, top down.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::AgentConfig;
use crate::store::Store;

/// Runs the agent until SIGTERM or SIGINT.
///
/// # Errors
/// Whatever keeps the agent from starting. A [`crate::store::StoreError`] in the chain says which exit code fits.
pub async fn run(config: AgentConfig) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let now_ms =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let opened = Store::open(&config.storage.root, u64::try_from(now_ms).unwrap_or(u64::MAX))?;
    if let Some(quarantined) = &opened.quarantined {
        log::error!(
            "the state file was damaged ({}); it was put aside as {}",
            quarantined.reason,
            quarantined.file.display()
        );
    }
    for path in &opened.tightened {
        log::warn!("{} could be used by others; its mode was restricted", path.display());
    }
    log::info!("node {} is ready", config.node.id);
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    opened.store.close().await;
    Ok(())
}
