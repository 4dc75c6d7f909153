//! The syntax of image references (P-153), as Docker's own parser has it.

use serde_json::Value;

use crate::Object;
use crate::code::Code;
use crate::params::{Invalid, given};

/// Reads `image`; absent, null and `""` are none.
pub(super) fn read(config: &Object) -> Result<Option<String>, Invalid> {
    match given(config, "image") {
        None => Ok(None),
        Some(Value::String(image)) if image.is_empty() => Ok(None),
        Some(Value::String(image)) if is_reference(image) => Ok(Some(image.clone())),
        Some(Value::String(_)) => {
            Err(Invalid::new(Code::ConfigInvalid, "image", "is not a valid image reference such as ghcr.io/name:tag"))
        }
        Some(_) => Err(Invalid::new(Code::ConfigInvalid, "image", "must be a string")),
    }
}

/// Longest name without tag and digest that Docker takes.
const MAX_NAME: usize = 255;

/// `[domain/]path[:tag][@digest]`.
fn is_reference(text: &str) -> bool {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    // A colon after the last slash begins the tag; an earlier one belongs to the domain's port.
    let last_slash = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest[last_slash..].find(':') {
        Some(colon) => (&rest[..last_slash + colon], Some(&rest[last_slash + colon + 1..])),
        None => (rest, None),
    };
    name.len() <= MAX_NAME && is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}

fn is_name(name: &str) -> bool {
    // 64 hex digits are the id of an image, which Docker does not take for a name.
    if name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return false;
    }
    let path = match name.split_once('/') {
        Some((domain, path)) if domain.contains(['.', ':', '[']) || domain == "localhost" => {
            if !is_domain(domain) {
                return false;
            }
            path
        }
        _ => name,
    };
    path.split('/').all(is_path_component)
}

/// Host name or bracketed IPv6 address, and a port.
fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (address, port),
            None => return false,
        },
        None => match domain.find(':') {
            Some(colon) => domain.split_at(colon),
            None => (domain, ""),
        },
    };
    let port_fits = match port.strip_prefix(':') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    if domain.starts_with('[') {
        return port_fits && host.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    port_fits && host.split('.').all(is_label)
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_path_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !is_word(*first) || !is_word(*last) {
        return false;
    }
    bytes
        .split(|byte| is_word(*byte))
        .all(|separator| matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=128).contains(&tag.len()) && tag.bytes().all(inside) && !tag.starts_with(['.', '-'])
}

/// `algorithm:hex`; the length is fixed for the algorithms Docker knows.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let length_fits = match algorithm {
        "sha256" => hex.len() == 64,
        "sha384" => hex.len() == 96,
        "sha512" => hex.len() == 128,
        _ => false,
    };
    length_fits && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_docker_takes_are_taken() {
        let digest = format!("ghcr.io/a/b@sha256:{}", "0123456789abcdef".repeat(4));
        for reference in [
            "latest",
            "ubuntu:20.04",
            "ghcr.io/pterodactyl/yolks:java_17",
            "localhost:5000/a__b/c--d.e:V1",
            "localhost/x",
            "[::1]:5000/x",
            "Registry.Example:5000/x",
            "a/b/c/d:_x",
            &digest,
        ] {
            assert!(is_reference(reference), "{reference}");
        }
    }

    #[test]
    fn references_docker_refuses_are_refused() {
        let image_id = "0123456789abcdef".repeat(4);
        let long_tag = format!("a:{}", "x".repeat(129));
        let long_name = "a".repeat(256);
        for reference in [
            "Foo/Bar",
            "--privileged",
            "a b",
            "a:",
            "a@",
            "a@sha256:12",
            "/a",
            "a/",
            "a//b",
            "-a",
            "a_",
            "a___b",
            "a._b",
            "a:b:c",
            "a:-x",
            "[::1/x",
            "exa mple.org/x",
            ".example.org/x",
            "host.org:port/x",
            "a\n",
            "é",
            "a@md5:d41d8cd98f00b204e9800998ecf8427e",
            &image_id,
            &long_tag,
            &long_name,
        ] {
            assert!(!is_reference(reference), "{reference}");
        }
    }
}
