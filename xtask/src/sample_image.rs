//! The image of the sample game server.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// Its name. It is made on the spot and is in no registry.
pub(crate) const NAME: &str = "cap-sample:latest";

/// Makes it, unless the engine has the same one already. The programs must have been built: one of the test kit's knows
/// how, because the test kit is too large a library for this program to link. Everybody's first command would have to
/// compile it before anything is seen.
pub(crate) fn build(workspace: &Workspace, socket: &Path) -> Result<()> {
    let mut command = Command::new(workspace.built_program("sample-image"));
    // It builds the sample server with the cargo that runs us.
    command::run(command.arg("--socket").arg(socket).args(["--tag", NAME]).current_dir(workspace.root()))
}
