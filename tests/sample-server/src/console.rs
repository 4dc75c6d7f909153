//! Writing to the console, in Minecraft's words.
//!
//! Every write is flushed: whoever waits for a line must not wait for a full buffer. A console that is closed is no
//! reason to end, so failed writes are ignored.

use std::io::{BufWriter, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Length of a line of `flood`, newline included.
const FLOOD_LINE: usize = 100;

/// A line as the server says it: `[12:34:56 INFO]: text`.
pub(crate) fn info(text: &str) {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    write_to(std::io::stdout().lock(), format!("[{} INFO]: {text}\n", clock(seconds)).as_bytes());
}

/// A line on stderr, as it is.
pub(crate) fn stderr(text: &str) {
    write_to(std::io::stderr().lock(), format!("{text}\n").as_bytes());
}

/// Exactly these bytes.
pub(crate) fn raw(bytes: &[u8]) {
    write_to(std::io::stdout().lock(), bytes);
}

/// So many numbered lines, as fast as they go.
pub(crate) fn flood(lines: u64) {
    let mut output = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    for number in 1..=lines {
        if output.write_all(&flood_line(number)).is_err() {
            return;
        }
    }
    let _closed = output.flush();
}

fn flood_line(number: u64) -> [u8; FLOOD_LINE] {
    let mut line = [b'.'; FLOOD_LINE];
    let head = format!("flood {number:012} ");
    line[..head.len()].copy_from_slice(head.as_bytes());
    line[FLOOD_LINE - 1] = b'\n';
    line
}

fn write_to(mut output: impl Write, bytes: &[u8]) {
    let _closed = output.write_all(bytes).and_then(|()| output.flush());
}

/// The time of day in UTC.
fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_shows_the_time_of_day() {
        assert_eq!(clock(0), "00:00:00");
        assert_eq!(clock(86_400 + 3_600 * 23 + 59 * 60 + 58), "23:59:58");
    }

    #[test]
    fn every_line_of_a_flood_is_numbered_and_100_bytes_long() {
        for number in [1, u64::MAX] {
            let line = flood_line(number);
            assert!(line.ends_with(b".\n"));
            assert!(String::from_utf8_lossy(&line).contains(&number.to_string()));
        }
    }
}
