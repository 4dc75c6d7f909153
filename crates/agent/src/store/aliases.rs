//! Other names of servers (P-166, P-171, P-172).

use cap_domain::ids::ServerId;
use rusqlite::params;

use super::{Durable, Store, StoreError};

/// Aliases one server may have; binding another takes the oldest away.
const PER_SERVER: i64 = 64;

/// Longest alias, in bytes.
const MAX_ALIAS_BYTES: usize = 256;

/// How an alias came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasKind {
    /// Somebody said so.
    Explicit,
    /// Worked out from the time of creation; gives way to an explicit one.
    Learned,
}

/// One alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRecord {
    /// The other name.
    pub alias: String,
    /// Whose it is.
    pub server: ServerId,
    /// How it came about.
    pub kind: AliasKind,
    /// When, in ms since 1970.
    pub bound_at_ms: u64,
}

impl Store {
    /// Binds an alias, taking it from whoever has it: whether that may be is decided before.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for an alias over 256 bytes.
    pub fn put_alias(&self, record: AliasRecord) -> Durable<()> {
        self.submit(move |connection| {
            if record.alias.len() > MAX_ALIAS_BYTES {
                return Err(StoreError::TooLarge { what: "alias", limit: MAX_ALIAS_BYTES });
            }
            let kind = match record.kind {
                AliasKind::Explicit => "explicit",
                AliasKind::Learned => "learned",
            };
            connection
                .prepare_cached("REPLACE INTO aliases (alias, server, kind, bound_at_ms) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![record.alias, record.server.as_str(), kind, record.bound_at_ms])?;
            connection
                .prepare_cached(
                    "DELETE FROM aliases WHERE alias IN
                         (SELECT alias FROM aliases WHERE server = ?1 ORDER BY rowid DESC LIMIT -1 OFFSET ?2)",
                )?
                .execute(params![record.server.as_str(), PER_SERVER])?;
            Ok(())
        })
    }

    /// Takes an alias away; the answer says whether it was there.
    pub fn remove_alias(&self, alias: String) -> Durable<bool> {
        self.submit(move |connection| {
            Ok(connection.prepare_cached("DELETE FROM aliases WHERE alias = ?1")?.execute([alias])? > 0)
        })
    }

    /// All aliases, the oldest first.
    pub fn load_aliases(&self) -> Durable<Vec<AliasRecord>> {
        self.submit(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT alias, server, kind, bound_at_ms FROM aliases ORDER BY rowid")?;
            let mut rows = statement.query([])?;
            let mut aliases = Vec::new();
            while let Some(row) = rows.next()? {
                // A row whose server id does not parse cannot be ours; it is as good as absent.
                let Ok(server) = ServerId::parse(&row.get::<_, String>(1)?) else { continue };
                let kind = match row.get::<_, String>(2)?.as_str() {
                    "explicit" => AliasKind::Explicit,
                    _ => AliasKind::Learned,
                };
                aliases.push(AliasRecord { alias: row.get(0)?, server, kind, bound_at_ms: row.get(3)? });
            }
            Ok(aliases)
        })
    }
}
