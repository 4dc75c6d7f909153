//! Fixtures of the contract (`tests/fixtures`), and how tests make them their own: another server id, the sample image.

use std::path::PathBuf;

use serde_json::Value;

/// A fixture as JSON. A `.txt` fixture is no JSON: see [`bytes()`].
#[track_caller]
pub fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("fixture {name}: {error}"))
}

/// A fixture as it is.
#[track_caller]
pub fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("fixture {name}: {error}"))
}

/// The named items of a `.list.json` fixture: each item's name, and what it has under `key`.
#[track_caller]
pub fn items(name: &str, key: &str) -> Vec<(String, Value)> {
    let whole = json(name);
    let list = whole.as_array().unwrap_or_else(|| panic!("{name} is no list"));
    assert!(!list.is_empty(), "{name} is empty");
    list.iter().map(|item| (item["name"].as_str().unwrap().to_owned(), item[key].clone())).collect()
}

/// One item of a `.list.json` fixture.
#[track_caller]
pub fn item(name: &str, item: &str, key: &str) -> Value {
    let found = items(name, key).into_iter().find(|(found, _)| found == item);
    found.unwrap_or_else(|| panic!("no {item} in {name}")).1
}

/// The same message for another server: each `serverId` that is a text is replaced, wherever it stands.
pub fn for_server(mut message: Value, server: &str) -> Value {
    replace(&mut message, &|key, value| (key == "serverId" && value.is_string()).then(|| Value::from(server)));
    message
}

/// The same message with each text `image` replaced.
pub fn with_image(mut message: Value, image: &str) -> Value {
    replace(&mut message, &|key, value| (key == "image" && value.is_string()).then(|| Value::from(image)));
    message
}

/// Puts another value wherever `with` gives one for a key and its value.
pub fn replace(message: &mut Value, with: &impl Fn(&str, &Value) -> Option<Value>) {
    match message {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match with(key, value) {
                    Some(other) => *value = other,
                    None => replace(value, with),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| replace(value, with)),
        _ => {}
    }
}
