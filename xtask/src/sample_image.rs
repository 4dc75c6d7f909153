//! The image of the sample game server.

use std::path::Path;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// Its name. It is made on the spot and is in no registry.
pub(crate) const NAME: &str = "cap-sample:latest";

/// Makes it, unless the engine has the same one already. The test kit knows how, and is too large a library for this
/// program to compile first.
pub(crate) fn build(workspace: &Workspace, socket: &Path) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["run", "--quiet", "--locked", "--package", "cap-testkit", "--bin", "sample-image", "--"]);
    command::run(cargo.arg("--socket").arg(socket).args(["--tag", NAME]))
}
