//! update_server: only what is named changes (P-167).

use std::collections::BTreeMap;

use serde_json::Value;

use super::extras::{Extras, InstallScript, StopSetting};
use super::limits::LimitChanges;
use super::ports::{self, PortSpec};
use super::{configuration, environment, image, read_startup};
use crate::Object;
use crate::params::{Invalid, given};

/// Whether an update names a thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes this.
    Set(T),
}

impl<T> Change<T> {
    /// The new value, or this one.
    pub fn or_keep(self, present: T) -> T {
        match self {
            Self::Keep => present,
            Self::Set(value) => value,
        }
    }

    fn from_given(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

/// An update as asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateRequest {
    /// For people.
    pub name: Change<String>,
    /// A valid image reference.
    pub image: Change<String>,
    /// The start line; none = the image's own command.
    pub startup: Change<Option<String>>,
    /// All variables anew.
    pub environment: Change<BTreeMap<String, String>>,
    /// Key by key.
    pub limits: LimitChanges,
    /// All ports anew; empty = allocate.
    pub ports: Change<Vec<PortSpec>>,
    /// How to stop it.
    pub stop: Change<StopSetting>,
    /// Texts that mean "ready".
    pub startup_done: Change<Vec<String>>,
    /// Configuration files, as given.
    pub config_files: Change<Object>,
    /// Log settings, as given.
    pub config_logs: Change<Object>,
    /// The install script.
    pub install: Change<InstallScript>,
    /// Do not run it.
    pub skip_scripts: Change<bool>,
    /// File names users must not touch.
    pub file_denylist: Change<Vec<String>>,
    /// Whether the kernel may kill the server for want of memory.
    pub oom_killer: Change<bool>,
    /// One terminal stream.
    pub tty: Change<bool>,
    /// Further aliases.
    pub aliases: Vec<String>,
    /// Pull the image anew (P-90).
    pub pull_image: bool,
    /// What was odd but not wrong.
    pub warnings: Vec<String>,
}

impl UpdateRequest {
    /// Reads the parameters of update_server. An error means that nothing is to change.
    pub fn from_map(params: &Object) -> Result<Self, Invalid> {
        let config = configuration(params);
        let config = config.as_ref().unwrap_or(params);
        let mut warnings = Vec::new();
        let names_startup =
            ["startup", "startup_command"].iter().any(|key| given(config, key).is_some_and(Value::is_string));
        let startup = read_startup(config, &mut warnings)?;
        let extras = Extras::read(config, &mut warnings);
        Ok(Self {
            name: Change::from_given(extras.name),
            image: Change::from_given(image::read(config)?),
            startup: if names_startup { Change::Set(startup) } else { Change::Keep },
            environment: Change::from_given(environment::read(config, &mut warnings)?),
            limits: LimitChanges::from_config(config)?,
            ports: Change::from_given(ports::read(config)?),
            stop: Change::from_given(extras.stop),
            startup_done: Change::from_given(extras.startup_done),
            config_files: Change::from_given(extras.config_files),
            config_logs: Change::from_given(extras.config_logs),
            install: Change::from_given(extras.install),
            skip_scripts: Change::from_given(extras.skip_scripts),
            file_denylist: Change::from_given(extras.file_denylist),
            oom_killer: Change::from_given(extras.oom_killer),
            tty: Change::from_given(extras.tty),
            aliases: extras.aliases,
            pull_image: given(config, "pullImage").and_then(Value::as_bool).unwrap_or(false),
            warnings,
        })
    }
}
