//! Versions and lints stand in the workspace only; each crate says that it takes them from there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::tree;

/// What every package takes from the workspace.
const SHARED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// Tables of dependencies, at the top of a manifest and below `target.*`.
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What is wrong, one line each.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in tree::files(root, &["toml"])? {
        if file.file_name().is_none_or(|name| name != "Cargo.toml") || file == Path::new("Cargo.toml") {
            continue;
        }
        let text = fs::read_to_string(root.join(&file)).with_context(|| format!("cannot read {}", file.display()))?;
        let manifest: Table = text.parse().with_context(|| format!("{} is not TOML", file.display()))?;
        found.extend(judge(&manifest).into_iter().map(|finding| format!("{}: {finding}", file.display())));
    }
    Ok(found)
}

fn judge(manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    if !manifest.get("lints").is_some_and(takes_from_workspace) {
        found.push("[lints] workspace = true is missing".to_owned());
    }
    for key in SHARED {
        if !manifest.get("package").and_then(|package| package.get(key)).is_some_and(takes_from_workspace) {
            found.push(format!("package.{key} does not come from the workspace"));
        }
    }
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    for table in tables {
        for (name, dependency) in DEPENDENCIES.iter().filter_map(|key| table.get(*key)?.as_table()).flatten() {
            if !takes_from_workspace(dependency) {
                found.push(format!("dependency {name} does not come from [workspace.dependencies]"));
            }
        }
    }
    found
}

fn takes_from_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"x\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [dependencies]\nlog = { workspace = true }\n[lints]\nworkspace = true\n";

    fn judged(text: &str) -> Vec<String> {
        judge(&text.parse().unwrap())
    }

    #[test]
    fn a_manifest_that_takes_everything_from_the_workspace_is_good() {
        assert_eq!(judged(GOOD), [] as [String; 0]);
    }

    #[test]
    fn versions_of_its_own_and_missing_lints_are_found() {
        let own_version = GOOD.replace("log = { workspace = true }", "log = \"0.4\"");
        assert_eq!(judged(&own_version), ["dependency log does not come from [workspace.dependencies]"]);
        let no_lints = GOOD.replace("[lints]\nworkspace = true\n", "");
        assert_eq!(judged(&no_lints), ["[lints] workspace = true is missing"]);
        let own_edition = GOOD.replace("edition.workspace = true", "edition = \"2021\"");
        assert_eq!(judged(&own_edition), ["package.edition does not come from the workspace"]);
    }

    #[test]
    fn dependencies_for_tests_and_for_one_platform_are_looked_at_too() {
        let more = "[dev-dependencies]\na = { path = \"../a\" }\n[target.'cfg(unix)'.dependencies]\nb = \"1\"\n";
        let found = judged(&format!("{GOOD}{more}"));
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
