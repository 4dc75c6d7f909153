//! SIGHUP: reads the configuration anew and applies what can be applied while the agent runs.
//!
//! A configuration that cannot be used changes nothing: the last good one stays in force (fault matrix A7).

use actix::Addr;
use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{AgentConfig, InvalidConfiguration, Loaded};
use crate::dispatcher::{Dispatcher, ReplacePolicy};
use crate::logging;

/// Waits for SIGHUP, for ever.
///
/// # Errors
/// If signals cannot be listened for.
pub(super) fn on_hangup(
    config: AgentConfig,
    reload: impl Fn() -> Result<Loaded, InvalidConfiguration> + 'static,
    dispatcher: Addr<Dispatcher>,
) -> anyhow::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    Ok(async move {
        let mut in_force = config;
        while hangup.recv().await.is_some() {
            match reload() {
                Err(invalid) => {
                    log::error!("SIGHUP: the configuration stays as it was, the new one is unusable: {invalid}")
                }
                Ok(loaded) => {
                    for warning in &loaded.warnings {
                        log::warn!("configuration: {warning}");
                    }
                    apply(&mut in_force, loaded.config, &dispatcher);
                }
            }
        }
    })
}

fn apply(in_force: &mut AgentConfig, new: AgentConfig, dispatcher: &Addr<Dispatcher>) {
    logging::apply(&new.log);
    dispatcher.do_send(ReplacePolicy(super::from_config::policy(&new)));
    let waiting = sections_that_wait(in_force, &new);
    if waiting.is_empty() {
        log::info!("SIGHUP: the configuration was read and is in force");
    } else {
        log::warn!("SIGHUP: read; changes in {} take effect at the next start", waiting.join(", "));
    }
    in_force.log = new.log;
    in_force.limits = new.limits;
    in_force.ports = new.ports;
    in_force.docker.allowed_images = new.docker.allowed_images;
    in_force.docker.tty = new.docker.tty;
}

/// The sections with changes that a running agent cannot take over.
fn sections_that_wait(in_force: &AgentConfig, new: &AgentConfig) -> Vec<&'static str> {
    let mut docker = new.docker.clone();
    docker.allowed_images = in_force.docker.allowed_images.clone();
    docker.tty = in_force.docker.tty;
    [
        ("[node]", in_force.node == new.node),
        ("[panel]", in_force.panel == new.panel),
        ("[http]", in_force.http == new.http),
        ("[storage]", in_force.storage == new.storage),
        ("[docker]", in_force.docker == docker),
        ("[commands]", in_force.commands == new.commands),
        ("[console]", in_force.console == new.console),
        ("[stats]", in_force.stats == new.stats),
    ]
    .into_iter()
    .filter_map(|(section, same)| (!same).then_some(section))
    .collect()
}
