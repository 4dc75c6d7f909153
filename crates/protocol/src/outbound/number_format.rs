//! Numbers on the wire are finite (P-187); JSON has no other and would write null.

use serde::Serializer;

/// Writes a double; what is not finite becomes 0.
pub(super) fn finite<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(if number.is_finite() { *number } else { 0.0 })
}

/// Writes a list of doubles the same way.
pub(super) fn finite_list<S: Serializer>(numbers: &[f64; 3], serializer: S) -> Result<S::Ok, S::Error> {
    let finite = numbers.map(|number| if number.is_finite() { number } else { 0.0 });
    serde::Serialize::serialize(&finite, serializer)
}
