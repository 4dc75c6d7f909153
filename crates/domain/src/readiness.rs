//! When a game says in its output that it is ready.

use regex::{Regex, RegexBuilder};

use crate::ansi::strip_ansi;
use crate::failure::{Failure, FailureCode};

/// What marks a text as a regular expression.
const REGEX_PREFIX: &str = "regex:";
/// How many texts one server may have.
pub const MAX_PATTERNS: usize = 32;
/// How long one text may be, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// How much memory one compiled expression may take, in bytes. Matching is linear in the line whatever the expression.
const MAX_REGEX_BYTES: usize = 256 * 1024;

/// Looks for the texts that mean "ready" in lines of output.
///
/// Only what the game wrote is ever given to it: a line typed into the console must not make a server ready. A text that
/// lies across two parts of an overlong line is not found.
#[derive(Clone, Debug, Default)]
pub struct ReadinessDetector {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
enum Pattern {
    Text(String),
    Regex(Regex),
}

impl ReadinessDetector {
    /// Makes a detector of texts to be found anywhere in a line; one that begins with `regex:` is a regular expression.
    /// Empty texts are left out: they would be found in any line.
    ///
    /// # Errors
    /// `CONFIG_INVALID` for an expression that cannot be read or is too large, and for too many or too long texts.
    pub fn new(startup_done: &[String]) -> Result<Self, Failure> {
        if startup_done.len() > MAX_PATTERNS {
            return Err(invalid(format!("startup detection has more than {MAX_PATTERNS} texts")));
        }
        let mut patterns = Vec::new();
        for (index, text) in startup_done.iter().enumerate() {
            let number = index + 1;
            if text.len() > MAX_PATTERN_BYTES {
                return Err(invalid(format!(
                    "text {number} of the startup detection is longer than {MAX_PATTERN_BYTES} bytes"
                )));
            }
            match text.strip_prefix(REGEX_PREFIX).map(str::trim) {
                Some("") => {}
                Some(expression) => patterns.push(Pattern::Regex(compile(expression, number)?)),
                None if text.is_empty() => {}
                None => patterns.push(Pattern::Text(text.clone())),
            }
        }
        Ok(Self { patterns })
    }

    /// Whether there is nothing to look for: the server is ready as soon as its process runs.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether this line of output means "ready". Colours and other escape sequences do not matter.
    pub fn matches(&self, line: &str) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let plain = strip_ansi(line);
        self.patterns.iter().any(|pattern| match pattern {
            Pattern::Text(text) => plain.contains(text.as_str()),
            Pattern::Regex(expression) => expression.is_match(&plain),
        })
    }
}

fn compile(expression: &str, number: usize) -> Result<Regex, Failure> {
    RegexBuilder::new(expression)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .nest_limit(32)
        .build()
        .map_err(|_| {
            invalid(format!("text {number} of the startup detection is not a regular expression that can be used"))
        })
}

fn invalid(sentence: String) -> Failure {
    Failure::new(FailureCode::ConfigInvalid, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector(texts: &[&str]) -> Result<ReadinessDetector, Failure> {
        ReadinessDetector::new(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn any_of_the_texts_anywhere_in_the_line_means_ready() {
        let detector = detector(&[")! For help, type ", "Server started"]).unwrap();
        assert!(detector.matches("[11:14:02 INFO]: Done (1.204s)! For help, type \"help\""));
        assert!(detector.matches("Server started"));
        assert!(!detector.matches("server started"), "case counts");
        assert!(!detector.matches("Done"));
    }

    #[test]
    fn colours_do_not_hide_readiness() {
        let detector = detector(&["Done (1"]).unwrap();
        assert!(detector.matches("\u{1b}[32mDo\u{1b}[0mne \u{1b}[1m(1.2s)!"));
        assert!(!detector.matches("\u{1b}]0;Done (1.2s)\u{7}starting"), "a window title is no output");
    }

    #[test]
    fn a_regular_expression_is_marked_as_one() {
        let detector = detector(&["regex:^Done \\([0-9.]+s\\)", "a.c"]).unwrap();
        assert!(detector.matches("Done (1.2s)!"));
        assert!(!detector.matches("x Done (1.2s)!"));
        assert!(!detector.matches("abc"), "without the mark a dot is a dot");
        assert!(detector.matches("a.c"));
    }

    #[test]
    fn empty_texts_mean_nothing() {
        for texts in [&[][..], &[""], &["regex:"], &["regex: "]] {
            let detector = detector(texts).unwrap();
            assert!(detector.is_empty(), "{texts:?}");
            assert!(!detector.matches("anything"));
        }
        assert!(!detector(&["", "x"]).unwrap().matches("anything"));
    }

    #[test]
    fn expressions_that_are_wrong_or_too_large_are_refused() {
        let deep = format!("regex:{}a{}", "(".repeat(200), ")".repeat(200));
        let long = "x".repeat(MAX_PATTERN_BYTES + 1);
        for bad in ["regex:(", "regex:[z-a]", "regex:(?:(?:\\w{100}){100}){100}", &deep, &long] {
            let failure = detector(&["fine", bad]).unwrap_err();
            assert_eq!(failure.code, FailureCode::ConfigInvalid, "{bad}");
            assert!(failure.message.starts_with("text 2 "), "{failure}");
        }
        let many = vec!["x"; MAX_PATTERNS + 1];
        assert_eq!(detector(&many).unwrap_err().code, FailureCode::ConfigInvalid);
    }
}
