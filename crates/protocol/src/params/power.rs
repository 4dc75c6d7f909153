//! The power switch: one action that names another (P-89, P-185).

use serde_json::Value;

use super::{Invalid, given};
use crate::Object;
use crate::action::Action;

/// A position of the power switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Power {
    Start,
    Stop,
    Restart,
    Kill,
}

impl Power {
    /// The action it stands for.
    pub fn action(self) -> Action {
        match self {
            Self::Start => Action::StartServer,
            Self::Stop => Action::StopServer,
            Self::Restart => Action::RestartServer,
            Self::Kill => Action::KillServer,
        }
    }
}

/// Parameters of server_power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerParams {
    /// What to do.
    pub power: Power,
}

impl PowerParams {
    /// Reads `action`, else `signal`, in any case; anything but start, stop, restart or kill is INVALID_REQUEST.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let field = if given(params, "action").is_some() { "action" } else { "signal" };
        let word = given(params, field).and_then(Value::as_str).unwrap_or_default().trim().to_ascii_lowercase();
        let power = match word.as_str() {
            "start" => Power::Start,
            "stop" => Power::Stop,
            "restart" => Power::Restart,
            "kill" => Power::Kill,
            _ => return Err(Invalid::request("action", "must be start, stop, restart or kill")),
        };
        Ok(Self { power })
    }
}
