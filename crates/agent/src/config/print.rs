//! What is printed of the configuration: the effective one, the example file, the reference page.

use std::fmt::Write;

use super::form::{Form, Setting};
use super::keys::{KEYS, Key, SECTIONS};
use super::settings::Settings;

/// The effective configuration as TOML, each value with its place; secrets are redacted.
pub(crate) fn effective(settings: &Settings) -> String {
    let mut text = String::new();
    for (section, _) in SECTIONS {
        let _ = writeln!(text, "{}[{section}]", if text.is_empty() { "" } else { "\n" });
        for key in keys_of(section) {
            // A secret that stands in a file is shown at the file's key only; both at once would not load again.
            let line = match (settings.get(key.name), settings.place(key.name)) {
                (Some(setting @ Setting::Secret(_)), Some(place)) if !place_is_the_key_itself(place) => {
                    format!("# {} = {}", key.key(), setting.to_toml())
                }
                (Some(setting), _) => format!("{} = {}", key.key(), setting.to_toml()),
                (None, _) => format!("# {} is not set", key.key()),
            };
            // A path may hold anything, a line break included; the comment must not end early.
            let _ = match settings.place(key.name) {
                Some(place) => writeln!(text, "{line:<44} # {}", place.replace(char::is_control, "\u{fffd}")),
                None => writeln!(text, "{line}"),
            };
        }
    }
    text
}

/// `config/agent.toml`: every key with its meaning, form and default. All but the one required key is commented out, so that
/// a file made from it follows when a default changes.
pub fn example_file() -> String {
    let mut text = String::from(
        "# Configuration of the Ctrl-Alt-Play Agent.\n\
         #\n\
         # Only [node] id must be set. All else is commented out and shows its default (\"Not set by default\": an example).\n\
         # Every key can also be set in the environment, as CAP__SECTION__KEY, and on the command line, as\n\
         # --set section.key=value. The command line wins over the environment, the environment over this file.\n\
         #\n\
         # Durations are \"500ms\", \"15s\", \"10min\", \"24h\", \"7d\"; a plain number is seconds.\n\
         # Sizes are \"64KiB\", \"8MiB\", \"2GiB\"; a plain number is bytes.\n\
         #\n\
         # Check it with: ctrl-alt-play-agent check-config --config FILE\n",
    );
    for (section, about) in SECTIONS {
        let _ = write!(text, "\n# {about}\n[{section}]\n");
        for key in keys_of(section) {
            text.push_str(&wrapped(key.meaning));
            let _ = write!(text, "# Form: {}.", key.form.range().replace('`', ""));
            if key.default.is_empty() && key.name != "node.id" {
                text.push_str(" Not set by default.");
            }
            if let Some(old) = &key.old_name {
                let _ = write!(text, " Also {} in the environment.", old.variable);
            }
            text.push('\n');
            let _ = match (key.name, key.default) {
                ("node.id", _) => writeln!(text, "{} = {}\n", key.key(), key.example),
                (_, "") => writeln!(text, "#{} = {}\n", key.key(), key.example),
                (_, default) => writeln!(text, "#{} = {default}\n", key.key()),
            };
        }
        text.pop();
    }
    text
}

/// `docs/configuration.md`: the tables of all keys.
pub fn reference_page() -> String {
    let mut text = String::from(include_str!("reference_head.md"));
    for (section, about) in SECTIONS {
        let _ = write!(
            text,
            "\n### [{section}]\n\n{about}\n\n| key | form and range | default | meaning |\n| --- | --- | --- | --- |\n"
        );
        for key in keys_of(section) {
            let default = match (key.form, key.default) {
                (Form::Secret | Form::Text(_) | Form::Bytes(..) | Form::Whole(..), "") => "not set".to_owned(),
                (_, default) => format!("`{default}`"),
            };
            let old = key.old_name.as_ref().map(|old| format!(" Also `{}` in the environment.", old.variable));
            let _ = writeln!(
                text,
                "| `{}` | {} | {default} | {}{} |",
                key.key(),
                key.form.range(),
                key.meaning.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;"),
                old.unwrap_or_default()
            );
        }
    }
    text
}

fn keys_of(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section() == section)
}

fn place_is_the_key_itself(place: &str) -> bool {
    !place.starts_with("file ") && !place.starts_with("systemd credential ")
}

/// The text as comment lines of at most 110 characters.
fn wrapped(text: &str) -> String {
    let mut lines = String::from("#");
    let mut width = 1;
    for word in text.split_whitespace() {
        if width + 1 + word.len() > 110 {
            lines.push_str("\n#");
            width = 1;
        }
        lines.push(' ');
        lines.push_str(word);
        width += 1 + word.len();
    }
    lines.push('\n');
    lines
}
