//! Durations and sizes as people write them: `"15s"`, `"64MiB"`, or a plain number.

use std::time::Duration;

/// Reads a duration: a whole number with `ms`, `s`, `m` or `min`, `h`, `d`; a number without a unit is seconds.
/// `None` if the text is something else or too large.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_number(text)?;
    let millis_per_unit = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis_per_unit).map(Duration::from_millis)
}

/// Reads a size in bytes: a whole number with `K`, `M`, `G`, `T` (also `KiB`, `MB`, any case; powers of 1024, as
/// everywhere in the contract); a number without a unit is bytes. `None` if the text is something else or too large.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    number.checked_mul(1024_u64.pow(power))
}

/// Writes a duration in the largest unit that needs no fraction.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    // "24h" reads better than "1d"; days begin at two.
    if millis >= 172_800_000 && millis.is_multiple_of(86_400_000) {
        return format!("{}d", millis / 86_400_000);
    }
    for (unit, size) in [("h", 3_600_000), ("min", 60_000), ("s", 1000)] {
        if millis >= size && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") }
}

/// Writes a size in the largest unit that needs no fraction.
pub(crate) fn show_bytes(bytes: u64) -> String {
    for (unit, power) in [("TiB", 4), ("GiB", 3), ("MiB", 2), ("KiB", 1)] {
        let size = 1024_u64.pow(power);
        if bytes >= size && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    format!("{bytes}B")
}

/// Splits `"64 MiB"` into 64 and `"MiB"`.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let number = trimmed[..digits].parse().ok()?;
    Some((number, trimmed[digits..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_and_without_a_unit() {
        let table = [
            ("15s", 15_000),
            ("15", 15_000),
            ("50ms", 50),
            ("2m", 120_000),
            ("2min", 120_000),
            ("24h", 86_400_000),
            ("7 d", 604_800_000),
            (" 0 ", 0),
        ];
        for (text, millis) in table {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "-1s", "1.5s", "15 parsecs", "15S", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024_in_any_case() {
        let table = [("64MiB", 64 << 20), ("64mb", 64 << 20), ("64 M", 64 << 20), ("1k", 1024), ("7", 7), ("7b", 7)];
        for (text, bytes) in table {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for wrong in ["", "MiB", "1.5G", "-1", "1 elephant", "99999999999T"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back_unchanged() {
        for millis in [0, 1, 50, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }
        for bytes in [0, 1, 1023, 1024, 65_536, 1_000_000, 8 << 20, 3 << 30, 1 << 40] {
            assert_eq!(parse_bytes(&show_bytes(bytes)), Some(bytes));
        }
    }
}
