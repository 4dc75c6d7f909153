//! The queue and the thread: order, groups, failures, the end.

use tempfile::TempDir;

use super::super::{QUEUE_LENGTH, StoreError};
use super::*;

#[tokio::test]
async fn requests_are_carried_out_in_the_order_of_the_calls_whoever_awaits_first() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let created = store.upsert_server(server("a"));
    let stopped = store.set_persisted(id("a"), persisted(Phase::Stopped));
    let running = store.set_persisted(id("a"), persisted(Phase::Running));
    let loaded = store.load_servers();
    assert_eq!(loaded.await.unwrap().servers[0].persisted, persisted(Phase::Running));
    assert!(running.await.unwrap());
    assert!(stopped.await.unwrap());
    created.await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_request_nobody_awaits_is_carried_out_all_the_same() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    drop(store.upsert_server(server("a")));
    store.close().await;
    let store = open(root.path());
    assert_eq!(store.load_servers().await.unwrap().servers, [server("a")]);
    store.close().await;
}

/// Keeps the thread busy until the returned sender is used, so that a queue builds up behind it.
async fn hold_up(store: &Store) -> std::sync::mpsc::Sender<()> {
    let (release, released) = std::sync::mpsc::channel();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    drop(store.submit(move |_| {
        let _ = begun.send(());
        let _ = released.recv();
        Ok(())
    }));
    has_begun.await.unwrap();
    release
}

#[tokio::test]
async fn one_failure_in_a_group_undoes_itself_and_nothing_else() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let release = hold_up(&store).await;
    let before = store.upsert_server(server("a"));
    let failing = store.submit(|connection| {
        connection.execute("DELETE FROM servers", [])?;
        connection.execute("INSERT INTO nowhere VALUES (1)", [])?;
        Ok(())
    });
    let after = store.upsert_server(server("b"));
    release.send(()).unwrap();
    before.await.unwrap();
    assert!(matches!(failing.await, Err(StoreError::Sqlite { .. })));
    after.await.unwrap();
    assert_eq!(store.load_servers().await.unwrap().servers, [server("a"), server("b")]);
    store.close().await;
}

#[tokio::test]
async fn a_commit_that_fails_fails_all_that_were_in_it_and_the_store_goes_on() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let release = hold_up(&store).await;
    let innocent = store.upsert_server(server("a"));
    // A constraint that is checked at the commit, and broken.
    let guilty = store.submit(|connection| {
        connection.execute_batch(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO child VALUES (1);",
        )?;
        Ok(())
    });
    release.send(()).unwrap();
    assert!(matches!(innocent.await, Err(StoreError::Commit { .. })));
    assert!(matches!(guilty.await, Err(StoreError::Commit { .. })));
    assert_eq!(store.load_servers().await.unwrap().servers, [], "nothing of it is stored");
    store.upsert_server(server("b")).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait_and_loses_nothing() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let release = hold_up(&store).await;
    let many = QUEUE_LENGTH + 100;
    let calls: Vec<_> = (0..many).map(|number| store.set_meta(format!("k{number}"), number.to_string())).collect();
    let (polled, has_polled) = tokio::sync::oneshot::channel();
    let all = tokio::spawn(async move {
        let all = futures_util::future::join_all(calls);
        futures_util::pin_mut!(all);
        assert!(futures_util::poll!(&mut all).is_pending());
        polled.send(()).unwrap();
        all.await
    });
    has_polled.await.unwrap();
    assert!(store.queue.try_reserve().is_err(), "the queue is full");
    release.send(()).unwrap();
    assert!(all.await.unwrap().iter().all(Result::is_ok));
    assert_eq!(store.list_meta("k".into()).await.unwrap().len(), many);
    store.close().await;
}

#[tokio::test]
async fn after_the_close_everything_is_refused() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let clone = store.clone();
    let written = store.upsert_server(server("a"));
    store.close().await;
    written.await.expect("what was queued before the close is carried out");
    assert!(matches!(clone.upsert_server(server("b")).await, Err(StoreError::Closed)));
    clone.close().await;
}
