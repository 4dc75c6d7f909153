//! Answering, and writing down what must survive before it is answered (invariant 10).
//!
//! The store works in order: what was handed to it first is durable first. So the end of one write means that all
//! writes before it are durable, too. A store that fails or hangs is reported, and holds an answer up for a second at
//! most: supervision goes on without it.

use std::time::Duration;

use cap_domain::command::Answer;
use cap_domain::failure::Failure;
use cap_domain::identity::AliasBinding;
use cap_domain::ids::{OperationId, ServerId};
use cap_domain::journal::{CommandKey, Fingerprint};
use cap_domain::spec::ServerSpec;
use tokio::sync::oneshot;

use super::admission::now_ms;
use super::operations::Operation;
use super::{Dispatcher, Pending};
use crate::engine_watch::with_sources;
use crate::reply::CommandAnswer;
use crate::report::Report;
use crate::store::{AliasKind, AliasRecord, Durable, JournalEntry, OperationRecord, OperationState, ServerRecord};

/// How long an answer waits for the disk.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// The one answer to a command.
    pub(super) fn answer(&mut self, pending: Pending, answer: CommandAnswer) {
        let Pending { reply, key, changes } = pending;
        let Some(key) = key else {
            if !changes {
                drop(reply.send(answer));
                return;
            }
            // Nothing of its own is stored, but what it changed is: also that is durable before it is acknowledged.
            let written = self.shared.store.all_so_far();
            actix_rt::spawn(async move {
                until_durable("change", written).await;
                drop(reply.send(answer));
            });
            return;
        };
        let mut replies = self.repeats.remove(&key).unwrap_or_default();
        replies.push(reply);
        self.ledger.answer(&key, answer.clone(), now_ms());
        // Plain data: it always has a JSON form.
        let json = serde_json::to_string(&answer).unwrap_or_default();
        let written = self.shared.store.answer_command(key.caller, key.id, json);
        actix_rt::spawn(async move {
            until_durable("answer", written).await;
            for reply in replies {
                // Whoever asked may have gone away.
                drop(reply.send(answer.clone()));
            }
        });
    }

    /// Refuses a command because of a limit: that is not remembered, so that its id can be tried again (P-30).
    pub(super) fn refuse_for_now(&mut self, pending: Pending, failure: Failure) {
        let Pending { reply, key, .. } = pending;
        let mut replies = vec![reply];
        if let Some(key) = key {
            replies.extend(self.repeats.remove(&key).unwrap_or_default());
            self.ledger.forget_refused(&key);
            write("command", self.shared.store.forget_command(key.caller, key.id));
        }
        for reply in replies {
            // Whoever asked may have gone away.
            drop(reply.send(Answer::Failed { failure: failure.clone() }));
        }
    }

    pub(super) fn answer_all(&mut self, waiting: Vec<Pending>, answer: &CommandAnswer) {
        for pending in waiting {
            self.answer(pending, answer.clone());
        }
    }

    /// Answers with what this work finds out.
    pub(super) fn answer_with(
        &mut self,
        pending: Pending,
        work: impl Future<Output = Result<CommandAnswer, Failure>> + 'static,
    ) {
        if pending.key.is_none() && !pending.changes {
            actix_rt::spawn(async move {
                let answer = work.await.unwrap_or_else(|failure| Answer::Failed { failure });
                drop(pending.reply.send(answer));
            });
            return;
        }
        let this = self.me.clone();
        actix_rt::spawn(async move {
            let answer = work.await.unwrap_or_else(|failure| Answer::Failed { failure });
            if let Some(this) = this.and_then(|this| this.upgrade()) {
                this.do_send(Answered { pending, answer });
            }
        });
    }

    pub(super) fn store_begin(&self, key: &CommandKey, fingerprint: Fingerprint) {
        let entry = JournalEntry {
            caller: key.caller.clone(),
            id: key.id.clone(),
            action: fingerprint.action,
            target: fingerprint.target,
            received_ms: now_ms(),
            answer: None,
        };
        write("command", self.shared.store.begin_command(entry));
    }

    pub(super) fn store_operation(&mut self, id: &OperationId) {
        let Some(operation) = self.operations.get_mut(id) else { return };
        let record = record_of(operation, None, None);
        write("operation", self.shared.store.upsert_operation(record));
    }

    /// Writes the end down, then tells the panel, if that is owed.
    pub(super) fn store_ended(
        &self,
        operation: &Operation,
        ended_unix_ms: i64,
        outcome: Result<Option<String>, Failure>,
        tell: Option<Report>,
    ) {
        self.store_ended_record(record_of(operation, Some(ended_unix_ms), Some(outcome)), tell);
    }

    pub(super) fn store_ended_record(&self, record: OperationRecord, tell: Option<Report>) {
        let written = self.shared.store.upsert_operation(record);
        let reports = self.shared.reports.clone();
        let owed = std::rc::Rc::clone(&self.owed);
        actix_rt::spawn(async move {
            let _owed = owed;
            until_durable("operation", written).await;
            if let Some(report) = tell {
                reports.do_send(report);
            }
        });
    }

    pub(super) fn store_server(&self, record: ServerRecord) {
        write("server", self.shared.store.upsert_server(record));
    }

    /// The spec alone changed; what its machine must not forget is the machine's to write.
    pub(super) fn store_spec(&self, spec: &ServerSpec) {
        write("server", self.shared.store.set_spec(spec.clone()));
    }

    pub(super) fn store_removed(&self, server: ServerId) {
        write("server", self.shared.store.remove_server(server, now_ms()));
    }

    pub(super) fn store_alias(&self, binding: AliasBinding) {
        use cap_domain::identity::AliasKind as Kind;
        let kind = match binding.kind {
            Kind::Explicit => AliasKind::Explicit,
            Kind::Learned => AliasKind::Learned,
        };
        let record = AliasRecord { alias: binding.alias, server: binding.server, kind, bound_at_ms: now_ms() };
        write("alias", self.shared.store.put_alias(record));
    }

    pub(super) fn store_alias_gone(&self, alias: String) {
        write("alias", self.shared.store.remove_alias(alias));
    }
}

/// Work that had to be waited for has its answer.
#[derive(Debug, actix::Message)]
#[rtype(result = "()")]
pub(super) struct Answered {
    pending: Pending,
    answer: CommandAnswer,
}

impl actix::Handler<Answered> for Dispatcher {
    type Result = ();

    fn handle(&mut self, answered: Answered, _: &mut Self::Context) {
        self.answer(answered.pending, answered.answer);
    }
}

fn record_of(
    operation: &Operation,
    ended_unix_ms: Option<i64>,
    outcome: Option<Result<Option<String>, Failure>>,
) -> OperationRecord {
    let as_u64 = |ms: i64| u64::try_from(ms).unwrap_or(0);
    let (state, failure, note) = match outcome {
        None => (OperationState::Running, None, operation.shape.to_resume().map(str::to_owned)),
        Some(Ok(note)) => (OperationState::Succeeded, None, note),
        Some(Err(failure)) => (OperationState::Failed, Some(failure), None),
    };
    OperationRecord {
        id: operation.id.clone(),
        command: operation.command.clone(),
        called_server: operation.target.clone(),
        server: operation.server.clone(),
        action: operation.action.to_owned(),
        state,
        started_ms: as_u64(operation.started_unix_ms),
        ended_ms: ended_unix_ms.map(as_u64),
        failure,
        note,
    }
}

fn write<T: 'static>(what: &'static str, written: Durable<T>) {
    actix_rt::spawn(until_durable(what, written));
}

async fn until_durable<T>(what: &'static str, written: Durable<T>) {
    match tokio::time::timeout(STORE_PATIENCE, written).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => log::error!("{what} could not be stored: {}", with_sources(&error)),
        Err(_) => log::warn!("{what} is not stored yet: the disk is slow"),
    }
}

/// Where an answer goes when its command is not to be remembered.
impl Pending {
    pub(super) fn unremembered() -> (Self, oneshot::Receiver<CommandAnswer>) {
        let (reply, answer) = oneshot::channel();
        (Self { reply, key: None, changes: false }, answer)
    }
}
