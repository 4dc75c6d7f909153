//! When to dial again (P-9, P-10, P-12).

use std::time::Duration;

use super::{dial::DialFailure, messages::LinkEnd};

/// How a dial or a link ended, as far as the next try cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The dial gave no link, or the link was lost.
    Lost {
        /// How long the link was up; zero if it never was.
        lived: Duration,
    },
    /// The panel does not want this agent as it is configured.
    Refused,
    /// Another agent holds this node id.
    Fenced,
    /// Not an agent endpoint at all.
    MockPanel,
}

impl Ended {
    /// Classifies a failed dial.
    pub(super) fn from_dial(failure: &DialFailure) -> Self {
        match failure {
            DialFailure::SecretRefused(_) => Self::Refused,
            _ => Self::Lost { lived: Duration::ZERO },
        }
    }

    /// Classifies the end of a link that was up for `lived`.
    pub(super) fn from_link(end: &LinkEnd, lived: Duration) -> Self {
        match end {
            LinkEnd::ClosedByPanel { code: 4409, .. } => Self::Fenced,
            LinkEnd::ClosedByPanel { code: 1008 | 4000..=4999, .. } => Self::Refused,
            LinkEnd::MockPanel => Self::MockPanel,
            _ => Self::Lost { lived },
        }
    }
}

/// The redial policy's state.
#[derive(Debug)]
pub(super) struct Redial {
    failures: u32,
    refusals_in_a_row: u32,
    spread: Duration,
}

const FIRST_STEP: f64 = 5.0;
const LONGEST_STEP: f64 = 60.0;
const LONG_LIFE: Duration = Duration::from_secs(60);

impl Redial {
    /// Starts fresh with the configured spread.
    pub(super) fn new(spread: Duration) -> Self {
        Self { failures: 0, refusals_in_a_row: 0, spread }
    }

    /// Sets the spread of the first retry after a long link (P-66).
    pub(super) fn set_spread(&mut self, spread: Duration) {
        self.spread = spread;
    }

    /// The delay before the next dial; `None` means never. `random` is in 0..1.
    pub(super) fn next_delay(&mut self, ended: Ended, random: f64) -> Option<Duration> {
        let jitter = 0.8 + 0.4 * random;
        let refusals_before = std::mem::take(&mut self.refusals_in_a_row);
        let seconds = match ended {
            Ended::Fenced => return None,
            Ended::MockPanel => 600.0,
            Ended::Refused => {
                self.refusals_in_a_row = refusals_before.saturating_add(1);
                if self.refusals_in_a_row < 6 { 60.0 * jitter } else { 300.0 + 600.0 * random }
            }
            Ended::Lost { lived } if lived >= LONG_LIFE && !self.spread.is_zero() => {
                self.failures = 0;
                self.spread.as_secs_f64() * random
            }
            Ended::Lost { lived } => {
                if lived >= LONG_LIFE {
                    self.failures = 0;
                }
                let step = (FIRST_STEP * f64::from(2u32.pow(self.failures.min(8)))).min(LONGEST_STEP);
                self.failures = self.failures.saturating_add(1);
                step * jitter
            }
        };
        Some(Duration::from_secs_f64(seconds))
    }
}
