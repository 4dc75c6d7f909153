//! Actions that destroy data: their flags are never guessed at.

use super::{Invalid, strict_flag};
use crate::Object;

/// Parameters of delete_server (P-91).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteParams {
    /// Leave the data directory where it is.
    pub keep_files: bool,
}

impl DeleteParams {
    /// Reads `keepFiles`, false if absent; anything but true or false is INVALID_REQUEST.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        Ok(Self { keep_files: strict_flag(params, "keepFiles")? })
    }
}

/// Parameters of reinstall_server (P-94).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReinstallParams {
    /// Remove the data first.
    pub wipe_data: bool,
}

impl ReinstallParams {
    /// Reads `wipeData`, false if absent; anything but true or false is INVALID_REQUEST.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        Ok(Self { wipe_data: strict_flag(params, "wipeData")? })
    }
}
