//! Ctrl-C and its kind: noted when they come, and looked at where it is safe to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How often this program was asked to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP are noted and end nothing by themselves.
    pub(crate) fn listen() -> Result<Self> {
        let interrupt = Self::default();
        let asked = Arc::clone(&interrupt.asked);
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot listen for signals")?;
        std::thread::spawn(move || {
            for _ in signals.forever() {
                asked.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(interrupt)
    }

    /// Whether it was asked at all.
    pub(crate) fn came(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > 0
    }

    /// Whether it was asked again: somebody is in a hurry.
    pub(crate) fn came_twice(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > 1
    }
}
