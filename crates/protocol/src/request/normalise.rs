//! From the shapes of all panel generations to one [`Request`] (P-178 to P-180).

use serde_json::Value;

use super::{Rejection, Request, RequestId, Style, is_server_id};
use crate::Object;
use crate::action::Action;
use crate::code::Code;

/// Most characters of an unknown action that are repeated in the answer (P-213).
const MAX_ECHOED_ACTION: usize = 100;

/// Normalises a `command` frame or an HTTP body.
pub(crate) fn command(mut outer: Object, style: Style) -> Result<Request, Rejection> {
    let mut refusal = Refusal::new(style);
    let mut server_ids = Vec::new();
    let inner = nested_command(&mut outer);
    let outer_id = refusal.read_id(&outer, "id")?;
    let command = match inner {
        None => {
            refusal.id = outer_id;
            outer
        }
        Some(inner) => {
            let inner_id = refusal.read_id(&inner, "id")?;
            refusal.id = if outer_id.is_given() || inner_id == RequestId::Absent { outer_id } else { inner_id };
            collect_server_id(&mut server_ids, &outer);
            inner
        }
    };
    let action = match command.get("action") {
        None | Some(Value::Null) => return Err(refusal.because(Code::InvalidRequest, "action is required")),
        Some(Value::String(name)) if name.trim().is_empty() => {
            return Err(refusal.because(Code::InvalidRequest, "action is empty"));
        }
        Some(Value::String(name)) => match Action::from_name(name) {
            Some(action) => action,
            None => {
                let echoed: String = name.chars().take(MAX_ECHOED_ACTION).collect();
                return Err(refusal.because(Code::UnknownAction, format!("Unknown action: {echoed}")));
            }
        },
        Some(_) => return Err(refusal.because(Code::InvalidRequest, "action must be a string")),
    };
    finish(command, action, refusal, server_ids)
}

/// Normalises a legacy frame whose type has already been found to be this action.
pub(crate) fn legacy(frame: Object, action: Action) -> Result<Request, Rejection> {
    let mut refusal = Refusal::new(Style::LegacyFrame { reply: false });
    refusal.read_legacy_id(&frame)?;
    finish(frame, action, refusal, Vec::new())
}

/// The id of a frame that usually has none, and the style that follows from it.
pub(crate) fn legacy_refusal(frame: &Object, code: Code, message: impl Into<String>) -> Rejection {
    let mut refusal = Refusal::new(Style::LegacyFrame { reply: false });
    match refusal.read_legacy_id(frame) {
        Ok(()) => refusal.because(code, message),
        Err(rejection) => rejection,
    }
}

/// `data`, if it is the command and the outside is not (P-180).
fn nested_command(outer: &mut Object) -> Option<Object> {
    let has_action = outer.get("action").is_some_and(|action| !action.is_null());
    let nested = outer.get("data").and_then(Value::as_object).is_some_and(|data| data.contains_key("action"));
    if has_action || !nested {
        return None;
    }
    match outer.shift_remove("data") {
        Some(Value::Object(data)) => Some(data),
        _ => None,
    }
}

/// The part that all shapes share: parameters and server ids.
fn finish(
    mut command: Object,
    action: Action,
    mut refusal: Refusal,
    mut server_ids: Vec<Value>,
) -> Result<Request, Rejection> {
    // Collected before the parts are taken out: the first one is the server, wherever it stands (P-178).
    collect_server_id(&mut server_ids, &command);
    let inner_payload = command.get("data").and_then(|data| data.get("payload")).and_then(Value::as_object);
    if let Some(inner_payload) = inner_payload {
        collect_own_server_id(&mut server_ids, inner_payload);
    }
    let (server_id, other_server_ids) = if action.needs_server() {
        let mut ids = refusal.check_server_ids(server_ids)?;
        let first = ids.remove(0);
        refusal.server_id = Some(first.clone());
        (Some(first), ids)
    } else {
        (None, Vec::new())
    };
    let data = refusal.take_object(&mut command, "data")?;
    let payload = refusal.take_object(&mut command, "payload")?;
    let go_envelope =
        !matches!(refusal.style, Style::LegacyFrame { .. }) && payload.is_none() && data.as_ref().is_some();
    let mut params = data.unwrap_or_default();
    for (key, value) in payload.unwrap_or_default() {
        params.insert(key, value);
    }
    params.shift_remove("serverId");
    Ok(Request { id: refusal.id, action, server_id, other_server_ids, params, style: refusal.style, go_envelope })
}

/// Adds the ids at the top level, in `payload` and in `data`, in this order.
fn collect_server_id(ids: &mut Vec<Value>, command: &Object) {
    collect_own_server_id(ids, command);
    for part in ["payload", "data"] {
        if let Some(part) = command.get(part).and_then(Value::as_object) {
            collect_own_server_id(ids, part);
        }
    }
}

fn collect_own_server_id(ids: &mut Vec<Value>, object: &Object) {
    match object.get("serverId") {
        None | Some(Value::Null) => {}
        Some(id) => ids.push(id.clone()),
    }
}

/// What is known of a command so far, in case it has to be refused.
struct Refusal {
    id: RequestId,
    style: Style,
    server_id: Option<String>,
}

impl Refusal {
    fn new(style: Style) -> Self {
        Self { id: RequestId::Absent, style, server_id: None }
    }

    fn because(self, code: Code, message: impl Into<String>) -> Rejection {
        Rejection { id: self.id, style: self.style, code, message: message.into(), server_id: self.server_id }
    }

    /// Refuses without giving up what is known.
    fn reject(&self, code: Code, message: impl Into<String>) -> Rejection {
        Rejection {
            id: self.id.clone(),
            style: self.style,
            code,
            message: message.into(),
            server_id: self.server_id.clone(),
        }
    }

    fn read_id(&self, object: &Object, key: &str) -> Result<RequestId, Rejection> {
        RequestId::from_value(object.get(key)).ok_or_else(|| Rejection {
            // An id that is none cannot be echoed (P-31).
            id: RequestId::Null,
            ..self.reject(Code::InvalidRequest, format!("{key} must be a string of 1 to 128 characters or an integer"))
        })
    }

    /// A legacy frame has no id; one that has `id` or `messageId` nevertheless wants a reply (P-32).
    fn read_legacy_id(&mut self, frame: &Object) -> Result<(), Rejection> {
        for key in ["id", "messageId"] {
            if frame.get(key).is_none_or(Value::is_null) {
                continue;
            }
            self.style = Style::LegacyFrame { reply: true };
            self.id = self.read_id(frame, key)?;
            break;
        }
        Ok(())
    }

    /// Takes `data` or `payload` out: null counts as absent, anything but an object is refused (P-179).
    fn take_object(&self, command: &mut Object, key: &str) -> Result<Option<Object>, Rejection> {
        match command.shift_remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.reject(Code::InvalidRequest, format!("{key} must be an object"))),
        }
    }

    /// All ids well-formed, at least one, without exact repetitions (P-168).
    fn check_server_ids(&self, found: Vec<Value>) -> Result<Vec<String>, Rejection> {
        let mut ids: Vec<String> = Vec::new();
        for id in found {
            match id {
                Value::String(text) if is_server_id(&text) => {
                    if !ids.contains(&text) {
                        ids.push(text);
                    }
                }
                _ => {
                    let message = "serverId must have 1 to 64 characters, each a letter, a digit, _ or -";
                    return Err(self.reject(Code::InvalidServerId, message));
                }
            }
        }
        if ids.is_empty() {
            return Err(self.reject(Code::InvalidRequest, "serverId is required"));
        }
        Ok(ids)
    }
}
