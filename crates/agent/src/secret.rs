//! The one type for secrets: it cannot be printed by accident, and is compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq;

/// What stands in place of a secret wherever one would be printed.
pub const REDACTED: &str = "<redacted>";

/// A secret text. `Debug` and `Display` print [`REDACTED`]; the text itself is reached by [`Secret::expose`] only.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Call this only where it goes to its destination, such as a header.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is the secret, in a time that tells nothing about where they differ.
    /// The lengths may be learned from the time; they are no secret.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_redacted_however_it_is_printed() {
        let secret = Secret::new("CANARY-0123456789");
        let printed = format!("{secret} {secret:?} {:#?} {:?}", Some(&secret), vec![("k", &secret)]);
        assert!(!printed.contains("CANARY"), "{printed}");
    }

    #[test]
    fn a_secret_matches_itself_and_nothing_like_it() {
        let secret = Secret::new("abcdef");
        assert!(secret.matches(b"abcdef"));
        for wrong in ["abcdeF", "abcde", "abcdefg", ""] {
            assert!(!secret.matches(wrong.as_bytes()), "{wrong}");
        }
    }
}
