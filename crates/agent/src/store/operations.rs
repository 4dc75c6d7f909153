//! Operations and what became of them (P-20, P-21, P-99).

use cap_domain::failure::Failure;
use cap_domain::ids::{CommandId, OperationId, ServerId};
use rusqlite::{OptionalExtension, Row, params};

use super::servers::{from_json, readable, to_json};
use super::{Durable, Store, StoreError};

/// Operations kept; the oldest that have ended go first (P-21).
const KEPT: i64 = 10_000;

/// How long an operation is kept after its end (P-21), unless it is its server's last.
const KEPT_MS: u64 = 60 * 60 * 1000;

/// Longest note, in bytes.
const MAX_NOTE_BYTES: usize = 4096;

/// How an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// Under way.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended otherwise.
    Failed,
}

impl OperationState {
    /// The word on the wire (P-99).
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// The id of the command that began it, if that had one.
    pub command: Option<CommandId>,
    /// The server as the caller named it (P-34).
    pub called_server: String,
    /// The canonical server.
    pub server: ServerId,
    /// The canonical action name.
    pub action: String,
    /// How it stands.
    pub state: OperationState,
    /// When it began, in ms since 1970.
    pub started_ms: u64,
    /// When it ended, in ms since 1970; none while it runs.
    pub ended_ms: Option<u64>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// How it came about, for people; cut at 4 KiB.
    pub note: Option<String>,
}

const COLUMNS: &str =
    "id, command_id_json, called_server, server, action, state, started_ms, ended_ms, failure_json, note";

impl Store {
    /// Stores an operation, new or changed. Of those that have ended, the last 10 000 are kept.
    pub fn upsert_operation(&self, record: OperationRecord) -> Durable<()> {
        self.submit(move |connection| {
            let command = record.command.as_ref().map(|id| to_json("command id", id)).transpose()?;
            let failure = record.failure.as_ref().map(|failure| to_json("failure", failure)).transpose()?;
            let place: i64 = connection
                .prepare_cached(
                    "INSERT INTO operations (id, command_id_json, called_server, server, action, state, started_ms,
                         ended_ms, failure_json, note)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                     ON CONFLICT (id) DO UPDATE SET command_id_json = ?2, called_server = ?3, server = ?4, action = ?5,
                         state = ?6, started_ms = ?7, ended_ms = ?8, failure_json = ?9, note = ?10
                     RETURNING place",
                )?
                .query_row(
                    params![
                        record.id.as_str(),
                        command,
                        record.called_server,
                        record.server.as_str(),
                        record.action,
                        record.state.word(),
                        record.started_ms,
                        record.ended_ms,
                        failure,
                        record.note.as_deref().map(cut)
                    ],
                    |row| row.get(0),
                )?;
            connection
                .prepare_cached("DELETE FROM operations WHERE place <= ?1 AND ended_ms IS NOT NULL")?
                .execute([place - KEPT])?;
            Ok(())
        })
    }

    /// One operation.
    pub fn get_operation(&self, id: OperationId) -> Durable<Option<OperationRecord>> {
        self.submit(move |connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM operations WHERE id = ?1"))?
                .query_row([id.as_str()], stored)
                .optional()?
                .map(StoredOperation::record)
                .transpose()
        })
    }

    /// The operations that have not ended, the oldest first: after a restart, those that were cut off.
    pub fn unfinished_operations(&self) -> Durable<Vec<OperationRecord>> {
        self.list_operations("WHERE ended_ms IS NULL ORDER BY place")
    }

    /// The last operation of each server.
    pub fn last_operations(&self) -> Durable<Vec<OperationRecord>> {
        self.list_operations("WHERE place IN (SELECT MAX(place) FROM operations GROUP BY server) ORDER BY place")
    }

    /// All operations that are kept, the oldest first.
    pub fn load_operations(&self) -> Durable<Vec<OperationRecord>> {
        self.list_operations("ORDER BY place")
    }

    /// Forgets operations that ended more than an hour ago, but for the last one of each server that exists; says how many.
    /// The bound on their number holds without this.
    pub fn prune_operations(&self, now_ms: u64) -> Durable<usize> {
        self.submit(move |connection| {
            Ok(connection
                .prepare_cached(
                    "DELETE FROM operations WHERE ended_ms < ?1 AND place NOT IN
                         (SELECT MAX(place) FROM operations WHERE server IN (SELECT id FROM servers) GROUP BY server)",
                )?
                .execute([now_ms.saturating_sub(KEPT_MS)])?)
        })
    }

    fn list_operations(&self, which: &'static str) -> Durable<Vec<OperationRecord>> {
        self.submit(move |connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM operations {which}"))?;
            let rows = statement.query_map([], stored)?.collect::<Result<Vec<_>, _>>()?;
            Ok(readable("operation", rows.into_iter().map(StoredOperation::record)))
        })
    }
}

/// An operation before its texts are read.
struct StoredOperation {
    id: String,
    command: Option<String>,
    called_server: String,
    server: String,
    action: String,
    state: String,
    started_ms: u64,
    ended_ms: Option<u64>,
    failure: Option<String>,
    note: Option<String>,
}

impl StoredOperation {
    fn record(self) -> Result<OperationRecord, StoreError> {
        Ok(OperationRecord {
            id: OperationId::new(self.id),
            command: self.command.map(|text| from_json("command id", &text)).transpose()?,
            called_server: self.called_server,
            // As JSON text, so that an id that does not parse is an error like the others here.
            server: from_json("server id", &to_json("server id", &self.server)?)?,
            action: self.action,
            state: match self.state.as_str() {
                "running" => OperationState::Running,
                "succeeded" => OperationState::Succeeded,
                _ => OperationState::Failed,
            },
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            failure: self.failure.map(|text| from_json("failure", &text)).transpose()?,
            note: self.note,
        })
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredOperation> {
    Ok(StoredOperation {
        id: row.get(0)?,
        command: row.get(1)?,
        called_server: row.get(2)?,
        server: row.get(3)?,
        action: row.get(4)?,
        state: row.get(5)?,
        started_ms: row.get(6)?,
        ended_ms: row.get(7)?,
        failure: row.get(8)?,
        note: row.get(9)?,
    })
}

fn cut(note: &str) -> &str {
    let end = (0..=MAX_NOTE_BYTES.min(note.len())).rev().find(|&at| note.is_char_boundary(at)).unwrap_or_default();
    &note[..end]
}
