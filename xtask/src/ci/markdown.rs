//! Every relative link and every path of this repository that a Markdown file names exists.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use super::tree;

/// What is wrong, one line each.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in tree::files(root, &["md"])? {
        let text = fs::read_to_string(root.join(&file)).with_context(|| format!("cannot read {}", file.display()))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        for (number, name) in named(&text) {
            let missing = match &name {
                Named::Link(target) => !link_leads_somewhere(root, folder, &file, target),
                Named::Path(path) => names_this_repository(root, path) && !root.join(path).exists(),
            };
            if missing {
                let (Named::Link(words) | Named::Path(words)) = name;
                found.push(format!("{}:{number}: `{words}` does not exist", file.display()));
            }
        }
    }
    Ok(found)
}

/// Something a Markdown file names.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    /// The target of a link to somewhere in this repository.
    Link(String),
    /// Text in backticks that looks like a path.
    Path(String),
}

/// Everything named, with its line number. Blocks of code are left out: what they show need not be here.
fn named(text: &str) -> Vec<(usize, Named)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if !in_code {
            found.extend(named_in_line(line).into_iter().map(|name| (index + 1, name)));
        }
    }
    found
}

fn named_in_line(line: &str) -> Vec<Named> {
    let mut found = Vec::new();
    // Odd pieces between backticks are code.
    let pieces: Vec<&str> = line.split('`').collect();
    let (code, text): (Vec<_>, Vec<_>) = pieces.into_iter().enumerate().partition(|(index, _)| index % 2 == 1);
    found.extend(
        code.into_iter().filter(|(_, code)| looks_like_path(code)).map(|(_, path)| Named::Path(path.to_owned())),
    );
    let text: Vec<&str> = text.into_iter().map(|(_, text)| text).collect();
    let text = text.join("");
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let definition = text.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    found
        .extend(inline.chain(definition).filter(|target| is_relative(target)).map(|link| Named::Link(link.to_owned())));
    found
}

fn is_relative(target: &str) -> bool {
    let has_scheme =
        target.split_once(':').is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()));
    !target.is_empty() && !has_scheme && !target.starts_with('/')
}

fn looks_like_path(code: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    code.contains('/') && code.chars().all(is_plain) && !code.starts_with(['/', '-']) && !code.contains("..")
}

/// Whether the first part of a path is a folder of this repository; other paths are somewhere else.
fn names_this_repository(root: &Path, path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    first != "target" && root.join(first).is_dir()
}

fn link_leads_somewhere(root: &Path, folder: &Path, file: &Path, target: &str) -> bool {
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    let file = if path.is_empty() { Some(file.to_owned()) } else { inside(&folder.join(path)) };
    let Some(file) = file.filter(|file| root.join(file).exists()) else { return false };
    match heading {
        Some(heading) if file.extension().is_some_and(|extension| extension == "md") => {
            let text = fs::read_to_string(root.join(file)).unwrap_or_default();
            text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading)
        }
        _ => true,
    }
}

/// The path without `..`; none if it leaves the repository.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => clean.pop().then_some(())?,
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    Some(clean)
}

/// How a heading is linked to: lower case, blanks as dashes, punctuation gone.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.map(|character| if character == ' ' { '-' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_paths_are_found_and_other_code_is_not() {
        let text = "See [one](docs/one.md#a-part), [web](https://example.com/x), `crates/domain/src/lib.rs`,\n\
            `cargo xtask test`, `POST /api/command` and `[not](a/link)`.\n\
            ```\n[in code](nowhere.md) `a/b`\n```\n[two]: ../two.md\n";
        let found = named(text);
        let expected = [
            (1, Named::Path("crates/domain/src/lib.rs".to_owned())),
            (1, Named::Link("docs/one.md#a-part".to_owned())),
            (6, Named::Link("../two.md".to_owned())),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_does_not_exist_is_reported_with_its_place() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("docs")).unwrap();
        fs::write(root.path().join("docs/a.md"), "# The title, twice\n[x](../README.md) [y](#the-title-twice)\n")
            .unwrap();
        fs::write(
            root.path().join("README.md"),
            "[a](docs/a.md#the-title-twice)\n[b](docs/b.md)\n[c](docs/a.md#no)\n`docs/c.md` `elsewhere/d.md`\n[e](../e.md)\n",
        )
        .unwrap();
        let found = check(root.path()).unwrap();
        let expected = [
            "README.md:2: `docs/b.md` does not exist",
            "README.md:3: `docs/a.md#no` does not exist",
            "README.md:4: `docs/c.md` does not exist",
            "README.md:5: `../e.md` does not exist",
        ];
        assert_eq!(found, expected);
    }
}
