//! Escape sequences of terminals in console output: colours, cursor moves, window titles.

use std::borrow::Cow;

/// The text without its escape sequences; what a person would read. A sequence that does not end takes the rest of the
/// text with it. Other control characters stay.
pub fn strip_ansi(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{1b}', '\u{9b}']) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1b}', '\u{9b}']) {
        plain.push_str(&rest[..at]);
        rest = after_sequence(&rest[at..]);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// What follows the escape sequence at the start of the text.
fn after_sequence(text: &str) -> &str {
    if let Some(parameters) = text.strip_prefix('\u{9b}').or_else(|| text.strip_prefix("\u{1b}[")) {
        return after_control_sequence(parameters);
    }
    let body = text.strip_prefix('\u{1b}').unwrap_or(text);
    match body.chars().next() {
        // Strings: window titles, links, device control. They end with BEL or ESC \.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            let bell = body.find('\u{7}').map(|at| at + 1);
            let terminator = body.find("\u{1b}\\").map(|at| at + 2);
            let end = bell.into_iter().chain(terminator).min().unwrap_or(body.len());
            &body[end..]
        }
        // Two characters, or more with intermediate ones, such as `ESC ( B`.
        Some(' '..='~') => {
            let last = body.trim_start_matches(|c| (' '..='/').contains(&c));
            let mut characters = last.chars();
            match characters.next() {
                Some('0'..='~') => characters.as_str(),
                _ => last,
            }
        }
        // A lone ESC.
        _ => body,
    }
}

/// What follows parameters (`0` to `?`), intermediate characters (space to `/`) and the final one (`@` to `~`).
fn after_control_sequence(parameters: &str) -> &str {
    let rest = parameters.trim_start_matches(|c| (' '..='?').contains(&c));
    let mut characters = rest.chars();
    match characters.next() {
        Some('@'..='~') => characters.as_str(),
        // Broken off by something that cannot belong to it: that is text again.
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequences_vanish_and_text_stays() {
        for (text, plain) in [
            ("plain", "plain"),
            ("\u{1b}[32mDone\u{1b}[0m (1.2s)!", "Done (1.2s)!"),
            ("\u{1b}[38;2;1;2;3mx\u{1b}[m", "x"),
            ("\u{1b}[?25l\u{1b}[2Kx", "x"),
            ("a\u{9b}1mb", "ab"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://h\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}Pq#0\u{1b}\\x", "x"),
            ("\u{1b}(B\u{1b}=x\u{1b}7", "x"),
            ("x\u{1b}", "x"),
            ("x\u{1b}[", "x"),
            ("x\u{1b}[31", "x"),
            ("x\u{1b}]0;never ends", "x"),
            ("a\u{1b}[3ü", "aü"),
            ("a\u{1b}üb", "aüb"),
            ("a\u{1b}(üb", "aüb"),
            ("a\u{1b}\u{1b}[1mb", "ab"),
            ("tab\tcr\rnul\0", "tab\tcr\rnul\0"),
        ] {
            assert_eq!(strip_ansi(text), plain, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_to_strip(text in any::<String>()) {
            let plain = strip_ansi(&text);
            let left_over = plain.contains(['\u{1b}', '\u{9b}']);
            prop_assert!(!left_over);
            prop_assert!(plain.len() <= text.len());
        }
    }
}
