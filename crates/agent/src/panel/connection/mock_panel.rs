//! Tells the browser mock of an HTTP panel from a panel that wants an agent (P-12).

use serde::Deserialize;

/// What one link has shown so far.
///
/// A real panel asks for system info right after accepting; the mock streams invented `console` and `stats` frames to
/// whoever connects and never asks.
#[derive(Debug, Default)]
pub(super) struct MockPanelDetector {
    is_real: bool,
    showed_mock_frame: bool,
    time_is_up: bool,
}

/// Longer messages are neither of the three frames that count here, and are not parsed twice for it.
const LONGEST_TELLING_MESSAGE: usize = 64 * 1024;

#[derive(Deserialize)]
struct TypeOnly<'a> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
}

impl MockPanelDetector {
    /// Looks at one message. Costs nothing once a `system_info_request` was seen.
    pub(super) fn observe(&mut self, text: &str) {
        if self.is_real || text.len() > LONGEST_TELLING_MESSAGE {
            return;
        }
        let Ok(TypeOnly { kind }) = serde_json::from_str(text) else { return };
        match kind.as_ref() {
            "system_info_request" => self.is_real = true,
            "console" | "stats" => self.showed_mock_frame = true,
            _ => {}
        }
    }

    /// The time for a `system_info_request` is over.
    pub(super) fn time_is_up(&mut self) {
        self.time_is_up = true;
    }

    /// Whether this is the mock.
    pub(super) fn is_mock(&self) -> bool {
        self.time_is_up && self.showed_mock_frame && !self.is_real
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-12.
    #[test]
    fn only_mock_frames_without_a_request_in_time_make_a_mock() {
        let mut mock = MockPanelDetector::default();
        mock.observe(r#"{"type":"console","data":{"line":"x"}}"#);
        assert!(!mock.is_mock(), "a request may still come");
        mock.time_is_up();
        assert!(mock.is_mock());

        let mut real = MockPanelDetector::default();
        real.observe(r#"{"type":"stats"}"#);
        real.observe(r#"{"type":"system_info_request"}"#);
        real.time_is_up();
        assert!(!real.is_mock());

        let mut quiet = MockPanelDetector::default();
        quiet.time_is_up();
        quiet.observe("{{{");
        quiet.observe("[1]");
        quiet.observe(r#"{"type":7}"#);
        assert!(!quiet.is_mock());
        quiet.observe(r#"{"type":"stats"}"#);
        assert!(quiet.is_mock(), "a late mock frame tells as well");
    }
}
