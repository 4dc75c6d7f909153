//! Console: what goes in, and which lines come back.

use serde_json::Value;

use super::{Invalid, count, given, line_number};
use crate::Object;

/// Longest command or input in bytes. No game reads longer lines, and one panel must not be able to fill the memory of
/// the agent with input that a stopped reader never takes.
const MAX_CONSOLE_INPUT: usize = 64 * 1024;

/// Parameters of console:command (P-103, P-136).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleCommandParams {
    /// Without its trailing newline; may be empty, which sends an empty line.
    pub line: String,
}

impl ConsoleCommandParams {
    /// Reads `command`; one trailing newline is dropped.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let mut line = input_text(params, "command")?;
        if line.ends_with('\n') {
            line.pop();
            if line.ends_with('\r') {
                line.pop();
            }
        }
        Ok(Self { line })
    }
}

/// Parameters of console:input (P-104).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleInputParams {
    /// To be written as it is.
    pub input: String,
}

impl ConsoleInputParams {
    /// Reads `input`.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        Ok(Self { input: input_text(params, "input")? })
    }
}

fn input_text(params: &Object, key: &str) -> Result<String, Invalid> {
    match params.get(key) {
        Some(Value::String(text)) if text.len() <= MAX_CONSOLE_INPUT => Ok(text.clone()),
        Some(Value::String(_)) => Err(Invalid::request(key, "must not be longer than 64 KiB")),
        _ => Err(Invalid::request(key, "must be a string")),
    }
}

/// Parameters of console:history (P-107).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryParams {
    /// The newest so many lines, 1 to 10 000.
    pub lines: usize,
}

const DEFAULT_LINES: usize = 100;
const MAX_LINES: usize = 10_000;

impl HistoryParams {
    /// Reads `lines`, 100 if absent, clamped.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        Ok(Self { lines: count(params, "lines", DEFAULT_LINES, MAX_LINES)? })
    }
}

/// Parameters of get_server_logs (P-112).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogsParams {
    /// The newest so many lines, 1 to 10 000.
    pub lines: usize,
}

impl LogsParams {
    /// Reads `lines`, 100 if absent, clamped.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        Ok(Self { lines: count(params, "lines", DEFAULT_LINES, MAX_LINES)? })
    }
}

/// Where a page of the console begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageStart {
    /// This line and those after it.
    From(u64),
    /// The last ones before this line.
    Before(u64),
    /// The newest ones.
    Newest,
}

/// Parameters of get_console_history (P-111).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleHistoryPage {
    /// Where it begins; `fromSeq` counts if both are given.
    pub start: PageStart,
    /// Most lines, 1 to 5000.
    pub limit: usize,
}

const DEFAULT_PAGE: usize = 500;
const MAX_PAGE: usize = 5_000;

impl ConsoleHistoryPage {
    /// Reads `fromSeq`, `beforeSeq` and `limit` (500 if absent, clamped).
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let from = line_number(params, "fromSeq")?;
        let before = line_number(params, "beforeSeq")?;
        let start = match (from, before) {
            (Some(from), _) => PageStart::From(from),
            (None, Some(before)) => PageStart::Before(before),
            (None, None) => PageStart::Newest,
        };
        Ok(Self { start, limit: count(params, "limit", DEFAULT_PAGE, MAX_PAGE)? })
    }
}

/// Parameters of console:subscribe (P-74).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeParams {
    /// First line wanted; 0 = from the oldest kept; none = live only.
    pub from_seq: Option<u64>,
    /// The epoch the line number belongs to; none = the current one.
    pub console_epoch: Option<String>,
}

/// Longest epoch that is compared; ours are shorter.
const MAX_EPOCH: usize = 64;

impl SubscribeParams {
    /// Reads `fromSeq` and `consoleEpoch`.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let console_epoch = match given(params, "consoleEpoch") {
            None => None,
            Some(Value::String(epoch)) if epoch.len() <= MAX_EPOCH => Some(epoch.clone()),
            Some(_) => return Err(Invalid::request("consoleEpoch", "must be a text of at most 64 characters")),
        };
        Ok(Self { from_seq: line_number(params, "fromSeq")?, console_epoch })
    }
}
