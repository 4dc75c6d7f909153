//! No source file is long without a reason: a long file hides a second concept.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::tree;

/// Lines a file may have. The style asks for about 300; this is where a reason must be written down.
const MOST_LINES: usize = 500;

/// Files that may be longer, and why.
const REASONS: [(&str, &str); 0] = [];

/// What is wrong, one line each.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut lengths = Vec::new();
    for file in tree::files(root, &["rs", "js", "css", "html", "toml", "sh"])? {
        let text = fs::read(root.join(&file)).with_context(|| format!("cannot read {}", file.display()))?;
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        lengths.push((file.to_string_lossy().into_owned(), lines));
    }
    Ok(judge(&lengths, &REASONS))
}

fn judge(lengths: &[(String, usize)], reasons: &[(&str, &str)]) -> Vec<String> {
    let has_reason = |file: &str| reasons.iter().any(|(excused, _)| *excused == file);
    let long = lengths.iter().filter(|(_, lines)| *lines > MOST_LINES);
    let too_long = long
        .clone()
        .filter(|(file, _)| !has_reason(file))
        .map(|(file, lines)| format!("{file} has {lines} lines; split it, or say why in ci/long_files.rs"));
    let stale = reasons
        .iter()
        .filter(|(excused, _)| !long.clone().any(|(file, _)| file == excused))
        .map(|(excused, _)| format!("{excused} needs no reason for its length any more"));
    too_long.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_needs_a_reason_and_a_reason_needs_a_long_file() {
        let lengths = [("a.rs".to_owned(), 501), ("b.rs".to_owned(), 500), ("c.rs".to_owned(), 900)];
        assert_eq!(
            judge(&lengths, &[("c.rs", "a table")]),
            ["a.rs has 501 lines; split it, or say why in ci/long_files.rs"]
        );
        let found = judge(&lengths, &[("a.rs", "x"), ("b.rs", "x"), ("c.rs", "x")]);
        assert_eq!(found, ["b.rs needs no reason for its length any more"]);
    }
}
