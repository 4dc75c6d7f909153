//! What is wrong with a configuration, in words an operator can act on.

use std::fmt;

/// One thing that is wrong, or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value came from: a file and line, an environment variable, a flag.
    pub place: String,
    /// The key, as `section.key`; empty if the place as a whole is meant.
    pub key: String,
    /// What is wrong, and which form is expected. Never a secret.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A path or the name of an unknown key may hold anything; a problem stays one line.
        let one_line = |text: &str| text.replace(char::is_control, "\u{fffd}");
        write!(f, "{}: ", one_line(&self.place))?;
        if !self.key.is_empty() {
            write!(f, "{}: ", one_line(&self.key))?;
        }
        f.write_str(&one_line(&self.what))?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", one_line(&self.remedy))?;
        }
        Ok(())
    }
}

/// A configuration that cannot be used: everything that is wrong with it, not just the first thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConfiguration {
    /// What must be mended, in the order it was found.
    pub problems: Vec<Problem>,
    /// What should be.
    pub warnings: Vec<Problem>,
}

impl fmt::Display for InvalidConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "the configuration has {count} {}", if count == 1 { "error" } else { "errors" })?;
        for problem in &self.problems {
            write!(f, "\n  error: {problem}")?;
        }
        for warning in &self.warnings {
            write!(f, "\n  warning: {warning}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidConfiguration {}
