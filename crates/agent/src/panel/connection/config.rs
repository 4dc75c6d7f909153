//! Settings of the link, checked before anything is opened.

use std::{path::PathBuf, time::Duration};

use cap_domain::ids::NodeId;

use crate::secret::Secret;

/// Everything the link needs to know.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// The panel's URL as configured: ws, wss, http or https, with or without path and query (P-6).
    pub url: String,
    /// Who this node is; written raw into the URL (P-7).
    pub node_id: NodeId,
    /// The agent secret, sent as `Authorization: Bearer` (P-8).
    pub secret: Secret,
    /// A PEM file with certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The first and the longest wait before another try after a lost link or a failed dial (P-9).
    pub reconnect_steps: (Duration, Duration),
    /// Width of the random first retry after a link that lived long (P-9); zero means the ordinary first step.
    pub reconnect_spread: Duration,
    /// The longest message that is taken from the panel, in bytes, fragments joined (P-15).
    pub ws_max_message: usize,
    /// Deadlines and intervals; the defaults are the contract's.
    pub timings: LinkTimings,
    /// Gives numbers in 0..1 for jitter.
    pub random: fn() -> f64,
}

impl LinkConfig {
    /// Settings with every default of the contract.
    pub fn new(url: impl Into<String>, node_id: NodeId, secret: Secret) -> Self {
        Self {
            url: url.into(),
            node_id,
            secret,
            ca_file: None,
            reconnect_steps: (Duration::from_secs(5), Duration::from_secs(60)),
            reconnect_spread: Duration::from_secs(5),
            ws_max_message: 8 * 1024 * 1024,
            timings: LinkTimings::default(),
            random: fastrand::f64,
        }
    }
}

/// Deadlines and intervals of the link.
#[derive(Clone, Debug)]
pub struct LinkTimings {
    /// From the start of the name lookup to the end of the upgrade (10 s).
    pub dial_deadline: Duration,
    /// How long the close of a socket may take before it is dropped (2 s, P-11); also how long frames that were
    /// accepted before a shutdown may take to be written.
    pub close_deadline: Duration,
    /// The pause between two pings (15 s, P-14).
    pub ping_interval: Duration,
    /// Silence after which the link is dead (45 s, P-14).
    pub dead_after: Duration,
    /// When a link with mock frames and no `system_info_request` is given up (10 s, P-12).
    pub mock_panel_verdict: Duration,
    /// How long ordinary frames wait for the first heartbeat, which must be the first frame (P-13).
    pub first_beat_grace: Duration,
    /// What retry delays are multiplied with. 1 except in tests, which must not wait minutes.
    pub retry_scale: f64,
}

impl Default for LinkTimings {
    fn default() -> Self {
        Self {
            dial_deadline: Duration::from_secs(10),
            close_deadline: Duration::from_secs(2),
            ping_interval: Duration::from_secs(15),
            dead_after: Duration::from_secs(45),
            mock_panel_verdict: Duration::from_secs(10),
            first_beat_grace: Duration::from_secs(1),
            retry_scale: 1.0,
        }
    }
}

/// Why the link cannot be configured like this. No text repeats the URL's query or the secret.
#[derive(Debug, thiserror::Error)]
pub enum LinkConfigError {
    /// The URL cannot be used.
    #[error("panel.url {problem}")]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The secret cannot stand in a header.
    #[error("panel.secret contains characters that cannot be sent in an HTTP header")]
    Secret,
    /// The file with extra certificates cannot be read.
    #[error("panel.ca_file {} cannot be read as PEM certificates", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The file with extra certificates holds none that can be used.
    #[error("panel.ca_file {} holds no usable certificate", path.display())]
    CaFileEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}
