//! Values with an inner form: URLs, listeners, users, port ranges, image patterns.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use awc::http::Uri;

/// Where the link is dialled: an absolute URL, `ws` or `wss`, without user and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanelUrl {
    /// Scheme mapped to `ws` or `wss`, all else byte for byte as configured.
    text: String,
    /// The host, without brackets.
    host: String,
    /// Whether the scheme is `wss`.
    encrypted: bool,
}

impl PanelUrl {
    /// The host name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the link is encrypted (`wss`).
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether the panel is on this machine, so that nothing on the way can listen.
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for PanelUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PanelUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("the URL has no scheme; it begins with wss:// or ws://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => "ws",
            "wss" | "https" => "wss",
            _ => return Err("the scheme of the URL is none of ws, wss, http, https".to_owned()),
        };
        if rest.contains('#') {
            return Err("the URL has a fragment (#...), which is never sent".to_owned());
        }
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        if authority.contains('@') {
            return Err("the URL holds a user name or password, which would be shown in logs".to_owned());
        }
        // A URL without a path asks for "/"; written out, so that a query can follow.
        let rest = match rest.strip_prefix(authority) {
            Some(tail) if !tail.starts_with('/') => format!("{authority}/{tail}"),
            _ => rest.to_owned(),
        };
        let text = format!("{scheme}://{rest}");
        let uri: Uri = text.parse().map_err(|_| "this is not a URL")?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        // The library takes a port it cannot read for none at all.
        let port = authority.rsplit(']').next().and_then(|after_host| after_host.split_once(':'));
        let port_is_usable = port.is_none_or(|(_, digits)| digits.parse::<u16>().is_ok_and(|port| port != 0));
        if host.is_empty() || !port_is_usable {
            return Err("the URL names no host, or no usable port".to_owned());
        }
        Ok(Self { text, host, encrypted: scheme == "wss" })
    }
}

/// One address the HTTP listener listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpListener {
    /// The address. `[::]` means IPv6 and IPv4, on a host that has both (one dual-stack socket).
    pub address: SocketAddr,
    /// Whether it speaks TLS; none = as `http.tls_cert` is set or not.
    pub tls: Option<bool>,
}

impl FromStr for HttpListener {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (tls, address) = match text.split_once("://") {
            None => (None, text),
            Some(("http", address)) => (Some(false), address),
            Some(("https", address)) => (Some(true), address),
            Some(_) => return Err("the scheme of a listener is http or https".to_owned()),
        };
        let bare_port = address.strip_prefix(':').unwrap_or(address);
        if let Ok(port) = bare_port.parse() {
            return Ok(Self { address: SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), tls });
        }
        let address =
            address.parse().map_err(|_| "this is not an address with a port, such as [::]:8081 or 127.0.0.1:8081")?;
        Ok(Self { address, tls })
    }
}

/// A user and a group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerUser {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl fmt::Display for ContainerUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl FromStr for ContainerUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
        // The largest number means "leave unchanged" to chown, never a user.
        match numbers {
            Some((uid, gid)) if uid != u32::MAX && gid != u32::MAX => Ok(Self { uid, gid }),
            _ => Err("this is not uid:gid in numbers, such as 1000:1000".to_owned()),
        }
    }
}

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest; never below `first`.
    pub last: u16,
}

impl PortRange {
    /// Whether the port is in it.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text
            .split_once('-')
            .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
        match ends {
            Some((first, last)) if 0 < first && first <= last => Ok(Self { first, last }),
            _ => Err("this is not a range of ports from 1 to 65535, such as 25565-25999".to_owned()),
        }
    }
}

/// Which images a panel may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedImages(Vec<String>);

impl AllowedImages {
    /// Takes patterns in which `*` stands for any text, slashes included.
    pub fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    /// Whether one of the patterns fits the whole reference, as the panel wrote it.
    pub fn allows(&self, image: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, image))
    }

    /// The patterns.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }
}

/// Whether `pattern` fits all of `text`. Linear in the text for each star, so no pattern can make it slow.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, stars)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = stars.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(tail)
}
