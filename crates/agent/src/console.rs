//! The console of one server: what its process wrote, numbered, bounded, readable by any number of viewers.
//!
//! One pump (see [`pump`]) writes; viewers pull from a cursor of their own. Nobody ever waits for a viewer: what a
//! viewer did not fetch before the ring let it go is a hole the viewer sees in the numbers, and announces (P-70).

pub mod pump;
pub mod ring;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use actix::{Message, Recipient};
use cap_domain::ids::ServerId;
use cap_domain::lines::Line;
use cap_engine::port::ConsoleStream;

pub use ring::{ConsoleLimits, Excerpt, Ring, StoredLine};

/// Told to the viewer when lines have come since it last asked. Coalesced: at most one is under way per server.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ConsoleMoved {
    /// Whose console.
    pub server: ServerId,
}

/// One server's console, shared between its pump (writes) and its viewers (read).
#[derive(Debug)]
pub struct Console {
    server: ServerId,
    ring: Mutex<Ring>,
    viewer: Mutex<Option<Recipient<ConsoleMoved>>>,
    told: AtomicBool,
}

impl Console {
    /// An empty console. `epoch` names the numbering: it must differ from every earlier one of this server (P-69).
    pub fn new(server: ServerId, epoch: String, limits: ConsoleLimits) -> Self {
        let ring = Mutex::new(Ring::new(epoch, limits));
        Self { server, ring, viewer: Mutex::new(None), told: AtomicBool::new(false) }
    }

    /// Names who is told when lines come.
    pub fn set_viewer(&self, viewer: Recipient<ConsoleMoved>) {
        *self.viewer.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(viewer);
        self.tell();
    }

    /// Adds lines in the order they came and tells the viewer once.
    pub fn push(&self, stream: ConsoleStream, unix_ms: i64, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        {
            let mut ring = self.lock();
            for line in lines {
                ring.push(stream, unix_ms, line);
            }
        }
        self.tell();
    }

    /// The ring, for reading. Hold it briefly: the pump waits for it.
    pub fn lock(&self) -> MutexGuard<'_, Ring> {
        // A panic while the lock was held cannot leave the ring half-changed in a way that harms: every change is one push.
        self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The viewer is about to read: the next line is worth a new [`ConsoleMoved`].
    pub fn viewer_reads(&self) {
        self.told.store(false, Ordering::Release);
    }

    fn tell(&self) {
        if self.told.swap(true, Ordering::AcqRel) {
            return;
        }
        let viewer = self.viewer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match viewer {
            Some(viewer) => viewer.do_send(ConsoleMoved { server: self.server.clone() }),
            None => self.told.store(false, Ordering::Release),
        }
    }
}
