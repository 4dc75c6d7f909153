//! The configuration: read from defaults < file < environment < flags, checked as a whole before anything is opened.
//!
//! [`load`] gives a [`Loaded`], or everything that is wrong at once. The keys, with form, default and meaning, are one
//! table (`keys.rs`); `config/agent.toml` and `docs/configuration.md` are printed from it.

mod build;
mod capabilities;
mod checks;
mod credentials;
mod env;
mod form;
mod keys;
mod layers;
mod print;
mod problem;
mod sections;
mod settings;
mod units;
mod values;

use std::fmt;
use std::path::PathBuf;

pub use env::Environment;
pub use print::{example_file, reference_page};
pub use problem::{InvalidConfiguration, Problem};
pub use sections::{
    AgentConfig, CommandsConfig, ConsoleConfig, DockerConfig, HttpConfig, ImagePull, LimitsConfig, LogConfig,
    LogFormat, NodeConfig, PanelConfig, PortsConfig, StatsConfig, StorageConfig, TlsFiles,
};
pub use values::{AllowedImages, ContainerUser, HttpListener, PanelUrl, PortRange};

use layers::Findings;
use settings::Settings;

/// What a configuration is loaded from.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The file (`--config`); none = environment and flags alone.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Environment,
    /// `section.key=value` each (`--set`), the later over the earlier.
    pub flags: Vec<String>,
}

/// The flags may hold secrets; they are counted, not shown.
impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("file", &self.file)
            .field("environment", &self.environment)
            .field("flags", &self.flags.len())
            .finish()
    }
}

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: AgentConfig,
    /// What should be mended; to be logged loudly.
    pub warnings: Vec<Problem>,
    /// Every value as it was read, with its place; secrets are redacted when it is printed.
    settings: Settings,
}

impl Loaded {
    /// The effective configuration as TOML: each value with the place it came from, secrets redacted.
    pub fn effective(&self) -> String {
        print::effective(&self.settings)
    }

    /// Where the value of a key (`section.key`) came from: `default`, a file and line, an environment variable, a flag,
    /// a credential. `None` if it has no value.
    pub fn place_of(&self, key: &str) -> Option<&str> {
        self.settings.place(key)
    }
}

/// Loads and checks a configuration. Opens nothing but the files the configuration itself consists of.
///
/// # Errors
/// Everything that is wrong, with the place, the key, the expected form and the remedy. No secret is in it.
pub fn load(inputs: &Inputs) -> Result<Loaded, InvalidConfiguration> {
    let mut findings = Findings::default();
    let mut all_layers = vec![layers::defaults()];
    let file = inputs.file.as_ref().map(|path| layers::file(path, &mut findings));
    let file_is_unusable = matches!(file, Some(None));
    all_layers.extend(file.flatten());
    all_layers.push(layers::environment(&inputs.environment, &mut findings));
    all_layers.push(layers::flags(&inputs.flags, &mut findings));
    if file_is_unusable {
        return Err(InvalidConfiguration { problems: findings.problems, warnings: findings.warnings });
    }

    let mut settings = match layers::merge(all_layers) {
        Ok(merged) => Settings::read(&merged, &mut findings),
        Err(_) => {
            // The library's text could hold a value; its places are known from the layers already.
            findings.problem(
                "configuration",
                "",
                "the layers cannot be merged",
                "look for a key that is used as a table",
            );
            Settings::default()
        }
    };
    credentials::read(&mut settings, inputs, &mut findings);
    let config = build::config(&settings, &mut findings);
    let Findings { mut problems, mut warnings } = findings;
    match config {
        Some(config) if problems.is_empty() => {
            checks::warn_of_oddities(&config, &settings, &mut warnings);
            Ok(Loaded { config, warnings, settings })
        }
        _ => {
            problems.dedup();
            Err(InvalidConfiguration { problems, warnings })
        }
    }
}

#[cfg(test)]
mod tests;
