//! What the end of a dial or a link means for the next one; the policy itself is `cap_domain::backoff` (P-9, P-10, P-12).

use std::time::Duration;

use cap_domain::{Millis, backoff::LinkEnded};

use super::{dial::DialFailure, messages::LinkEnd};

/// A failed dial.
pub(super) fn after_dial(failure: &DialFailure) -> LinkEnded {
    match failure {
        DialFailure::SecretRefused(status) => LinkEnded::RefusedAuth(*status),
        _ => LinkEnded::NeverUp,
    }
}

/// The end of a link that was up for `lived`.
pub(super) fn after_link(end: &LinkEnd, lived: Duration) -> LinkEnded {
    let lived_ms = as_millis(lived);
    match end {
        LinkEnd::ClosedByPanel { code, .. } => LinkEnded::from_close(Some(*code), lived_ms),
        LinkEnd::MockPanel => LinkEnded::MockPanel,
        // Among them 1009 sent by us: it was the panel's message that was too long.
        _ => LinkEnded::Lived(lived_ms),
    }
}

/// Whole milliseconds; what does not fit is for ever.
pub(super) fn as_millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
