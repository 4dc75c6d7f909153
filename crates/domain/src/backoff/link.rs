//! When to dial the panel again (P-9, P-10, P-12, P-66).

use super::{Backoff, between, vary};
use crate::Millis;

/// The first and the longest wait between two tries (P-9).
const DEFAULT_STEPS_MS: (Millis, Millis) = (5_000, 60_000);
/// A link that lived this long was a good one: the policy begins anew (P-9).
const GOOD_LINK_MS: Millis = 60_000;
/// Between two tries after a refusal, varied by 20 percent (P-10).
const REFUSED_MS: Millis = 60_000;
/// The refusal in a row from which on the long waits begin (P-10).
const PATIENT_FROM_REFUSAL: u32 = 6;
/// The bounds of the long waits: whoever set the wrong secret needs time, and a panel must not be worn out.
const PATIENT_MS: (f64, f64) = (5.0 * 60_000.0, 15.0 * 60_000.0);
/// Between two looks whether a mock panel has become a real one (P-12).
const MOCK_PANEL_MS: Millis = 10 * 60_000;
/// The share by which waits vary (P-9, P-10).
const JITTER: f64 = 0.2;

/// The largest spread a panel may ask for, in milliseconds (P-66).
pub const MAX_RECONNECT_SPREAD_MS: Millis = 600_000;

/// How a try at the link, or the link itself, came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnded {
    /// There was no link: refused, unreachable, timed out, no valid upgrade, or any status but 401 and 403.
    NeverUp,
    /// The link was up for so many milliseconds, then lost or closed for no reason of its own below.
    Lived(Millis),
    /// The panel does not know the secret: this HTTP status (401 or 403) came instead of an upgrade.
    RefusedAuth(u16),
    /// The panel closed and will do so again: 1008 (no node id), 4000 to 4999 but 4409.
    ClosedFatal {
        /// The close code.
        code: u16,
        /// How long the link was up, in milliseconds.
        lived_ms: Millis,
    },
    /// 4409: another agent holds this node id.
    Fenced,
    /// No panel for agents, but a mock for browsers.
    MockPanel,
    /// 1009: a message of ours was too large, after so many milliseconds. The owner makes later ones smaller.
    TooBig(Millis),
}

impl LinkEnded {
    /// Reads a close code (none = no close frame came) of a link that was up for so many milliseconds.
    pub fn from_close(code: Option<u16>, lived_ms: Millis) -> Self {
        match code {
            Some(4409) => Self::Fenced,
            Some(code @ (1008 | 4000..=4999)) => Self::ClosedFatal { code, lived_ms },
            Some(1009) => Self::TooBig(lived_ms),
            _ => Self::Lived(lived_ms),
        }
    }

    /// Reads the HTTP status that came instead of an upgrade.
    pub fn from_upgrade_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::RefusedAuth(status),
            _ => Self::NeverUp,
        }
    }
}

/// What to do about the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTry {
    /// Dial again after so many milliseconds.
    After(Millis),
    /// Not until the agent is restarted.
    Never,
}

/// The policy for dialling the panel. The first dial of all is at once and does not ask here.
#[derive(Clone, Debug)]
pub struct LinkBackoff {
    steps: Backoff,
    reconnect_spread_ms: Millis,
    refusals_in_a_row: u32,
}

impl LinkBackoff {
    /// A policy with the contract's steps and the spread of the configuration, in milliseconds; more than
    /// [`MAX_RECONNECT_SPREAD_MS`] counts as that.
    pub fn new(reconnect_spread_ms: Millis) -> Self {
        Self::with_steps(DEFAULT_STEPS_MS, reconnect_spread_ms)
    }

    /// A policy whose retries double from the first to the second of `steps_ms`. Refusals are retried as slowly as ever.
    pub fn with_steps(steps_ms: (Millis, Millis), reconnect_spread_ms: Millis) -> Self {
        let steps = Backoff::new(steps_ms.0, steps_ms.1, 2.0, JITTER);
        let mut policy = Self { steps, reconnect_spread_ms: 0, refusals_in_a_row: 0 };
        policy.set_reconnect_spread(reconnect_spread_ms);
        policy
    }

    /// Sets the time over which first retries are spread, in milliseconds (`link_policy`, P-66).
    pub fn set_reconnect_spread(&mut self, spread_ms: Millis) {
        self.reconnect_spread_ms = spread_ms.min(MAX_RECONNECT_SPREAD_MS);
    }

    /// When to dial again after this end. `random` is in 0..1 and decides within the bounds.
    pub fn next_delay(&mut self, ended: LinkEnded, random: f64) -> NextTry {
        let delay_ms = match ended {
            LinkEnded::Fenced => return NextTry::Never,
            LinkEnded::RefusedAuth(_) => self.after_refusal(0, random),
            LinkEnded::ClosedFatal { lived_ms, .. } => self.after_refusal(lived_ms, random),
            LinkEnded::MockPanel => {
                self.refusals_in_a_row = 0;
                MOCK_PANEL_MS
            }
            LinkEnded::NeverUp => self.after_loss(0, random),
            LinkEnded::Lived(lived_ms) | LinkEnded::TooBig(lived_ms) => self.after_loss(lived_ms, random),
        };
        NextTry::After(delay_ms)
    }

    fn after_loss(&mut self, lived_ms: Millis, random: f64) -> Millis {
        self.refusals_in_a_row = 0;
        if lived_ms < GOOD_LINK_MS {
            return self.steps.next_delay(random);
        }
        self.steps.reset();
        let first_step_ms = self.steps.next_delay(random);
        if self.reconnect_spread_ms == 0 {
            return first_step_ms;
        }
        // A panel that restarts loses all its agents at one moment; they must not come back at one moment, too.
        between(0.0, self.reconnect_spread_ms as f64, random)
    }

    fn after_refusal(&mut self, lived_ms: Millis, random: f64) -> Millis {
        if lived_ms >= GOOD_LINK_MS {
            self.steps.reset();
            self.refusals_in_a_row = 0;
        }
        self.refusals_in_a_row = self.refusals_in_a_row.saturating_add(1);
        if self.refusals_in_a_row < PATIENT_FROM_REFUSAL {
            return vary(REFUSED_MS, JITTER, random);
        }
        between(PATIENT_MS.0, PATIENT_MS.1, random)
    }
}
