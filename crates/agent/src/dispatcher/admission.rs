//! Whether a command is taken: rate, identity, and which server is meant.

use actix::Context;
use cap_domain::command::{Answer, Command, Verb};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::ServerId;
use cap_domain::journal::{Begin, CommandKey, Fingerprint};
use cap_domain::rate::TokenBucket;
use tokio::sync::oneshot;

use super::{Dispatcher, Pending, failed, is_query};
use crate::clock::unix_ms;
use crate::reply::{CommandAnswer, Reply};

/// Commands a caller may give (P-30).
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// In the long run.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

impl Dispatcher {
    pub(super) fn admit(&mut self, command: Command, reply: oneshot::Sender<CommandAnswer>, ctx: &mut Context<Self>) {
        if self.shutting_down {
            return refuse(reply, failed(FailureCode::ShuttingDown, "the agent is shutting down"));
        }
        if !self.within_rate(&command) {
            return refuse(reply, failed(FailureCode::RateLimited, "too many commands"));
        }
        let pending = match self.identify(&command, reply) {
            Some(pending) => pending,
            None => return, // a repeat: its answer is, or will be, the first one's
        };
        // Panels poll: what only asks would drown what was done.
        let level = if is_query(&command.verb) { log::Level::Debug } else { log::Level::Info };
        log::log!(
            level,
            "command: action={} target={} id={} caller={:?}",
            command.verb.action_name(),
            command.target.as_deref().unwrap_or("-"),
            command.id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            command.caller,
        );
        if let Err(failure) = self.run(command, pending, ctx) {
            let (failure, pending) = *failure;
            self.answer(pending, Answer::Failed { failure });
        }
    }

    /// A kill is never refused for there being many commands (P-30).
    fn within_rate(&mut self, command: &Command) -> bool {
        let is_kill = matches!(command.verb, Verb::Kill)
            || matches!(&command.verb, Verb::Stop(stop) if stop.signal == Some(cap_domain::spec::Signal::Kill));
        let now = self.shared.clock.now();
        let limit = self.pace.rate;
        let bucket = self
            .rates
            .entry(command.caller.clone())
            .or_insert_with(|| TokenBucket::new(limit.per_second, limit.burst, now));
        bucket.try_take(now) || is_kill
    }

    /// The command's identity (P-27 to P-29). None if there is nothing more to do.
    fn identify(&mut self, command: &Command, reply: oneshot::Sender<CommandAnswer>) -> Option<Pending> {
        let changes = !is_query(&command.verb);
        let Some(id) = command.id.clone() else { return Some(Pending { reply, key: None, changes }) };
        let key = CommandKey { caller: command.caller.clone(), id };
        let fingerprint = self.fingerprint(command);
        if is_query(&command.verb) {
            return if self.ledger.differs(&key, &fingerprint) {
                refuse(reply, duplicate());
                None
            } else {
                Some(Pending { reply, key: None, changes })
            };
        }
        match self.ledger.begin(&key, fingerprint.clone(), now_ms()) {
            Begin::New => {
                self.store_begin(&key, fingerprint);
                Some(Pending { reply, key: Some(key), changes })
            }
            Begin::Full => {
                refuse(reply, failed(FailureCode::RateLimited, "too many commands are under way"));
                None
            }
            Begin::Repeat => {
                self.repeats.entry(key).or_default().push(reply);
                None
            }
            Begin::Answered(answer) => {
                refuse(reply, answer);
                None
            }
            Begin::Different => {
                refuse(reply, duplicate());
                None
            }
        }
    }

    /// What must be equal for two commands with one id to be the same command (P-28).
    fn fingerprint(&self, command: &Command) -> Fingerprint {
        let target = command.target.as_deref().map(|called| match self.registry.resolve(called) {
            Ok(server) => server.to_string(),
            Err(_) => called.to_owned(),
        });
        Fingerprint { action: command.verb.action_name().to_owned(), target }
    }

    /// Carries a command out, or gives back why not together with who waits.
    fn run(
        &mut self,
        command: Command,
        pending: Pending,
        ctx: &mut Context<Self>,
    ) -> Result<(), Box<(Failure, Pending)>> {
        let with_pending = |failure: Failure, pending: Pending| Box::new((failure, pending));
        match &command.verb {
            Verb::Ping => self.answer(pending, done(None, Reply::Pong)),
            Verb::AgentStatus => {
                let reply = Reply::Agent(self.agent_view());
                self.answer(pending, done(None, reply));
            }
            Verb::NodeMetrics => self.answer(pending, done(None, Reply::NodeMetrics)),
            Verb::GetOperation { operation } => match self.operations.view(operation) {
                Some(view) => self.answer(pending, done(None, Reply::Operation(view))),
                None => {
                    let failure = Failure::new(FailureCode::InvalidRequest, format!("unknown operation {operation}"));
                    return Err(with_pending(failure, pending));
                }
            },
            Verb::ListServers { status } => {
                let status = status.clone();
                self.list_servers(status, pending);
            }
            Verb::Create(_) => return self.create(command, pending, ctx),
            _ => {
                let server = match self.meant(&command) {
                    Ok(Meant::Server(server)) => server,
                    Ok(Meant::DeletedBefore) => {
                        self.answer(pending, done(None, Reply::Deleted));
                        return Ok(());
                    }
                    Err(failure) => return Err(with_pending(failure, pending)),
                };
                self.run_on(server, command, pending, ctx);
            }
        }
        Ok(())
    }

    /// Which server a command is for (section 12 of the contract).
    fn meant(&mut self, command: &Command) -> Result<Meant, Failure> {
        let Some(target) = command.target.as_deref() else {
            return Err(Failure::new(FailureCode::InvalidRequest, "serverId is missing"));
        };
        for other in &command.other_targets {
            self.registry.agree(target, other)?;
        }
        if matches!(command.verb, Verb::Delete { .. }) {
            return match self.registry.resolve_for_removal(target) {
                Ok(server) => Ok(Meant::Server(server)),
                Err(failure) if failure.code == FailureCode::ServerNotFound && self.deleted.contains(target) => {
                    Ok(Meant::DeletedBefore)
                }
                Err(failure) => Err(failure),
            };
        }
        let resolved = self.registry.resolve_or_learn(target)?;
        if let Some(binding) = resolved.learned {
            log::info!("learned that {} is server {}", binding.alias, binding.server);
            self.store_alias(binding);
        }
        Ok(Meant::Server(resolved.server))
    }
}

enum Meant {
    Server(ServerId),
    /// A delete of what this agent deleted before: it holds already (P-23).
    DeletedBefore,
}

pub(super) fn done(server: Option<ServerId>, reply: Reply) -> CommandAnswer {
    Answer::Done { server, reply }
}

fn refuse(reply: oneshot::Sender<CommandAnswer>, answer: CommandAnswer) {
    // The caller may have gone away; then nobody wants to know.
    drop(reply.send(answer));
}

fn duplicate() -> CommandAnswer {
    failed(FailureCode::DuplicateId, "this id was used for another command")
}

pub(super) fn now_ms() -> u64 {
    u64::try_from(unix_ms()).unwrap_or(0)
}
