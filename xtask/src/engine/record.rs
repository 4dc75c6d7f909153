//! The note about the engine we started, kept in the build folder, so that we can end it again and nobody else's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::processes;

/// A dockerd that this program started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Started {
    /// Its process.
    pub(super) pid: u32,
    /// When that process started, see [`processes::started_at`]: numbers are used again.
    pub(super) ticks: u64,
}

impl Started {
    /// A process that has just been started; none if it has ended already.
    pub(super) fn of(pid: u32) -> Option<Self> {
        processes::started_at(pid).map(|ticks| Self { pid, ticks })
    }

    /// Whether that very process still lives.
    pub(super) fn still_lives(self) -> bool {
        processes::name(self.pid).is_some() && processes::started_at(self.pid) == Some(self.ticks)
    }
}

/// Writes the note.
pub(super) fn write(target: &Path, started: Started) -> Result<()> {
    let file = file(target);
    fs::write(&file, format!("{} {}\n", started.pid, started.ticks))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Reads the note; none if there is none.
pub(super) fn read(target: &Path) -> Option<Started> {
    let text = fs::read_to_string(file(target)).ok()?;
    let (pid, ticks) = text.trim().split_once(' ')?;
    Some(Started { pid: pid.parse().ok()?, ticks: ticks.parse().ok()? })
}

/// Removes the note. That it cannot be removed does no harm: it names a process that has ended.
pub(super) fn forget(target: &Path) {
    let _ = fs::remove_file(file(target));
}

fn file(target: &Path) -> PathBuf {
    target.join("dockerd.started")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_is_read_as_it_was_written_and_names_one_process_only() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        let ourselves = Started::of(std::process::id()).unwrap();
        write(folder.path(), ourselves).unwrap();
        assert_eq!(read(folder.path()), Some(ourselves));
        assert!(ourselves.still_lives());
        let an_earlier_bearer_of_our_number = Started { ticks: ourselves.ticks - 1, ..ourselves };
        assert!(!an_earlier_bearer_of_our_number.still_lives());
        forget(folder.path());
        assert_eq!(read(folder.path()), None);
    }
}
