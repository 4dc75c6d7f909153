//! What a server is to be: the payload of create_server and update_server in all its variants (section 11).
//!
//! Everything that can be checked without Docker is checked here (P-150); an [`Invalid`] means that nothing was created
//! or changed. What is odd but not wrong ends in `warnings`, in sentences that hold no environment values.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Object;
use crate::code::Code;
use crate::params::{Invalid, given};

mod environment;
mod extras;
mod image;
mod limits;
mod ports;
#[cfg(test)]
mod tests;
mod units;
mod update;

pub use extras::{InstallScript, StopSetting};
pub use limits::{LimitChanges, LimitsRequest, SwapLimit};
pub use ports::{PortSpec, Protocol};
pub use update::{Change, UpdateRequest};

use extras::Extras;

/// A create as asked for (P-149 to P-166).
#[derive(Clone, Debug, PartialEq)]
pub struct CreateRequest {
    /// For people; none = the id.
    pub name: Option<String>,
    /// A valid image reference.
    pub image: String,
    /// The start line, variables not filled in; none = the image's own command.
    pub startup: Option<String>,
    /// Variables as given, before the synthesised ones (P-155).
    pub environment: BTreeMap<String, String>,
    /// Ceilings.
    pub limits: LimitsRequest,
    /// Ports in the order given, one entry per protocol; empty = allocate (P-164).
    pub ports: Vec<PortSpec>,
    /// How to stop it; none = SIGTERM.
    pub stop: Option<StopSetting>,
    /// Texts in the output that mean "ready"; any of them.
    pub startup_done: Vec<String>,
    /// Configuration files to write, as given.
    pub config_files: Option<Object>,
    /// Log settings, as given.
    pub config_logs: Option<Object>,
    /// The install script.
    pub install: Option<InstallScript>,
    /// Do not run it.
    pub skip_scripts: bool,
    /// File names users must not touch.
    pub file_denylist: Vec<String>,
    /// Whether the kernel may kill the server for want of memory.
    pub oom_killer: bool,
    /// One terminal stream instead of stdout and stderr; none = the node's default. An extension of ours.
    pub tty: Option<bool>,
    /// Other names of the server (P-166), well-formed, without repetitions.
    pub aliases: Vec<String>,
    /// What was odd but not wrong.
    pub warnings: Vec<String>,
}

impl CreateRequest {
    /// Reads the parameters of create_server.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let config = configuration(params);
        let config = config.as_ref().unwrap_or(params);
        let mut warnings = Vec::new();
        let image = match image::read(config)? {
            Some(image) => image,
            None => return Err(Invalid::new(Code::ConfigInvalid, "image", "is required")),
        };
        let startup = read_startup(config, &mut warnings)?;
        let environment = environment::read(config, &mut warnings)?.unwrap_or_default();
        let limits = LimitsRequest::from_config(config)?;
        let ports = ports::read(config)?.unwrap_or_default();
        let extras = Extras::read(config, &mut warnings);
        Ok(Self {
            name: extras.name,
            image,
            startup,
            environment,
            limits,
            ports,
            stop: extras.stop,
            startup_done: extras.startup_done.unwrap_or_default(),
            config_files: extras.config_files,
            config_logs: extras.config_logs,
            install: extras.install,
            skip_scripts: extras.skip_scripts.unwrap_or(false),
            file_denylist: extras.file_denylist.unwrap_or_default(),
            // Docker's default; a server without it can hang the node instead of dying.
            oom_killer: extras.oom_killer.unwrap_or(true),
            tty: extras.tty,
            aliases: extras.aliases,
            warnings,
        })
    }

    /// What is only kept for features to come, as JSON texts under the contract's names; empty things are left out.
    pub fn kept(&self) -> BTreeMap<String, String> {
        let install = self.install.as_ref().map(|install| {
            json!({ "script": install.script, "container": install.container, "entrypoint": install.entrypoint })
        });
        let denylist = (!self.file_denylist.is_empty()).then(|| json!(self.file_denylist));
        let entries = [
            ("configFiles", self.config_files.clone().map(Value::Object)),
            ("configLogs", self.config_logs.clone().map(Value::Object)),
            ("install", install),
            ("skipScripts", self.skip_scripts.then_some(Value::Bool(true))),
            ("fileDenylist", denylist),
        ];
        entries.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_string()))).collect()
    }
}

/// Parameters with the keys of `config` and `eggConfig` on top (P-149); none if they hold neither.
fn configuration(params: &Object) -> Option<Object> {
    let nested: Vec<&Object> =
        ["config", "eggConfig"].iter().filter_map(|key| params.get(*key).and_then(Value::as_object)).collect();
    if nested.is_empty() {
        return None;
    }
    let mut merged = params.clone();
    for overlay in nested {
        for (key, value) in overlay {
            merged.insert(key.clone(), value.clone());
        }
    }
    Some(merged)
}

/// `startup`, else `startup_command` (P-165); `""` is none.
fn read_startup(config: &Object, warnings: &mut Vec<String>) -> Result<Option<String>, Invalid> {
    let line = match given(config, "startup") {
        Some(Value::String(line)) if !line.is_empty() => Some(("startup", line)),
        None | Some(Value::String(_)) => match given(config, "startup_command") {
            Some(Value::String(line)) if !line.is_empty() => Some(("startup_command", line)),
            None | Some(Value::String(_)) => None,
            Some(_) => {
                warnings.push("startup_command is not a text and was ignored".to_owned());
                None
            }
        },
        Some(_) => return Err(Invalid::new(Code::ConfigInvalid, "startup", "must be a string")),
    };
    match line {
        // The kernel takes no NUL in an argument; Docker would fail later and less clearly.
        Some((field, line)) if line.contains('\0') => {
            Err(Invalid::new(Code::ConfigInvalid, field, "must not hold a NUL character"))
        }
        Some((_, line)) => Ok(Some(line.clone())),
        None => Ok(None),
    }
}
