//! Opening: the directory, the lock, the file; a damaged file is put aside and a fresh one begun.

use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::lock::RootLock;
use super::{Store, StoreError, schema, thread};

/// Damaged files that are kept; the oldest beyond this go when another is put aside.
const DAMAGED_FILES_KEPT: usize = 3;

/// How long SQLite waits for a file lock. Nobody else should hold one; a backup tool may, for a moment.
const BUSY_DEADLINE: Duration = Duration::from_secs(5);

/// The file and what SQLite puts beside it.
const FILES: [&str; 3] = ["state.db", "state.db-wal", "state.db-shm"];

/// An open store, and what was noticed on the way.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub store: Store,
    /// A damaged file was put aside: everything it held is unknown, and must be found anew from the containers.
    pub quarantined: Option<Quarantined>,
    /// Files or directories that others could read; they no longer can (S-40).
    pub tightened: Vec<PathBuf>,
}

/// What was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The name of the damaged file now, in the storage root.
    pub file: PathBuf,
    /// What SQLite said.
    pub reason: String,
}

impl Store {
    /// Opens (or makes) the store in `root` and starts its thread. `now_ms` (since 1970) names a damaged file, should there
    /// be one. Blocking: for the start of the program, or a blocking thread.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another agent works there, [`StoreError::NewerSchema`] if a newer agent wrote the file,
    /// and whatever the file system or SQLite refuse. A damaged file is no error.
    pub fn open(root: &Path, now_ms: u64) -> Result<Opened, StoreError> {
        let mut tightened = Vec::new();
        make_directory(root, &mut tightened)?;
        let lock = RootLock::take(root)?;
        for name in FILES {
            tighten(&root.join(name), 0o600, &mut tightened)?;
        }
        let (connection, quarantined) = match open_file(root) {
            Err(error) if error.is_damage() => {
                let reason = chain(&error);
                let file = put_aside(root, now_ms)?;
                (open_file(root)?, Some(Quarantined { file, reason }))
            }
            opened => (opened?, None),
        };
        let started = thread::start(connection, lock);
        let queue = started.map_err(|source| StoreError::Directory {
            doing: "start the thread for",
            path: root.to_owned(),
            source,
        })?;
        Ok(Opened { store: Self { queue }, quarantined, tightened })
    }
}

fn make_directory(root: &Path, tightened: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let failed = |source| StoreError::Directory { doing: "create", path: root.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed)?;
    tighten(root, 0o700, tightened)
}

/// Takes away what others may do with it.
fn tighten(path: &Path, mode: u32, tightened: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let Ok(metadata) = path.metadata() else { return Ok(()) };
    if metadata.permissions().mode() & 0o777 & !mode == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|source| StoreError::Directory {
        doing: "restrict",
        path: path.to_owned(),
        source,
    })?;
    tightened.push(path.to_owned());
    Ok(())
}

fn open_file(root: &Path) -> Result<Connection, StoreError> {
    let path = root.join(FILES[0]);
    // Made here, because SQLite would make it with whatever the umask leaves; its other files take the mode from this one.
    File::options().append(true).create(true).mode(0o600).open(&path).map_err(|source| StoreError::Directory {
        doing: "open",
        path: path.clone(),
        source,
    })?;
    let connection = Connection::open(&path).map_err(StoreError::sqlite("opened"))?;
    prepare(&connection).map_err(StoreError::sqlite("opened"))?;
    schema::migrate(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_DEADLINE)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Bounds the log after a burst: it is cut back to this when it is written into the file.
    connection.pragma_update_and_check(None, "journal_size_limit", 16 * 1024 * 1024, |_| Ok(()))?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(verdict)))
}

/// Renames `state.db*` to `state.db.damaged-<now>*`, so that somebody can look into it.
fn put_aside(root: &Path, now_ms: u64) -> Result<PathBuf, StoreError> {
    remove_oldest_damaged(root);
    let aside = root.join(format!("state.db.damaged-{now_ms}"));
    for name in FILES {
        let from = root.join(name);
        let to = root.join(name.replacen("state.db", &format!("state.db.damaged-{now_ms}"), 1));
        match std::fs::rename(&from, to) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::Directory { doing: "put aside the damaged", path: from, source }),
        }
    }
    Ok(aside)
}

/// Makes room for one more. What cannot be removed stays: it is in nobody's way.
fn remove_oldest_damaged(root: &Path) {
    let Ok(entries) = root.read_dir() else { return };
    let mut stamps: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let stamp = name.strip_prefix("state.db.damaged-")?.parse().ok()?;
            Some((stamp, entry.path()))
        })
        .collect();
    stamps.sort();
    let surplus = (stamps.len() + 1).saturating_sub(DAMAGED_FILES_KEPT);
    for (_, path) in stamps.into_iter().take(surplus) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            let _ = std::fs::remove_file(name);
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
