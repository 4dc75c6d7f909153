//! How much a data directory holds.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Entries looked at in one walk; a larger directory is measured as far as that, and the figure is a lower bound.
const MOST_ENTRIES: usize = 200_000;

/// Directories open at the same time; what lies deeper is left out. A game may nest as deep as it likes.
const DEEPEST: usize = 64;

/// Bytes allocated below a directory. Links are counted as themselves, never followed. None if it cannot be read.
pub(super) fn bytes_below(dir: &Path) -> Option<u64> {
    let mut waiting = vec![fs::read_dir(dir).ok()?];
    let mut sum = 0_u64;
    let mut seen = 0;
    while let Some(entries) = waiting.last_mut() {
        let Some(entry) = entries.next() else {
            waiting.pop();
            continue;
        };
        seen += 1;
        if seen > MOST_ENTRIES {
            break;
        }
        let Ok(entry) = entry else { continue };
        // `DirEntry::metadata` does not follow links.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            if waiting.len() < DEEPEST
                && let Ok(below) = fs::read_dir(entry.path())
            {
                waiting.push(below);
            }
        } else {
            sum = sum.saturating_add(metadata.blocks().saturating_mul(512));
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_count_and_links_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("big"), vec![1; 1 << 20]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/file"), vec![1; 64 << 10]).unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        let bytes = bytes_below(dir.path()).unwrap();
        assert!((64 << 10..128 << 10).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_missing_directory_has_no_figure() {
        assert_eq!(bytes_below(Path::new("/nonexistent/dir")), None);
    }
}
