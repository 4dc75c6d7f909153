//! Taking over what the store had: servers, names, answers, and operations that the last run did not end.

use actix::Context;
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::identity::{AliasBinding, Creation};
use cap_domain::ids::ServerId;
use cap_domain::journal::{CommandKey, Fingerprint, LedgerEntry};
use cap_domain::phase::Phase;
use cap_domain::server::{Persisted, Power, RequestKind};
use cap_domain::spec::{Origin, ServerSpec};

use super::admission::now_ms;
use super::lifecycle::completed;
use super::operations::{AnswerShape, Operation};
use super::{Dispatcher, Pending, failed};
use crate::clock::unix_ms;
use crate::reply::OperationView;
use crate::server::ServerActor;
use crate::store::{
    AliasKind, AliasRecord, JournalEntry, OperationRecord, OperationState, ServerRecord, Store, StoreError,
};

/// What the store had.
#[derive(Debug, Default)]
pub struct Restored {
    /// Servers.
    pub servers: Vec<ServerRecord>,
    /// Their other names.
    pub aliases: Vec<AliasRecord>,
    /// Commands remembered, oldest first.
    pub commands: Vec<JournalEntry>,
    /// Operations remembered, oldest first.
    pub operations: Vec<OperationRecord>,
    /// Ids deleted before.
    pub deleted: Vec<ServerId>,
}

impl Restored {
    /// Reads all of it. What cannot be read of a server is reported and left as it is.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let now = now_ms();
        store.prune_commands(now).await?;
        store.prune_operations(now).await?;
        let servers = store.load_servers().await?;
        for id in &servers.unreadable {
            log::error!("the stored state of server {id} cannot be read; its container will be adopted as it is found");
        }
        Ok(Self {
            servers: servers.servers,
            aliases: store.load_aliases().await?,
            commands: store.load_recent_commands(now).await?,
            operations: store.load_operations().await?,
            deleted: store.load_deleted_servers().await?,
        })
    }
}

impl Dispatcher {
    pub(super) fn take_over(&mut self, restored: Restored, ctx: &mut Context<Self>) {
        for id in restored.deleted {
            self.deleted.insert(id);
        }
        for record in restored.servers {
            if record.persisted.phase == Phase::Deleted {
                // Cut off between the end of its deletion and its removal from the store.
                self.deleted.insert(record.spec.id.clone());
                self.store_removed(record.spec.id);
                continue;
            }
            self.insert_restored(record, ctx);
        }
        for AliasRecord { alias, server, kind, .. } in restored.aliases {
            let kind = match kind {
                AliasKind::Explicit => cap_domain::identity::AliasKind::Explicit,
                AliasKind::Learned => cap_domain::identity::AliasKind::Learned,
            };
            self.registry.restore(AliasBinding { alias, server, kind });
        }
        for record in restored.commands {
            self.take_over_command(record);
        }
        for record in restored.operations {
            self.take_over_operation(record, ctx);
        }
    }

    pub(super) fn insert_restored(&mut self, record: ServerRecord, ctx: &mut Context<Self>) {
        let creation = match &record.spec.origin {
            Origin::Created => Creation::ByCommand { received_at_ms: record.create_received_at_ms },
            Origin::Adopted { .. } | Origin::CreatedOver { .. } => {
                Creation::Adopted { created_at_ms: Some(record.created_at_ms) }
            }
        };
        if let Some(hidden) = self.registry.insert(record.spec.id.clone(), creation) {
            self.store_alias_gone(hidden.alias);
        }
        let console = self.new_console(&record.spec);
        let actor = ServerActor::restored(
            std::sync::Arc::clone(&self.shared),
            self.owner(ctx),
            record.spec.clone(),
            record.persisted,
            std::sync::Arc::clone(&console),
        );
        let created_unix_ms = i64::try_from(record.created_at_ms).unwrap_or(0);
        self.supervise(record.spec, actor, console, created_unix_ms, 0, ctx);
    }

    /// A server that a create asks for, stored before its create is answered.
    pub(super) fn add_server(&mut self, spec: ServerSpec, aliases: &[String], ctx: &mut Context<Self>) {
        let now = unix_ms();
        let received_at_ms = u64::try_from(now).unwrap_or(0);
        if let Some(hidden) = self.registry.insert(spec.id.clone(), Creation::ByCommand { received_at_ms }) {
            self.store_alias_gone(hidden.alias);
        }
        self.deleted.remove(&spec.id);
        let persisted =
            Persisted { phase: Phase::Installing, desired: Power::Off, ready_since: None, started_at: None };
        self.store_server(ServerRecord {
            spec: spec.clone(),
            persisted,
            created_at_ms: received_at_ms,
            create_received_at_ms: received_at_ms,
        });
        self.bind_given_aliases(&spec.id, aliases);
        let console = self.new_console(&spec);
        let actor = ServerActor::created(
            std::sync::Arc::clone(&self.shared),
            self.owner(ctx),
            spec.clone(),
            std::sync::Arc::clone(&console),
        );
        self.supervise(spec, actor, console, now, 0, ctx);
        self.show();
    }

    fn take_over_command(&mut self, entry: JournalEntry) {
        // Cut off before its answer: it will not be run again behind the caller's back, and says so when asked again.
        let interrupted = || failed(FailureCode::Interrupted, "the agent was restarted before this was answered");
        let answer = entry.answer.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_else(interrupted);
        self.ledger.restore(LedgerEntry {
            key: CommandKey { caller: entry.caller, id: entry.id },
            fingerprint: Fingerprint { action: entry.action, target: entry.target },
            answer: Some(answer),
            at_ms: entry.received_ms,
        });
    }

    fn take_over_operation(&mut self, record: OperationRecord, ctx: &mut Context<Self>) {
        if record.ended_ms.is_some() {
            self.operations.remember(record.server.clone(), view_of(&record), unix_ms());
            return;
        }
        let operation = Operation {
            id: record.id.clone(),
            server: record.server.clone(),
            target: record.called_server.clone(),
            action: action_name(&record.action),
            command: record.command.clone(),
            shape: AnswerShape::resumed_delete(record.note.as_deref()),
            started_unix_ms: i64::try_from(record.started_ms).unwrap_or(0),
            waiting: Vec::new(),
            acknowledged: true,
        };
        if operation.action == "delete_server" && self.servers.contains_key(&record.server) {
            // Half a deletion is worse than a late one.
            log::info!("deletion resumed: server_id={} operation={}", record.server, operation.id);
            let (pending, _nobody) = Pending::unremembered();
            let keep_files = operation.shape == AnswerShape::Deleted { keep_files: true };
            return self.begin_operation(operation, RequestKind::Delete { keep_files }, pending, ctx);
        }
        // A deletion that was all but written down has succeeded.
        let deleted = operation.action == "delete_server" && self.deleted.contains(record.server.as_str());
        let interrupted = || Failure::new(FailureCode::Interrupted, "the agent was restarted while this was under way");
        let failure = (!deleted).then(interrupted);
        let ended = unix_ms();
        let report = completed(&operation, &failure.clone().map_or(Ok(None), Err), ended);
        let record = OperationRecord {
            state: if deleted { OperationState::Succeeded } else { OperationState::Failed },
            ended_ms: u64::try_from(ended).ok(),
            failure,
            ..record
        };
        self.operations.remember(record.server.clone(), view_of(&record), ended);
        self.store_ended_record(record, report);
    }
}

fn view_of(record: &OperationRecord) -> OperationView {
    let as_i64 = |ms: u64| i64::try_from(ms).unwrap_or(0);
    OperationView {
        operation: record.id.clone(),
        command: record.command.clone(),
        server: record.called_server.clone(),
        action: record.action.clone(),
        started_unix_ms: as_i64(record.started_ms),
        ended_unix_ms: record.ended_ms.map(as_i64),
        failure: record.failure.clone(),
    }
}

/// The canonical name back from the store; one that is not ours any more is shown as what it was: an operation.
fn action_name(name: &str) -> &'static str {
    const NAMES: [&str; 6] =
        ["create_server", "start_server", "stop_server", "restart_server", "kill_server", "delete_server"];
    NAMES.into_iter().find(|known| *known == name).unwrap_or("operation")
}
