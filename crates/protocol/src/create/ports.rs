//! Ports in every form (P-163).

use std::net::IpAddr;

use serde_json::Value;

use crate::Object;
use crate::code::Code;
use crate::number::integer;
use crate::params::{Invalid, given};

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp].into_iter().find(|protocol| protocol.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

/// One port to publish, for one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSpec {
    /// The host address to bind; none = the node's default.
    pub ip: Option<IpAddr>,
    /// Inside the container.
    pub internal: u16,
    /// On the host.
    pub external: u16,
    /// One entry per protocol.
    pub protocol: Protocol,
    /// Named as the primary one; of a tcp and udp pair only the tcp entry.
    pub primary: bool,
}

/// Most entries; a game with more wants a range, which the contract does not know.
const MAX_PORTS: usize = 256;

/// Reads `allocation`, `allocations` and `ports`, in this order. None if none of them is given.
///
/// A port outside 1 to 65535 or anything unreadable is CONFIG_INVALID, an external port named twice PORT_CONFLICT. The
/// primary allocation may stand in `allocations` once more.
pub(super) fn read(config: &Object) -> Result<Option<Vec<PortSpec>>, Invalid> {
    let mut found = Found { ports: Vec::new() };
    let mut is_given = false;
    let mut main_allocation = None;
    if let Some(allocation) = given(config, "allocation") {
        is_given = true;
        let wish = read_allocation(allocation, "allocation")?;
        main_allocation = Some((wish.ip, wish.external));
        found.add(wish, "allocation")?;
    }
    match given(config, "allocations") {
        None => {}
        Some(Value::Array(list)) => {
            is_given = true;
            for allocation in list {
                let wish = read_allocation(allocation, "allocations")?;
                if main_allocation != Some((wish.ip, wish.external)) {
                    found.add(wish, "allocations")?;
                }
            }
        }
        Some(_) => return Err(invalid("allocations", "must be a list")),
    }
    match given(config, "ports") {
        None => {}
        Some(Value::String(text)) if text.trim().is_empty() => {}
        Some(Value::Object(map)) => {
            is_given = true;
            for (key, external) in map {
                let (internal, protocol) = split_protocol(key)?;
                let internal = port_text(internal, "ports")?;
                found.add(Wish { internal, protocol, ..Wish::same(port(external, "ports")?) }, "ports")?;
            }
        }
        Some(Value::Array(list)) => {
            is_given = true;
            for entry in list {
                found.add(read_entry(entry)?, "ports")?;
            }
        }
        Some(_) => return Err(invalid("ports", "must be a map or a list")),
    }
    Ok(is_given.then_some(found.ports))
}

/// One mapping, its protocol perhaps still open.
struct Wish {
    ip: Option<IpAddr>,
    internal: u16,
    external: u16,
    /// None = both.
    protocol: Option<Protocol>,
    primary: bool,
}

impl Wish {
    /// The same number inside and out.
    fn same(port: u16) -> Self {
        Self { ip: None, internal: port, external: port, protocol: None, primary: false }
    }
}

struct Found {
    ports: Vec<PortSpec>,
}

impl Found {
    fn add(&mut self, wish: Wish, field: &str) -> Result<(), Invalid> {
        let protocols = match wish.protocol {
            Some(protocol) => vec![protocol],
            None => vec![Protocol::Tcp, Protocol::Udp],
        };
        for (place, protocol) in protocols.into_iter().enumerate() {
            let Wish { ip, internal, external, .. } = wish;
            let port = PortSpec { ip, internal, external, protocol, primary: wish.primary && place == 0 };
            if self.ports.iter().any(|other| clash(other, &port)) {
                let message = format!("name the external port {external} twice");
                return Err(Invalid::new(Code::PortConflict, field, message));
            }
            if self.ports.len() == MAX_PORTS {
                return Err(invalid(field, "hold more than 256 entries"));
            }
            self.ports.push(port);
        }
        Ok(())
    }
}

/// Whether both cannot be bound on one host.
fn clash(one: &PortSpec, other: &PortSpec) -> bool {
    let same_address = match (one.ip, other.ip) {
        (Some(one), Some(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
        _ => true,
    };
    one.external == other.external && one.protocol == other.protocol && same_address
}

fn read_allocation(value: &Value, field: &str) -> Result<Wish, Invalid> {
    let Value::Object(allocation) = value else { return Err(invalid(field, "must hold ip and port")) };
    let number = given(allocation, "port").ok_or_else(|| invalid(field, "must hold a port"))?;
    let primary = given(allocation, "isPrimary").and_then(Value::as_bool).unwrap_or(false);
    Ok(Wish { ip: read_ip(allocation, field)?, primary, ..Wish::same(port(number, field)?) })
}

fn read_entry(entry: &Value) -> Result<Wish, Invalid> {
    match entry {
        Value::Number(_) => Ok(Wish::same(port(entry, "ports")?)),
        Value::String(text) => {
            let (numbers, protocol) = split_protocol(text)?;
            let (external, internal) = numbers.split_once(':').unwrap_or((numbers, numbers));
            let (external, internal) = (port_text(external, "ports")?, port_text(internal, "ports")?);
            Ok(Wish { internal, protocol, ..Wish::same(external) })
        }
        Value::Object(object) => {
            let internal = given(object, "internal").map(|value| port(value, "ports")).transpose()?;
            let external = given(object, "external").map(|value| port(value, "ports")).transpose()?;
            let external = external.or(internal).ok_or_else(|| invalid("ports", "must name internal or external"))?;
            let protocol = match given(object, "protocol") {
                None => None,
                Some(value) => Some(value.as_str().and_then(Protocol::from_text).ok_or_else(wrong_protocol)?),
            };
            let primary = given(object, "primary").and_then(Value::as_bool).unwrap_or(false);
            let internal = internal.unwrap_or(external);
            Ok(Wish { ip: read_ip(object, "ports")?, internal, external, protocol, primary })
        }
        _ => Err(invalid("ports", "must hold numbers, texts or objects")),
    }
}

fn read_ip(object: &Object, field: &str) -> Result<Option<IpAddr>, Invalid> {
    match given(object, "ip") {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => {
            let address = value.as_str().and_then(|text| text.trim().parse().ok());
            Ok(Some(address.ok_or_else(|| invalid(field, "hold an ip that is not an address"))?))
        }
    }
}

/// What stands before `/tcp` or `/udp`, and which of them it is.
fn split_protocol(text: &str) -> Result<(&str, Option<Protocol>), Invalid> {
    match text.split_once('/') {
        None => Ok((text, None)),
        Some((rest, protocol)) => Ok((rest, Some(Protocol::from_text(protocol).ok_or_else(wrong_protocol)?))),
    }
}

fn port(value: &Value, field: &str) -> Result<u16, Invalid> {
    match value {
        Value::String(text) => port_text(text, field),
        number => {
            let port = integer(number).and_then(|number| u16::try_from(number).ok()).filter(|port| *port != 0);
            port.ok_or_else(|| invalid(field, "must be from 1 to 65535"))
        }
    }
}

fn port_text(text: &str, field: &str) -> Result<u16, Invalid> {
    let text = text.trim();
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| only_digits && *port != 0);
    port.ok_or_else(|| invalid(field, "must be from 1 to 65535"))
}

fn wrong_protocol() -> Invalid {
    invalid("ports", "have an unknown protocol; use tcp or udp")
}

fn invalid(field: &str, message: &str) -> Invalid {
    Invalid::new(Code::ConfigInvalid, field, message)
}
