//! Small values of the agent itself, by name, such as whose storage root this is.

use rusqlite::{OptionalExtension, params};

use super::{Durable, Store, StoreError};

/// Names there may be; another one is refused, as dropping somebody else's would be worse.
const MAX_KEYS: i64 = 50_000;

/// Longest name and value together, in bytes.
const MAX_BYTES: usize = 64 * 1024;

impl Store {
    /// The value of that name.
    pub fn get_meta(&self, key: String) -> Durable<Option<String>> {
        self.submit(move |connection| {
            Ok(connection
                .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()?)
        })
    }

    /// Stores a value under a name.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if name and value have more than 64 KiB, or there are 50 000 names already.
    pub fn set_meta(&self, key: String, value: String) -> Durable<()> {
        self.submit(move |connection| {
            if key.len() + value.len() > MAX_BYTES {
                return Err(StoreError::TooLarge { what: "value of the agent", limit: MAX_BYTES });
            }
            let changed =
                connection.prepare_cached("UPDATE meta SET value = ?2 WHERE key = ?1")?.execute([&key, &value])?;
            if changed > 0 {
                return Ok(());
            }
            let inserted = connection
                .prepare_cached("INSERT INTO meta (key, value) SELECT ?1, ?2 WHERE (SELECT COUNT(*) FROM meta) < ?3")?
                .execute(params![key, value, MAX_KEYS])?;
            if inserted == 0 {
                return Err(StoreError::TooLarge { what: "value of the agent", limit: MAX_BYTES });
            }
            Ok(())
        })
    }

    /// All names that begin with `prefix`, with their values, by name.
    pub fn list_meta(&self, prefix: String) -> Durable<Vec<(String, String)>> {
        self.submit(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT key, value FROM meta WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key")?;
            Ok(statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
        })
    }
}
