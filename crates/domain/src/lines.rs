//! Makes lines of console output out of the bytes a game writes (P-67).
//!
//! The pump of a server pushes what it has read, in whatever chunks it came; the lines are the same for any chunking.
//! Memory is bounded: never more than one line of the largest size is held.

#[cfg(test)]
mod tests;

/// The largest line (`console_max_line`), in bytes of UTF-8.
pub const DEFAULT_MAX_LINE_BYTES: usize = 64 * 1024;

/// The longest UTF-8 character, in bytes.
const MAX_CHARACTER_BYTES: usize = 4;

/// One line of output, or one part of a line that is too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Without line end. Escape sequences, NUL and lone carriage returns are kept.
    pub text: String,
    /// Bytes that are not UTF-8 were replaced by U+FFFD.
    pub lossy: bool,
    /// The line goes on in the next one: it was longer than the largest size.
    pub partial: bool,
}

/// Splits one stream of bytes into lines.
///
/// - A line ends at `\n`; one `\r` before it is removed. Other `\r` stay: progress bars are one line.
/// - Bytes that are not UTF-8 become U+FFFD, as `String::from_utf8_lossy` does it. A character that comes in two chunks
///   is whole.
/// - A line that grows over the largest size is given out in parts, cut between characters.
#[derive(Debug)]
pub struct LineSplitter {
    max_line_bytes: usize,
    text: String,
    lossy: bool,
    /// A `\r` came last; it is text only if something other than `\n` follows.
    carriage_return: bool,
    /// The first bytes of a character whose rest has not come yet: at most three.
    unfinished: Vec<u8>,
}

impl LineSplitter {
    /// A splitter at the start of a line. Less than four bytes (the longest character) counts as four.
    pub fn new(max_line_bytes: usize) -> Self {
        Self {
            max_line_bytes: max_line_bytes.max(MAX_CHARACTER_BYTES),
            text: String::new(),
            lossy: false,
            carriage_return: false,
            unfinished: Vec::with_capacity(MAX_CHARACTER_BYTES),
        }
    }

    /// Takes the next bytes and gives out each line they complete.
    pub fn push(&mut self, bytes: &[u8], mut out: impl FnMut(Line)) {
        let mut rest = bytes;
        // A line feed is never part of another character, so it can be looked for before decoding.
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            self.decode(&rest[..end], &mut out);
            self.finish_character(&mut out);
            self.carriage_return = false;
            self.emit(false, &mut out);
            rest = &rest[end + 1..];
        }
        self.decode(rest, &mut out);
    }

    /// The stream has ended: gives out what has no line end, if there is anything.
    pub fn flush(&mut self, mut out: impl FnMut(Line)) {
        self.finish_character(&mut out);
        self.carriage_return = false;
        if !self.text.is_empty() {
            self.emit(false, &mut out);
        }
    }

    /// How many bytes are held of a line that has not ended yet.
    pub fn held_bytes(&self) -> usize {
        self.text.len() + self.unfinished.len() + usize::from(self.carriage_return)
    }

    fn decode(&mut self, bytes: &[u8], out: &mut impl FnMut(Line)) {
        let mut rest = bytes;
        while !self.unfinished.is_empty() {
            let [first, others @ ..] = rest else { return };
            self.unfinished.push(*first);
            match std::str::from_utf8(&self.unfinished) {
                Ok(character) => {
                    let character = character.to_owned();
                    self.unfinished.clear();
                    rest = others;
                    self.append(&character, out);
                }
                Err(broken) if broken.error_len().is_none() => rest = others,
                // The new byte does not belong to the character: it is looked at again, as the start of another one.
                Err(_) => {
                    self.unfinished.pop();
                    self.finish_character(out);
                }
            }
        }
        let mut decoded = 0;
        for chunk in rest.utf8_chunks() {
            self.append(chunk.valid(), out);
            let invalid = chunk.invalid();
            decoded += chunk.valid().len() + invalid.len();
            let may_go_on = decoded == rest.len() && is_start_of_character(invalid);
            if may_go_on {
                self.unfinished.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                self.append_replacement(out);
            }
        }
    }

    /// Gives up on a character whose rest never came.
    fn finish_character(&mut self, out: &mut impl FnMut(Line)) {
        if !self.unfinished.is_empty() {
            self.unfinished.clear();
            self.append_replacement(out);
        }
    }

    fn append_replacement(&mut self, out: &mut impl FnMut(Line)) {
        self.append("\u{fffd}", out);
        self.lossy = true;
    }

    /// Appends text, holding back a carriage return at its end.
    fn append(&mut self, text: &str, out: &mut impl FnMut(Line)) {
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.carriage_return) {
            self.append_bounded("\r", out);
        }
        let kept = text.strip_suffix('\r');
        self.carriage_return = kept.is_some();
        self.append_bounded(kept.unwrap_or(text), out);
    }

    /// Appends text; what does not fit any more begins a new part.
    fn append_bounded(&mut self, text: &str, out: &mut impl FnMut(Line)) {
        let mut rest = text;
        loop {
            let room = self.max_line_bytes - self.text.len();
            if rest.len() <= room {
                self.text.push_str(rest);
                return;
            }
            let (fits, others) = rest.split_at(rest.floor_char_boundary(room));
            self.text.push_str(fits);
            self.emit(true, out);
            rest = others;
        }
    }

    fn emit(&mut self, partial: bool, out: &mut impl FnMut(Line)) {
        // A copy of the exact size: the buffer keeps its own, and a short line holds no large one.
        out(Line { text: self.text.as_str().to_owned(), lossy: self.lossy, partial });
        self.text.clear();
        self.lossy = false;
    }
}

/// Whether bytes are a character of which only the end is missing.
fn is_start_of_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|broken| broken.error_len().is_none())
}
