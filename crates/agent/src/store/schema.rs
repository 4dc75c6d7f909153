//! The schema and its history. The version is SQLite's `user_version`: the number of migrations applied.

use rusqlite::Connection;

use super::StoreError;

/// All migrations, oldest first. Append only: an entry that was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_first.sql")];

/// The version this program writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings the file to [`VERSION`], each migration in a transaction of its own.
pub(crate) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(StoreError::NewerSchema { found, known: VERSION });
    }
    let done = usize::try_from(found).unwrap_or_default();
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        let version = at + 1;
        connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {version}; COMMIT;"))
            .inspect_err(|_| {
                if !connection.is_autocommit() {
                    let _ = connection.execute_batch("ROLLBACK");
                }
            })
            .map_err(StoreError::sqlite("brought to the present schema"))?;
    }
    Ok(())
}
