//! The sample server as a static program, which runs in an image that holds nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Builds the sample server static and answers where it is. Blocks; cargo makes the second time quick, and lets several
/// processes ask at once.
///
/// The program goes to `target/static`, apart from everything else: the linker's flags differ. The C library is glibc,
/// linked static, because its targets come with every toolchain and musl's do not.
pub fn static_binary() -> anyhow::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().context("the workspace is gone")?;
    let target_directory = workspace.join("target/static");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(&workspace)
        .args(["build", "--quiet", "--package", "cap-sample-server", "--release", "--target", &target])
        .arg("--target-dir")
        .arg(&target_directory)
        // With `--target`, flags reach the program alone, and neither build scripts nor macros.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .context("cargo cannot be run")?;
    ensure!(
        output.status.success(),
        "the sample server could not be built:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let binary = target_directory.join(target).join("release/sample-server");
    ensure!(binary.is_file(), "cargo built no {}", binary.display());
    Ok(binary)
}
