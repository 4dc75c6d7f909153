//! Environment variables in every form panels send (P-154).

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::Object;
use crate::code::Code;
use crate::json;
use crate::params::{Invalid, given};

/// The names the variables may stand under, the first one given counts.
const KEYS: [&str; 3] = ["environment", "env", "variables"];

/// Most variables of one server; a process with more could not be started anyway.
const MAX_VARIABLES: usize = 2_000;

/// Reads the variables; none if no key gives any (null included, so that an update cannot clear them by accident). Of a name given twice the last value counts.
pub(super) fn read(config: &Object, warnings: &mut Vec<String>) -> Result<Option<BTreeMap<String, String>>, Invalid> {
    let Some((field, value)) = KEYS.iter().find_map(|key| given(config, key).map(|value| (*key, value))) else {
        return Ok(None);
    };
    let refuse = |message: &str| Invalid::new(Code::ConfigInvalid, field, message);
    let mut variables = Variables { kept: BTreeMap::new(), warnings };
    match value {
        Value::Object(object) => variables.take_object(object),
        Value::String(text) if text.trim().is_empty() => {}
        Value::String(text) => match json::parse(text.as_bytes()) {
            Ok(Value::Object(object)) => variables.take_object(&object),
            _ => return Err(refuse("is a text but not the JSON of an object")),
        },
        Value::Array(list) => {
            for entry in list {
                match entry {
                    Value::String(text) => match text.split_once('=') {
                        Some((name, value)) => variables.take(name, value.to_owned()),
                        None => return Err(refuse("holds a text that is not NAME=value")),
                    },
                    Value::Object(object) => match object.get("envVariable") {
                        Some(Value::String(name)) => {
                            variables.take(name, text_of(object.get("value").unwrap_or(&Value::Null)));
                        }
                        _ => return Err(refuse("holds an object without envVariable")),
                    },
                    _ => return Err(refuse("must hold objects with envVariable and value, or texts NAME=value")),
                }
            }
        }
        _ => return Err(refuse("must be an object, a list, or the JSON text of an object")),
    }
    let kept = variables.kept;
    if kept.len() > MAX_VARIABLES {
        return Err(refuse("holds more than 2000 variables"));
    }
    Ok(Some(kept))
}

struct Variables<'a> {
    kept: BTreeMap<String, String>,
    warnings: &'a mut Vec<String>,
}

impl Variables<'_> {
    fn take_object(&mut self, object: &Object) {
        for (name, value) in object {
            self.take(name, text_of(value));
        }
    }

    /// Keeps a variable, or drops it with a warning. A name that is none is not repeated: it may be `NAME=secret`.
    fn take(&mut self, name: &str, value: String) {
        let fault = if name.is_empty() {
            "a variable without a name was dropped".to_owned()
        } else if name.contains('=') {
            "a variable with = in its name was dropped".to_owned()
        } else if name.contains('\0') {
            "a variable with a NUL character in its name was dropped".to_owned()
        } else if value.contains('\0') {
            let shown: String = name.chars().take(64).collect();
            format!("variable {shown} was dropped: its value holds a NUL character")
        } else {
            self.kept.insert(name.to_owned(), value);
            return;
        };
        self.warnings.push(fault);
    }
}

/// The text a process sees for a JSON value.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number_text(number),
        // Booleans, objects and lists: compact JSON.
        other => other.to_string(),
    }
}

/// As JavaScript writes it: 20.0 is 20.
fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < 1e15 => format!("{double:.0}"),
        _ => number.to_string(),
    }
}
