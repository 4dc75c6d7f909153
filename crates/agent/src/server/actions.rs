//! The work a machine asks for: image, container, start, signals, removal.
//!
//! Each piece always ends: every engine call has its deadline. A failure is logged whole and passed on clean.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::Context;
use bytes::Bytes;
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::ServerId;
use cap_domain::phase::Phase;
use cap_domain::server::Action;
use cap_domain::spec::{PortBinding, ServerSpec, Signal};
use cap_engine::EngineError;
use cap_engine::port::{Inspected, PullProgress};

use super::{AllocatePorts, Collaborators, Owner, ServerActor, engine_failure};
use crate::clock::unix_ms;
use crate::config::ImagePull;
use crate::console::pump::{AttachRequest, Attachment, InputError};
use crate::data_dirs;
use crate::engine_watch::with_sources;
use crate::report::Report;

/// Pulls of one image are tried so often while the fault looks like the network's.
const PULL_TRIES: u32 = 3;

/// How a piece of work ended, and what it brought.
#[derive(Debug)]
pub(super) struct StepEnd {
    pub(super) result: Result<(), Failure>,
    /// The console opened by a start.
    pub(super) attachment: Option<Attachment>,
    /// The ports given to a server that asked for none.
    pub(super) ports: Option<Vec<PortBinding>>,
}

impl From<Result<(), Failure>> for StepEnd {
    fn from(result: Result<(), Failure>) -> Self {
        Self { result, attachment: None, ports: None }
    }
}

type Work = Pin<Box<dyn Future<Output = StepEnd>>>;

impl ServerActor {
    /// The future that does it. Dropping it abandons the work.
    pub(super) fn work_on(&mut self, action: Action, ctx: &mut Context<Self>) -> Work {
        let shared = Arc::clone(&self.shared);
        let server = self.id().clone();
        match action {
            Action::EnsureImage => {
                let image = self.spec.image.clone();
                let adopted = self.spec.origin.is_adopted();
                let phase = self.machine.status().last_known;
                Box::pin(async move { ensure_image(&shared, (&server, phase), &image, adopted).await.into() })
            }
            Action::EnsureContainer => Box::pin(ensure_container(shared, self.owner.clone(), self.spec.clone())),
            Action::Start => {
                self.attachment = None;
                // From its first line on this process is read through the attachment: the log would only repeat it.
                self.read_back = true;
                let request = self.attach_request(ctx);
                Box::pin(start(shared, request))
            }
            Action::WriteLine(line) => {
                let written =
                    self.attachment.as_ref().map(|attachment| attachment.write(Bytes::from(format!("{line}\n"))));
                Box::pin(async move {
                    let outcome = match written {
                        Some(written) => written.await,
                        None => Err(InputError::NotAttached),
                    };
                    outcome.map_err(|error| Failure::new(FailureCode::ServerNotRunning, error.to_string())).into()
                })
            }
            Action::Signal(signal) => {
                Box::pin(async move { engine_step(&shared, shared.engine.signal(&server, signal).await).into() })
            }
            Action::Unpause => {
                Box::pin(async move { engine_step(&shared, shared.engine.unpause(&server).await).into() })
            }
            Action::Kill => Box::pin(async move { kill(&shared, &server).await.into() }),
            Action::RemoveContainer => {
                Box::pin(async move { engine_step(&shared, shared.engine.remove(&server).await).into() })
            }
            Action::TrashData => {
                let found_data = self.spec.origin.found_data().map(Path::to_owned);
                Box::pin(async move { trash_data(&shared, server, found_data).await.into() })
            }
        }
    }
}

fn engine_step(shared: &Collaborators, result: Result<(), EngineError>) -> Result<(), Failure> {
    result.map_err(|error| {
        log::debug!("engine call failed: {}", with_sources(&error));
        if error.engine_is_gone() {
            shared.suspicion.notify_one();
        }
        engine_failure(&error)
    })
}

/// A container that is absent or does not run is as dead as it can be.
async fn kill(shared: &Collaborators, server: &ServerId) -> Result<(), Failure> {
    match shared.engine.signal(server, Signal::Kill).await {
        Err(EngineError::NotFound { .. } | EngineError::Conflict { .. }) => Ok(()),
        other => engine_step(shared, other),
    }
}

async fn ensure_image(
    shared: &Arc<Collaborators>,
    (server, phase): (&ServerId, Phase),
    image: &str,
    adopted: bool,
) -> Result<(), Failure> {
    let local = engine_value(shared, shared.engine.image(image).await)?;
    let wanted = match shared.image_pull {
        ImagePull::Always => !adopted,
        ImagePull::Missing => local.is_none(),
        ImagePull::Never => false,
    };
    if !wanted {
        return match (&local, adopted) {
            // An adopted container runs from what it was made of, even if the image has lost its name since.
            (Some(_), _) | (None, true) => Ok(()),
            (None, false) => Err(Failure::new(
                FailureCode::ImagePullFailed,
                format!("image {image} is not on this node, and pulling is switched off"),
            )),
        };
    }
    match pull(shared, (server, phase), image).await {
        // A registry that is away must not keep a server down whose image is here.
        Err(failure) if local.is_some() || adopted => {
            log::warn!("image not had anew, what is here is used: server_id={server} error={}", failure.message);
            Ok(())
        }
        other => other,
    }
}

async fn pull(shared: &Arc<Collaborators>, (server, phase): (&ServerId, Phase), image: &str) -> Result<(), Failure> {
    let mut attempt = 1;
    loop {
        let progress = progress_reporter(shared, (server, phase), image);
        match shared.engine.pull(image, progress).await {
            Err(EngineError::PullFailed { transient: true, message, .. }) if attempt < PULL_TRIES => {
                log::warn!("pull failed, trying again: server_id={server} attempt={attempt} error={message}");
                tokio::time::sleep(Duration::from_secs(2 << attempt)).await;
                attempt += 1;
            }
            result => return engine_step(shared, result),
        }
    }
}

/// Tells the panel each further ten percent once.
fn progress_reporter(
    shared: &Arc<Collaborators>,
    (server, phase): (&ServerId, Phase),
    image: &str,
) -> Box<dyn Fn(PullProgress) + Send + Sync> {
    let (reports, server, image) = (shared.reports.clone(), server.clone(), image.to_owned());
    let told = std::sync::atomic::AtomicU8::new(u8::MAX);
    Box::new(move |progress| {
        let step = progress.percent / 10;
        if told.swap(step, std::sync::atomic::Ordering::Relaxed) == step {
            return;
        }
        let message = format!("pulling image {image}: {} %", progress.percent);
        reports.do_send(Report::Notice { server: server.clone(), phase: Some(phase), message, unix_ms: unix_ms() });
    })
}

fn engine_value<T>(shared: &Collaborators, result: Result<T, EngineError>) -> Result<T, Failure> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(engine_step(shared, Err(error)).err().unwrap_or_else(internal)),
    }
}

fn internal() -> Failure {
    Failure::new(FailureCode::InternalError, "internal error")
}

async fn ensure_container(shared: Arc<Collaborators>, owner: Owner, mut spec: ServerSpec) -> StepEnd {
    let given = match give_ports(&shared, &owner, &mut spec).await {
        Ok(given) => given,
        Err(failure) => return Err(failure).into(),
    };
    let result = fit_container(&shared, &spec).await;
    StepEnd { result, attachment: None, ports: given.then_some(spec.ports) }
}

/// A server that named no ports gets them now, because only now the image is here to say what it exposes (P-164).
async fn give_ports(shared: &Collaborators, owner: &Owner, spec: &mut ServerSpec) -> Result<bool, Failure> {
    if !spec.ports.is_empty() || spec.origin.is_adopted() {
        return Ok(false);
    }
    let image = engine_value(shared, shared.engine.image(&spec.image).await)?;
    let exposed = image.map(|image| image.exposed).unwrap_or_default();
    let request = AllocatePorts { server: spec.id.clone(), exposed };
    spec.ports = owner.ports.send(request).await.map_err(|_| internal())??;
    Ok(true)
}

async fn fit_container(shared: &Arc<Collaborators>, spec: &ServerSpec) -> Result<(), Failure> {
    let found = engine_value(shared, shared.engine.inspect(&spec.id).await)?;
    // A running one is never made anew, whatever it was made of: that would kill the game. Its next start fits it.
    if let Some(found) = &found
        && (spec.origin.is_adopted() || found.facts.running)
    {
        return Ok(());
    }
    let data = match found.as_ref().and_then(|found| data_of_stranger(found, &spec.id)) {
        Some(data) => data,
        None => make_data_dir(shared, spec, found.is_some()).await?,
    };
    let (plan, warnings) = shared.planner.plan(spec, data)?;
    for warning in warnings {
        log::warn!("server_id={} {warning}", spec.id);
    }
    if let Some(found) = found {
        if found.labels.get(plan_label()) == Some(&plan.fingerprint) {
            return Ok(());
        }
        log::info!("container does not fit the configuration any more, making it anew: server_id={}", spec.id);
        engine_step(shared, shared.engine.remove(&spec.id).await)?;
    }
    match shared.engine.create(&plan).await {
        // The answer to an earlier try may have been lost: if what is there is what we would make, it is ours.
        Err(EngineError::Conflict { call, message }) => {
            let there = engine_value(shared, shared.engine.inspect(&spec.id).await)?;
            match there {
                Some(there) if there.labels.get(plan_label()) == Some(&plan.fingerprint) => Ok(()),
                _ => engine_step(shared, Err(EngineError::Conflict { call, message })),
            }
        }
        result => engine_step(shared, result),
    }
}

/// The data directory of a container that was found, if it is not one that an agent of ours made, below this storage
/// root or an earlier one. A create that came before such a container was adopted must not lose sight of it (P-151).
fn data_of_stranger(found: &Inspected, server: &ServerId) -> Option<PathBuf> {
    let (source, _) = found.binds.first()?;
    let made_by_us = source.ends_with(Path::new("servers").join(server.as_str()));
    (!made_by_us).then(|| source.clone())
}

/// The label that holds a container's plan fingerprint.
pub(super) fn plan_label() -> &'static str {
    "ctrl-alt-play.plan"
}

/// The data directory of a server, made if it is not there. `lived_before`: it has a container, so it had a directory. If
/// that is gone (a disk that is not mounted, a cleanup that went too far), the game begins anew: not without a word.
async fn make_data_dir(shared: &Collaborators, spec: &ServerSpec, lived_before: bool) -> Result<PathBuf, Failure> {
    if let Some(data) = spec.origin.found_data() {
        return Ok(data.to_owned());
    }
    let (data, server) = (shared.data.clone(), spec.id.clone());
    let make = move || {
        if lived_before && matches!(data.of(&server).try_exists(), Ok(false)) {
            let gone = data.of(&server);
            log::warn!("server_id={server} its data directory {gone:?} was gone: an empty one is made");
        }
        data.make(&server)
    };
    blocking(make).await.map_err(|error| storage_failure(&spec.id, "data directory", &error))
}

async fn start(shared: Arc<Collaborators>, request: AttachRequest) -> StepEnd {
    let server = request.server.clone();
    // Attached before the start, so that not even the first line is missed.
    let attachment = match engine_value(&shared, shared.pumps.attach(request).await) {
        Ok(attachment) => attachment,
        Err(failure) => return Err(failure).into(),
    };
    let result = engine_step(&shared, shared.engine.start(&server).await);
    let attachment = result.is_ok().then_some(attachment);
    StepEnd { result, attachment, ports: None }
}

/// Only a directory of ours goes to the trash. Data that an adopted server was found with elsewhere on the host is left
/// where it is: this agent did not put it there, and a rename to the trash may not even be possible.
async fn trash_data(shared: &Collaborators, server: ServerId, found_data: Option<PathBuf>) -> Result<(), Failure> {
    if let Some(data) = found_data.filter(|data| *data != shared.data.of(&server)) {
        log::warn!("data of a deleted server was adopted with it and is left alone: server_id={server} data={data:?}");
    }
    let deleted_at = unix_ms();
    let name = data_dirs::trash_name(&server, deleted_at);
    let data = shared.data.clone();
    let id = server.clone();
    blocking(move || data.discard(&id, &name))
        .await
        .map(|_moved| shared.trash_filled.notify_one())
        .map_err(|error| storage_failure(&server, "data directory", &error))
}

/// What the system said goes to the log; what leaves the process names no path (P-208).
fn storage_failure(server: &ServerId, what: &str, error: &std::io::Error) -> Failure {
    log::error!("{what} failed: server_id={server} error={error}");
    let code = match error.kind() {
        std::io::ErrorKind::PermissionDenied => FailureCode::PermissionDenied,
        std::io::ErrorKind::StorageFull => FailureCode::InsufficientResources,
        _ => FailureCode::InternalError,
    };
    Failure::new(code, format!("the server's {what} could not be used: {}", error.kind()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| std::io::Error::other("the work was cut off"))?
}
