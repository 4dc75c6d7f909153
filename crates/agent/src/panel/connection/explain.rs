//! Troubles of the link in plain words, each said once and not once per retry.

use std::time::Duration;

use log::Level;
use tokio::time::Instant;

use super::{dial::DialFailure, messages::LinkEnd};

/// A sentence for the log and the level that says who must act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) level: Level,
    pub(super) text: String,
}

fn say(level: Level, text: impl Into<String>) -> Explanation {
    Explanation { level, text: text.into() }
}

/// Why a dial failed.
pub(super) fn dial_failure(failure: &DialFailure) -> Explanation {
    match failure {
        DialFailure::SecretRefused(status) => say(
            Level::Error,
            format!(
                "agent secret refused: the panel answered {status}; panel.secret must equal the panel's AGENT_SECRET"
            ),
        ),
        DialFailure::NotAPanel(what) => {
            say(Level::Error, format!("no panel answers there ({what}); panel.url must name the panel's agent port"))
        }
        DialFailure::Name(why) => say(Level::Warn, format!("the panel's host name cannot be resolved: {why}")),
        DialFailure::ConnectionRefused => {
            say(Level::Warn, "connection refused: the panel is not running, or its agent port is another one")
        }
        DialFailure::Tls(why) => say(Level::Error, format!("TLS failed, nothing was sent: {why}")),
        DialFailure::Deadline => say(Level::Warn, "the panel did not answer in time"),
        DialFailure::Network(why) => say(Level::Warn, format!("the panel cannot be reached: {why}")),
    }
}

/// Why a link ended.
pub(super) fn link_end(end: &LinkEnd) -> Explanation {
    match end {
        LinkEnd::ClosedByPanel { code: 1008, reason } => say(
            Level::Error,
            format!(
                "the panel closed with 1008: node id missing from the URL or unknown to it; check node.id and panel.url{}",
                quoted(reason)
            ),
        ),
        LinkEnd::ClosedByPanel { code: 4409, reason } => say(
            Level::Error,
            format!(
                "another agent holds this node id; this one does not dial again until it is restarted. \
                 Give each agent its own node.id{}",
                quoted(reason)
            ),
        ),
        LinkEnd::ClosedByPanel { code: code @ 4000..=4999, reason } => {
            say(Level::Error, format!("the panel refused this agent with close code {code}{}", quoted(reason)))
        }
        LinkEnd::ClosedByPanel { code: 1009, .. } => {
            say(Level::Warn, "a message was too long for the panel (close 1009); later ones are kept half as large")
        }
        LinkEnd::ClosedByPanel { code, reason } => {
            say(Level::Info, format!("the panel closed the link with {code}{}", quoted(reason)))
        }
        LinkEnd::Broken { detail } => say(Level::Warn, format!("the link broke: {detail}")),
        LinkEnd::Silent => say(Level::Warn, "the link is dead: nothing was heard from the panel for too long"),
        LinkEnd::InboundTooLong => {
            say(Level::Warn, "the panel sent a message over panel.ws_max_message; the link was closed with 1009")
        }
        LinkEnd::NotUtf8 => say(Level::Warn, "the panel sent bytes that are not UTF-8; the link was closed with 1007"),
        LinkEnd::ProtocolViolation { detail } => say(
            Level::Warn,
            format!("the panel broke the WebSocket protocol ({detail}); the link was closed with 1002"),
        ),
        LinkEnd::MockPanel => say(
            Level::Warn,
            "this is the browser console of an HTTP panel, not an agent port; the panel reaches this agent over HTTP",
        ),
        LinkEnd::Shutdown => say(Level::Info, "the link was closed for shutdown"),
    }
}

/// The panel's words, escaped: they are from outside and must stay one line (S-25).
fn quoted(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" (it says {reason:?})") }
}

/// Lets the same sentence pass once a minute.
#[derive(Debug, Default)]
pub(super) struct Repetition {
    last: Option<(String, Instant)>,
    swallowed: u64,
}

const SAY_AGAIN_AFTER: Duration = Duration::from_secs(60);

impl Repetition {
    /// Whether to log `text` now; if so, how many equal ones were swallowed before.
    pub(super) fn worth_saying(&mut self, text: &str, now: Instant) -> Option<u64> {
        if let Some((said, at)) = &self.last
            && said == text
            && now.duration_since(*at) < SAY_AGAIN_AFTER
        {
            self.swallowed += 1;
            return None;
        }
        let swallowed = match &self.last {
            Some((said, _)) if said == text => std::mem::take(&mut self.swallowed),
            _ => {
                self.swallowed = 0;
                0
            }
        };
        self.last = Some((text.to_owned(), now));
        Some(swallowed)
    }

    /// A success: the next trouble is news even if it is the old one.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_said_once_a_minute_and_another_at_once() {
        let start = Instant::now();
        let mut repetition = Repetition::default();
        assert_eq!(repetition.worth_saying("a", start), Some(0));
        assert_eq!(repetition.worth_saying("a", start + Duration::from_secs(59)), None);
        assert_eq!(repetition.worth_saying("a", start + Duration::from_secs(61)), Some(1));
        assert_eq!(repetition.worth_saying("b", start + Duration::from_secs(62)), Some(0));
        repetition.forget();
        assert_eq!(repetition.worth_saying("b", start + Duration::from_secs(62)), Some(0));
    }

    /// S-25.
    #[test]
    fn the_panels_words_stay_one_line() {
        let end = LinkEnd::ClosedByPanel { code: 1008, reason: "a\nERROR forged\u{1b}[2J".to_owned() };
        let text = link_end(&end).text;
        assert!(!text.contains('\n') && !text.contains('\u{1b}'), "{text}");
    }
}
