//! Fixtures of the contract, for the tests of this crate.

use std::path::PathBuf;

use serde_json::Value;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

/// The bytes of a fixture, without the newline at the end of a `.json` file.
#[track_caller]
pub(crate) fn fixture_bytes(name: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(path(name)).unwrap_or_else(|error| panic!("fixture {name}: {error}"));
    if name.ends_with(".json") && bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    bytes
}

/// A fixture as plain `serde_json` reads it, so that a fault of our own reader cannot hide behind itself.
#[track_caller]
pub(crate) fn fixture(name: &str) -> Value {
    serde_json::from_slice(&fixture_bytes(name)).unwrap_or_else(|error| panic!("fixture {name}: {error}"))
}

/// The named items of a `.list.json` file (or the one message of another), as bytes under `key`.
#[track_caller]
pub(crate) fn items(name: &str, key: &str) -> Vec<(String, Value)> {
    let whole = fixture(name);
    let list = whole.as_array().unwrap_or_else(|| panic!("{name} is not a list"));
    assert!(!list.is_empty(), "{name} is empty");
    list.iter().map(|item| (item["name"].as_str().unwrap().to_owned(), item[key].clone())).collect()
}

/// One item of a list.
#[track_caller]
pub(crate) fn item(name: &str, item_name: &str, key: &str) -> Value {
    let found = items(name, key).into_iter().find(|(name, _)| name == item_name);
    found.unwrap_or_else(|| panic!("no {item_name} in {name}")).1
}

/// Whether two values have the same keys and JSON types all the way down; lists are compared by their first items.
#[track_caller]
pub(crate) fn assert_same_shape(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            let left_keys: Vec<_> = left.keys().collect();
            let right_keys: Vec<_> = right.keys().collect();
            assert_eq!(left_keys, right_keys, "keys and their order at {place}");
            for (key, value) in left {
                assert_same_shape(value, &right[key], &format!("{place}.{key}"));
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            if let (Some(left), Some(right)) = (left.first(), right.first()) {
                assert_same_shape(left, right, &format!("{place}[0]"));
            }
        }
        _ => assert_eq!(
            std::mem::discriminant(ours),
            std::mem::discriminant(theirs),
            "type at {place}: {ours} instead of {theirs}"
        ),
    }
}
