//! Database ids of the panels (cuid): `c`, eight characters of time, sixteen of counter and noise.

use std::ops::RangeInclusive;

/// How far from the time inside a cuid another create makes learning unsafe, in milliseconds (P-172): clocks differ.
pub(super) const GUARD_MS: u64 = 60_000;

/// Whether a text has the shape of a cuid: `c` and 24 of `[a-z0-9]`.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.len() == 25 && text.starts_with('c') && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// When a cuid was made, by the panel's clock: unix milliseconds, base 36 in characters 2 to 9.
pub(super) fn made_at_ms(text: &str) -> Option<u64> {
    if !looks_like_one(text) {
        return None;
    }
    u64::from_str_radix(text.get(1..9)?, 36).ok()
}

/// When the create command that belongs to a cuid can have been received (unix milliseconds): the panel makes the row
/// first, but its clock may be ahead of ours by 2 s.
pub(super) fn create_window_ms(made_at_ms: u64) -> RangeInclusive<u64> {
    made_at_ms.saturating_sub(2_000)..=made_at_ms.saturating_add(15_000)
}
