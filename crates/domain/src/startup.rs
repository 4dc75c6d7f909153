//! How a server is started: its variables (P-155), what `{{...}}` stands for (P-156), and the argument vector.
//!
//! There is no shell. The start line is split into words by the quoting rules of a POSIX shell, and variables are
//! filled in **after** the split, word by word. So a value can never add a word, close a quote or run a command,
//! whatever a customer writes into it: values are data. What a shell would also do (`$VAR`, `&&`, `>`, `*`) stays text.
//!
//! Images that bring their own entrypoint for this (Pterodactyl's yolks and their kin) read the variable `STARTUP` and
//! keep their own command; they get the same resolved line there, and what they do with it (they do use a shell) happens
//! inside their container.

use std::collections::BTreeMap;

use crate::failure::{Failure, FailureCode};
use crate::spec::{Limits, ServerSpec};

mod image;
mod template;
#[cfg(test)]
mod tests;
mod words;

/// How long a start line may be, in bytes, before and after its variables are filled in. Linux takes no argument and
/// no variable of more than 128 KiB.
pub const MAX_START_LINE_BYTES: usize = 128 * 1024 - 64;

/// How many different warnings one template can cause; more of them would tell nobody more.
pub const MAX_WARNINGS: usize = 32;

/// What `{{...}}` can stand for (P-156). Names outside this list are empty: there is no way from a template to
/// anything else the agent knows.
#[derive(Clone, Copy, Debug)]
pub struct TemplateValues<'a> {
    /// The server's variables, the synthesised ones included.
    pub environment: &'a BTreeMap<String, String>,
    /// The primary port inside the container, if the server has one.
    pub primary_port: Option<u16>,
    /// The address of the primary port.
    pub primary_ip: &'a str,
    /// The memory limit in M; 0 = unlimited.
    pub memory_limit_mib: u64,
}

/// A text with its variables filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substituted {
    /// The text.
    pub text: String,
    /// One sentence for each thing that was not known, at most [`MAX_WARNINGS`]. Never holds a value.
    pub warnings: Vec<String>,
}

/// The argument vector of a start line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// Program and arguments; never empty.
    pub words: Vec<String>,
    /// One sentence for each thing that was not known or is not done, at most [`MAX_WARNINGS`].
    pub warnings: Vec<String>,
}

/// All that a container needs to know to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartPlan {
    /// All variables of the container: the given ones, and those of P-155 where they were not given.
    pub environment: BTreeMap<String, String>,
    /// Program and arguments; none = the image's own command: there is no start line, or the image reads `STARTUP`.
    pub command: Option<Vec<String>>,
    /// What was odd, in sentences for the caller.
    pub warnings: Vec<String>,
}

/// Works out variables and command of a server. `timezone` is the node's, such as `Europe/Berlin`.
///
/// # Errors
/// `CONFIG_INVALID` as [`command_line`].
pub fn plan(spec: &ServerSpec, timezone: &str) -> Result<StartPlan, Failure> {
    let primary = spec.ports.iter().find(|port| port.primary).or(spec.ports.first());
    let primary_ip = primary.map_or_else(|| "0.0.0.0".to_owned(), |port| port.ip.to_string());
    let memory_limit_mib = memory_limit_mib(&spec.limits);

    let mut environment = spec.environment.clone();
    let mut add = |name: &str, value: String| {
        environment.entry(name.to_owned()).or_insert(value);
    };
    add("SERVER_MEMORY", memory_limit_mib.to_string());
    add("SERVER_IP", "0.0.0.0".to_owned());
    if let Some(port) = primary {
        add("SERVER_PORT", port.internal.to_string());
    }
    add("P_SERVER_UUID", spec.id.to_string());
    add("TZ", timezone.to_owned());

    let Some(startup) = spec.startup.as_deref().filter(|line| !line.trim().is_empty()) else {
        return Ok(StartPlan { environment, command: None, warnings: Vec::new() });
    };
    let values = TemplateValues {
        environment: &environment,
        primary_port: primary.map(|port| port.internal),
        primary_ip: &primary_ip,
        memory_limit_mib,
    };
    let resolved = substitute(startup, &values, MAX_START_LINE_BYTES)?;
    let (command, warnings) = if image::reads_startup_variable(&spec.image) {
        (None, resolved.warnings)
    } else {
        let CommandLine { words, warnings } = command_line(startup, &values)?;
        (Some(words), warnings)
    };
    environment.entry("STARTUP".to_owned()).or_insert(resolved.text);
    Ok(StartPlan { environment, command, warnings })
}

/// Fills in a text that is not split into words: the variable `STARTUP`, configuration files.
///
/// # Errors
/// `CONFIG_INVALID` if the result would be longer than `max_bytes`.
pub fn substitute(text: &str, values: &TemplateValues<'_>, max_bytes: usize) -> Result<Substituted, Failure> {
    let mut warnings = Warnings::default();
    let mut resolved = String::new();
    for piece in template::pieces(text) {
        match piece {
            template::Piece::Text(text) => resolved.push_str(text),
            template::Piece::Name(name) => resolved.push_str(&values.look_up(name, &mut warnings)),
        }
        if resolved.len() > max_bytes {
            return Err(too_long(max_bytes));
        }
    }
    Ok(Substituted { text: resolved, warnings: warnings.sentences })
}

/// Splits a start line into words and fills in each word (see the module's text for why in this order).
///
/// - Blanks separate words; `'...'` and `"..."` keep them; a backslash keeps the next character, within `"..."` only
///   before `"`, `\`, `$` and `` ` ``; a backslash before a line end removes both.
/// - `{{...}}` is one unit, also with blanks inside and within quotes of either kind.
/// - A word that has no quotes and consists of variables only vanishes if they are all empty, as it would in a shell:
///   `java {{JVM_OPTS}} -jar x` is good without options.
///
/// # Errors
/// `CONFIG_INVALID` for a quote that is not closed, a backslash at the end, a NUL, a line that is empty or too long.
pub fn command_line(startup: &str, values: &TemplateValues<'_>) -> Result<CommandLine, Failure> {
    if startup.len() > MAX_START_LINE_BYTES {
        return Err(too_long(MAX_START_LINE_BYTES));
    }
    let split = words::split(startup)?;
    let mut warnings = Warnings::default();
    if let Some(operator) = split.shell_operator {
        warnings.add(format!("the start line is run without a shell: `{operator}` is given to the program as text"));
    }
    let mut words = Vec::new();
    let mut total_bytes = 0;
    for word in split.words {
        let mut resolved = String::new();
        for part in &word.parts {
            match part {
                words::Part::Text(text) => resolved.push_str(text),
                words::Part::Name(name) => resolved.push_str(&values.look_up(name, &mut warnings)),
            }
            if total_bytes + resolved.len() > MAX_START_LINE_BYTES {
                return Err(too_long(MAX_START_LINE_BYTES));
            }
        }
        if resolved.is_empty() && !word.quoted {
            continue;
        }
        // One more for the blank between two words.
        total_bytes += resolved.len() + 1;
        words.push(resolved);
    }
    if words.is_empty() {
        return Err(Failure::new(FailureCode::ConfigInvalid, "the start line is empty"));
    }
    Ok(CommandLine { words, warnings: warnings.sentences })
}

/// The memory limit in whole M, rounded down; 0 = unlimited.
fn memory_limit_mib(limits: &Limits) -> u64 {
    limits.memory_bytes.map_or(0, |bytes| bytes >> 20)
}

impl TemplateValues<'_> {
    fn look_up(&self, name: &str, warnings: &mut Warnings) -> String {
        let name = name.trim();
        let found = match name {
            "server.build.default.port" => self.primary_port.map(|port| port.to_string()),
            "server.build.default.ip" => Some(self.primary_ip.to_owned()),
            "server.build.memory" => Some(self.memory_limit_mib.to_string()),
            _ => {
                let variable =
                    name.strip_prefix("server.build.env.").or_else(|| name.strip_prefix("env.")).unwrap_or(name);
                self.environment.get(variable).cloned()
            }
        };
        found.unwrap_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            warnings.add(format!("{{{{{shown}}}}} is not known and was left empty"));
            String::new()
        })
    }
}

/// Sentences for the caller: each once, bounded.
#[derive(Default)]
struct Warnings {
    sentences: Vec<String>,
}

impl Warnings {
    fn add(&mut self, sentence: String) {
        if self.sentences.len() < MAX_WARNINGS && !self.sentences.contains(&sentence) {
            self.sentences.push(sentence);
        }
    }
}

fn too_long(max_bytes: usize) -> Failure {
    let sentence = format!("a text with its variables filled in is longer than {max_bytes} bytes");
    Failure::new(FailureCode::ConfigInvalid, sentence)
}
