//! Questions about the node's servers, operations and aliases.

use serde_json::Value;

use super::{Invalid, given, strict_flag};
use crate::Object;
use crate::code::Code;
use crate::request::is_server_id;
use crate::status::StatusWord;

/// Parameters of get_operation (P-99).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetOperationParams {
    /// As it was given out; any text of 1 to 128 characters, so an unknown one is simply not found.
    pub operation_id: String,
}

/// Longest operation id that is looked up; ours are shorter.
const MAX_OPERATION_ID: usize = 128;

impl GetOperationParams {
    /// Reads `operationId`.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        match given(params, "operationId") {
            Some(Value::String(id)) if (1..=MAX_OPERATION_ID).contains(&id.len()) => {
                Ok(Self { operation_id: id.clone() })
            }
            _ => Err(Invalid::request("operationId", "must be a string of 1 to 128 characters")),
        }
    }
}

/// Parameters of bind_alias (P-100).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAliasParams {
    /// The other name, well-formed as a server id.
    pub alias: String,
    /// Take it from another server if need be.
    pub replace: bool,
    /// Take it away instead.
    pub remove: bool,
}

impl BindAliasParams {
    /// Reads `alias`, `replace` and `remove`. An alias that is no server id is INVALID_SERVER_ID, a missing one
    /// INVALID_REQUEST.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let alias = match given(params, "alias") {
            None => return Err(Invalid::request("alias", "is required")),
            Some(Value::String(alias)) if is_server_id(alias) => alias.clone(),
            Some(_) => {
                let message = "must have 1 to 64 characters, each a letter, a digit, _ or -";
                return Err(Invalid::new(Code::InvalidServerId, "alias", message));
            }
        };
        Ok(Self { alias, replace: strict_flag(params, "replace")?, remove: strict_flag(params, "remove")? })
    }
}

/// Parameters of list_servers (P-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListServersParams {
    /// Only servers of this status; `offline` has been read as `stopped` (P-205).
    pub status: Option<StatusWord>,
}

impl ListServersParams {
    /// Reads `status`; absent, null and `""` mean all, a word that is no status is INVALID_REQUEST.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let status = match given(params, "status") {
            None => None,
            Some(Value::String(word)) if word.is_empty() => None,
            Some(value) => {
                let known = value.as_str().and_then(StatusWord::from_word);
                Some(known.ok_or_else(|| Invalid::request("status", "must be a status word such as running"))?)
            }
        };
        Ok(Self { status })
    }
}
