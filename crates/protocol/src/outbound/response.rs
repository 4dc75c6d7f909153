//! The answer to a command on the link (P-42).

use serde::Serialize;
use serde_json::Value;

use super::value_of;
use crate::Object;
use crate::code::Code;
use crate::request::RequestId;

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Echoed with its JSON type; null if the command had none.
    pub id: RequestId,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It worked, or it is under way.
    Ok {
        /// For people.
        message: Option<String>,
        /// Never null.
        data: Object,
    },
    /// It was refused, or it failed.
    Error {
        /// Why.
        code: Code,
        /// Why, for people.
        message: String,
    },
}

/// Data as an object. Whatever is not one is put under `value`, since `data` must be an object (P-80); null is `{}`.
pub fn object_of(data: &impl Serialize) -> Object {
    match value_of(data) {
        Value::Object(object) => object,
        Value::Null => Object::new(),
        other => Object::from_iter([("value".to_owned(), other)]),
    }
}
