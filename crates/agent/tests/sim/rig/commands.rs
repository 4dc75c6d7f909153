//! Commands, as a panel gives them, and waiting for what they lead to.

use std::collections::BTreeMap;

use cap_agent::reply::{CommandAnswer, Reply, ServerView, Submit};
use cap_agent::report::Report;
use cap_domain::command::{Answer, Caller, Command, CreateServer, Verb};
use cap_domain::failure::FailureCode;
use cap_domain::ids::{CommandId, OperationId, ServerId};
use cap_domain::phase::Phase;
use cap_domain::spec::{Limits, StopMethod};
use cap_testkit::image::SAMPLE_IMAGE;
use cap_testkit::wait_until;

use super::{Rig, SOON};

pub(crate) fn id(name: &str) -> ServerId {
    ServerId::parse(name).unwrap()
}

/// What creates a server like the sample one.
pub(crate) fn sample() -> CreateServer {
    CreateServer {
        name: None,
        image: SAMPLE_IMAGE.to_owned(),
        startup: None,
        environment: BTreeMap::new(),
        limits: Limits::default(),
        ports: Vec::new(),
        stop: StopMethod::Terminate,
        startup_done: vec!["Done (".to_owned()],
        tty: None,
        oom_killer: true,
        aliases: Vec::new(),
        kept: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

pub(crate) fn create_of(wish: CreateServer) -> Verb {
    Verb::Create(Box::new(wish))
}

/// A command of the panel at the other end of the link.
pub(crate) fn panel_command(command: Option<&str>, target: &str, verb: Verb) -> Command {
    Command {
        caller: Caller::Link,
        id: command.map(|id| CommandId::Text(id.to_owned())),
        target: Some(target.to_owned()),
        other_targets: Vec::new(),
        verb,
    }
}

impl Rig {
    /// Gives a command and waits for its answer.
    pub(crate) async fn submit(&self, command: Command) -> CommandAnswer {
        self.dispatcher.send(Submit(command)).await.expect("the dispatcher lives")
    }

    /// Gives a command without waiting; the answer comes from the task.
    pub(crate) fn submit_soon(&self, command: Command) -> tokio::task::JoinHandle<CommandAnswer> {
        let sent = self.dispatcher.send(Submit(command));
        actix_rt::spawn(async move { sent.await.expect("the dispatcher lives") })
    }

    /// A command without an id.
    pub(crate) async fn ask(&self, target: &str, verb: Verb) -> CommandAnswer {
        self.submit(panel_command(None, target, verb)).await
    }

    /// The failure code that a command ends with.
    #[track_caller]
    pub(crate) fn refused(&self, target: &str, verb: Verb) -> impl Future<Output = FailureCode> {
        self.code_of(panel_command(None, target, verb))
    }

    #[track_caller]
    pub(crate) fn code_of(&self, command: Command) -> impl Future<Output = FailureCode> {
        let caller = std::panic::Location::caller();
        let sent = self.dispatcher.send(Submit(command));
        async move {
            match sent.await.expect("the dispatcher lives") {
                Answer::Failed { failure } => failure.code,
                other => panic!("not refused: {other:?} (at {caller})"),
            }
        }
    }

    /// Creates a server like the sample one, and waits until it is installed.
    pub(crate) async fn create(&self, server: &str) {
        self.carry_out(server, create_of(sample())).await;
    }

    /// Creates and starts a server, and waits until it is ready.
    pub(crate) async fn run(&self, server: &str) {
        self.create(server).await;
        self.carry_out(server, Verb::Start).await;
    }

    /// Gives a command and waits for its outcome, which must be a success.
    pub(crate) async fn carry_out(&self, server: &str, verb: Verb) {
        let what = verb.action_name();
        match self.ask(server, verb).await {
            Answer::Done { .. } => {}
            // A busy machine was slower than the test's deadline for an answer.
            Answer::InProgress { operation, .. } => assert_eq!(self.wait_completed(&operation).await, None, "{what}"),
            Answer::Failed { failure } => panic!("{what} of {server}: {failure:?}"),
        }
    }

    pub(crate) async fn status(&self, server: &str) -> ServerView {
        match self.ask(server, Verb::ServerStatus).await {
            Answer::Done { reply: Reply::Status(view), .. } => *view,
            other => panic!("no status of {server}: {other:?}"),
        }
    }

    /// Waits until a server is in this phase.
    pub(crate) async fn wait_phase(&self, server: &str, phase: Phase) {
        let what = format!("{server} to be {phase:?}");
        wait_until(&what, SOON, move || async move { (self.status(server).await.status.phase == phase).then_some(()) })
            .await
    }

    /// The last lines of a console.
    pub(crate) async fn history(&self, server: &str) -> Vec<String> {
        match self.ask(server, Verb::ConsoleHistory { lines: 10_000 }).await {
            Answer::Done { reply: Reply::History(lines), .. } => lines,
            other => panic!("no history of {server}: {other:?}"),
        }
    }

    /// Waits until a console has a line with this text.
    pub(crate) async fn wait_line(&self, server: &str, text: &str) {
        let what = format!("{server} to say {text}");
        wait_until(&what, SOON, move || async move {
            self.history(server).await.iter().any(|line| line.contains(text)).then_some(())
        })
        .await
    }

    /// Waits for the event that tells the end of an operation; gives its failure code, if it failed.
    pub(crate) async fn wait_completed(&self, operation: &OperationId) -> Option<FailureCode> {
        let what = format!("the end of {operation}");
        wait_until(&what, SOON, move || async move { self.completed(operation).pop() }).await
    }

    /// The ends of this operation that were told, each as its failure code, if it failed.
    pub(crate) fn completed(&self, wanted: &OperationId) -> Vec<Option<FailureCode>> {
        let told = self.told.seen();
        let ends = told.iter().filter_map(|report| match report {
            Report::OperationCompleted { operation, outcome, .. } if operation == wanted => {
                Some(outcome.as_ref().err().map(|failure| failure.code))
            }
            _ => None,
        });
        ends.collect()
    }
}
