//! Splits a start line into words by the quoting rules of a POSIX shell, without any expansion.

use super::template::Placeholders;
use crate::failure::{Failure, FailureCode};

/// A word, its variables not yet filled in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
    /// Had quotes: stays even if it comes out empty.
    pub(super) quoted: bool,
}

/// A part of a word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text with its quotes and backslashes taken off.
    Text(String),
    /// The name of a variable.
    Name(String),
}

/// The words of a line.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) words: Vec<Word>,
    /// The first character outside of quotes that a shell would have acted on.
    pub(super) shell_operator: Option<char>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Single,
    Double,
}

/// Splits a line. See [`super::command_line`] for the rules.
pub(super) fn split(line: &str) -> Result<Split, Failure> {
    let mut placeholders = Placeholders::new(line);
    let mut split = Split::default();
    let mut word: Option<Word> = None;
    let mut quote: Option<Quote> = None;
    let mut at = 0;
    while let Some(character) = line[at..].chars().next() {
        if let Some(name) = placeholders.at(at) {
            word.get_or_insert_default().parts.push(Part::Name(name.to_owned()));
            at += name.len() + 4;
            continue;
        }
        at += character.len_utf8();
        match (quote, character) {
            (_, '\0') => return Err(invalid("the start line holds a NUL")),
            (Some(Quote::Single), '\'') | (Some(Quote::Double), '"') => quote = None,
            (Some(Quote::Single), _) => word.get_or_insert_default().push(character),
            (Some(Quote::Double), '\\') => match line[at..].chars().next() {
                Some('\n') => at += 1,
                Some(escaped @ ('"' | '\\' | '$' | '`')) => {
                    word.get_or_insert_default().push(escaped);
                    at += 1;
                }
                // Any other character keeps its backslash within double quotes, as in a shell.
                _ => word.get_or_insert_default().push('\\'),
            },
            (Some(Quote::Double), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(if character == '\'' { Quote::Single } else { Quote::Double });
                word.get_or_insert_default().quoted = true;
            }
            (None, '\\') => match line[at..].chars().next() {
                None => return Err(invalid("the start line ends with a backslash")),
                Some('\0') => return Err(invalid("the start line holds a NUL")),
                Some('\n') => at += 1,
                Some(escaped) => {
                    word.get_or_insert_default().push(escaped);
                    at += escaped.len_utf8();
                }
            },
            (None, ' ' | '\t' | '\n' | '\r') => split.words.extend(word.take()),
            (None, _) => {
                if matches!(character, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`') {
                    split.shell_operator.get_or_insert(character);
                }
                word.get_or_insert_default().push(character);
            }
        }
    }
    if quote.is_some() {
        return Err(invalid("a quote in the start line is not closed"));
    }
    split.words.extend(word);
    Ok(split)
}

impl Word {
    fn push(&mut self, character: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(character),
            _ => self.parts.push(Part::Text(character.to_string())),
        }
    }
}

fn invalid(sentence: &str) -> Failure {
    Failure::new(FailureCode::ConfigInvalid, sentence)
}
