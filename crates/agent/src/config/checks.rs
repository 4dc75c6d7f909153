//! Checks that need more than the form of one value.

use std::path::{Component, Path};

use super::layers::Findings;
use super::problem::Problem;
use super::sections::AgentConfig;
use super::settings::Settings;
use super::values::HttpListener;
use crate::secret::Secret;

/// Shortest secret that is taken from afar.
pub(crate) const MIN_SECRET_LENGTH: usize = 16;

/// Secrets out of examples and defaults, lower case. `undefined` is what a panel without a secret expects.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "agent-secret",
    "agent_secret",
    "your-agent-secret",
    "your-secret-key",
    "your-secret-here",
    "default-secret",
    "daemon_token_here",
    "default",
    "password",
    "token",
    "undefined",
    "null",
    "none",
    "example",
    "placeholder",
    "<redacted>",
    "super-secret-key",
    "your-agent-secret-here",
    "change-me-in-production",
    "changeme-in-production",
    "agent-secret-key",
    "your-super-secret-key",
];

/// What must be one's own.
const SYSTEM_DIRECTORIES: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/lib",
    "/var/run",
    "/var/tmp",
    "/var/log",
    "/var/lib/docker",
];

const HOW_TO_MAKE_A_SECRET: &str = "make one with: openssl rand -hex 32";

/// How near the other side of a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only this machine: a short secret is bad style.
    Loopback,
    /// A network: a short secret is a hole.
    Network,
}

/// Checks a secret's characters, length and whether it is out of an example.
pub(crate) fn secret(name: &'static str, reach: Reach, settings: &Settings, findings: &mut Findings) {
    let (Some(secret), Some(place)) = (settings.secret(name), settings.place(name)) else { return };
    let text = secret.expose();
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || text.trim() != text {
        let what = "it has characters that cannot be sent: only printable ASCII, no blank at either end";
        findings.problem(place, name, what, HOW_TO_MAKE_A_SECRET);
    } else if is_placeholder(secret) {
        findings.problem(place, name, "this is a default or example, known to everybody", HOW_TO_MAKE_A_SECRET);
    } else if text.len() < MIN_SECRET_LENGTH {
        let what = format!("shorter than {MIN_SECRET_LENGTH} characters");
        match reach {
            Reach::Network => findings.problem(place, name, what, HOW_TO_MAKE_A_SECRET),
            Reach::Loopback => findings.warning(
                place,
                name,
                format!("{what}; let pass because the other side is on this machine"),
                HOW_TO_MAKE_A_SECRET,
            ),
        }
    }
}

/// Whether anybody could know this secret.
pub(crate) fn is_placeholder(secret: &Secret) -> bool {
    let text = secret.expose().to_ascii_lowercase();
    let bare = text.trim_matches(['<', '>', '[', ']', '{', '}', '$']);
    let one_character = text.chars().next().is_some_and(|first| text.chars().all(|c| c == first));
    PLACEHOLDERS.contains(&text.as_str()) || PLACEHOLDERS.contains(&bare) || one_character
}

/// Whether the panel secret may also open the HTTP listener (P-209).
pub(crate) fn opens_http(secret: &Secret, listen: &[HttpListener]) -> bool {
    http_reach(listen) == Reach::Loopback || secret.expose().len() >= MIN_SECRET_LENGTH
}

/// From where the listeners can be reached.
pub(crate) fn http_reach(listen: &[HttpListener]) -> Reach {
    let only_here = listen.iter().all(|listener| listener.address.ip().to_canonical().is_loopback());
    if only_here { Reach::Loopback } else { Reach::Network }
}

/// A plain absolute path, for files and directories alike.
pub(crate) fn absolute_path(text: &str) -> Result<&Path, String> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err("the path is not absolute".to_owned());
    }
    if path.components().any(|part| part == Component::ParentDir) || text.contains('\0') {
        return Err("the path is not plain: no .. in it".to_owned());
    }
    Ok(path)
}

/// A directory that can be the agent's alone.
pub(crate) fn storage_root(text: &str) -> Result<&Path, String> {
    let path = absolute_path(text)?;
    let inside_kernel = ["/proc", "/sys", "/dev"].iter().any(|kernel| path.starts_with(kernel));
    if inside_kernel && !path.starts_with("/dev/shm/")
        || SYSTEM_DIRECTORIES.iter().any(|system| path == Path::new(system))
    {
        return Err("this directory belongs to the system; the agent needs one of its own".to_owned());
    }
    Ok(path)
}

/// A list of `level` and `module=level`, as the log's filter takes it.
pub(crate) fn log_level(text: &str) -> Result<(), String> {
    let is_level = |word: &str| word.parse::<log::LevelFilter>().is_ok();
    let is_module = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
    };
    let fits = text.split(',').map(str::trim).all(|part| match part.split_once('=') {
        Some((module, level)) => is_module(module) && is_level(level),
        None => is_level(part),
    });
    if fits { Ok(()) } else { Err("this is neither a level nor a list of module=level".to_owned()) }
}

/// What is allowed, but should be said loudly.
pub(crate) fn warn_of_oddities(config: &AgentConfig, settings: &Settings, warnings: &mut Vec<Problem>) {
    let mut warn = |key: &str, what: String, remedy: &str| {
        let place = settings.place(key).unwrap_or("configuration").to_owned();
        warnings.push(Problem { place, key: key.to_owned(), what, remedy: remedy.to_owned() });
    };
    if let Some(url) = &config.panel.url
        && !url.is_encrypted()
        && !url.is_loopback()
    {
        warn("panel.url", "the link is not encrypted: secret and consoles can be read on the way".into(), "use wss://");
    }
    if config.panel.url.is_none() {
        warn("panel.url", "not set: there is no link to a panel, only HTTP".into(), "set it, if a link is wanted");
    }
    let secret_left_out = config.panel.secret.as_ref().is_some_and(|secret| !opens_http(secret, &config.http.listen));
    if secret_left_out {
        let what = "too short to be accepted over HTTP, where others than the panel can try it";
        warn("panel.secret", what.into(), "make it 16 characters or more");
    }
    if config.http.accepted_tokens.is_empty() {
        warn(
            "http.token",
            "HTTP commands are off (401): there is no token".into(),
            "set http.token or http.token_file",
        );
    }
    if config.http.allow_placeholder_token {
        let what = "everybody who can reach the listener can use the old /api/servers routes";
        warn("http.allow_placeholder_token", what.into(), "switch it off as soon as no old panel is left");
    }
    if config.docker.user.uid == 0 || config.docker.user.gid == 0 {
        warn(
            "docker.user",
            "servers run as root inside their containers".into(),
            "use another user, such as 1000:1000",
        );
    }
    for capability in super::capabilities::dangerous(&config.docker.capabilities) {
        warn("docker.capabilities", format!("{capability} lets a server reach beyond its container"), "leave it out");
    }
    if config.docker.allowed_images.patterns().is_empty() {
        warn("docker.allowed_images", "empty: no server can be created".into(), "add a pattern, such as \"*\"");
    }
}
