//! The optional keys (P-165, P-166): each is honoured if it is understood, else ignored with a warning.

use serde_json::Value;

use crate::Object;
use crate::json;
use crate::number::integer;
use crate::params::{SignalName, given};
use crate::request::is_server_id;

/// How a server is asked to stop (P-183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopSetting {
    /// This line on its standard input.
    Command(String),
    /// This signal; `^C` is SIGINT.
    Signal(SignalName),
}

/// The script that installs a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallScript {
    /// The text of the script.
    pub script: String,
    /// The image it runs in; none = the server's own.
    pub container: Option<String>,
    /// What runs it, such as `ash`; none = `sh`.
    pub entrypoint: Option<String>,
}

/// Longest name or stop command in characters; what is longer was not meant to be one.
const MAX_LINE: usize = 1_024;
/// Most texts in `configStartup.done` and `fileDenylist`.
const MAX_LIST: usize = 256;

/// The optional keys; none = not given, or not understood.
pub(super) struct Extras {
    pub(super) name: Option<String>,
    pub(super) stop: Option<StopSetting>,
    pub(super) startup_done: Option<Vec<String>>,
    pub(super) config_files: Option<Object>,
    pub(super) config_logs: Option<Object>,
    pub(super) install: Option<InstallScript>,
    pub(super) skip_scripts: Option<bool>,
    pub(super) file_denylist: Option<Vec<String>>,
    pub(super) oom_killer: Option<bool>,
    pub(super) tty: Option<bool>,
    pub(super) aliases: Vec<String>,
}

impl Extras {
    pub(super) fn read(config: &Object, warnings: &mut Vec<String>) -> Self {
        let mut reader = Reader { config, warnings };
        reader.mounts();
        Self {
            name: reader.line("name"),
            stop: reader.stop(),
            startup_done: reader.startup_done(),
            config_files: reader.object("configFiles"),
            config_logs: reader.object("configLogs"),
            install: reader.install(),
            skip_scripts: reader.flag("skipScripts"),
            file_denylist: reader.denylist(),
            oom_killer: reader.flag("oomKiller"),
            tty: reader.flag("tty"),
            aliases: reader.aliases(),
        }
    }
}

struct Reader<'a> {
    config: &'a Object,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn warn(&mut self, key: &str, fault: &str) {
        self.warnings.push(format!("{key} {fault} and was ignored"));
    }

    /// A short text; `""` is none.
    fn line(&mut self, key: &str) -> Option<String> {
        match given(self.config, key)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) if text.chars().nth(MAX_LINE).is_some() => {
                self.warn(key, "is longer than 1024 characters");
                None
            }
            Value::String(text) if text.contains('\0') => {
                self.warn(key, "holds a NUL character");
                None
            }
            Value::String(text) => Some(text.clone()),
            _ => {
                self.warn(key, "is not a text");
                None
            }
        }
    }

    fn stop(&mut self) -> Option<StopSetting> {
        let text = self.line("stop").or_else(|| self.line("configStop"))?;
        let command = text.trim_end_matches(['\r', '\n']);
        // `stop` and `quit` are commands of games; only an unmistakable signal is one.
        let looks_like_signal = command == "^C" || command.starts_with("SIG");
        let signal = if looks_like_signal { SignalName::from_text(command) } else { None };
        match signal {
            Some(signal) => Some(StopSetting::Signal(signal)),
            None if command.is_empty() => None,
            None => Some(StopSetting::Command(command.to_owned())),
        }
    }

    fn startup_done(&mut self) -> Option<Vec<String>> {
        let startup = self.object("configStartup")?;
        let texts = match startup.get("done") {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(list)) => texts(list),
            Some(_) => None,
        };
        match texts {
            Some(texts) => Some(texts.into_iter().filter(|text| !text.is_empty()).collect()),
            None => {
                self.warn("configStartup.done", "is not a text or a list of texts");
                None
            }
        }
    }

    /// An object, or the JSON text of one, as panels keep it in their database; an empty one is none.
    fn object(&mut self, key: &str) -> Option<Object> {
        let object = match given(self.config, key)? {
            Value::Object(object) => Some(object.clone()),
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => match json::parse(text.as_bytes()) {
                Ok(Value::Object(object)) => Some(object),
                _ => None,
            },
            // What some languages make of an empty object.
            Value::Array(list) if list.is_empty() => return None,
            _ => None,
        };
        if object.is_none() {
            self.warn(key, "is not an object");
        }
        object.filter(|object| !object.is_empty())
    }

    fn install(&mut self) -> Option<InstallScript> {
        if let Some(install) = self.object("install") {
            let part = |key: &str| install.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            let Some(script) = part("script") else {
                self.warn("install", "holds no script");
                return None;
            };
            return Some(InstallScript {
                script: script.to_owned(),
                container: part("container").map(str::to_owned),
                entrypoint: part("entrypoint").map(str::to_owned),
            });
        }
        let script = match given(self.config, "scriptInstall")? {
            Value::String(script) if script.is_empty() => return None,
            Value::String(script) => script.clone(),
            _ => {
                self.warn("scriptInstall", "is not a text");
                return None;
            }
        };
        Some(InstallScript { script, container: self.line("scriptContainer"), entrypoint: self.line("scriptEntry") })
    }

    fn denylist(&mut self) -> Option<Vec<String>> {
        let list = match given(self.config, "fileDenylist")? {
            Value::Array(list) => texts(list),
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => match json::parse(text.as_bytes()) {
                Ok(Value::Array(list)) => texts(&list),
                _ => None,
            },
            _ => None,
        };
        if list.is_none() {
            self.warn("fileDenylist", "is not a list of at most 256 texts");
        }
        list
    }

    /// true, 1, "true", "yes" and their opposites.
    fn flag(&mut self, key: &str) -> Option<bool> {
        let value = given(self.config, key)?;
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" | "" => Some(false),
                _ => None,
            },
            number => match integer(number) {
                Some(1) => Some(true),
                Some(0) => Some(false),
                _ => None,
            },
        };
        if flag.is_none() {
            self.warn(key, "is neither true nor false");
        }
        flag
    }

    fn aliases(&mut self) -> Vec<String> {
        let mut aliases: Vec<String> = Vec::new();
        for key in ["id", "dbId", "uuid", "uuidShort"] {
            match given(self.config, key) {
                None => {}
                Some(Value::String(alias)) if aliases.contains(alias) => {}
                Some(Value::String(alias)) if is_server_id(alias) => aliases.push(alias.clone()),
                Some(_) => self.warn(key, "cannot be the id of a server"),
            }
        }
        aliases
    }

    /// The panel is not trusted with the node's file system.
    fn mounts(&mut self) {
        let is_empty = match given(self.config, "mounts") {
            None => true,
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Object(object)) => object.is_empty(),
            Some(_) => false,
        };
        if !is_empty {
            self.warnings.push("mounts are decided by the node's own configuration and were ignored".to_owned());
        }
    }
}

/// All items as texts; none if one is not a text, or there are too many.
fn texts(list: &[Value]) -> Option<Vec<String>> {
    if list.len() > MAX_LIST {
        return None;
    }
    list.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
