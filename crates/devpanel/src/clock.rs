//! Wall-clock time as the wire wants it.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const ISO_MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Now, UTC, ISO-8601 with milliseconds and `Z`.
pub(crate) fn timestamp() -> String {
    OffsetDateTime::now_utc().format(ISO_MILLISECONDS).expect("the format names only parts that every UTC time has")
}

/// Milliseconds since 1970, UTC.
pub(crate) fn unix_milliseconds() -> i128 {
    OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000
}
