//! What must survive a restart, in one SQLite file, `<root>/state.db`.
//!
//! One thread owns the file. [`Store`] is the handle to it: every method puts a request into one bounded queue at the
//! moment it is called, and gives a future that resolves when the request is durable. The thread takes all requests that
//! wait, runs them in order in one transaction, commits once, and only then answers (group commit): what is acknowledged
//! is on disk, and hundreds of writes share one `fsync`.
//!
//! Order: requests made from one place are carried out in the order of the calls, as long as the queue has room. When it
//! is full ([`QUEUE_LENGTH`]), a call waits for room when its future is first polled; nothing is ever dropped.
//!
//! `synchronous=FULL`, not `NORMAL`: in WAL mode `NORMAL` may lose the last commits when the power fails, and a command
//! that was acknowledged would be forgotten ("written before it is acknowledged"). Group commit pays for it.

mod aliases;
mod commands;
mod error;
mod lock;
mod meta;
mod open;
mod operations;
mod schema;
mod servers;
mod thread;

pub use aliases::{AliasKind, AliasRecord};
pub use commands::{Begun, JournalEntry};
pub use error::StoreError;
pub use lock::RootLock;
pub use open::{Opened, Quarantined};
pub use operations::{OperationRecord, OperationState};
pub use servers::{ServerRecord, ServersLoaded};

use std::future::Future;
use std::pin::Pin;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use thread::{Job, Work};

/// Requests that may wait for the store's thread. At the 2 ms a commit takes on a slow disk, this is far more than a
/// node's commands make; it is a bound on memory, and a caller that meets it waits.
pub const QUEUE_LENGTH: usize = 4096;

/// The end of a request: resolves when it is durable, or has failed. The request is under way whether this is awaited or
/// not (but see [`Store`] for a full queue).
pub type Durable<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// The handle to the store; clones share it. When the last one is gone, the thread finishes what waits and closes the file.
#[derive(Clone, Debug)]
pub struct Store {
    queue: mpsc::Sender<Job>,
}

impl Store {
    /// Finishes what waits, closes the file and gives up the lock; resolves when that is done. Later calls on any clone
    /// give [`StoreError::Closed`].
    pub async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.queue.send(Job::Close(answer)).await.is_ok() {
            // An error means the thread is gone already, which is what was asked for.
            let _ = closed.await;
        }
    }

    /// Resolves when everything queued so far is durable, or has failed.
    pub fn all_so_far(&self) -> Durable<()> {
        self.submit(|_| Ok(()))
    }

    /// Queues one piece of work now; the future resolves when its effects are durable.
    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Durable<T> {
        let (answer, outcome) = oneshot::channel();
        let job = Job::Work(Work::new(work, answer));
        let (left_over, queue) = match self.queue.try_send(job) {
            Ok(()) => (None, None),
            Err(mpsc::error::TrySendError::Full(job)) => (Some(job), Some(self.queue.clone())),
            // The answer's sender goes with the job; the future finds that out below.
            Err(mpsc::error::TrySendError::Closed(_)) => (None, None),
        };
        Box::pin(async move {
            if let (Some(job), Some(queue)) = (left_over, queue) {
                queue.send(job).await.map_err(|_| StoreError::Closed)?;
            }
            outcome.await.unwrap_or(Err(StoreError::Closed))
        })
    }
}

#[cfg(test)]
mod tests;
