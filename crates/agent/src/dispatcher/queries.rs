//! Questions, and console input: they wait for nothing but the server's actor.

use actix::Addr;
use cap_domain::command::{Answer, Command, Verb};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::identity::Replace;
use cap_domain::ids::ServerId;
use cap_domain::phase::Phase;

use super::admission::done;
use super::{Dispatcher, Entry, Pending};
use crate::clock::unix_ms;
use crate::reply::{AgentView, CommandAnswer, ConsoleView, OperationView, Reply, ServerView};
use crate::sampler::FigureBoard;
use crate::server::{Describe, ServerActor, ServerPicture, WriteLine};

impl Dispatcher {
    pub(super) fn query_on(&mut self, server: ServerId, command: Command, pending: Pending) {
        let Ok(entry) = self.entry(&server) else {
            let failure = Failure::new(FailureCode::ServerNotFound, format!("Unknown server {server}"));
            return self.answer(pending, Answer::Failed { failure });
        };
        match command.verb {
            Verb::ConsoleHistory { lines } => {
                let last = entry.console.lock().last(lines);
                let lines = last.into_iter().map(|line| String::from(line.text)).collect();
                self.answer(pending, done(Some(server), Reply::History(lines)));
            }
            Verb::ConsoleCommand { line } => self.write_line(server, line, pending),
            Verb::BindAlias { alias, replace, remove } => {
                let answer = self.bind(&server, &alias, replace, remove);
                self.answer(pending, answer);
            }
            Verb::ServerStatus => self.describe(server, pending, |view| Reply::Status(Box::new(view))),
            Verb::ServerMetrics => self.describe(server, pending, |view| Reply::ServerMetrics(Box::new(view))),
            Verb::ConsoleStatus => {
                let (actor, console) = (entry.actor.clone(), std::sync::Arc::clone(&entry.console));
                self.answer_with(pending, async move {
                    let picture = ask(&actor).await?;
                    let ring = console.lock();
                    Ok(done(
                        Some(server),
                        Reply::Console(ConsoleView {
                            connected: picture.attached,
                            last_activity_unix_ms: ring.last_activity_ms(),
                            kept: ring.len(),
                            first_seq: ring.first_seq(),
                            last_seq: ring.last_seq(),
                            epoch: ring.epoch().to_owned(),
                        }),
                    ))
                });
            }
            _ => {
                let failure = Failure::new(FailureCode::InternalError, "internal error");
                self.answer(pending, Answer::Failed { failure });
            }
        }
    }

    fn write_line(&mut self, server: ServerId, line: String, pending: Pending) {
        let Some(entry) = self.servers.get(&server) else { return };
        let written = entry.actor.send(WriteLine(line));
        self.answer_with(pending, async move {
            written.await.map_err(|_| gone())??;
            Ok(done(Some(server), Reply::Sent))
        });
    }

    fn describe(&mut self, server: ServerId, pending: Pending, reply: impl FnOnce(ServerView) -> Reply + 'static) {
        let Some(entry) = self.servers.get(&server) else { return };
        let actor = entry.actor.clone();
        let facts = self.known_of(&server, entry);
        self.answer_with(pending, async move {
            let picture = ask(&actor).await?;
            Ok(done(Some(server), reply(facts.view(picture))))
        });
    }

    pub(super) fn list_servers(&mut self, status: Option<String>, pending: Pending) {
        let asked: Vec<_> =
            self.servers.iter().map(|(server, entry)| (entry.actor.clone(), self.known_of(server, entry))).collect();
        self.answer_with(pending, async move {
            let mut views = Vec::with_capacity(asked.len());
            for (actor, known) in asked {
                // A server that was deleted meanwhile, or is being rebuilt, is left out.
                let Ok(picture) = ask(&actor).await else { continue };
                let view = known.view(picture);
                if status.as_deref().is_none_or(|wanted| wanted == view.status.phase.status_word()) {
                    views.push(view);
                }
            }
            Ok(done(None, Reply::Servers(views)))
        });
    }

    fn known_of(&self, server: &ServerId, entry: &Entry) -> Known {
        Known {
            aliases: self.registry.aliases_of(server).map(|binding| binding.alias).collect(),
            created_unix_ms: entry.created_unix_ms,
            last_operation: self.operations.last_of(server),
            board: self.shared.board.clone(),
        }
    }

    fn bind(&mut self, server: &ServerId, alias: &str, replace: bool, remove: bool) -> CommandAnswer {
        let changed = if remove {
            self.registry.unbind(alias, server).map(|gone| {
                if let Some(gone) = gone {
                    self.store_alias_gone(gone.alias);
                }
            })
        } else {
            let replace = if replace { Replace::Allow } else { Replace::Refuse };
            self.registry.bind(alias, server, replace).map(|bound| {
                if let Some(bound) = bound {
                    self.store_alias(bound);
                }
            })
        };
        match changed {
            Ok(()) => {
                let names = self.registry.aliases_of(server).map(|binding| binding.alias).collect();
                done(Some(server.clone()), Reply::Aliases(names))
            }
            Err(failure) => Answer::Failed { failure },
        }
    }

    pub(super) fn agent_view(&self) -> AgentView {
        AgentView { servers: self.servers.len(), uptime_seconds: self.started.elapsed().as_secs() }
    }
}

/// What the dispatcher knows of a server beside its actor.
struct Known {
    aliases: Vec<String>,
    created_unix_ms: i64,
    last_operation: Option<OperationView>,
    board: FigureBoard,
}

impl Known {
    fn view(self, picture: ServerPicture) -> ServerView {
        let ServerPicture { spec, status, facts, .. } = picture;
        let running = facts.as_ref().is_some_and(|facts| facts.running) && status.phase != Phase::Unknown;
        let started = facts.as_ref().filter(|_| running).and_then(|facts| facts.started_at.as_deref());
        let uptime_seconds = started
            .and_then(unix_seconds_of)
            .map_or(0, |started| u64::try_from(unix_ms() / 1000 - started).unwrap_or(0));
        ServerView {
            aliases: self.aliases,
            name: spec.name,
            status,
            container_id: facts.map(|facts| facts.container_id),
            image: spec.image,
            ports: spec.ports,
            created_unix_ms: self.created_unix_ms,
            uptime_seconds,
            figures: if running { self.board.figures(&spec.id) } else { None },
            disk_bytes: self.board.disk_bytes(&spec.id),
            memory_limit_bytes: spec.limits.memory_bytes,
            disk_limit_bytes: spec.limits.disk_bytes,
            last_operation: self.last_operation,
            server: spec.id,
        }
    }
}

async fn ask(actor: &Addr<ServerActor>) -> Result<ServerPicture, Failure> {
    actor.send(Describe).await.map_err(|_| gone())
}

fn gone() -> Failure {
    Failure::new(FailureCode::Interrupted, "the server's supervisor is being restarted")
}

fn unix_seconds_of(rfc3339: &str) -> Option<i64> {
    let parsed = time::OffsetDateTime::parse(rfc3339, &time::format_description::well_known::Rfc3339);
    parsed.ok().map(time::OffsetDateTime::unix_timestamp)
}
