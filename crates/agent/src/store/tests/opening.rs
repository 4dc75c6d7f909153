//! Opening: modes, the lock, damaged and newer files.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::{RootLock, StoreError};
use super::*;

fn mode(path: PathBuf) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn set_mode(path: PathBuf, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

// S-40
#[tokio::test]
async fn only_the_owner_can_read_what_is_stored() {
    let parent = TempDir::new().unwrap();
    let root = parent.path().join("var/agent");
    let opened = Store::open(&root, NOW).unwrap();
    opened.store.upsert_server(server("a")).await.unwrap();
    assert_eq!(mode(root.clone()), 0o700);
    for name in ["state.db", "state.db-wal", "state.db-shm", "agent.lock"] {
        assert_eq!(mode(root.join(name)), 0o600, "{name}");
    }
    assert_eq!(opened.tightened, Vec::<PathBuf>::new());
    opened.store.close().await;

    set_mode(root.clone(), 0o755);
    set_mode(root.join("state.db"), 0o644);
    let opened = Store::open(&root, NOW).unwrap();
    assert_eq!(opened.tightened, [root.clone(), root.join("state.db")]);
    assert_eq!((mode(root.clone()), mode(root.join("state.db"))), (0o700, 0o600));
    opened.store.close().await;
}

#[tokio::test]
async fn a_second_agent_is_refused_and_told_who_is_there() {
    let root = TempDir::new().unwrap();
    let store = open(root.path());
    let error = Store::open(root.path(), NOW).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
    assert!(matches!(error, StoreError::Locked { holder: Some(_), .. }));
    store.upsert_server(server("a")).await.expect("the first one is not disturbed");
    store.close().await;
    let store = open(root.path());
    store.close().await;
    RootLock::take(root.path()).expect("given up with the close");
}

#[tokio::test]
async fn a_damaged_file_is_put_aside_and_a_fresh_one_begun() {
    for damage in [
        |_: Vec<u8>| b"this is no database, but long enough to be looked at".repeat(100),
        |mut bytes: Vec<u8>| {
            let middle = bytes.len() / 3;
            bytes[100..middle].fill(0x5a);
            bytes
        },
        |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec(),
    ] {
        let root = TempDir::new().unwrap();
        let store = open(root.path());
        for number in 0..50 {
            store.upsert_server(server(&format!("s{number}"))).await.unwrap();
        }
        store.close().await;
        let file = root.path().join("state.db");
        let damaged = damage(std::fs::read(&file).unwrap());
        std::fs::write(&file, &damaged).unwrap();

        let opened = Store::open(root.path(), NOW).unwrap();
        let quarantined = opened.quarantined.expect("it was noticed");
        assert_eq!(quarantined.file, root.path().join(format!("state.db.damaged-{NOW}")));
        assert_eq!(std::fs::read(&quarantined.file).unwrap(), damaged, "kept as it was, to be looked into");
        assert_eq!(opened.store.load_servers().await.unwrap().servers, []);
        opened.store.upsert_server(server("new")).await.unwrap();
        opened.store.close().await;
        let store = open(root.path());
        assert_eq!(store.load_servers().await.unwrap().servers, [server("new")]);
        store.close().await;
    }
}

#[test]
fn three_damaged_files_are_kept_at_most() {
    let root = TempDir::new().unwrap();
    for moment in 1..=5 {
        std::fs::write(root.path().join("state.db"), "not a database, as anybody can see".repeat(50)).unwrap();
        let opened = Store::open(root.path(), moment).unwrap();
        assert!(opened.quarantined.is_some());
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(opened.store.close());
    }
    let mut damaged: Vec<String> = root
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("damaged"))
        .collect();
    damaged.sort();
    assert_eq!(damaged, ["state.db.damaged-3", "state.db.damaged-4", "state.db.damaged-5"]);
}

#[tokio::test]
async fn a_file_of_a_newer_agent_is_left_alone() {
    let root = TempDir::new().unwrap();
    open(root.path()).close().await;
    let path = root.path().join("state.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(root.path(), NOW).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error:?}");
    assert!(error.to_string().contains("schema version 99"), "{error}");
    assert_eq!(error.exit_code(), 1);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(!root.path().join(format!("state.db.damaged-{NOW}")).exists());
}

#[test]
fn a_root_that_cannot_be_made_is_an_error_that_names_it() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("below"), NOW).unwrap_err();
    assert!(error.to_string().contains("cannot create") && error.to_string().contains("below"), "{error}");
}
