//! JSON as panels send it: the syntax of `serde_json`, with three differences the contract asks for.
//!
//! A lone surrogate escape is read as U+FFFD (P-83), nesting has a limit of our own that is not a syntax error (P-215),
//! and so has the number of values, because a body of commas would otherwise grow thirtyfold in memory.
//! Of duplicate keys the last counts (P-214).

use serde::de::IgnoredAny;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// Deepest nesting of objects and lists that is read; the outermost one is level 1 (P-215).
pub const MAX_DEPTH: usize = 32;

/// Most values (and so keys) in one text: ten times the longest list any action takes. Each costs up to some hundred
/// bytes once read, which bounds the memory of one text to some ten megabytes above its own size.
pub const MAX_VALUES: usize = 100_000;

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8: HTTP 400, and on the link close 1007 (P-212).
    #[error("not UTF-8")]
    NotUtf8,
    /// Not JSON, bytes after the value, or a number no double can hold: HTTP 400, ignored on the link (P-215).
    #[error("not JSON")]
    NotJson,
    /// JSON, but nested deeper than [`MAX_DEPTH`]: INVALID_REQUEST on HTTP, ignored on the link (P-215).
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// JSON, but of more than [`MAX_VALUES`] values; treated like [`JsonError::TooDeep`].
    #[error("made of more than {MAX_VALUES} values")]
    TooManyValues,
}

/// Reads one JSON text. Uses no recursion beyond [`MAX_DEPTH`] and copies the text only if it holds a lone surrogate.
///
/// A text that is too deep or too long *and* not JSON is [`JsonError::NotJson`]; the range of numbers is not looked at
/// in a text that is too deep or too long, since nothing of it is used.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let survey = Survey::of(text.as_bytes());
    let refusal = if survey.depth > MAX_DEPTH {
        Some(JsonError::TooDeep)
    } else if survey.values > MAX_VALUES {
        Some(JsonError::TooManyValues)
    } else {
        None
    };
    if let Some(refusal) = refusal {
        // `IgnoredAny` is skipped without recursion, so any depth is safe. It does not pair surrogates either.
        let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
        return Err(if is_json { refusal } else { JsonError::NotJson });
    }
    if survey.lone_surrogates.is_empty() {
        return serde_json::from_str(text).map_err(|_| JsonError::NotJson);
    }
    let mut mended = text.as_bytes().to_vec();
    for at in survey.lone_surrogates {
        mended[at..at + ESCAPE_LENGTH].copy_from_slice(b"\\ufffd");
    }
    serde_json::from_slice(&mended).map_err(|_| JsonError::NotJson)
}

/// Length of `\uXXXX`.
const ESCAPE_LENGTH: usize = 6;

/// What one pass over the bytes finds. On text that is not JSON the figures mean nothing and do no harm.
struct Survey {
    depth: usize,
    values: usize,
    /// Where escapes of surrogates without a partner begin.
    lone_surrogates: Vec<usize>,
}

impl Survey {
    fn of(bytes: &[u8]) -> Self {
        let mut survey = Self { depth: 0, values: 1, lone_surrogates: Vec::new() };
        let mut open = 0_usize;
        let mut in_string = false;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if in_string => {
                    at += survey.escape(bytes, at);
                    continue;
                }
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => {
                    open += 1;
                    survey.depth = survey.depth.max(open);
                    survey.values += 1;
                }
                b'}' | b']' => open = open.saturating_sub(1),
                b',' => survey.values += 1,
                _ => {}
            }
            at += 1;
        }
        survey
    }

    /// Looks at the escape that begins at `at` and says how many bytes to go on.
    fn escape(&mut self, bytes: &[u8], at: usize) -> usize {
        match code_unit(bytes, at) {
            Some(0xD800..=0xDBFF) => {
                if matches!(code_unit(bytes, at + ESCAPE_LENGTH), Some(0xDC00..=0xDFFF)) {
                    return 2 * ESCAPE_LENGTH;
                }
                self.lone_surrogates.push(at);
                ESCAPE_LENGTH
            }
            Some(0xDC00..=0xDFFF) => {
                self.lone_surrogates.push(at);
                ESCAPE_LENGTH
            }
            Some(_) => ESCAPE_LENGTH,
            // A short escape such as `\"`, or a broken one that the parser will refuse.
            None => 2,
        }
    }
}

/// The code unit of a well-formed `\uXXXX` at `at`.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + ESCAPE_LENGTH)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    escape[2..].iter().try_fold(0_u16, |unit, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}
