//! Claims about configurations as operators meet them.

mod checks;
mod layers;
mod pages;
mod secrets;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{AgentConfig, Environment, Inputs, InvalidConfiguration, Loaded, load};

/// A secret nobody would object to, easy to find in any output.
const CANARY: &str = "CANARY-5f2c91d07ab34e68";

/// A directory with files of a configuration in it.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file only its owner can read.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        path
    }

    /// Loads `agent.toml` with this text.
    fn load(&self, text: &str) -> Result<Loaded, InvalidConfiguration> {
        let file = Some(self.write("agent.toml", text));
        load(&Inputs { file, ..Inputs::default() })
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Loads from a file with this text alone.
fn load_text(text: &str) -> Result<Loaded, InvalidConfiguration> {
    Files::new().load(text)
}

/// Loads from the environment alone.
fn load_environment<const N: usize>(pairs: [(&str, &str); N]) -> Result<Loaded, InvalidConfiguration> {
    load(&Inputs { environment: Environment::from(pairs), ..Inputs::default() })
}

/// Loads from flags alone.
fn load_flags(flags: &[&str]) -> Result<Loaded, InvalidConfiguration> {
    load(&Inputs { flags: flags.iter().map(|flag| (*flag).to_owned()).collect(), ..Inputs::default() })
}

/// The configuration with `node.id` and this.
#[track_caller]
fn accepted(setting: &str) -> AgentConfig {
    match load_flags(&["node.id=n", setting]) {
        Ok(loaded) => loaded.config,
        Err(invalid) => panic!("{setting}: {invalid}"),
    }
}

/// Everything that is wrong with `node.id` and these, in one text.
#[track_caller]
fn refused(settings: &[&str]) -> String {
    let flags: Vec<&str> = ["node.id=n"].into_iter().chain(settings.iter().copied()).collect();
    match load_flags(&flags) {
        Ok(_) => panic!("{settings:?} was accepted"),
        Err(invalid) => invalid.to_string(),
    }
}

/// Everything that is odd about `node.id` and these, in one text.
#[track_caller]
fn warned(settings: &[&str]) -> String {
    let flags: Vec<&str> = ["node.id=n"].into_iter().chain(settings.iter().copied()).collect();
    match load_flags(&flags) {
        Ok(loaded) => loaded.warnings.iter().map(|warning| format!("{warning}\n")).collect(),
        Err(invalid) => panic!("{settings:?}: {invalid}"),
    }
}
