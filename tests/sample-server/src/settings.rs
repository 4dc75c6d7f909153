//! What the server is told by its environment, read once.

use std::collections::BTreeMap;
use std::time::Duration;

/// Minecraft's port.
const DEFAULT_PORT: u16 = 25565;

/// How long a startup takes when nothing else is said: long enough to be seen as "starting", short enough for tests.
const DEFAULT_STARTUP: Duration = Duration::from_millis(300);

/// Settings and the environment they came from.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// From the start until `Done`: `SAMPLE_STARTUP_MS`, in milliseconds.
    pub(crate) startup: Duration,
    /// Where the server-list ping is answered: `SERVER_PORT`.
    pub(crate) port: u16,
    /// Everything else, for the command `env`.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the environment of the process.
    pub(crate) fn from_environment() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::from_variables(std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect())
    }

    /// Values that are no numbers count as not given: a sample has to start with whatever a panel makes up.
    fn from_variables(environment: BTreeMap<String, String>) -> Self {
        let startup = environment.get("SAMPLE_STARTUP_MS").and_then(|text| text.parse().ok());
        let port = environment.get("SERVER_PORT").and_then(|text| text.parse().ok());
        Self {
            startup: startup.map_or(DEFAULT_STARTUP, Duration::from_millis),
            port: port.unwrap_or(DEFAULT_PORT),
            environment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::from_variables(
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn settings_come_from_the_environment_and_nonsense_counts_as_not_given() {
        let given = settings(&[("SAMPLE_STARTUP_MS", "5"), ("SERVER_PORT", "7777")]);
        assert_eq!((given.startup, given.port), (Duration::from_millis(5), 7777));
        let nonsense = settings(&[("SAMPLE_STARTUP_MS", "-5"), ("SERVER_PORT", "99999")]);
        assert_eq!((nonsense.startup, nonsense.port), (DEFAULT_STARTUP, DEFAULT_PORT));
    }
}
