//! Typed parameters of the actions: each `from_map` reads [`crate::request::Request::params`].
//!
//! Unknown keys are ignored (P-214). Where the contract gives a fall-back for odd values it is taken, with a warning if
//! the caller should know; anything else of a wrong type is refused (P-216).

use serde_json::Value;

use crate::Object;
use crate::code::Code;
use crate::number::number_or_digits;

mod console;
mod power;
mod queries;
mod removal;
mod stop;
#[cfg(test)]
mod tests;

pub use console::{
    ConsoleCommandParams, ConsoleHistoryPage, ConsoleInputParams, HistoryParams, LogsParams, PageStart, SubscribeParams,
};
pub use power::{Power, PowerParams};
pub use queries::{BindAliasParams, GetOperationParams, ListServersParams};
pub use removal::{DeleteParams, ReinstallParams};
pub use stop::{SignalName, StopParams};

/// A parameter that makes a command impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// INVALID_REQUEST, or the code its rule names.
    pub code: Code,
    /// The parameter, such as `limits.memory`.
    pub field: String,
    /// A sentence that names the parameter; never its value.
    pub message: String,
}

impl Invalid {
    /// `message` goes on after the name of the field: `must be a string`.
    pub(crate) fn new(code: Code, field: impl Into<String>, message: impl std::fmt::Display) -> Self {
        let field = field.into();
        let message = format!("{field} {message}");
        Self { code, field, message }
    }

    pub(crate) fn request(field: &str, message: impl std::fmt::Display) -> Self {
        Self::new(Code::InvalidRequest, field, message)
    }
}

/// A value that is there; null counts as absent.
pub(crate) fn given<'a>(params: &'a Object, key: &str) -> Option<&'a Value> {
    params.get(key).filter(|value| !value.is_null())
}

/// A flag that must be true or false if given; it decides about data, so nothing else is guessed at.
fn strict_flag(params: &Object, key: &str) -> Result<bool, Invalid> {
    match given(params, key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Invalid::request(key, "must be true or false")),
    }
}

/// A count: number or digits, clamped to `1..=most`; absent is `default`.
fn count(params: &Object, key: &str, default: usize, most: usize) -> Result<usize, Invalid> {
    let Some(value) = given(params, key) else { return Ok(default) };
    let number = number_or_digits(value).ok_or_else(|| Invalid::request(key, "must be a number"))?;
    // Clamped first: the cast is exact for what is left.
    Ok(number.clamp(1.0, most as f64) as usize)
}

/// A console line number, an integer of at least 0 or digits. What no double holds exactly is larger than any line.
fn line_number(params: &Object, key: &str) -> Result<Option<u64>, Invalid> {
    let Some(value) = given(params, key) else { return Ok(None) };
    let refuse = || Invalid::request(key, "must be an integer of at least 0");
    if let Some(exact) = value.as_u64() {
        return Ok(Some(exact));
    }
    let number = number_or_digits(value).ok_or_else(refuse)?;
    if number < 0.0 || (number.is_finite() && number.fract() != 0.0) {
        return Err(refuse());
    }
    // Saturates.
    Ok(Some(number as u64))
}
