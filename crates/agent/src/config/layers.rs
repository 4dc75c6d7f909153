//! The layers of a configuration: defaults < file < environment < flags. Each becomes a source of the `config` crate,
//! with the place of every value beside it, so that what wins also says where it came from.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::env::Environment;
use super::keys::{KEYS, Key, find, nearest};
use super::problem::Problem;

/// A configuration is a few kilobytes; a file beyond this is a mistake, and is not read into memory (S-13).
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What is said of a value nobody set.
pub(crate) const DEFAULT_PLACE: &str = "default";

/// The values of one layer.
#[derive(Clone, Default)]
pub(crate) struct Layer(Vec<(&'static Key, Value)>);

/// The names only: the values may be secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key.name)).finish()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.iter().map(|(key, value)| (key.name.to_owned(), value.clone())).collect())
    }
}

/// What went wrong while reading the layers, and what was odd.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Findings {
    pub(crate) fn problem(&mut self, place: &str, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem {
            place: place.to_owned(),
            key: key.to_owned(),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    pub(crate) fn warning(&mut self, place: &str, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.warnings.push(Problem {
            place: place.to_owned(),
            key: key.to_owned(),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    fn unknown_key(&mut self, place: &str, name: &str, how_written: impl Fn(&Key) -> String) {
        let remedy = match nearest(name).and_then(find) {
            Some(key) => format!("did you mean {}?", how_written(key)),
            None => "remove it; all keys are in docs/configuration.md".to_owned(),
        };
        self.problem(place, name, "there is no such key", remedy);
    }
}

/// Merges the layers, the later over the earlier.
pub(crate) fn merge(layers: Vec<Layer>) -> Result<Config, ConfigError> {
    layers.into_iter().fold(Config::builder(), |builder, layer| builder.add_source(layer)).build()
}

/// The defaults.
pub(crate) fn defaults() -> Layer {
    let set = KEYS.iter().filter(|key| !key.default.is_empty());
    Layer(
        set.map(|key| {
            let parsed = DeValue::parse(key.default).expect("the defaults are TOML: a test reads them all");
            (key, Value::new(Some(&DEFAULT_PLACE.to_owned()), value_kind(parsed.get_ref())))
        })
        .collect(),
    )
}

/// The file; `None` if it cannot be read as TOML, so that all else said about it would be guesses. What is wrong goes to
/// `findings`.
pub(crate) fn file(path: &Path, findings: &mut Findings) -> Option<Layer> {
    let place = path.display().to_string();
    let text = match read_bounded(path) {
        Ok(text) => text,
        Err(what) => {
            findings.problem(&place, "", what, "name a readable TOML file with --config");
            return None;
        }
    };
    let (document, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        // Only the message: the offending line itself may hold a secret.
        findings.problem(&format!("{place}:{line}"), "", error.message().replace('\n', ", "), "mend the TOML");
    }
    if !errors.is_empty() {
        return None;
    }
    let mut layer = Layer::default();
    for (section, content) in document.get_ref() {
        let place_of_section = format!("{place}:{}", line_of(&text, section.span().start));
        let DeValue::Table(entries) = content.get_ref() else {
            findings.unknown_key(&place_of_section, section.get_ref(), where_in_the_file);
            continue;
        };
        for (name, value) in entries {
            let full_name = format!("{}.{}", section.get_ref(), name.get_ref());
            let place_of_key = format!("{place}:{}", line_of(&text, name.span().start));
            match find(&full_name) {
                // Merged, it would mix with the default's place.
                Some(key) if value.get_ref().is_table() => {
                    let what = format!("expected {}, found a table", key.form.describe());
                    findings.problem(&place_of_key, key.name, what, "");
                }
                Some(key) => layer.0.push((key, Value::new(Some(&place_of_key), value_kind(value.get_ref())))),
                None => findings.unknown_key(&place_of_key, &full_name, where_in_the_file),
            }
        }
    }
    Some(layer)
}

fn where_in_the_file(key: &Key) -> String {
    format!("{} in section [{}]", key.key(), key.section())
}

/// The environment: `CAP__SECTION__KEY`, and the old names, which give way to those.
pub(crate) fn environment(environment: &Environment, findings: &mut Findings) -> Layer {
    let mut layer = Layer::default();
    for key in KEYS {
        let Some(old) = &key.old_name else { continue };
        let Some(value) = environment.get(old.variable) else { continue };
        let place = format!("environment {}", old.variable);
        if environment.get(&key.variable()).is_some() {
            let what = format!("not used, because {} is set, too", key.variable());
            findings.warning(&place, key.name, what, "set one of the two");
        } else {
            layer.0.push((key, Value::new(Some(&place), format!("{}{value}", old.prefix))));
        }
    }
    for (variable, value) in environment.iter() {
        let Some(rest) = variable.strip_prefix("CAP__") else { continue };
        let place = format!("environment {variable}");
        match KEYS.iter().find(|key| key.variable() == variable) {
            Some(key) => layer.0.push((key, Value::new(Some(&place), value))),
            None => findings.unknown_key(&place, &rest.replace("__", ".").to_lowercase(), Key::variable),
        }
    }
    layer
}

/// The flags: `section.key=value` each, the later over the earlier.
pub(crate) fn flags(settings: &[String], findings: &mut Findings) -> Layer {
    let mut layer = Layer::default();
    for setting in settings {
        let place = "flag --set";
        let Some((name, value)) = setting.split_once('=') else {
            findings.problem(place, "", "not of the form section.key=value", "write it as --set log.level=debug");
            continue;
        };
        match find(name.trim()) {
            Some(key) => layer.0.push((key, Value::new(Some(&place.to_owned()), value))),
            None => findings.unknown_key(place, name.trim(), |key| key.name.to_owned()),
        }
    }
    layer
}

fn value_kind(value: &DeValue<'_>) -> ValueKind {
    match value {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        // What does not fit is kept as text: it then fails as the number it claims to be.
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or_else(|_| ValueKind::String(digits.to_string()), ValueKind::I64),
        DeValue::Float(digits) => ValueKind::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(on) => ValueKind::Boolean(*on),
        DeValue::Datetime(moment) => ValueKind::String(moment.to_string()),
        DeValue::Array(values) => {
            ValueKind::Array(values.iter().map(|value| Value::new(None, value_kind(value.get_ref()))).collect())
        }
        DeValue::Table(_) => ValueKind::Table(Map::new()),
    }
}

fn read_bounded(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("the file cannot be opened: {error}"))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("the file cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err("the file is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())
}

/// The line of a place in the text, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}
