//! Which server a caller means: canonical ids, their other spellings, and aliases (P-168 to P-173).
//!
//! The dispatcher owns one [`Registry`]; the store keeps what its methods return. A name is looked up in this order:
//!
//! 1. the canonical id, byte for byte;
//! 2. a uuid, compared without dashes and case;
//! 3. eight hex digits that begin one single server's uuid;
//! 4. an alias;
//! 5. learning ([`Registry::learn`]): a database id whose built-in time fits one single create.
//!
//! A wrong answer here shows one customer the files of another, so every doubt ends in a refusal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::failure::{Failure, FailureCode};
use crate::ids::ServerId;

mod cuid;
mod facts;
mod spellings;
#[cfg(test)]
mod tests;

pub use facts::{AliasBinding, AliasKind, Creation, Learning, Replace};
use spellings::Spellings;

/// How many aliases one server may have. A server needs two or three; the bound keeps a caller from filling the store.
pub const MAX_ALIASES_PER_SERVER: usize = 64;

/// How many creations of removed servers are remembered for the guard of P-172; the oldest is forgotten first.
/// The guard looks 60 s around one moment, and nobody creates and removes a thousand servers in that time.
pub const MAX_REMOVED_CREATIONS: usize = 1024;

/// A server that was found, and the alias that was learned on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The canonical id.
    pub server: ServerId,
    /// To be persisted and logged before the command goes on.
    pub learned: Option<AliasBinding>,
}

/// All servers of this node and their names.
#[derive(Clone, Debug)]
pub struct Registry {
    learning: Learning,
    servers: BTreeMap<ServerId, Creation>,
    uuids: Spellings,
    aliases: BTreeMap<String, (ServerId, AliasKind)>,
    /// When removed servers without an explicit alias were created: a cuid may be theirs.
    removed_creations: VecDeque<u64>,
}

impl Registry {
    /// An empty registry.
    pub fn new(learning: Learning) -> Self {
        Self {
            learning,
            servers: BTreeMap::new(),
            uuids: Spellings::default(),
            aliases: BTreeMap::new(),
            removed_creations: VecDeque::new(),
        }
    }

    /// Adds a server. Returns aliases that had its id as their name: they are gone, because an alias never hides a
    /// canonical id (P-171) and must not come back when this server is removed. Adding a known server keeps its creation.
    pub fn insert(&mut self, server: ServerId, creation: Creation) -> Option<AliasBinding> {
        if self.servers.contains_key(&server) {
            return None;
        }
        self.uuids.insert(&server);
        let hidden = self.take_alias(server.as_str());
        self.servers.insert(server, creation);
        hidden
    }

    /// Removes a server and its aliases, which are returned so that the store forgets them too.
    pub fn remove(&mut self, server: &ServerId) -> Vec<AliasBinding> {
        let Some(creation) = self.servers.remove(server) else { return Vec::new() };
        self.uuids.remove(server);
        if !self.has_explicit_alias(server)
            && let Some(created_at_ms) = creation.created_at_ms()
        {
            self.remember_removed(created_at_ms);
        }
        let names: Vec<String> = self.aliases_of(server).map(|binding| binding.alias).collect();
        names.iter().filter_map(|alias| self.take_alias(alias)).collect()
    }

    /// Tells of a server without an explicit alias that was created at this time (unix ms) and has been removed since,
    /// as the store knows it after a restart of the agent: a cuid of that time may be its own.
    pub fn remember_removed(&mut self, created_at_ms: u64) {
        if self.removed_creations.len() == MAX_REMOVED_CREATIONS {
            self.removed_creations.pop_front();
        }
        self.removed_creations.push_back(created_at_ms);
    }

    /// Puts back a binding that the store kept. Ignored if its server is unknown or a canonical id has that name now.
    pub fn restore(&mut self, binding: AliasBinding) {
        let hides = ServerId::parse(&binding.alias).is_ok_and(|id| self.servers.contains_key(&id));
        if !hides && self.servers.contains_key(&binding.server) {
            self.aliases.insert(binding.alias, (binding.server, binding.kind));
        }
    }

    /// Whether this canonical id is known.
    pub fn contains(&self, server: &ServerId) -> bool {
        self.servers.contains_key(server)
    }

    /// All servers, in the order of their ids.
    pub fn servers(&self) -> impl Iterator<Item = &ServerId> {
        self.servers.keys()
    }

    /// The aliases of a server, in the order of their names.
    pub fn aliases_of(&self, server: &ServerId) -> impl Iterator<Item = AliasBinding> {
        self.aliases.iter().filter(move |(_, (owner, _))| owner == server).map(|(alias, (owner, kind))| AliasBinding {
            alias: alias.clone(),
            server: owner.clone(),
            kind: *kind,
        })
    }

    /// The server a caller means, without learning.
    ///
    /// # Errors
    /// `INVALID_SERVER_ID`, `AMBIGUOUS_ID`, `SERVER_NOT_FOUND`.
    pub fn resolve(&self, raw: &str) -> Result<ServerId, Failure> {
        let id = parse(raw)?;
        if let Some(server) = self.by_canonical_or_uuid(&id)? {
            return Ok(server);
        }
        if let Some(server) = single(raw, self.uuids.short_id(raw))? {
            return Ok(server);
        }
        match self.aliases.get(raw) {
            Some((server, _)) => Ok(server.clone()),
            None => Err(unknown_server(raw)),
        }
    }

    /// As [`Self::resolve`], then tries to learn the name. What was learned must be persisted.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_or_learn(&mut self, raw: &str) -> Result<Resolved, Failure> {
        let failure = match self.resolve(raw) {
            Ok(server) => return Ok(Resolved { server, learned: None }),
            Err(failure) => failure,
        };
        if failure.code != FailureCode::ServerNotFound {
            return Err(failure);
        }
        match self.learn(raw) {
            Some(binding) => Ok(Resolved { server: binding.server.clone(), learned: Some(binding) }),
            None => Err(failure),
        }
    }

    /// The server a caller wants removed or wiped: only the id itself, its uuid in another spelling, or an explicit
    /// alias will do (P-139). Data that is gone cannot be put back, so no guess is good enough.
    ///
    /// # Errors
    /// As [`Self::resolve`]; short ids and learned aliases are `SERVER_NOT_FOUND`.
    pub fn resolve_for_removal(&self, raw: &str) -> Result<ServerId, Failure> {
        let id = parse(raw)?;
        if let Some(server) = self.by_canonical_or_uuid(&id)? {
            return Ok(server);
        }
        match self.aliases.get(raw) {
            // A start by this name would reach another server (step 3 comes before aliases): then a delete must not
            // reach this one.
            Some((server, AliasKind::Explicit)) if self.resolve(raw).as_ref() == Ok(server) => Ok(server.clone()),
            _ => Err(unknown_server(raw)),
        }
    }

    /// Checks that two names in one command mean the same server (P-173).
    ///
    /// # Errors
    /// `INVALID_REQUEST` if they differ and do not resolve to one server.
    pub fn agree(&self, first: &str, second: &str) -> Result<(), Failure> {
        if first == second {
            return Ok(());
        }
        match (self.resolve(first), self.resolve(second)) {
            (Ok(one), Ok(other)) if one == other => Ok(()),
            _ => Err(Failure::new(FailureCode::InvalidRequest, "the command names two different servers")),
        }
    }

    /// Binds an explicit alias. Returns the binding to persist, or none if it was bound so before.
    ///
    /// # Errors
    /// `INVALID_SERVER_ID` for a name of another shape, `SERVER_NOT_FOUND` for an unknown server, `ALIAS_CONFLICT` for
    /// a name that means another server, `INSUFFICIENT_RESOURCES` above [`MAX_ALIASES_PER_SERVER`].
    pub fn bind(&mut self, alias: &str, server: &ServerId, replace: Replace) -> Result<Option<AliasBinding>, Failure> {
        let id = parse(alias)?;
        if !self.servers.contains_key(server) {
            return Err(unknown_server(server.as_str()));
        }
        if id == *server {
            return Ok(None);
        }
        if self.means_another_server(&id, server) {
            return Err(alias_conflict(alias));
        }
        match self.aliases.get(alias) {
            Some((owner, AliasKind::Explicit)) if owner == server => return Ok(None),
            Some((owner, AliasKind::Explicit)) if owner != server && replace == Replace::Refuse => {
                return Err(alias_conflict(alias));
            }
            // A learned one gives way to what somebody said (P-171).
            _ => {}
        }
        if self.aliases_of(server).count() >= MAX_ALIASES_PER_SERVER {
            return Err(Failure::new(
                FailureCode::InsufficientResources,
                format!("server {server} has too many aliases"),
            ));
        }
        self.aliases.insert(alias.to_owned(), (server.clone(), AliasKind::Explicit));
        Ok(Some(AliasBinding { alias: alias.to_owned(), server: server.clone(), kind: AliasKind::Explicit }))
    }

    /// Takes an alias away from a server. Returns what was removed; none if there was no such alias.
    ///
    /// # Errors
    /// `INVALID_SERVER_ID` for a name of another shape, `ALIAS_CONFLICT` if it is an alias of another server.
    pub fn unbind(&mut self, alias: &str, server: &ServerId) -> Result<Option<AliasBinding>, Failure> {
        parse(alias)?;
        match self.aliases.get(alias) {
            Some((owner, _)) if owner != server => Err(alias_conflict(alias)),
            _ => Ok(self.take_alias(alias)),
        }
    }

    /// Binds an unknown database id to the one server that can only be meant, by the time inside the id (P-172).
    /// Returns the binding to persist and to log.
    ///
    /// Bound only if, among all servers without an explicit alias (removed ones included), exactly one was created
    /// within 60 s of that time, by a create command received between 2 s before and 15 s after it, and it has no
    /// alias yet.
    pub fn learn(&mut self, raw: &str) -> Option<AliasBinding> {
        if self.learning == Learning::Off || self.resolve(raw).is_ok() {
            return None;
        }
        let made_at_ms = cuid::made_at_ms(raw)?;
        let is_near = |created_at_ms: u64| created_at_ms.abs_diff(made_at_ms) <= cuid::GUARD_MS;
        if self.removed_creations.iter().copied().any(is_near) {
            return None;
        }
        let aliased_explicitly: BTreeSet<&ServerId> =
            self.aliases.values().filter_map(|(owner, kind)| (*kind == AliasKind::Explicit).then_some(owner)).collect();
        let mut near = self.servers.iter().filter(|(server, creation)| {
            creation.created_at_ms().is_some_and(is_near) && !aliased_explicitly.contains(server)
        });
        let (Some((candidate, creation)), None) = (near.next(), near.next()) else { return None };
        let Creation::ByCommand { received_at_ms } = *creation else { return None };
        let in_window = cuid::create_window_ms(made_at_ms).contains(&received_at_ms);
        if !in_window || self.aliases_of(candidate).next().is_some() {
            return None;
        }
        let binding = AliasBinding { alias: raw.to_owned(), server: candidate.clone(), kind: AliasKind::Learned };
        self.aliases.insert(binding.alias.clone(), (binding.server.clone(), binding.kind));
        Some(binding)
    }

    fn by_canonical_or_uuid(&self, id: &ServerId) -> Result<Option<ServerId>, Failure> {
        if self.servers.contains_key(id) {
            return Ok(Some(id.clone()));
        }
        single(id.as_str(), self.uuids.same_uuid(id.as_str()))
    }

    fn means_another_server(&self, id: &ServerId, server: &ServerId) -> bool {
        match self.by_canonical_or_uuid(id) {
            Ok(Some(owner)) if owner == *server => {}
            Ok(None) => {}
            _ => return true,
        }
        let mut short_hits = self.uuids.short_id(id.as_str()).peekable();
        short_hits.peek().is_some() && short_hits.all(|hit| hit != server)
    }

    fn has_explicit_alias(&self, server: &ServerId) -> bool {
        self.aliases_of(server).any(|binding| binding.kind == AliasKind::Explicit)
    }

    fn take_alias(&mut self, alias: &str) -> Option<AliasBinding> {
        let (alias, (server, kind)) = self.aliases.remove_entry(alias)?;
        Some(AliasBinding { alias, server, kind })
    }
}

fn parse(raw: &str) -> Result<ServerId, Failure> {
    ServerId::parse(raw).map_err(|why| Failure::new(FailureCode::InvalidServerId, why.to_string()))
}

fn single<'a>(raw: &str, hits: impl IntoIterator<Item = &'a ServerId>) -> Result<Option<ServerId>, Failure> {
    let mut hits = hits.into_iter();
    match (hits.next(), hits.next()) {
        (None, _) => Ok(None),
        (Some(server), None) => Ok(Some(server.clone())),
        _ => Err(Failure::new(FailureCode::AmbiguousId, format!("{raw} fits more than one server"))),
    }
}

/// The failure for a name nobody has. The name has the shape of an id, so it may be repeated.
fn unknown_server(raw: &str) -> Failure {
    let hint = if cuid::looks_like_one(raw) { "; bind it with bind_alias" } else { "" };
    Failure::new(FailureCode::ServerNotFound, format!("Unknown server {raw}{hint}"))
}

fn alias_conflict(alias: &str) -> Failure {
    Failure::new(FailureCode::AliasConflict, format!("{alias} already means another server"))
}
