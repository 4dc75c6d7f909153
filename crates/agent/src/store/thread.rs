//! The store's thread: takes what waits, one transaction for all of it, then the answers.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::lock::RootLock;
use super::{QUEUE_LENGTH, StoreError};

/// Most requests in one transaction: enough to make an `fsync` cheap, few enough that nobody waits long for the others.
const GROUP_LENGTH: usize = 512;

/// What the thread is asked.
#[derive(Debug)]
pub(crate) enum Job {
    /// Do this, and answer when it is durable.
    Work(Work),
    /// End, and say when that is done.
    Close(oneshot::Sender<()>),
}

/// One piece of work with its answer.
pub(crate) struct Work(Box<dyn Step>);

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

impl Work {
    /// Wraps a closure and the channel its result goes to after the commit.
    pub(crate) fn new<T: Send + 'static>(
        run: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        answer: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self(Box::new(TypedStep { run: Some(run), result: None, answer }))
    }
}

/// A piece of work, its result's type forgotten.
trait Step: Send {
    /// Does it. `false` if it failed and its writes must be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers, after the commit went as said. Nobody may be listening any more; the work is done all the same.
    fn answer(self: Box<Self>, commit: Result<(), String>);
}

struct TypedStep<T, F> {
    run: Option<F>,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, StoreError> + Send> Step for TypedStep<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(run) = self.run.take() else { return true };
        let result = run(connection);
        let went_well = result.is_ok();
        self.result = Some(result);
        went_well
    }

    fn answer(self: Box<Self>, commit: Result<(), String>) {
        let result = match (commit, self.result) {
            (Ok(()), Some(result)) => result,
            // Its own error says more than the commit's.
            (Err(_), Some(Err(error))) => Err(error),
            (Err(reason), _) => Err(StoreError::Commit { reason }),
            (Ok(()), None) => Err(StoreError::Closed),
        };
        let _ = self.answer.send(result);
    }
}

/// Starts the thread on an open file. It ends when it is asked to, or when all handles are gone.
pub(crate) fn start(connection: Connection, lock: RootLock) -> Result<mpsc::Sender<Job>, std::io::Error> {
    let (queue, jobs) = mpsc::channel(QUEUE_LENGTH);
    std::thread::Builder::new().name("store".to_owned()).spawn(move || serve(connection, lock, jobs))?;
    Ok(queue)
}

fn serve(connection: Connection, lock: RootLock, mut jobs: mpsc::Receiver<Job>) {
    let mut closers = Vec::new();
    while closers.is_empty() {
        let Some(first) = jobs.blocking_recv() else { break };
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Work(work) => group.push(work),
                Job::Close(answer) => {
                    closers.push(answer);
                    break;
                }
            }
            next = if group.len() < GROUP_LENGTH { jobs.try_recv().ok() } else { None };
        }
        run_group(&connection, group);
    }
    jobs.close();
    // What was queued behind the close is dropped, and with it the channels of its answers: "closed".
    drop(jobs);
    // Closing writes the log back into the file. If that fails, the log is still there and is read at the next start.
    if let Err((_, error)) = connection.close() {
        log::warn!("the state file was not closed cleanly: {error}");
    }
    drop(lock);
    for closer in closers {
        let _ = closer.send(());
    }
}

fn run_group(connection: &Connection, mut group: Vec<Work>) {
    if group.is_empty() {
        return;
    }
    let commit = transact(connection, &mut group).map_err(|error| error.to_string());
    if let Err(reason) = &commit {
        log::error!("the state file could not be written: {reason}");
        // Otherwise the next group would be refused as a transaction within a transaction.
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
    for work in group {
        work.0.answer(commit.clone());
    }
}

/// Runs all steps in one transaction. One that fails is undone alone; the others stay.
fn transact(connection: &Connection, group: &mut [Work]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for work in group.iter_mut() {
        connection.execute_batch("SAVEPOINT step")?;
        if !work.0.run(connection) && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK TO step")?;
        }
        connection.execute_batch("RELEASE step")?;
    }
    connection.execute_batch("COMMIT")
}
