//! What is in the trash: data of deleted servers that can still be brought back.

use cap_domain::ids::ServerId;
use rusqlite::params;

use super::{Durable, Store};

/// One directory in the trash. There are as many as there are directories: nothing is dropped here, as that would leave a
/// directory nobody empties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashRecord {
    /// Its name in the trash directory.
    pub name: String,
    /// Whose data it was.
    pub server: ServerId,
    /// When it was deleted, in ms since 1970.
    pub deleted_at_ms: u64,
}

impl Store {
    /// Notes a directory in the trash. Write this before the data is moved: a note without a directory does no harm.
    pub fn add_trash(&self, record: TrashRecord) -> Durable<()> {
        self.submit(move |connection| {
            connection
                .prepare_cached("REPLACE INTO trash (name, server, deleted_at_ms) VALUES (?1, ?2, ?3)")?
                .execute(params![record.name, record.server.as_str(), record.deleted_at_ms])?;
            Ok(())
        })
    }

    /// Strikes a directory off, after it is gone; the answer says whether it was noted.
    pub fn remove_trash(&self, name: String) -> Durable<bool> {
        self.submit(move |connection| {
            Ok(connection.prepare_cached("DELETE FROM trash WHERE name = ?1")?.execute([name])? > 0)
        })
    }

    /// Everything in the trash, the oldest first.
    pub fn list_trash(&self) -> Durable<Vec<TrashRecord>> {
        self.submit(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT name, server, deleted_at_ms FROM trash ORDER BY deleted_at_ms, name")?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            let records = rows.into_iter().filter_map(|(name, server, deleted_at_ms)| {
                Some(TrashRecord { name, server: ServerId::parse(&server).ok()?, deleted_at_ms })
            });
            Ok(records.collect())
        })
    }
}
