//! What can go wrong with the store.

use std::path::PathBuf;

/// Why the store could not be opened, or a request failed. For the log and the operator: texts may hold paths below the
/// storage root, so they are never sent to a panel as they are.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another agent works on the same directory. The program ends with exit code 3.
    #[error(
        "another agent{} works on {}; stop it, or give this one another storage.root",
        .holder.map(|pid| format!(" (process {pid})")).unwrap_or_default(), .directory.display()
    )]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// The process id of the other agent, as it wrote it down.
        holder: Option<u32>,
    },
    /// A file or directory could not be made, read or given its mode.
    #[error("cannot {doing} {}", .path.display())]
    Directory {
        /// What was tried, such as `create`.
        doing: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file was written by a newer agent.
    #[error(
        "the state file has schema version {found}, and this agent knows versions up to {known}; \
         use the newer agent that wrote it, or restore an older copy of the file"
    )]
    NewerSchema {
        /// What the file says.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// SQLite could not open, read or write.
    #[error("the state file cannot be {doing}")]
    Sqlite {
        /// `opened`, `read`, `written`, ...
        doing: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The transaction that the request was part of could not be committed; nothing of it is stored.
    #[error("the state file could not be committed: {reason}")]
    Commit {
        /// SQLite's words.
        reason: String,
    },
    /// A value could not be turned into, or out of, its stored form.
    #[error("a stored {what} cannot be read or written")]
    Form {
        /// Which kind of value.
        what: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A value is beyond its bound; nothing was stored.
    #[error("the {what} is larger than {limit} bytes, or there are too many")]
    TooLarge {
        /// Which value.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The store is closed, or its thread is gone.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the file itself is damaged. Seen at open, the file is put aside; seen later, the agent must end and start
    /// anew, which does the same.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Sqlite { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            _ => false,
        }
    }

    /// The exit code of a program that cannot start because of this: 3 if another agent is at work, else 1.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Locked { .. }) { 3 } else { 1 }
    }

    pub(crate) fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { doing, source }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite { doing: "read or written", source }
    }
}
