//! Status words and the panel's database words for them (P-205).

use serde::{Deserialize, Serialize};

/// A status as it stands in `status`, lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the contract's own words, explained in its section 17")]
pub enum StatusWord {
    Installing,
    InstallFailed,
    Stopped,
    Starting,
    Running,
    Stopping,
    Restarting,
    Crashed,
    Suspended,
    Paused,
    Deleted,
    Unknown,
}

impl StatusWord {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 12] = [
        Self::Installing,
        Self::InstallFailed,
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Restarting,
        Self::Crashed,
        Self::Suspended,
        Self::Paused,
        Self::Deleted,
        Self::Unknown,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installing => "installing",
            Self::InstallFailed => "install_failed",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Restarting => "restarting",
            Self::Crashed => "crashed",
            Self::Suspended => "suspended",
            Self::Paused => "paused",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }

    /// The status a filter names, in any case; `offline` is `stopped`.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        if word == "offline" {
            return Some(Self::Stopped);
        }
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// The panel's database word for a status (P-205).
///
/// While the status is `unknown` the last known one counts; without one, or for a word that is none of ours, it is
/// `OFFLINE`, which claims nothing. The notice `created` (P-40) is `OFFLINE` too.
pub fn state_word(status: &str, last_known: Option<&str>) -> &'static str {
    match status {
        "installing" => "INSTALLING",
        "install_failed" => "INSTALL_FAILED",
        "starting" | "restarting" => "STARTING",
        "running" | "paused" => "RUNNING",
        "stopping" => "STOPPING",
        "crashed" => "CRASHED",
        "suspended" => "SUSPENDED",
        "unknown" => match last_known {
            Some(known) if known != "unknown" => state_word(known, None),
            _ => "OFFLINE",
        },
        _ => "OFFLINE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_p_205_holds() {
        let table = [
            ("installing", "INSTALLING"),
            ("install_failed", "INSTALL_FAILED"),
            ("stopped", "OFFLINE"),
            ("starting", "STARTING"),
            ("running", "RUNNING"),
            ("stopping", "STOPPING"),
            ("restarting", "STARTING"),
            ("crashed", "CRASHED"),
            ("suspended", "SUSPENDED"),
            ("paused", "RUNNING"),
            ("deleted", "OFFLINE"),
            ("created", "OFFLINE"),
        ];
        for (status, state) in table {
            assert_eq!(state_word(status, None), state, "{status}");
            assert_eq!(state_word("unknown", Some(status)), state, "unknown after {status}");
        }
        assert_eq!(state_word("unknown", Some("unknown")), "OFFLINE");
    }

    #[test]
    fn words_read_back_and_offline_means_stopped() {
        for status in StatusWord::ALL {
            assert_eq!(StatusWord::from_word(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(StatusWord::from_word("OFFLINE"), Some(StatusWord::Stopped));
        assert_eq!(StatusWord::from_word("online"), None);
    }
}
