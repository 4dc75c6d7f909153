//! What is refused, and what is only said loudly.

use std::net::SocketAddr;

use super::super::{ImagePull, LogFormat, PortRange};
use super::*;

// P-7
#[test]
fn node_ids_the_panel_would_read_differently_are_refused() {
    for id in ["a/b", "a b", "a&b", "a%20b", "n\u{f6}de", &"x".repeat(65)] {
        let said = load_flags(&[&format!("node.id={id}")]).unwrap_err().to_string();
        assert!(said.contains("node.id: a node id has 1 to 64 characters"), "{said}");
    }
    assert!(load_flags(&["node.id=Az09._~-"]).is_ok());
    let said = load_flags(&[]).unwrap_err().to_string();
    assert!(said.contains("node.id: not set; set it in the file"), "{said}");
}

#[test]
fn urls_that_cannot_be_dialled_are_refused() {
    for (url, expected) in [
        ("panel:8080", "no scheme"),
        ("ftp://panel", "none of ws, wss, http, https"),
        ("ws://", "not a URL"),
        ("ws://:8080", "names no host"),
        ("ws://panel:0", "usable port"),
        ("ws://panel:99999", "usable port"),
        ("ws://pa nel", "not a URL"),
        ("ws://user:password@panel", "user name or password"),
        ("ws://panel/#top", "fragment"),
    ] {
        let said = refused(&[&format!("panel.url={url}"), &format!("panel.secret={CANARY}")]);
        assert!(said.contains("panel.url: ") && said.contains(expected), "{url}: {said}");
        assert!(!said.contains("password@"), "{said}");
    }
}

#[test]
fn a_link_in_the_clear_is_a_warning_unless_it_stays_on_this_machine() {
    for (url, warns) in [
        ("ws://panel.example.com", true),
        ("wss://panel.example.com", false),
        ("ws://localhost:8080", false),
        ("ws://127.1.2.3:8080", false),
        ("ws://[::1]:8080", false),
        ("ws://[::ffff:127.0.0.1]:8080", false),
        ("ws://localhost.example.com", true),
        ("ws://[::2]", true),
    ] {
        let said = warned(&[&format!("panel.url={url}"), &format!("panel.secret={CANARY}")]);
        assert_eq!(said.contains("the link is not encrypted"), warns, "{url}: {said}");
    }
}

// P-13
#[test]
fn intervals_outside_their_range_are_refused() {
    for setting in [
        "panel.heartbeat_interval=4s",
        "panel.heartbeat_interval=31s",
        "commands.query_deadline=29s",
        "panel.resource_interval=500ms",
        "panel.reconnect_min=99ms",
        "panel.reconnect_max=4s",
        "http.max_body=1MiB",
        "docker.pids_limit=0",
        "console.max_line=10",
    ] {
        let said = refused(&[setting]);
        assert!(said.contains(setting.split('=').next().unwrap()), "{said}");
    }
    assert_eq!(accepted("panel.resource_interval=0").panel.resource_interval, None);
    assert!(accepted("commands.ack_deadline=0").commands.ack_deadline.is_zero());
}

// P-75
#[test]
fn listeners_are_read_in_every_way_people_write_them() {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let listen = accepted("http.listen=8081, :8080, 127.0.0.1:1, [::1]:2, http://0.0.0.0:3").http.listen;
    let addresses: Vec<_> = listen.iter().map(|listener| listener.address).collect();
    assert_eq!(
        addresses,
        [address("[::]:8081"), address("[::]:8080"), address("127.0.0.1:1"), address("[::1]:2"), address("0.0.0.0:3")]
    );
    assert_eq!(listen[4].tls, Some(false));
    assert!(
        refused(&["http.listen=localhost:8081"]).contains("http.listen: entry 1: this is not an address with a port")
    );
    assert!(refused(&["http.listen=8081,70000"]).contains("http.listen: entry 2"));
    assert!(refused(&["http.listen="]).contains("the listener is always on"));
    assert!(refused(&["http.listen=8081,[::]:8081"]).contains("twice"));
    assert!(refused(&["http.listen=https://[::]:8081"]).contains("there is no certificate"));
}

#[test]
fn files_that_are_named_must_be_there_and_tls_needs_both() {
    let files = Files::new();
    let cert = files.write("cert.pem", "");
    let said = refused(&["panel.ca_file=/nowhere/ca.pem"]);
    assert!(said.contains("panel.ca_file: the file cannot be opened"), "{said}");
    let said = refused(&[&format!("panel.ca_file={}", files.0.path().display())]);
    assert!(said.contains("panel.ca_file: this is not a file"), "{said}");
    let said = refused(&[&format!("http.tls_cert={}", cert.display())]);
    assert!(said.contains("http.tls_key: not set, but http.tls_cert is"), "{said}");
    let loaded = load_flags(&[
        "node.id=n",
        &format!("http.tls_cert={}", cert.display()),
        &format!("http.tls_key={}", cert.display()),
    ]);
    assert_eq!(loaded.unwrap().config.http.tls.unwrap().cert, cert);
}

#[test]
fn the_storage_root_is_a_directory_of_its_own() {
    for root in ["games", "./games", "/", "/etc", "/var/lib", "/srv/../etc", "/proc/self", "/dev/games", "//"] {
        let said = refused(&[&format!("storage.root={root}")]);
        assert!(said.contains("storage.root: "), "{root}: {said}");
    }
    assert_eq!(accepted("storage.root=/srv/games").storage.root, Path::new("/srv/games"));
}

#[test]
fn what_would_give_a_container_the_node_is_refused() {
    for (setting, expected) in [
        ("docker.user=0:0", "is root"),
        ("docker.user=0:1000", "is root"),
        ("docker.user=1000:0", "is root"),
        ("docker.user=steam", "not uid:gid"),
        ("docker.user=1000", "not uid:gid"),
        ("docker.user=4294967295:1", "not uid:gid"),
        ("docker.network=host", "host's own network"),
        ("docker.network=container:db", "not the name"),
        ("docker.capabilities=ALL", "no such capability"),
        ("docker.capabilities=CHOWN,FLY", "entry 2: there is no such capability"),
        ("docker.data_target=/", "hide the image"),
        ("docker.data_target=home", "not absolute"),
        ("docker.socket=tcp://127.0.0.1:2375", "only a local socket"),
        ("docker.dns=one.one.one.one", "not an IP address"),
        ("docker.image_pull=sometimes", "one of \"missing\", \"always\", \"never\""),
    ] {
        let said = refused(&[setting]);
        assert!(said.contains(expected), "{setting}: {said}");
    }
}

#[test]
fn what_weakens_a_container_is_said_loudly() {
    let said = warned(&["docker.user=0:0", "docker.allow_root_containers=true"]);
    assert!(said.contains("docker.user: servers run as root"), "{said}");
    let said = warned(&["docker.capabilities=chown,CAP_SYS_ADMIN"]);
    assert!(said.contains("docker.capabilities: SYS_ADMIN lets a server reach beyond"), "{said}");
    assert_eq!(accepted("docker.capabilities=chown,CAP_KILL").docker.capabilities, ["CHOWN", "KILL"]);
    let said = warned(&["http.allow_placeholder_token=true"]);
    assert!(said.contains("http.allow_placeholder_token: everybody"), "{said}");
    let said = warned(&["docker.allowed_images="]);
    assert!(said.contains("docker.allowed_images: empty"), "{said}");
}

#[test]
fn port_ranges_are_whole_and_in_order() {
    assert_eq!(accepted("ports.range=1-65535").ports.range, PortRange { first: 1, last: 65535 });
    for range in ["0-10", "20-10", "25565", "1-65536", "a-b", "-5"] {
        assert!(refused(&[&format!("ports.range={range}")]).contains("ports.range: this is not a range"), "{range}");
    }
    assert!(refused(&["ports.ip=everywhere"]).contains("ports.ip: this is not an IP address"));
}

#[test]
fn image_patterns_fit_whole_references() {
    let allows = |patterns: &str, image: &str| {
        accepted(&format!("docker.allowed_images={patterns}")).docker.allowed_images.allows(image)
    };
    assert!(allows("*", "anything/at:all"));
    assert!(allows("ghcr.io/pterodactyl/*", "ghcr.io/pterodactyl/yolks:java_21"));
    // S-24, for images
    assert!(!allows("ghcr.io/*", "ghcr.io.evil.tld/x"));
    assert!(!allows("ghcr.io/*", "evil.tld/ghcr.io/x"));
    assert!(!allows("itzg/minecraft-server", "itzg/minecraft-server:latest"));
    assert!(allows("a, itzg/*:*21", "itzg/minecraft-server:java21"));
    assert!(allows("a*a", "aa") && !allows("a*a", "a"), "ends may not share a character");
    assert!(!allows("", "itzg/minecraft-server"));
}

#[test]
fn zero_is_no_ceiling() {
    let limits = accepted("limits.max_servers=0").limits;
    assert_eq!((limits.max_servers, limits.max_memory_bytes, limits.max_cpu_percent), (None, None, None));
    assert_eq!(accepted("limits.max_memory_bytes=16G").limits.max_memory_bytes, Some(16 << 30));
}

#[test]
fn log_levels_may_name_modules() {
    for level in ["debug", "OFF", "info,cap_agent::panel=trace", "warn, awc=off"] {
        assert_eq!(accepted(&format!("log.level={level}")).log.level, level);
    }
    for level in ["loud", "info,", "info;debug", "a=b", "=debug"] {
        assert!(refused(&[&format!("log.level={level}")]).contains("log.level: "), "{level}");
    }
    assert_eq!(accepted("log.format=json").log.format, LogFormat::Json);
    assert_eq!(accepted("docker.image_pull=never").docker.image_pull, ImagePull::Never);
}
