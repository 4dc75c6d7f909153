//! The clocks of the agent: wall time for what people and panels read, monotonic time for what machines wait for.

use std::time::{SystemTime, UNIX_EPOCH};

use cap_domain::Millis;
use tokio::time::Instant;

/// Wall time in unix milliseconds.
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A monotonic clock with an origin of its own, for the pure machines. Follows tokio's clock, so a paused one holds.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic {
    origin: Instant,
}

impl Monotonic {
    /// Starts at 0 now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Milliseconds since the start.
    pub fn now(self) -> Millis {
        Millis::try_from(self.origin.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }
}
