//! Operations: begun at a server's actor, answered in time, ended once.

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use cap_domain::command::{Answer, Command, Verb};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::{OperationId, ServerId};
use cap_domain::phase::Status;
use cap_domain::server::{Request, RequestKind, Verdict};

use super::admission::done;
use super::operations::{AnswerShape, Operation};
use super::{Dispatcher, Pending};
use crate::clock::unix_ms;
use crate::reply::{CommandAnswer, Reply};
use crate::report::Report;
use crate::server::{Describe, Lifecycle, OperationEnded, Retire};

impl Dispatcher {
    /// Carries out a command for a server that exists.
    pub(super) fn run_on(&mut self, server: ServerId, command: Command, pending: Pending, ctx: &mut Context<Self>) {
        let (kind, shape) = match &command.verb {
            Verb::Start => (RequestKind::Start, AnswerShape::Power),
            Verb::Stop(stop) => (RequestKind::Stop(*stop), AnswerShape::Power),
            Verb::Restart(stop) => (RequestKind::Restart(*stop), AnswerShape::Power),
            Verb::Kill => (RequestKind::Kill, AnswerShape::Power),
            Verb::Delete { keep_files } => {
                (RequestKind::Delete { keep_files: *keep_files }, AnswerShape::Deleted { keep_files: *keep_files })
            }
            _ => return self.query_on(server, command, pending),
        };
        let operation = self.new_operation(&server, &command, shape);
        self.begin_operation(operation, kind, pending, ctx);
    }

    pub(super) fn new_operation(&self, server: &ServerId, command: &Command, shape: AnswerShape) -> Operation {
        Operation {
            id: OperationId::new(format!("op_{}", ulid::Ulid::generate())),
            server: server.clone(),
            target: command.target.clone().unwrap_or_else(|| server.to_string()),
            action: command.verb.action_name(),
            command: command.id.clone(),
            shape,
            started_unix_ms: unix_ms(),
            waiting: Vec::new(),
            acknowledged: false,
        }
    }

    pub(super) fn begin_operation(
        &mut self,
        mut operation: Operation,
        kind: RequestKind,
        pending: Pending,
        ctx: &mut Context<Self>,
    ) {
        let Some(entry) = self.servers.get(&operation.server) else {
            let failure = Failure::new(FailureCode::ServerNotFound, format!("Unknown server {}", operation.target));
            return self.answer(pending, Answer::Failed { failure });
        };
        let actor = entry.actor.clone();
        let id = operation.id.clone();
        operation.waiting.push(pending);
        self.operations.begin(operation);
        let acknowledge_at = tokio::time::Instant::now() + self.pace.ack_deadline;
        let request = Request { operation: id.clone(), kind };
        let verdict = actor.send(Lifecycle(request)).into_actor(self);
        ctx.spawn(verdict.map(move |verdict, this, ctx| match verdict {
            Ok((Verdict::Accepted, _)) => {
                // Stored now: from here on its outcome is owed, over a restart too (P-20).
                this.operations.accepted(&id);
                this.store_operation(&id);
                this.acknowledge_at(acknowledge_at, id, ctx);
            }
            Ok((verdict, status)) => this.take_verdict(&id, verdict, status),
            Err(_) => this.end_operation(
                &id,
                Err(Failure::new(FailureCode::Interrupted, "the server's supervisor failed and is being restarted")),
                None,
            ),
        }));
    }

    fn take_verdict(&mut self, id: &OperationId, verdict: Verdict, status: Status) {
        match verdict {
            Verdict::Accepted => {}
            Verdict::Joined(other) => self.join(id, &other),
            Verdict::AlreadyHolds => {
                if let Some(operation) = self.operations.withdraw(id) {
                    let answer =
                        done(Some(operation.server.clone()), outcome_reply(&operation.shape, status, None, Vec::new()));
                    self.answer_all(operation.waiting, &answer);
                }
            }
            Verdict::Refused(failure) => {
                let Some(operation) = self.operations.withdraw(id) else { return };
                for pending in operation.waiting {
                    match failure.code {
                        FailureCode::ServerBusy => self.refuse_for_now(pending, failure.clone()),
                        _ => self.answer(pending, Answer::Failed { failure: failure.clone() }),
                    }
                }
            }
        }
    }

    /// The same operation is under way already: whoever asked again waits for its end, too (P-22).
    fn join(&mut self, id: &OperationId, other: &OperationId) {
        let Some(joining) = self.operations.withdraw(id) else { return };
        if let Some(running) = self.operations.get_mut(other) {
            if running.acknowledged {
                let answer = in_progress(running);
                self.answer_all(joining.waiting, &answer);
            } else {
                running.waiting.extend(joining.waiting);
            }
            return;
        }
        // It ended between the machine's verdict and now.
        if let Some(failure) = self.operations.view(other).and_then(|view| view.failure) {
            return self.answer_all(joining.waiting, &Answer::Failed { failure });
        }
        let Some(entry) = self.servers.get(&joining.server) else {
            return self.answer_all(joining.waiting, &done(Some(joining.server), Reply::Deleted));
        };
        let (actor, server, shape) = (entry.actor.clone(), joining.server, joining.shape);
        for pending in joining.waiting {
            let (picture, server, shape) = (actor.send(Describe), server.clone(), shape.clone());
            self.answer_with(pending, async move {
                let gone = |_| Failure::new(FailureCode::Interrupted, "the server's supervisor is being restarted");
                let picture = picture.await.map_err(gone)?;
                let reply = outcome_reply(&shape, picture.status, None, picture.spec.ports);
                Ok(done(Some(server), reply))
            });
        }
    }

    /// At the deadline the in-progress word is the answer, and the outcome becomes an event (P-17, P-20).
    fn acknowledge_at(&self, at: tokio::time::Instant, id: OperationId, ctx: &mut Context<Self>) {
        let wait = at.saturating_duration_since(tokio::time::Instant::now());
        ctx.run_later(wait, move |this, _| {
            let Some(operation) = this.operations.get_mut(&id) else { return };
            operation.acknowledged = true;
            let waiting = std::mem::take(&mut operation.waiting);
            let mut answer = in_progress(operation);
            let server = operation.server.clone();
            if let (Answer::InProgress { ports, .. }, Some(entry)) = (&mut answer, this.servers.get(&server)) {
                ports.clone_from(&entry.spec.ports);
            }
            this.answer_all(waiting, &answer);
            this.store_operation(&id);
        });
    }

    pub(super) fn operation_ended(&mut self, ended: OperationEnded) {
        if let Some(entry) = self.servers.get_mut(&ended.server) {
            entry.spec.ports.clone_from(&ended.ports);
        }
        // Not by the status alone: the end of what the deletion replaced may be told when the server is gone already, and
        // the end of the deletion itself must still come.
        let was_deletion = self.operations.get_mut(&ended.operation).is_some_and(|operation| operation.is_deletion());
        let deleted = was_deletion && ended.outcome.is_ok();
        self.end_operation(&ended.operation, ended.outcome, Some((ended.status, ended.ports)));
        if deleted {
            self.forget(&ended.server);
        }
    }

    fn end_operation(
        &mut self,
        id: &OperationId,
        outcome: Result<Option<String>, Failure>,
        end: Option<(Status, Vec<cap_domain::spec::PortBinding>)>,
    ) {
        let now = unix_ms();
        let failure = outcome.as_ref().err().cloned();
        let Some(mut operation) = self.operations.end(id, now, failure) else { return };
        let note = outcome.as_ref().ok().cloned().flatten();
        log::info!(
            "operation ended: operation={id} action={} server_id={} outcome={}",
            operation.action,
            operation.server,
            match &outcome {
                Ok(note) => note.as_deref().unwrap_or("done").to_owned(),
                Err(failure) => format!("{} {}", failure.code.as_str(), failure.message),
            },
        );
        let answer: CommandAnswer = match (&outcome, end) {
            (Err(failure), _) => Answer::Failed { failure: failure.clone() },
            (Ok(_), Some((status, ports))) => {
                done(Some(operation.server.clone()), outcome_reply(&operation.shape, status, note, ports))
            }
            (Ok(_), None) => Answer::Failed { failure: Failure::new(FailureCode::InternalError, "outcome lost") },
        };
        let waiting = std::mem::take(&mut operation.waiting);
        self.answer_all(waiting, &answer);
        let tell = completed(&operation, &outcome, now);
        self.store_ended(&operation, now, outcome, tell);
    }

    /// A deleted server leaves nothing but its id, so that deleting it again succeeds.
    fn forget(&mut self, server: &ServerId) {
        let Some(entry) = self.servers.remove(server) else { return };
        entry.actor.do_send(Retire);
        for gone in self.registry.remove(server) {
            self.store_alias_gone(gone.alias);
        }
        self.operations.forget_server(server);
        self.deleted.insert(server.clone());
        self.store_removed(server.clone());
        self.shared.reports.do_send(Report::Forgotten { server: server.clone() });
        self.show();
    }
}

fn in_progress(operation: &Operation) -> CommandAnswer {
    let warnings = match &operation.shape {
        AnswerShape::Created { warnings, .. } => warnings.clone(),
        _ => Vec::new(),
    };
    Answer::InProgress {
        server: operation.server.clone(),
        operation: operation.id.clone(),
        ports: Vec::new(),
        warnings,
    }
}

fn outcome_reply(
    shape: &AnswerShape,
    status: Status,
    note: Option<String>,
    ports: Vec<cap_domain::spec::PortBinding>,
) -> Reply {
    match shape {
        AnswerShape::Power => Reply::Power { status, note },
        AnswerShape::Deleted { .. } => Reply::Deleted,
        AnswerShape::Created { existing, warnings } => {
            Reply::Created { status, existing: *existing, ports, warnings: warnings.clone() }
        }
    }
}

/// The event that is owed for an operation that was answered with its in-progress word (P-20).
pub(super) fn completed(
    operation: &Operation,
    outcome: &Result<Option<String>, Failure>,
    unix_ms: i64,
) -> Option<Report> {
    operation.acknowledged.then(|| Report::OperationCompleted {
        operation: operation.id.clone(),
        command: operation.command.clone(),
        server: operation.target.clone(),
        action: operation.action,
        outcome: outcome.clone(),
        unix_ms,
    })
}
