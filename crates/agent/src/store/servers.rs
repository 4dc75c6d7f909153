//! The servers of this node, and the ids of those that were deleted.

use cap_domain::ids::ServerId;
use cap_domain::server::Persisted;
use cap_domain::spec::ServerSpec;
use rusqlite::{OptionalExtension, params};

use super::{Durable, Store, StoreError};

/// Ids of deleted servers that are remembered (P-23); the oldest go first.
const DELETED_KEPT: i64 = 10_000;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRecord {
    /// What it is to be.
    pub spec: ServerSpec,
    /// What its machine must not forget.
    pub persisted: Persisted,
    /// When it was created, in ms since 1970.
    pub created_at_ms: u64,
    /// When the command that created it came in, in ms since 1970 (P-172).
    pub create_received_at_ms: u64,
}

/// All servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServersLoaded {
    /// Those that could be read, by id.
    pub servers: Vec<ServerRecord>,
    /// Ids (as stored) of those that could not: their rows stay as they are, and should be reported.
    pub unreadable: Vec<String>,
}

impl Store {
    /// Stores a server, new or changed. It is no longer among the deleted ones.
    pub fn upsert_server(&self, record: ServerRecord) -> Durable<()> {
        self.submit(move |connection| {
            let id = record.spec.id.as_str();
            connection
                .prepare_cached(
                    "INSERT INTO servers (id, spec_json, persisted_json, created_at_ms, create_received_at_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id) DO UPDATE SET spec_json = ?2, persisted_json = ?3, created_at_ms = ?4,
                         create_received_at_ms = ?5",
                )?
                .execute(params![
                    id,
                    to_json("server spec", &record.spec)?,
                    to_json("server state", &record.persisted)?,
                    record.created_at_ms,
                    record.create_received_at_ms
                ])?;
            connection.prepare_cached("DELETE FROM deleted_servers WHERE id = ?1")?.execute([id])?;
            Ok(())
        })
    }

    /// Changes what a server is to be; says whether it is there.
    pub fn set_spec(&self, spec: ServerSpec) -> Durable<bool> {
        self.submit(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE servers SET spec_json = ?2 WHERE id = ?1")?
                .execute([spec.id.as_str(), &to_json("server spec", &spec)?])?;
            Ok(changed > 0)
        })
    }

    /// What the machine of one server must not forget; none if the server is not there.
    pub fn persisted_of(&self, id: ServerId) -> Durable<Option<Persisted>> {
        self.submit(move |connection| {
            let json: Option<String> = connection
                .prepare_cached("SELECT persisted_json FROM servers WHERE id = ?1")?
                .query_row([id.as_str()], |row| row.get(0))
                .optional()?;
            json.map(|json| from_json("server state", &json)).transpose()
        })
    }

    /// Stores what a server's machine must not forget. A server that is not stored is left out, as it was deleted meanwhile;
    /// the answer says whether it was there.
    pub fn set_persisted(&self, id: ServerId, persisted: Persisted) -> Durable<bool> {
        self.submit(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE servers SET persisted_json = ?2 WHERE id = ?1")?
                .execute(params![id.as_str(), to_json("server state", &persisted)?])?;
            Ok(changed > 0)
        })
    }

    /// Removes a server with its aliases, and remembers its id as deleted (the last 10 000 of them).
    pub fn remove_server(&self, id: ServerId, deleted_at_ms: u64) -> Durable<()> {
        self.submit(move |connection| {
            connection.prepare_cached("DELETE FROM servers WHERE id = ?1")?.execute([id.as_str()])?;
            connection.prepare_cached("DELETE FROM aliases WHERE server = ?1")?.execute([id.as_str()])?;
            // REPLACE gives it a new place, as the youngest.
            connection
                .prepare_cached("REPLACE INTO deleted_servers (id, deleted_at_ms) VALUES (?1, ?2)")?
                .execute(params![id.as_str(), deleted_at_ms])?;
            connection
                .prepare_cached("DELETE FROM deleted_servers WHERE place <= ?1")?
                .execute([connection.last_insert_rowid() - DELETED_KEPT])?;
            Ok(())
        })
    }

    /// All servers, by id.
    pub fn load_servers(&self) -> Durable<ServersLoaded> {
        self.submit(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, spec_json, persisted_json, created_at_ms, create_received_at_ms FROM servers ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            let mut loaded = ServersLoaded::default();
            while let Some(row) = rows.next()? {
                let id: String = row.get(0)?;
                let spec: Result<ServerSpec, _> = serde_json::from_str(&row.get::<_, String>(1)?);
                let persisted: Result<Persisted, _> = serde_json::from_str(&row.get::<_, String>(2)?);
                match (spec, persisted) {
                    (Ok(spec), Ok(persisted)) if spec.id.as_str() == id => loaded.servers.push(ServerRecord {
                        spec,
                        persisted,
                        created_at_ms: row.get(3)?,
                        create_received_at_ms: row.get(4)?,
                    }),
                    _ => loaded.unreadable.push(id),
                }
            }
            Ok(loaded)
        })
    }

    /// Ids of servers this agent deleted, the oldest first.
    pub fn load_deleted_servers(&self) -> Durable<Vec<ServerId>> {
        self.submit(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM deleted_servers ORDER BY place")?;
            let ids = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
            Ok(ids.iter().filter_map(|id| ServerId::parse(id).ok()).collect())
        })
    }
}

/// The stored form of a value.
pub(crate) fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Form { what, source })
}

/// A value from its stored form.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Form { what, source })
}

/// The rows that can be read; the others are said and left out. One bad row of a journal must not keep the agent from
/// starting.
pub(crate) fn readable<T>(what: &str, rows: impl Iterator<Item = Result<T, StoreError>>) -> Vec<T> {
    let mut unreadable = 0;
    let rows = rows.filter_map(|row| row.inspect_err(|_| unreadable += 1).ok()).collect();
    if unreadable > 0 {
        log::error!("{unreadable} stored {what} entries cannot be read; they are left out");
    }
    rows
}
