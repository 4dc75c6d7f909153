//! Numbers in parameters: JSON numbers, or digits in a text where a rule allows them.

use serde_json::Value;

/// The largest integer every JSON reader holds exactly.
pub(crate) const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A JSON number without a fraction that fits; `42.0` counts as 42, a text does not count.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    let double = number.as_f64()?;
    let fits = double.fract() == 0.0 && double.abs() <= MAX_SAFE_INTEGER as f64;
    fits.then_some(double as i64)
}

/// A JSON number, or a text of nothing but digits (blanks around it are allowed), as a double.
pub(crate) fn number_or_digits(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let digits = text.trim();
            let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // A text of thousands of digits is infinite as a double; callers clamp.
            if only_digits { digits.parse().ok() } else { None }
        }
        _ => None,
    }
}
