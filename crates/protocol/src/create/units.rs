//! Amounts in the many ways panels write them (P-157 to P-162).

use serde_json::Value;

use crate::code::Code;
use crate::number::MAX_SAFE_INTEGER;
use crate::params::Invalid;

const MEBI: f64 = 1_048_576.0;

/// An amount of bytes and its rule.
pub(super) struct SizeRule {
    /// A bare number below this is M, else bytes.
    pub(super) border: f64,
    /// The least that is allowed if it is not 0, in bytes.
    pub(super) least: u64,
}

/// P-157. The least is Docker's own minimum.
pub(super) const MEMORY: SizeRule = SizeRule { border: 4_194_304.0, least: 6 * 1024 * 1024 };
/// P-158.
pub(super) const SWAP: SizeRule = SizeRule { border: 4_194_304.0, least: 0 };
/// P-159.
pub(super) const DISK: SizeRule = SizeRule { border: 67_108_864.0, least: 0 };

/// Bytes; 0, null and `""` are none.
pub(super) fn size(value: &Value, field: &str, rule: &SizeRule) -> Result<Option<u64>, Invalid> {
    let refuse = |message: &str| Invalid::new(Code::ConfigInvalid, field, message);
    let bare = |number: f64| if number < rule.border { number * MEBI } else { number };
    let bytes = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => bare(number.as_f64().unwrap_or(f64::INFINITY)),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => {
            let (number, unit) = split_number(text.trim())
                .ok_or_else(|| refuse("must be a number of M or bytes, or a text such as 2048m or 2g"))?;
            if unit.is_empty() {
                bare(number)
            } else {
                let factor = unit_factor(unit).ok_or_else(|| refuse("has an unknown unit; use b, k, m, g or t"))?;
                number * factor
            }
        }
        _ => return Err(refuse("must be a number or a text")),
    };
    if bytes < 0.0 {
        return Err(refuse("must not be negative"));
    }
    if bytes == 0.0 {
        return Ok(None);
    }
    if bytes > MAX_SAFE_INTEGER as f64 {
        return Err(refuse("is too large"));
    }
    // A fraction of a byte is still not "unlimited".
    let whole = (bytes as u64).max(1);
    if whole < rule.least {
        return Err(refuse("is below 6 MiB, the least Docker allows"));
    }
    Ok(Some(whole))
}

/// Thousandths of a core; 0, null and `""` are none (P-160).
pub(super) fn cpu_millis(value: &Value, field: &str) -> Result<Option<u64>, Invalid> {
    let refuse = |message: &str| Invalid::new(Code::ConfigInvalid, field, message);
    let percent = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_f64().unwrap_or(f64::INFINITY),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => match split_number(text.trim()) {
            Some((percent, "%")) => percent,
            // More cores than that do not occur; more percent do.
            Some((cores, "")) if cores <= 64.0 => cores * 100.0,
            Some((percent, "")) => percent,
            _ => return Err(refuse("must be a percentage of one core, or a text such as 150% or 1.5")),
        },
        _ => return Err(refuse("must be a number or a text")),
    };
    if percent < 0.0 {
        return Err(refuse("must not be negative"));
    }
    if percent == 0.0 {
        return Ok(None);
    }
    let millis = (percent * 10.0).round();
    if millis > MAX_SAFE_INTEGER as f64 {
        return Err(refuse("is too large"));
    }
    Ok(Some((millis as u64).max(1)))
}

/// Block weight, clamped; whatever is not a positive number means the default (P-161).
pub(super) fn io_weight(value: &Value) -> Option<u16> {
    let weight = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match split_number(text.trim())? {
            (number, "") => number,
            _ => return None,
        },
        _ => return None,
    };
    // Clamped first: the cast is exact for what is left.
    (weight > 0.0).then(|| weight.clamp(10.0, 1000.0) as u16)
}

/// Digits, perhaps a point and digits; then, after an optional blank, what follows.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    Some((number.parse().ok()?, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// b, k, m, g, t in any case, an `i` and a `b` may follow the last four.
fn unit_factor(unit: &str) -> Option<f64> {
    let unit = unit.to_ascii_lowercase();
    let mut letters = unit.chars();
    let power = match letters.next()? {
        'b' => return unit.len().eq(&1).then_some(1.0),
        'k' => 1,
        'm' => 2,
        'g' => 3,
        't' => 4,
        _ => return None,
    };
    matches!(letters.as_str(), "" | "i" | "b" | "ib").then(|| 1024_f64.powi(power))
}
