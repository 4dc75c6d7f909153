//! The forms a value may have, and how a raw value from any layer is read as one of them.

use std::time::Duration;

use config::{Value, ValueKind};

use super::units::{parse_bytes, parse_duration, show_bytes, show_duration};
use crate::secret::Secret;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// A text; where nothing is a choice, the empty text is nothing. The words say what kind of text.
    Text(&'static str),
    /// A text that is never shown.
    Secret,
    /// `true` or `false`.
    Switch,
    /// A whole number within bounds, both included.
    Whole(u64, u64),
    /// A duration within bounds in milliseconds, both included.
    Duration(u64, u64),
    /// A size in bytes within bounds, both included.
    Bytes(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Texts; a single text is a list of one, and commas part them. The words say what kind of texts.
    Texts(&'static str),
}

/// A value read as its form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Setting {
    Text(String),
    Secret(Secret),
    Switch(bool),
    Whole(u64),
    Duration(Duration),
    Bytes(u64),
    Texts(Vec<String>),
}

impl Form {
    /// What the form takes, for people: the end of "expected ...".
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Text(kind) => kind.to_owned(),
            Self::Secret => "a secret text".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Whole(min, u64::MAX) => format!("a whole number from {min}"),
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Duration(min, max) => format!(
                "a duration from {} to {}, such as \"15s\" (ms, s, min, h, d; a plain number is seconds)",
                show_duration(Duration::from_millis(min)),
                show_duration(Duration::from_millis(max))
            ),
            Self::Bytes(min, max) => format!(
                "a size from {} to {}, such as \"64MiB\" (KiB, MiB, GiB, TiB; a plain number is bytes)",
                show_bytes(min),
                show_bytes(max)
            ),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Texts(kind) => format!("a list of {kind}"),
        }
    }

    /// The allowed range in a few words, for the tables of the documentation.
    pub(crate) fn range(self) -> String {
        match self {
            Self::Text(kind) => kind.to_owned(),
            Self::Secret => "text".to_owned(),
            Self::Switch => "`true`, `false`".to_owned(),
            Self::Whole(min, u64::MAX) => format!("number, {min} or more"),
            Self::Whole(min, max) => format!("number, {min} to {max}"),
            Self::Duration(min, max) => format!(
                "duration, {} to {}",
                show_duration(Duration::from_millis(min)),
                show_duration(Duration::from_millis(max))
            ),
            Self::Bytes(min, max) => format!("size, {} to {}", show_bytes(min), show_bytes(max)),
            Self::Choice(words) => words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "),
            Self::Texts(kind) => format!("list of {kind}"),
        }
    }

    /// Reads a raw value. The error says what was found, without repeating a text that might be a secret.
    pub(crate) fn read(self, value: &Value) -> Result<Setting, String> {
        let unfit = || found(&value.kind);
        match self {
            Self::Text(_) => text(&value.kind).map(Setting::Text).ok_or_else(unfit),
            // Not even a number is shown: `token = 123456` is a secret, too.
            Self::Secret => text(&value.kind)
                .map(|t| Setting::Secret(Secret::new(t)))
                .ok_or_else(|| "something that is not a text (a secret is written in quotes)".to_owned()),
            Self::Switch => match &value.kind {
                ValueKind::Boolean(on) => Ok(Setting::Switch(*on)),
                ValueKind::String(word) => word.parse().map(Setting::Switch).map_err(|_| unfit()),
                _ => Err(unfit()),
            },
            Self::Whole(min, max) => {
                let number = match &value.kind {
                    ValueKind::I64(number) => u64::try_from(*number).map_err(|_| unfit())?,
                    ValueKind::String(digits) => digits.trim().parse().map_err(|_| unfit())?,
                    _ => return Err(unfit()),
                };
                within(number, min, max).map(Setting::Whole).ok_or_else(unfit)
            }
            Self::Duration(min, max) => {
                let duration = parse_duration(&number_or_text(&value.kind).ok_or_else(unfit)?).ok_or_else(unfit)?;
                let bounds = Duration::from_millis(min)..=Duration::from_millis(max);
                if bounds.contains(&duration) { Ok(Setting::Duration(duration)) } else { Err(unfit()) }
            }
            Self::Bytes(min, max) => {
                let bytes = parse_bytes(&number_or_text(&value.kind).ok_or_else(unfit)?).ok_or_else(unfit)?;
                within(bytes, min, max).map(Setting::Bytes).ok_or_else(unfit)
            }
            Self::Choice(words) => match &value.kind {
                ValueKind::String(word) if words.contains(&word.as_str()) => Ok(Setting::Text(word.clone())),
                _ => Err(unfit()),
            },
            Self::Texts(_) => texts(&value.kind).map(Setting::Texts).ok_or_else(unfit),
        }
    }
}

impl Setting {
    /// The value as TOML, secrets redacted.
    pub(crate) fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => toml_text(text),
            Self::Secret(secret) => toml_text(&secret.to_string()),
            Self::Switch(on) => on.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Duration(duration) => toml_text(&show_duration(*duration)),
            Self::Bytes(bytes) => toml_text(&show_bytes(*bytes)),
            Self::Texts(texts) => format!("[{}]", texts.iter().map(|t| toml_text(t)).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Whether it is the empty text, which stands for "not set".
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
            || matches!(self, Self::Secret(secret) if secret.expose().is_empty())
    }
}

/// A text as a TOML string, everything but printable text escaped.
fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn within(number: u64, min: u64, max: u64) -> Option<u64> {
    (min..=max).contains(&number).then_some(number)
}

fn text(kind: &ValueKind) -> Option<String> {
    match kind {
        ValueKind::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn number_or_text(kind: &ValueKind) -> Option<String> {
    match kind {
        ValueKind::I64(number) => Some(number.to_string()),
        ValueKind::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn texts(kind: &ValueKind) -> Option<Vec<String>> {
    match kind {
        ValueKind::Array(values) => values.iter().map(|value| text(&value.kind)).collect(),
        ValueKind::String(one) => {
            Some(one.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// What stood there. Texts are described, not repeated: a secret may have got into the wrong key.
fn found(kind: &ValueKind) -> String {
    match kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Boolean(on) => format!("the switch {on}"),
        ValueKind::I64(number) => format!("the number {number}"),
        ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "a number".to_owned(),
        ValueKind::Float(number) => format!("the number {number}"),
        // Short enough to be no secret that counts, and then worth showing.
        ValueKind::String(text) if text.len() <= 8 => format!("the text {text:?}"),
        ValueKind::String(text) => format!("a text of {} characters", text.chars().count()),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
