//! Where the repository and its build output are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command;

/// The workspace, as cargo sees it from the current directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
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
        let metadata: serde_json::Value =
            serde_json::from_slice(&command::output(&mut cargo)?).context("cargo metadata is not JSON")?;
        let path = |key: &str| {
            let text = metadata.get(key).and_then(serde_json::Value::as_str);
            text.map(PathBuf::from).with_context(|| format!("cargo metadata has no {key}"))
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")? })
    }

    /// The top folder of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder cargo builds into; also where this program keeps its own notes.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// A program built by `cargo build` without `--release`.
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
