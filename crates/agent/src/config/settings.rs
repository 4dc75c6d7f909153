//! All values in force, each read as its form, with the place it came from.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Config, Value, ValueKind};

use super::form::Setting;
use super::keys::{KEYS, Key, find};
use super::layers::{DEFAULT_PLACE, Findings};
use crate::secret::Secret;

/// The values by name. A key without a value is not in it.
#[derive(Debug, Default)]
pub(crate) struct Settings(BTreeMap<&'static str, (Setting, String)>);

impl Settings {
    /// Reads the merged layers. A value of the wrong form is reported, and the default stands in for it, so that the
    /// rest can be checked as well.
    pub(crate) fn read(merged: &Config, findings: &mut Findings) -> Self {
        let mut settings = Self::default();
        for key in KEYS {
            let Some(value) = value_of(merged, key) else { continue };
            let place = value.origin().unwrap_or(DEFAULT_PLACE).to_owned();
            match key.form.read(value) {
                // The empty text stands for "not set", where a key may be that.
                Ok(setting) if setting.is_nothing() && key.default.is_empty() => {}
                Ok(setting) => {
                    settings.0.insert(key.name, (setting, place));
                }
                Err(found) => {
                    let what = format!("expected {}, found {found}", key.form.describe());
                    let remedy = match key.default {
                        "" => String::new(),
                        default => format!("the default is {default}"),
                    };
                    findings.problem(&place, key.name, what, remedy);
                    settings.insert_default(key.name);
                }
            }
        }
        settings
    }

    fn insert_default(&mut self, name: &'static str) {
        let default = super::layers::merge(vec![super::layers::defaults()]).ok();
        if let (Some(default), Some(key)) = (default, find(name))
            && let Some(value) = value_of(&default, key)
            && let Ok(setting) = key.form.read(value)
        {
            self.0.insert(key.name, (setting, DEFAULT_PLACE.to_owned()));
        }
    }

    /// Puts in a secret that was read from elsewhere.
    pub(crate) fn insert_secret(&mut self, name: &'static str, secret: Secret, place: String) {
        self.0.insert(name, (Setting::Secret(secret), place));
    }

    /// The value of a key.
    pub(crate) fn get(&self, name: &str) -> Option<&Setting> {
        debug_assert!(find(name).is_some(), "no such key: {name}");
        self.0.get(name).map(|(setting, _)| setting)
    }

    /// Where its value came from.
    pub(crate) fn place(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(_, place)| place.as_str())
    }

    /// Whether somebody set it.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.place(name).is_some_and(|place| place != DEFAULT_PLACE)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn secret(&self, name: &str) -> Option<&Secret> {
        match self.get(name)? {
            Setting::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(Setting::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub(crate) fn switch(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Setting::Switch(true)))
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        match self.get(name) {
            Some(Setting::Whole(number) | Setting::Bytes(number)) => *number,
            _ => 0,
        }
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        match self.get(name) {
            Some(Setting::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }
}

/// The merged value itself: asking the library for a copy would lose its place.
fn value_of<'a>(merged: &'a Config, key: &Key) -> Option<&'a Value> {
    let ValueKind::Table(sections) = &merged.cache.kind else { return None };
    let ValueKind::Table(entries) = &sections.get(key.section())?.kind else { return None };
    entries.get(key.key())
}
