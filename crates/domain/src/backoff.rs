//! How long to wait before trying again. Pure policies: random numbers are arguments, waiting is the owner's.

use crate::Millis;

mod link;
#[cfg(test)]
mod tests;

pub use link::{LinkBackoff, LinkEnded, MAX_RECONNECT_SPREAD_MS, NextTry};

/// A delay that grows by a factor from a smallest to a largest one, each time varied by a share.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    min_ms: Millis,
    max_ms: Millis,
    factor: f64,
    jitter: f64,
    next_ms: Millis,
}

impl Backoff {
    /// Delays from `min_ms` to `max_ms` (milliseconds), each `factor` times the one before, varied by up to
    /// +-`jitter` (0.2 = 20 percent). The largest delay is varied, too, so it can exceed `max_ms` by that share.
    ///
    /// Values without sense are set right: `max_ms` is at least `min_ms`, `factor` at least 1, `jitter` within 0 to 1.
    pub fn new(min_ms: Millis, max_ms: Millis, factor: f64, jitter: f64) -> Self {
        let factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
        Self { min_ms, max_ms: max_ms.max(min_ms), factor, jitter, next_ms: min_ms }
    }

    /// For the container engine: 1 s, doubling to 30 s, +-20 percent. It is local, and its restarts are short.
    pub fn for_engine() -> Self {
        Self::new(1_000, 30_000, 2.0, 0.2)
    }

    /// The delay before the next try, in milliseconds; the one after that will be longer. `random` is in 0..1.
    pub fn next_delay(&mut self, random: f64) -> Millis {
        let delay_ms = vary(self.next_ms, self.jitter, random);
        self.next_ms = round_ms(self.next_ms as f64 * self.factor).min(self.max_ms);
        delay_ms
    }

    /// Begins again with the smallest delay: what was tried has worked.
    pub fn reset(&mut self) {
        self.next_ms = self.min_ms;
    }
}

/// A delay varied by up to +-`jitter`, a share of it.
fn vary(delay_ms: Millis, jitter: f64, random: f64) -> Millis {
    between(delay_ms as f64 * (1.0 - jitter), delay_ms as f64 * (1.0 + jitter), random)
}

/// A moment between two, chosen by `random` in 0..1. A number outside, or none at all, counts as the nearest end.
fn between(low_ms: f64, high_ms: f64, random: f64) -> Millis {
    let share = if random.is_nan() { 0.0 } else { random.clamp(0.0, 1.0) };
    round_ms(low_ms + (high_ms - low_ms) * share)
}

/// Casts of floats saturate, so this never wraps.
fn round_ms(ms: f64) -> Millis {
    ms.round() as Millis
}
