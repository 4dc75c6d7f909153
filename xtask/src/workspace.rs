//! Where the repository and its build output are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::command;

/// The workspace, as cargo sees it from the current directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    test_programs: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self> {
        // The manifest cargo compiled us from, unless the checkout has moved since.
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut cargo = command::cargo();
        cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
        if manifest.is_file() {
            cargo.arg("--manifest-path").arg(manifest);
        }
        let metadata: Value =
            serde_json::from_slice(&command::output(&mut cargo)?).context("cargo metadata is not JSON")?;
        let path = |key: &str| {
            let text = metadata.get(key).and_then(Value::as_str);
            text.map(PathBuf::from).with_context(|| format!("cargo metadata has no {key}"))
        };
        let test_programs = test_programs(&metadata);
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, test_programs })
    }

    /// The top folder of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder cargo builds into; also where this program keeps its own notes.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The names of all test programs (`tests/*.rs` and `[[test]]`) of all packages.
    pub(crate) fn test_programs(&self) -> &[String] {
        &self.test_programs
    }

    /// Builds all programs. Always those of the whole workspace: another selection would choose other features of the
    /// dependencies, and build half of them a second time.
    pub(crate) fn build_programs(&self) -> Result<()> {
        command::run(self.cargo().args(["build", "--workspace", "--bins", "--locked"]))
    }

    /// A program built by [`Self::build_programs`].
    pub(crate) fn built_program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// `cargo`, run in the root.
    pub(crate) fn cargo(&self) -> std::process::Command {
        let mut cargo = command::cargo();
        cargo.current_dir(&self.root);
        cargo
    }
}

fn test_programs(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let tests = targets.filter(|target| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&json!("test"))));
    tests.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_told_from_libraries_and_programs() {
        let metadata = json!({"packages": [
            {"targets": [{"kind": ["lib"], "name": "a"}, {"kind": ["test"], "name": "real"}]},
            {"targets": [{"kind": ["bin"], "name": "b"}, {"kind": ["test"], "name": "browser"}]}]});
        assert_eq!(test_programs(&metadata), ["real", "browser"]);
    }
}
