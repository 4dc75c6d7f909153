//! Engine words made fit to leave the process: one line, bounded, without paths of the host and without secrets.

/// The most characters of engine text that leave the process.
const LONGEST: usize = 200;

/// How much of a text is looked at; the rest could not show anyway.
const LOOKED_AT: usize = 4096;

/// Words whose value is a secret, in `word=value`, `word: value` or `Word value`.
const SECRET_WORDS: &[&str] = &[
    "token",
    "access_token",
    "identitytoken",
    "registrytoken",
    "password",
    "passwd",
    "secret",
    "auth",
    "authorization",
    "bearer",
    "basic",
    "x-registry-auth",
];

/// Cleans a message of the engine.
///
/// Absolute paths become `[path]`, with one exception: the engine writes container names with a slash in front, and ours
/// say what is meant. Addresses of registries stay, without user, password and query.
pub(super) fn clean(message: &str) -> String {
    let looked_at: String = message.chars().take(LOOKED_AT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut cleaned = String::with_capacity(LONGEST);
    let mut rest = looked_at.as_str();
    let mut secret_is_next = false;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = url_length(rest) {
            let (url, after) = rest.split_at(length);
            cleaned.push_str(&without_credentials(url));
            rest = after;
            secret_is_next = false;
        } else if is_boundary(first) {
            push_boundary(&mut cleaned, first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (word, after) = rest.split_at(rest.find(is_boundary).unwrap_or(rest.len()));
            let known = SECRET_WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret));
            match word {
                _ if known => cleaned.push_str(word),
                _ if secret_is_next => cleaned.push_str("[secret]"),
                path if is_host_path(path) => cleaned.push_str("[path]"),
                plain => cleaned.push_str(plain),
            }
            // A secret word in a sentence ("unauthorized: bad token for x") hides one word too many; that is the price.
            secret_is_next = known;
            rest = after;
        }
    }
    shorten(cleaned.trim())
}

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || "\"'`()[]{}<>,;=:|@\\".contains(c)
}

fn push_boundary(cleaned: &mut String, boundary: char) {
    let boundary = if boundary.is_whitespace() { ' ' } else { boundary };
    if boundary != ' ' || !cleaned.ends_with(' ') {
        cleaned.push(boundary);
    }
}

fn is_host_path(word: &str) -> bool {
    word.starts_with('/') && word.len() > 1 && !word.starts_with("/ctrl-alt-play-")
        || word.starts_with("/ctrl-alt-play-") && word[1..].contains('/')
        || word.starts_with("~/")
}

/// The length of an `http` or `https` address at the beginning of a text, if there is one.
fn url_length(text: &str) -> Option<usize> {
    let head = text.get(..8).or_else(|| text.get(..7))?.to_ascii_lowercase();
    if !head.starts_with("http://") && !head.starts_with("https://") {
        return None;
    }
    Some(text.find(|c: char| c.is_whitespace() || "\"'`<>()".contains(c)).unwrap_or(text.len()))
}

fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST - 3).collect();
    short.push_str("...");
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dirty: &str, expected: &str) {
        assert_eq!(clean(dirty), expected);
    }

    #[test]
    fn host_paths_do_not_leave() {
        check("open /var/lib/docker/x: no such file", "open [path]: no such file");
        check("bind source path does not exist: /opt/data/a", "bind source path does not exist: [path]");
        check("src=/srv/x,dst=\"/home/c\"", "src=[path],dst=\"[path]\"");
        check("unix:///run/docker.sock and file:///etc/passwd", "unix:[path] and file:[path]");
        check("in /ctrl-alt-play-x/../../etc", "in [path]");
        check("~/.docker/config.json", "[path]");
    }

    #[test]
    fn names_of_our_containers_and_image_references_stay() {
        check("name \"/ctrl-alt-play-mc1\" is in use", "name \"/ctrl-alt-play-mc1\" is in use");
        check("ghcr.io/a/b:1 is 1/2 of it", "ghcr.io/a/b:1 is 1/2 of it");
    }

    #[test]
    fn credentials_do_not_leave() {
        check("Get \"https://me:pw@reg.example/v2/?token=abc\": EOF", "Get \"https://reg.example/v2/\": EOF");
        check("password=hunter2 rest", "password=[secret] rest");
        check("Authorization: Bearer abc.def", "Authorization: Bearer [secret]");
        check("Basic dXNlcjpw", "Basic [secret]");
    }

    #[test]
    fn one_bounded_line_of_printable_text() {
        check("a\r\n\tb\u{1b}[31m\0c", "a b [31m c");
        let long = clean(&"ä".repeat(100_000));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with("..."));
    }
}
