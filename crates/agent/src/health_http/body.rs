//! Reads one body under every limit: its length, its pauses, its duration, and the memory of all bodies together.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// How many bytes one permit of the bodies' semaphore stands for.
pub(super) const BODY_PERMIT_BYTES: usize = 64 * 1024;

/// The limits for one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    pub(super) max_body: usize,
    pub(super) pause: Duration,
    pub(super) total: Duration,
}

/// A body, and its share of the memory; keep both together.
#[derive(Debug)]
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    pub(super) _share: Option<OwnedSemaphorePermit>,
}

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyRefused {
    TooLarge,
    TooSlow,
    /// Other callers' bodies fill the memory set aside for them.
    NoRoom,
    /// The caller went away or broke the transfer coding.
    Broken,
}

/// Reads the whole body. `announced` is the `Content-Length`, if there is one.
pub(super) async fn read(
    mut payload: web::Payload,
    announced: Option<u64>,
    limits: BodyLimits,
    room: &Arc<Semaphore>,
) -> Result<HeldBody, BodyRefused> {
    if announced.is_some_and(|length| length > limits.max_body as u64) {
        return Err(BodyRefused::TooLarge);
    }
    let deadline = Instant::now() + limits.total;
    let mut bytes = BytesMut::new();
    let mut share: Option<OwnedSemaphorePermit> = None;
    loop {
        let until = deadline.min(Instant::now() + limits.pause);
        let chunk = match timeout_at(until, payload.next()).await {
            Err(_) => return Err(BodyRefused::TooSlow),
            Ok(None) => return Ok(HeldBody { bytes: bytes.freeze(), _share: share }),
            Ok(Some(Err(_))) => return Err(BodyRefused::Broken),
            Ok(Some(Ok(chunk))) => chunk,
        };
        let length = bytes.len() + chunk.len();
        if length > limits.max_body {
            return Err(BodyRefused::TooLarge);
        }
        take_share(room, &mut share, length)?;
        bytes.extend_from_slice(&chunk);
    }
}

/// Enlarges the share to what `length` bytes need. Never waits: two half-read bodies could wait for each other.
fn take_share(
    room: &Arc<Semaphore>,
    share: &mut Option<OwnedSemaphorePermit>,
    length: usize,
) -> Result<(), BodyRefused> {
    let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let missing = length.div_ceil(BODY_PERMIT_BYTES).saturating_sub(held);
    if missing == 0 {
        return Ok(());
    }
    let missing = u32::try_from(missing).map_err(|_| BodyRefused::NoRoom)?;
    let more = Arc::clone(room).try_acquire_many_owned(missing).map_err(|_| BodyRefused::NoRoom)?;
    match share {
        Some(share) => share.merge(more),
        None => *share = Some(more),
    }
    Ok(())
}
