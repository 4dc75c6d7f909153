//! What is kept, and what goes when a bound is reached.

use cap_domain::command::Caller;
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::CommandId;
use futures_util::future::join_all;
use tempfile::TempDir;

use super::super::{AliasKind, AliasRecord, Begun, JournalEntry, StoreError};
use super::*;

const HOUR: u64 = 60 * 60 * 1000;

fn entry(number: u64, caller: Caller) -> JournalEntry {
    JournalEntry {
        caller,
        id: CommandId::Text(format!("cmd_{number}")),
        action: "start_server".to_owned(),
        target: Some("srv-1".to_owned()),
        received_ms: NOW + number,
        answer: None,
    }
}

fn alias(name: &str, server: &str) -> AliasRecord {
    AliasRecord { alias: name.to_owned(), server: id(server), kind: AliasKind::Learned, bound_at_ms: NOW }
}

#[tokio::test]
async fn everything_is_there_again_after_a_close() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    store.upsert_server(server("a")).await.unwrap();
    store.upsert_server(server("b")).await.unwrap();
    assert!(store.set_persisted(id("a"), persisted(Phase::Stopped)).await.unwrap());
    store.put_alias(alias("cmf1", "a")).await.unwrap();
    let answered = JournalEntry { id: CommandId::Number(-7), ..entry(1, Caller::Http(1)) };
    assert_eq!(store.begin_command(answered.clone()).await.unwrap(), Begun::New);
    store.answer_command(Caller::Http(1), CommandId::Number(-7), "{\"success\":true}".into()).await.unwrap();
    let failed = OperationRecord {
        command: Some(CommandId::Text("7".into())),
        failure: Some(Failure::new(FailureCode::Superseded, "replaced by kill_server")),
        note: Some("killed after 30 s".into()),
        state: OperationState::Failed,
        ..operation(1, "a", Some(NOW + 5))
    };
    store.upsert_operation(failed.clone()).await.unwrap();
    store.set_meta("epoch".into(), "01KAGQ".into()).await.unwrap();
    store.close().await;

    let store = open(root.path());
    let loaded = store.load_servers().await.unwrap();
    let stopped = ServerRecord { persisted: persisted(Phase::Stopped), ..server("a") };
    assert_eq!((loaded.servers, loaded.unreadable), (vec![stopped, server("b")], vec![]));
    assert_eq!(store.load_aliases().await.unwrap(), [alias("cmf1", "a")]);
    assert_eq!(
        store.load_recent_commands(NOW).await.unwrap(),
        [JournalEntry { answer: Some("{\"success\":true}".into()), ..answered }]
    );
    assert_eq!(store.load_operations().await.unwrap(), [failed]);
    assert_eq!(store.get_meta("epoch".into()).await.unwrap().as_deref(), Some("01KAGQ"));
    store.close().await;
}

// P-23
#[tokio::test]
async fn a_deleted_server_is_gone_with_its_aliases_but_its_id_is_remembered() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    for name in ["a", "b"] {
        store.upsert_server(server(name)).await.unwrap();
        store.put_alias(alias(&format!("alias-{name}"), name)).await.unwrap();
    }
    store.remove_server(id("a"), NOW).await.unwrap();
    assert_eq!(store.load_servers().await.unwrap().servers, [server("b")]);
    assert_eq!(store.load_aliases().await.unwrap(), [alias("alias-b", "b")]);
    assert_eq!(store.load_deleted_servers().await.unwrap(), [id("a")]);
    let late_write_is_left_out = !store.set_persisted(id("a"), persisted(Phase::Stopped)).await.unwrap();
    assert!(late_write_is_left_out);
    store.upsert_server(server("a")).await.unwrap();
    assert_eq!(store.load_deleted_servers().await.unwrap(), [], "created again, it is no deleted one");
    store.close().await;
}

#[tokio::test]
async fn the_oldest_ids_of_deleted_servers_go_first() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let all: Vec<_> = (0..10_002).map(|number| store.remove_server(id(&format!("s{number}")), NOW)).collect();
    assert!(join_all(all).await.iter().all(Result::is_ok));
    store.remove_server(id("s5"), NOW).await.unwrap();
    let kept = store.load_deleted_servers().await.unwrap();
    assert!(kept.len() <= 10_000, "{}", kept.len());
    assert!(!kept.contains(&id("s0")) && kept.contains(&id("s10001")));
    assert_eq!(kept.last(), Some(&id("s5")), "deleted again, it is the youngest");
    store.close().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_hide_the_others() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    for name in ["a", "b", "c"] {
        store.upsert_server(server(name)).await.unwrap();
    }
    store.close().await;
    let file = rusqlite::Connection::open(root.path().join("state.db")).unwrap();
    file.execute("UPDATE servers SET spec_json = '{\"id\":1}' WHERE id = 'b'", []).unwrap();
    drop(file);
    let store = open(root.path());
    let loaded = store.load_servers().await.unwrap();
    assert_eq!((loaded.servers, loaded.unreadable), (vec![server("a"), server("c")], vec!["b".to_owned()]));
    store.close().await;
}

#[tokio::test]
async fn journal_rows_that_cannot_be_read_keep_nothing_else_from_being_read() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    for number in [1, 2] {
        store.begin_command(entry(number, Caller::Link)).await.unwrap();
        store.upsert_operation(operation(number, "a", None)).await.unwrap();
    }
    store.close().await;
    let file = rusqlite::Connection::open(root.path().join("state.db")).unwrap();
    file.execute("UPDATE commands SET id_json = '{' WHERE id_json LIKE '%cmd_1%'", []).unwrap();
    file.execute("UPDATE operations SET command_id_json = '{' WHERE id = 'op_1'", []).unwrap();
    drop(file);
    let store = open(root.path());
    assert_eq!(store.load_recent_commands(NOW).await.unwrap(), [entry(2, Caller::Link)]);
    assert_eq!(store.load_operations().await.unwrap(), [operation(2, "a", None)]);
    store.close().await;
}

// P-171: whether an alias may be taken is decided by the caller; the store keeps the last word.
#[tokio::test]
async fn an_alias_has_one_server_and_a_server_a_bounded_number_of_them() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    store.put_alias(alias("x", "a")).await.unwrap();
    let explicit = AliasRecord { kind: AliasKind::Explicit, ..alias("x", "b") };
    store.put_alias(explicit.clone()).await.unwrap();
    assert_eq!(store.load_aliases().await.unwrap(), [explicit]);
    assert!(store.remove_alias("x".into()).await.unwrap());
    assert!(!store.remove_alias("x".into()).await.unwrap());
    for number in 0..70 {
        store.put_alias(alias(&format!("alias-{number}"), "a")).await.unwrap();
    }
    let kept = store.load_aliases().await.unwrap();
    assert_eq!((kept.len(), kept[0].alias.as_str()), (64, "alias-6"));
    let too_long = store.put_alias(alias(&"x".repeat(257), "a")).await;
    assert!(matches!(too_long, Err(StoreError::TooLarge { .. })));
    store.close().await;
}

// P-27, P-28, P-29, P-31
#[tokio::test]
async fn a_known_command_id_gives_the_first_command_and_its_answer() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    assert_eq!(store.begin_command(entry(1, Caller::Link)).await.unwrap(), Begun::New);
    assert_eq!(store.begin_command(entry(1, Caller::Http(0))).await.unwrap(), Begun::New, "another caller's ids");
    let other_type = JournalEntry { id: CommandId::Number(1), ..entry(1, Caller::Link) };
    let same_digits = JournalEntry { id: CommandId::Text("1".into()), ..entry(1, Caller::Link) };
    assert_eq!(store.begin_command(other_type).await.unwrap(), Begun::New);
    assert_eq!(store.begin_command(same_digits).await.unwrap(), Begun::New, "1 and \"1\" are two ids");

    let again = JournalEntry { action: "stop_server".into(), received_ms: NOW + 9, ..entry(1, Caller::Link) };
    assert_eq!(store.begin_command(again.clone()).await.unwrap(), Begun::Known(entry(1, Caller::Link)));
    store.answer_command(Caller::Link, CommandId::Text("cmd_1".into()), "{}".into()).await.unwrap();
    let answered = JournalEntry { answer: Some("{}".into()), ..entry(1, Caller::Link) };
    assert_eq!(store.begin_command(again.clone()).await.unwrap(), Begun::Known(answered));
    store.forget_command(Caller::Link, CommandId::Text("cmd_1".into())).await.unwrap();
    assert_eq!(store.begin_command(again).await.unwrap(), Begun::New);
    store.close().await;
}

// P-29
#[tokio::test]
async fn each_caller_has_its_last_32_768_commands() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    store.begin_command(entry(0, Caller::Http(0))).await.unwrap();
    let all: Vec<_> = (0..32_770).map(|number| store.begin_command(entry(number, Caller::Link))).collect();
    assert!(join_all(all).await.iter().all(|begun| matches!(begun, Ok(Begun::New))));
    let kept = store.load_recent_commands(NOW).await.unwrap();
    assert_eq!(kept.len(), 32_769);
    assert_eq!(kept[0], entry(0, Caller::Http(0)), "a busy caller does not push out another's");
    assert_eq!(kept[1], entry(2, Caller::Link), "the oldest go first");
    store.close().await;
}

// P-29
#[tokio::test]
async fn commands_are_forgotten_after_a_day_and_answers_have_a_bound() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    for number in [0, 1, 2] {
        store.begin_command(entry(number, Caller::Link)).await.unwrap();
    }
    let a_day_after_the_second = NOW + 1 + 24 * HOUR;
    assert_eq!(store.load_recent_commands(a_day_after_the_second).await.unwrap().len(), 2);
    assert_eq!(store.prune_commands(a_day_after_the_second).await.unwrap(), 1);
    assert_eq!(store.load_recent_commands(NOW).await.unwrap().len(), 2);
    let answer = format!("\"{}\"", "x".repeat(16 * 1024));
    let too_large = store.answer_command(Caller::Link, CommandId::Text("cmd_1".into()), answer).await;
    assert!(matches!(too_large, Err(StoreError::TooLarge { .. })), "{too_large:?}");
    store.close().await;
}

// P-20, P-21, P-99
#[tokio::test]
async fn operations_are_found_by_id_unfinished_and_last_of_each_server() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    for record in [operation(1, "a", Some(NOW)), operation(2, "b", None), operation(3, "a", None)] {
        store.upsert_operation(record).await.unwrap();
    }
    let unfinished = store.unfinished_operations().await.unwrap();
    assert_eq!(unfinished, [operation(2, "b", None), operation(3, "a", None)]);
    store.upsert_operation(operation(3, "a", Some(NOW + 9))).await.unwrap();
    assert_eq!(store.unfinished_operations().await.unwrap(), [operation(2, "b", None)]);
    assert_eq!(store.last_operations().await.unwrap(), [operation(2, "b", None), operation(3, "a", Some(NOW + 9))]);
    let found = store.get_operation(OperationId::new("op_1")).await.unwrap();
    assert_eq!(found, Some(operation(1, "a", Some(NOW))));
    assert_eq!(store.get_operation(OperationId::new("op_9")).await.unwrap(), None);
    store.close().await;
}

// P-21
#[tokio::test]
async fn operations_go_an_hour_after_their_end_but_for_the_last_of_a_server() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    store.upsert_server(server("a")).await.unwrap();
    for record in [
        operation(1, "a", Some(NOW)),
        operation(2, "a", Some(NOW)),
        operation(3, "deleted", Some(NOW)),
        operation(4, "b", None),
        operation(5, "b", Some(NOW + HOUR)),
    ] {
        store.upsert_operation(record).await.unwrap();
    }
    assert_eq!(store.prune_operations(NOW + HOUR).await.unwrap(), 0);
    assert_eq!(store.prune_operations(NOW + HOUR + 1).await.unwrap(), 2);
    let kept: Vec<_> = store.load_operations().await.unwrap().into_iter().map(|record| record.id.to_string()).collect();
    assert_eq!(kept, ["op_2", "op_4", "op_5"]);
    store.close().await;
}

// P-21
#[tokio::test]
async fn ten_thousand_operations_are_kept_and_none_that_runs_is_dropped() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let long_note = OperationRecord { note: Some("\u{e9}".repeat(5000)), ..operation(0, "a", None) };
    let mut all = vec![store.upsert_operation(long_note)];
    all.extend((1..10_005).map(|number| store.upsert_operation(operation(number, "a", Some(NOW)))));
    assert!(join_all(all).await.iter().all(Result::is_ok));
    let kept = store.load_operations().await.unwrap();
    assert_eq!(kept.len(), 10_001);
    assert_eq!((kept[0].id.as_str(), kept[1].id.as_str()), ("op_0", "op_5"));
    assert_eq!(kept[0].note.as_ref().unwrap().len(), 4096);
    store.close().await;
}

#[tokio::test]
async fn meta_values_are_set_and_listed() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    for (key, value) in [("console:a", "1"), ("console:b", "2"), ("epoch", "x"), ("console:a", "3")] {
        store.set_meta(key.into(), value.into()).await.unwrap();
    }
    let listed = store.list_meta("console:".into()).await.unwrap();
    assert_eq!(listed, [("console:a".to_owned(), "3".to_owned()), ("console:b".to_owned(), "2".to_owned())]);
    let too_large = store.set_meta("k".into(), "x".repeat(64 * 1024)).await;
    assert!(matches!(too_large, Err(StoreError::TooLarge { .. })));
    store.close().await;
}
