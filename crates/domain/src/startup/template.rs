//! Finds `{{...}}` in a text. What is filled in is never looked at again.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// To be taken as it is.
    Text(&'a str),
    /// What stood between the braces, blanks included.
    Name(&'a str),
}

/// Finds placeholders from left to right; keeps where the next `}}` is, so that a long row of `{{` costs no square time.
#[derive(Debug)]
pub(super) struct Placeholders<'a> {
    text: &'a str,
    close: Option<usize>,
}

impl<'a> Placeholders<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, close: text.find("}}") }
    }

    /// The name of the placeholder that begins exactly at byte `start`, which must not lie before that of any earlier
    /// call. Braces that are not closed are text, and of `{{ {{A}}` only the inner pair is a placeholder.
    pub(super) fn at(&mut self, start: usize) -> Option<&'a str> {
        if !self.text[start..].starts_with("{{") {
            return None;
        }
        let inside = start + 2;
        while self.close.is_some_and(|close| close < inside) {
            self.close = self.text[inside..].find("}}").map(|at| inside + at);
        }
        let name = &self.text[inside..self.close?];
        // Begins one byte early: in `{{{A}}}` the placeholder is the inner `{{A}}`.
        let has_inner = self.text[start + 1..inside + name.len()].contains("{{");
        (!has_inner).then_some(name)
    }
}

/// The text as pieces.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut placeholders = Placeholders::new(text);
    let mut pieces = Vec::new();
    let mut text_from = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find("{{") {
        let start = at + found;
        match placeholders.at(start) {
            Some(name) => {
                pieces.push(Piece::Text(&text[text_from..start]));
                pieces.push(Piece::Name(name));
                at = start + name.len() + 4;
                text_from = at;
            }
            None => at = start + 1,
        }
    }
    pieces.push(Piece::Text(&text[text_from..]));
    pieces
}
