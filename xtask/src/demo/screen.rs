//! What the demo shows: colours on a terminal only, and text of the game that cannot steer the terminal.

use std::io::{IsTerminal, Write};

/// A way to set words apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tone {
    /// What the game prints.
    Plain,
    /// Figures and remarks.
    Dim,
    /// State changes.
    Strong,
    /// Trouble.
    Alarm,
}

/// The terminal, or whatever standard output is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    colours: bool,
}

impl Screen {
    /// Colours if standard output is a terminal and nobody asked for none.
    pub(super) fn open() -> Self {
        Self { colours: std::io::stdout().is_terminal() && crate::environment::variable("NO_COLOR").is_none() }
    }

    /// Prints one line: who says it, and what. Every line ends with its own reset, so that the terminal is never left
    /// in a colour, whatever ends us.
    pub(super) fn line(self, who: &str, tone: Tone, text: &str) {
        let text = harmless(text);
        let line = if self.colours {
            let code = match tone {
                Tone::Plain => "0",
                Tone::Dim => "2",
                Tone::Strong => "1;36",
                Tone::Alarm => "1;31",
            };
            format!("\x1b[2m{who:>6} |\x1b[0m \x1b[{code}m{text}\x1b[0m\n")
        } else {
            format!("{who:>6} | {text}\n")
        };
        let mut output = std::io::stdout().lock();
        // A closed pipe is noticed by whoever closed it; the demo still has to clean up.
        let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
    }
}

/// Text without anything that could steer a terminal: escape sequences go, other control characters become visible.
pub(super) fn harmless(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => skip_sequence(&mut characters),
            '\t' => clean.push('\t'),
            _ if character.is_control() => clean.push('\u{fffd}'),
            _ => clean.push(character),
        }
    }
    clean
}

/// Skips what follows an escape: `[`, parameters and a final letter, or a text up to BEL or ST, or one character.
fn skip_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => {
            while characters.next_if(|character| (' '..='?').contains(character)).is_some() {}
            characters.next_if(|character| ('@'..='~').contains(character));
        }
        Some(']' | 'P' | '^' | '_' | 'X') => {
            while let Some(character) = characters.next() {
                if character == '\x07' || (character == '\x1b' && characters.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_game_cannot_steer_the_terminal() {
        for (given, shown) in [
            ("plain \u{e9}\ttext", "plain \u{e9}\ttext"),
            ("\x1b[32mgreen\x1b[0m", "green"),
            ("\x1b]52;c;ZXZpbA==\x07after", "after"),
            ("\x1b]0;title\x1b\\after", "after"),
            ("\x1b[2J\x1b[H\x1bcgone", "gone"),
            ("half a sequence \x1b[", "half a sequence "),
            ("bell\x07 and \r return", "bell\u{fffd} and \u{fffd} return"),
            ("\u{9b}31m", "\u{fffd}31m"),
        ] {
            assert_eq!(harmless(given), shown, "{given:?}");
        }
    }
}
