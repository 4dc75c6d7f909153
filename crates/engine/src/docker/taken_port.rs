//! Which host port a refusal is about: the engine says it in words only, and not always in the same ones.

/// The texts (in lower case) by which engines say that a port of the host is taken.
const SIGNS: &[&str] = &["port is already allocated", "address already in use", "ports are not available"];

/// The words (in lower case) that stand before the address, the most telling ones first.
const LEADS: &[&str] = &[
    "bind for ",
    "host port for ",
    "host port ",
    "listen tcp4 ",
    "listen tcp6 ",
    "listen tcp ",
    "listen udp4 ",
    "listen udp6 ",
    "listen udp ",
    "exposing port tcp ",
    "exposing port udp ",
];

/// The port, if the message says that one is taken; 0 if it does not say which.
pub(super) fn taken_port(message: &str) -> Option<u16> {
    let message = message.to_ascii_lowercase();
    if !SIGNS.iter().any(|sign| message.contains(sign)) {
        return None;
    }
    let port = LEADS.iter().find_map(|lead| {
        let (_, after) = message.split_once(lead)?;
        port_of(after.split_whitespace().next()?)
    });
    Some(port.unwrap_or(0))
}

/// The host port in `0.0.0.0:25565`, `[::]:25565`, `:::25565`, `0.0.0.0:25565:172.17.0.2:80/tcp` and the like.
fn port_of(address: &str) -> Option<u16> {
    let after_host = if let Some((_, after)) = address.split_once("]:") {
        after
    } else if let Some(after) = address.strip_prefix(":::") {
        after
    } else {
        address.split_once(':')?.1
    };
    let digits: String = after_host.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_the_words_of_several_engines() {
        for (message, port) in [
            (
                "driver failed programming external connectivity on endpoint x (ab): Bind for 0.0.0.0:25565 failed: port is already allocated",
                Some(25565),
            ),
            (
                "driver failed programming external connectivity on endpoint x (ab): Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
                Some(80),
            ),
            ("Error starting userland proxy: listen udp 127.0.0.1:19132: bind: address already in use", Some(19132)),
            ("failed to bind host port for 0.0.0.0:7777:172.17.0.2:80/tcp: address already in use", Some(7777)),
            ("failed to bind host port [::]:7777/tcp: address already in use", Some(7777)),
            ("Bind for :::8080 failed: port is already allocated", Some(8080)),
            ("address already in use", Some(0)),
            ("Bind for 0.0.0.0:99999 failed: port is already allocated", Some(0)),
            ("no such container", None),
        ] {
            assert_eq!(taken_port(message), port, "{message}");
        }
    }
}
