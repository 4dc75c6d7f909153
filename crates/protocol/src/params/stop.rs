//! How to stop: signal and grace (P-181, P-182).

use serde_json::Value;

use super::given;
use crate::Object;
use crate::number::{integer, number_or_digits};

/// A signal a stop may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum SignalName {
    Hup,
    Int,
    Quit,
    Abrt,
    Kill,
    Usr1,
    Usr2,
    Term,
}

impl SignalName {
    /// All that are allowed.
    pub const ALL: [Self; 8] =
        [Self::Hup, Self::Int, Self::Quit, Self::Abrt, Self::Kill, Self::Usr1, Self::Usr2, Self::Term];

    /// Such as `SIGTERM`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Abrt => "SIGABRT",
            Self::Kill => "SIGKILL",
            Self::Usr1 => "SIGUSR1",
            Self::Usr2 => "SIGUSR2",
            Self::Term => "SIGTERM",
        }
    }

    /// A name with or without SIG in any case, digits, or `^C`. None if it is not allowed.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("^c") {
            return Some(Self::Int);
        }
        if let Ok(number) = text.parse() {
            return Self::from_number(number);
        }
        let with_prefix = |signal: &Self| signal.as_str().eq_ignore_ascii_case(text);
        let without_prefix = |signal: &Self| signal.as_str()["SIG".len()..].eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(|signal| with_prefix(signal) || without_prefix(signal))
    }

    /// The number Linux gives it on the platforms we run on.
    pub fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Hup,
            2 => Self::Int,
            3 => Self::Quit,
            6 => Self::Abrt,
            9 => Self::Kill,
            10 => Self::Usr1,
            12 => Self::Usr2,
            15 => Self::Term,
            _ => return None,
        })
    }
}

/// Parameters of stop_server and restart_server. Reading them never fails: a stop must not be refused for a typo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopParams {
    /// SIGTERM if none was given; then the server's own stop command comes first (P-183). SIGKILL makes it a kill (P-184).
    pub signal: SignalName,
    /// Grace before SIGKILL in seconds, 0 to 300, 30 if none was given. Without meaning for a kill.
    pub grace_seconds: u32,
    /// What was odd, in sentences for the caller.
    pub warnings: Vec<String>,
}

const DEFAULT_GRACE: u32 = 30;
const MAX_GRACE: f64 = 300.0;

impl StopParams {
    /// Reads `signal` and `timeout`.
    pub fn from_map(params: &Object) -> Self {
        let mut warnings = Vec::new();
        let signal = given(params, "signal").map_or(SignalName::Term, |value| {
            read_signal(value).unwrap_or_else(|| {
                warnings.push("signal is not one that may be sent; SIGTERM was used".to_owned());
                SignalName::Term
            })
        });
        let grace_seconds = given(params, "timeout").and_then(number_or_digits).map_or(DEFAULT_GRACE, |seconds| {
            // Clamped first: the cast is exact for what is left.
            seconds.ceil().clamp(0.0, MAX_GRACE) as u32
        });
        Self { signal, grace_seconds, warnings }
    }

    /// Whether this is a kill in all but name (P-184).
    pub fn is_kill(&self) -> bool {
        self.signal == SignalName::Kill
    }
}

fn read_signal(value: &Value) -> Option<SignalName> {
    match value {
        Value::String(text) => SignalName::from_text(text),
        number => SignalName::from_number(integer(number)?),
    }
}
