//! The agent's own log, on standard error: one record, one line, as text or as JSON.
//!
//! Text from outside (server names, headers, console lines) may stand in a record. Whatever it holds, a record stays one
//! line and cannot paint a terminal: control characters, line separators and characters that turn the direction of writing
//! are escaped (S-25).
//!
//! `RUST_LOG` is read as the old name of `log.level` by the configuration, like any other key; this module reads no
//! environment.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use log::kv::{Key, Value, VisitSource};
use log::{Level, Record};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::config::{LogConfig, LogFormat};

/// Longest record, in bytes, before escaping; the rest is cut off, and the record says so.
const MAX_RECORD_BYTES: usize = 16 * 1024;

/// The process's logger, once it is set up.
static LOGGER: OnceLock<Replaceable> = OnceLock::new();

/// A logger whose level and format can be changed while the program runs.
struct Replaceable(RwLock<env_logger::Logger>);

impl log::Log for Replaceable {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).log(record);
    }

    fn flush(&self) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).flush();
    }
}

/// Sets up the process's logger. To be called once.
///
/// # Errors
/// If there is a logger already.
pub fn init(config: &LogConfig) -> Result<(), log::SetLoggerError> {
    let logger = LOGGER.get_or_init(|| Replaceable(RwLock::new(logger_for(config))));
    log::set_logger(logger)?;
    apply(config);
    Ok(())
}

/// Changes level and format of the logger that [`init`] has set up.
pub fn apply(config: &LogConfig) {
    let Some(current) = LOGGER.get() else { return };
    let next = logger_for(config);
    log::set_max_level(next.filter());
    *current.0.write().unwrap_or_else(PoisonError::into_inner) = next;
}

fn logger_for(config: &LogConfig) -> env_logger::Logger {
    let write_line = match config.format {
        LogFormat::Text => text_line,
        LogFormat::Json => json_line,
    };
    env_logger::Builder::new()
        .parse_filters(&config.level)
        .format(move |out, record| {
            let line = write_line(SystemTime::now(), record);
            out.write_all(line.as_bytes())
        })
        .build()
}

/// `2026-11-20T11:13:46.419Z INFO  cap_agent::panel: connected server=abc`
fn text_line(now: SystemTime, record: &Record<'_>) -> String {
    let mut line = format!("{} {:<5} {}: ", timestamp(now), record.level(), escaped(record.target()));
    line.push_str(&escaped(&cut(record.args().to_string())));
    for (key, value) in fields(record) {
        let value = escaped(&cut(value));
        let plain = !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && c != '"' && c != '=');
        let _ = match plain {
            true => write!(line, " {}={value}", escaped(&key)),
            false => write!(line, " {}=\"{}\"", escaped(&key), value.replace('"', "\\\"")),
        };
    }
    line.push('\n');
    line
}

/// `{"time":"...","level":"info","target":"...","message":"...","fields":{"server":"abc"}}`
fn json_line(now: SystemTime, record: &Record<'_>) -> String {
    let level = match record.level() {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let mut object = serde_json::Map::new();
    for (name, value) in [
        ("time", timestamp(now)),
        ("level", level.to_owned()),
        ("target", record.target().to_owned()),
        ("message", cut(record.args().to_string())),
    ] {
        object.insert(name.to_owned(), value.into());
    }
    let fields: serde_json::Map<_, _> = fields(record).map(|(key, value)| (key, cut(value).into())).collect();
    if !fields.is_empty() {
        object.insert("fields".to_owned(), fields.into());
    }
    let mut line = String::new();
    // JSON escapes line breaks and what is below a blank; the rest that could disturb a terminal is escaped here.
    for character in serde_json::Value::Object(object).to_string().chars() {
        if disturbs(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

/// UTC with milliseconds, as everywhere on the wire.
fn timestamp(now: SystemTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from(now).format(form).unwrap_or_else(|_| "0000-00-00T00:00:00.000Z".to_owned())
}

/// The key-value pairs of a record.
fn fields(record: &Record<'_>) -> impl Iterator<Item = (String, String)> {
    struct Collect(Vec<(String, String)>);
    impl<'kvs> VisitSource<'kvs> for Collect {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
            self.0.push((key.to_string(), value.to_string()));
            Ok(())
        }
    }
    let mut pairs = Collect(Vec::new());
    // Collecting cannot fail; a source that gives up half-way still leaves what came before.
    let _ = record.key_values().visit(&mut pairs);
    pairs.0.into_iter()
}

/// At most [`MAX_RECORD_BYTES`] of it.
fn cut(mut text: String) -> String {
    if text.len() > MAX_RECORD_BYTES {
        let end = (0..=MAX_RECORD_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
        text.truncate(end);
        text.push_str("... (cut)");
    }
    text
}

/// The text with everything escaped that is not plain: `\n`, `\u{1b}`, and the backslash itself, so that an escape in the
/// log always is one.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => plain.push_str("\\\\"),
            '\n' => plain.push_str("\\n"),
            '\r' => plain.push_str("\\r"),
            '\t' => plain.push_str("\\t"),
            other if disturbs(other) => {
                let _ = write!(plain, "{}", other.escape_unicode());
            }
            other => plain.push(other),
        }
    }
    plain
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and what turns or hides text: bidi marks, zero width.
fn disturbs(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{061c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOSTILE: &str =
        "a\r\n2026 ERROR forged\u{1b}[2J\u{7f}\u{85}\u{2028}\u{202e}txt.exe\u{2066}\u{200b}\u{0} b\\n";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_173_226_419)
    }

    #[track_caller]
    fn line_of(write: fn(SystemTime, &Record<'_>) -> String, message: &str, fields: &[(&str, &str)]) -> String {
        let line = write(
            now(),
            &Record::builder()
                .level(Level::Warn)
                .target("cap_agent::panel")
                .args(format_args!("{message}"))
                .key_values(&fields)
                .build(),
        );
        assert!(line.ends_with('\n'));
        let line = line.trim_end_matches('\n').to_owned();
        assert!(!line.chars().any(disturbs), "{line:?}");
        line
    }

    #[test]
    fn text_has_time_level_target_message_and_fields() {
        let line = line_of(text_line, "connected", &[("server", "abc"), ("name", "my server"), ("empty", "")]);
        assert_eq!(
            line,
            "2026-11-20T11:13:46.419Z WARN  cap_agent::panel: connected server=abc name=\"my server\" empty=\"\""
        );
    }

    #[test]
    fn json_has_the_same() {
        let line = line_of(json_line, "connected", &[("server", "abc")]);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "time": "2026-11-20T11:13:46.419Z", "level": "warn", "target": "cap_agent::panel",
                "message": "connected", "fields": {"server": "abc"}
            })
        );
    }

    // S-25
    #[test]
    fn a_hostile_text_stays_in_its_one_line() {
        let text = line_of(text_line, HOSTILE, &[("name", HOSTILE), (HOSTILE, "value")]);
        assert!(text.contains("a\\r\\n2026 ERROR forged\\u{1b}[2J"), "{text}");
        assert!(text.ends_with("=value"), "{text}");
        let json = line_of(json_line, HOSTILE, &[("name", HOSTILE), (HOSTILE, "value")]);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["message"], HOSTILE, "what was escaped is read back unchanged");
        assert_eq!(value["fields"][HOSTILE], "value");
    }

    #[test]
    fn a_field_cannot_pose_as_another() {
        let line = line_of(text_line, "m", &[("name", "x server=forged"), ("quoted", "\" server=forged")]);
        assert!(line.ends_with("name=\"x server=forged\" quoted=\"\\\" server=forged\""), "{line}");
    }

    #[test]
    fn an_endless_record_is_cut() {
        for write in [text_line, json_line] {
            let line = line_of(write, &"\u{e9}".repeat(1 << 20), &[]);
            assert!(line.len() < MAX_RECORD_BYTES + 200, "{}", line.len());
            assert!(line.contains("... (cut)"));
        }
    }
}
