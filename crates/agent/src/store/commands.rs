//! The journal of commands: an id seen before is not carried out again, over a restart too (P-27 to P-29).

use cap_domain::command::Caller;
use cap_domain::ids::CommandId;
use rusqlite::{OptionalExtension, params};

use super::servers::{from_json, readable, to_json};
use super::{Durable, Store, StoreError};

/// Commands kept per caller; the oldest go first (P-29). At 50 a second (P-30) that is more than 10 min.
const KEPT_PER_CALLER: i64 = 32_768;

/// How long a command is kept at most (P-29).
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// Largest answer that is kept. Answers of operations are a few hundred bytes; queries are run again instead (P-27).
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// What came of putting a command into the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new, and is in the journal now.
    New,
    /// It was there before: this is the first one. Nothing was changed.
    Known(JournalEntry),
}

/// One command in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Who asked.
    pub caller: Caller,
    /// The caller's id for it.
    pub id: CommandId,
    /// The canonical action name.
    pub action: String,
    /// The server as the caller named it.
    pub target: Option<String>,
    /// When it came in, in ms since 1970.
    pub received_ms: u64,
    /// The answer as JSON; none while there is none.
    pub answer: Option<String>,
}

impl Store {
    /// Puts a command into the journal, unless its id is known for this caller. `entry.answer` is stored as well, if there
    /// is one.
    pub fn begin_command(&self, entry: JournalEntry) -> Durable<Begun> {
        self.submit(move |connection| {
            check_size(entry.answer.as_deref())?;
            let caller = caller_text(&entry.caller);
            let id = to_json("command id", &entry.id)?;
            let known = connection
                .prepare_cached(
                    "SELECT caller, id_json, action, target, received_ms, answer_json FROM commands
                     WHERE caller = ?1 AND id_json = ?2",
                )?
                .query_row([&caller, &id], stored)
                .optional()?;
            if let Some(known) = known {
                return Ok(Begun::Known(known.entry()?));
            }
            let place: i64 = connection
                .prepare_cached("SELECT COALESCE(MAX(place), 0) + 1 FROM commands WHERE caller = ?1")?
                .query_row([&caller], |row| row.get(0))?;
            connection
                .prepare_cached(
                    "INSERT INTO commands (caller, id_json, place, action, target, received_ms, answer_json)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![caller, id, place, entry.action, entry.target, entry.received_ms, entry.answer])?;
            connection
                .prepare_cached("DELETE FROM commands WHERE caller = ?1 AND place <= ?2")?
                .execute(params![caller, place - KEPT_PER_CALLER])?;
            Ok(Begun::New)
        })
    }

    /// Writes the answer beside the command. A command that is no longer in the journal is left out.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for an answer over 16 KiB; the command stays unanswered in the journal.
    pub fn answer_command(&self, caller: Caller, id: CommandId, answer_json: String) -> Durable<()> {
        self.submit(move |connection| {
            check_size(Some(&answer_json))?;
            connection
                .prepare_cached("UPDATE commands SET answer_json = ?3 WHERE caller = ?1 AND id_json = ?2")?
                .execute(params![caller_text(&caller), to_json("command id", &id)?, answer_json])?;
            Ok(())
        })
    }

    /// Takes a command out of the journal, as if it had never come: for one that was refused (P-30).
    pub fn forget_command(&self, caller: Caller, id: CommandId) -> Durable<()> {
        self.submit(move |connection| {
            connection
                .prepare_cached("DELETE FROM commands WHERE caller = ?1 AND id_json = ?2")?
                .execute([caller_text(&caller), to_json("command id", &id)?])?;
            Ok(())
        })
    }

    /// The commands of the last 24 h, in order of arrival.
    pub fn load_recent_commands(&self, now_ms: u64) -> Durable<Vec<JournalEntry>> {
        self.submit(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT caller, id_json, action, target, received_ms, answer_json FROM commands
                 WHERE received_ms >= ?1 ORDER BY received_ms, caller, place",
            )?;
            let rows = statement.query_map([now_ms.saturating_sub(KEPT_MS)], stored)?;
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            Ok(readable("command", rows.into_iter().map(StoredEntry::entry)))
        })
    }

    /// Forgets commands older than 24 h; says how many. The bound on their number holds without this.
    pub fn prune_commands(&self, now_ms: u64) -> Durable<usize> {
        self.submit(move |connection| {
            Ok(connection
                .prepare_cached("DELETE FROM commands WHERE received_ms < ?1")?
                .execute([now_ms.saturating_sub(KEPT_MS)])?)
        })
    }
}

/// An entry before its texts are read.
struct StoredEntry {
    caller: String,
    id_json: String,
    action: String,
    target: Option<String>,
    received_ms: u64,
    answer: Option<String>,
}

impl StoredEntry {
    fn entry(self) -> Result<JournalEntry, StoreError> {
        Ok(JournalEntry {
            caller: match self.caller.strip_prefix("http:").and_then(|number| number.parse().ok()) {
                Some(number) => Caller::Http(number),
                None => Caller::Link,
            },
            id: from_json("command id", &self.id_json)?,
            action: self.action,
            target: self.target,
            received_ms: self.received_ms,
            answer: self.answer,
        })
    }
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry {
        caller: row.get(0)?,
        id_json: row.get(1)?,
        action: row.get(2)?,
        target: row.get(3)?,
        received_ms: row.get(4)?,
        answer: row.get(5)?,
    })
}

fn caller_text(caller: &Caller) -> String {
    match caller {
        Caller::Link => "link".to_owned(),
        Caller::Http(number) => format!("http:{number}"),
    }
}

fn check_size(answer: Option<&str>) -> Result<(), StoreError> {
    match answer {
        Some(text) if text.len() > MAX_ANSWER_BYTES => {
            Err(StoreError::TooLarge { what: "answer of a command", limit: MAX_ANSWER_BYTES })
        }
        _ => Ok(()),
    }
}
