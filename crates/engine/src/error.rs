//! How calls to the engine fail.

use std::time::Duration;

/// A failed call to the engine. `Display` is clean: it may be shown to a panel.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The socket cannot be reached: missing, refused, closed, or permission denied.
    #[error("the container engine cannot be reached")]
    Unreachable {
        /// What the system said; for the log only.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine took the call and did not answer in time. What it did is unknown: look before acting.
    #[error("the container engine did not answer `{call}` within {} s", .after.as_secs())]
    TimedOut {
        /// Which call.
        call: &'static str,
        /// Its deadline.
        after: Duration,
    },
    /// There is no such container or image.
    #[error("no such {what}")]
    NotFound {
        /// `container` or `image`.
        what: &'static str,
    },
    /// The engine says the name is taken, or the state does not allow it.
    #[error("the container engine refused `{call}`: {message}")]
    Conflict {
        /// Which call.
        call: &'static str,
        /// Its words, cleaned.
        message: String,
    },
    /// A host port is taken.
    #[error("port {port} on the host is already in use")]
    PortTaken {
        /// Which; 0 if the engine did not say.
        port: u16,
    },
    /// The image cannot be had.
    #[error("image {image} could not be pulled: {message}")]
    PullFailed {
        /// Its reference.
        image: String,
        /// The engine's words, cleaned.
        message: String,
        /// Whether trying again may help (a network fault), or not (unknown image, access denied).
        transient: bool,
    },
    /// Any other answer.
    #[error("the container engine failed `{call}`: {message}")]
    Failed {
        /// Which call.
        call: &'static str,
        /// Its words, cleaned.
        message: String,
    },
}

/// What calls to the engine answer.
pub type Result<T> = std::result::Result<T, EngineError>;
