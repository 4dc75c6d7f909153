//! Which ports a server gets on its host (P-163, P-164).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::command::PortWish;
use crate::failure::{Failure, FailureCode};
use crate::spec::{PortBinding, PortProtocol};

#[cfg(test)]
mod tests;

/// How many ports one server may publish. Each costs the engine a proxy or a firewall rule.
pub const MAX_BINDINGS: usize = 128;

/// Variables that name the port a game listens on, the first that is set counts (P-164).
const PORT_VARIABLES: [&str; 3] = ["SERVER_PORT", "PORT", "GAME_PORT"];

const BOTH_PROTOCOLS: [PortProtocol; 2] = [PortProtocol::Tcp, PortProtocol::Udp];

/// Host ports in use or promised, by number and protocol, whatever the address: a port that is free on one address
/// only would surprise whoever opens it on another.
pub type TakenPorts = BTreeSet<(u16, PortProtocol)>;

/// The host ports that may be given out unasked (`ports.range`), both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Why a text is not a port range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a port range is two numbers from 1 to 65535, the smaller first, such as 25565-25999")]
pub struct InvalidPortRange;

impl PortRange {
    /// A range from `first` to `last`, both included; none if it is empty or starts at 0.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first != 0 && first <= last).then_some(Self { first, last })
    }

    /// Whether a port lies in the range.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// All ports of the range, beginning with `start` (or the first one, if `start` lies outside), once around.
    fn once_around(self, start: u16) -> impl Iterator<Item = u16> {
        let start = if self.contains(start) { start } else { self.first };
        (start..=self.last).chain(self.first..start)
    }
}

impl Default for PortRange {
    fn default() -> Self {
        Self { first: 25_565, last: 25_999 }
    }
}

impl FromStr for PortRange {
    type Err = InvalidPortRange;

    fn from_str(text: &str) -> Result<Self, InvalidPortRange> {
        let (first, last) = text.split_once('-').ok_or(InvalidPortRange)?;
        let number = |digits: &str| digits.trim().parse::<u16>().map_err(|_| InvalidPortRange);
        Self::new(number(first)?, number(last)?).ok_or(InvalidPortRange)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// The ports of a server: as wished, or else found by what the environment names or the image exposes.
///
/// `taken` holds what others have on this host; the server's own ports of before must not be in it. The primary port
/// comes first in the answer; a wish without a protocol becomes a tcp and a udp binding.
///
/// # Errors
/// - `CONFIG_INVALID`: a port 0, a port variable that is not a port, or more than [`MAX_BINDINGS`].
/// - `PORT_CONFLICT`: a wished external port is taken or named twice.
/// - `INSUFFICIENT_RESOURCES`: no free port is left in the range.
pub fn allocate(
    wishes: &[PortWish],
    environment: &BTreeMap<String, String>,
    exposed: &[(u16, PortProtocol)],
    taken: &TakenPorts,
    range: PortRange,
    default_ip: IpAddr,
) -> Result<Vec<PortBinding>, Failure> {
    if !wishes.is_empty() {
        return as_wished(wishes, taken, default_ip);
    }
    if let Some(internal) = port_of_environment(environment)? {
        return find_free(&[(internal, &BOTH_PROTOCOLS)], taken, range, default_ip);
    }
    let exposed = by_number(exposed)?;
    if !exposed.is_empty() {
        let inside: Vec<(u16, &[PortProtocol])> =
            exposed.iter().map(|(number, protocols)| (*number, protocols.as_slice())).collect();
        return find_free(&inside, taken, range, default_ip);
    }
    let external = next_free(range.first, &BOTH_PROTOCOLS, taken, range)?;
    find_free(&[(external, &BOTH_PROTOCOLS)], taken, range, default_ip)
}

fn as_wished(wishes: &[PortWish], taken: &TakenPorts, default_ip: IpAddr) -> Result<Vec<PortBinding>, Failure> {
    let mut named = TakenPorts::new();
    let mut bindings = Vec::new();
    for wish in wishes {
        let internal = wish.internal.unwrap_or(wish.external);
        if wish.external == 0 || internal == 0 {
            return Err(Failure::new(FailureCode::ConfigInvalid, "a port is a number from 1 to 65535"));
        }
        let only = wish.protocol.map(|protocol| [protocol]);
        for &protocol in only.as_ref().map_or(BOTH_PROTOCOLS.as_slice(), <[_; 1]>::as_slice) {
            let port = (wish.external, protocol);
            if taken.contains(&port) {
                return Err(port_conflict(port, "is taken"));
            }
            if !named.insert(port) {
                return Err(port_conflict(port, "is named twice"));
            }
            let ip = wish.ip.unwrap_or(default_ip);
            bindings.push(PortBinding { ip, internal, external: wish.external, protocol, primary: false });
        }
    }
    too_many(bindings.len())?;
    let primary = wishes.iter().find(|wish| wish.primary).unwrap_or(&wishes[0]);
    let primary_inside = primary.internal.unwrap_or(primary.external);
    // By number, so that both protocols of one port are primary even when they were wished for one by one.
    for binding in &mut bindings {
        binding.primary = binding.external == primary.external && binding.internal == primary_inside;
    }
    bindings.sort_by_key(|binding| !binding.primary);
    Ok(bindings)
}

/// The first of the port variables that is set. An empty one is not set: panels send empty values for unused fields.
fn port_of_environment(environment: &BTreeMap<String, String>) -> Result<Option<u16>, Failure> {
    let set = |name: &str| environment.get(name).is_some_and(|value| !value.trim().is_empty());
    let Some(name) = PORT_VARIABLES.into_iter().find(|name| set(name)) else { return Ok(None) };
    match environment[name].trim().parse::<u16>() {
        Ok(port) if port != 0 => Ok(Some(port)),
        // The value is not repeated (P-208).
        _ => Err(Failure::new(FailureCode::ConfigInvalid, format!("{name} is not a port from 1 to 65535"))),
    }
}

/// Exposed ports by number, lowest first: images list them in no order, and the game's own port is nearly always the
/// lowest (its query and remote control ports lie above).
fn by_number(exposed: &[(u16, PortProtocol)]) -> Result<BTreeMap<u16, Vec<PortProtocol>>, Failure> {
    let mut numbers: BTreeMap<u16, Vec<PortProtocol>> = BTreeMap::new();
    for &(number, protocol) in exposed.iter().filter(|(number, _)| *number != 0) {
        let protocols = numbers.entry(number).or_default();
        if !protocols.contains(&protocol) {
            protocols.push(protocol);
            protocols.sort();
        }
    }
    too_many(numbers.values().map(Vec::len).sum())?;
    Ok(numbers)
}

/// Finds an external port for each internal one; the first is the primary one.
fn find_free(
    inside: &[(u16, &[PortProtocol])],
    taken: &TakenPorts,
    range: PortRange,
    ip: IpAddr,
) -> Result<Vec<PortBinding>, Failure> {
    let mut taken = taken.clone();
    let mut bindings = Vec::new();
    for (index, &(internal, protocols)) in inside.iter().enumerate() {
        let external = next_free(internal, protocols, &taken, range)?;
        for &protocol in protocols {
            taken.insert((external, protocol));
            bindings.push(PortBinding { ip, internal, external, protocol, primary: index == 0 });
        }
    }
    Ok(bindings)
}

fn next_free(start: u16, protocols: &[PortProtocol], taken: &TakenPorts, range: PortRange) -> Result<u16, Failure> {
    let is_free = |port: &u16| protocols.iter().all(|protocol| !taken.contains(&(*port, *protocol)));
    range.once_around(start).find(is_free).ok_or_else(|| {
        Failure::new(FailureCode::InsufficientResources, format!("no free port is left in the range {range}"))
    })
}

fn too_many(count: usize) -> Result<(), Failure> {
    if count <= MAX_BINDINGS {
        return Ok(());
    }
    Err(Failure::new(FailureCode::ConfigInvalid, format!("a server can have at most {MAX_BINDINGS} ports")))
}

fn port_conflict((port, protocol): (u16, PortProtocol), why: &str) -> Failure {
    Failure::new(FailureCode::PortConflict, format!("port {port}/{} {why}", protocol.as_str()))
}
