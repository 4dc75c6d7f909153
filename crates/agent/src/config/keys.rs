//! Every key there is: its form, its default, its meaning. The one source for reading, checking, the example file and
//! the documentation.

use super::form::Form;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.key`.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) form: Form,
    /// The default as TOML; empty = not set.
    pub(crate) default: &'static str,
    /// What an operator might write, as TOML, where there is no default to show.
    pub(crate) example: &'static str,
    /// Old name in the environment, and how its value is to be read.
    pub(crate) old_name: Option<OldName>,
    /// What it is for, in sentences.
    pub(crate) meaning: &'static str,
}

/// A variable of earlier agents (P-5), or one that everybody knows.
#[derive(Debug)]
pub(crate) struct OldName {
    /// The variable.
    pub(crate) variable: &'static str,
    /// What stands before its value, so that it reads as the key does.
    pub(crate) prefix: &'static str,
}

/// The sections in the order they are shown, each with a line on what it is about.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("node", "This machine."),
    ("panel", "The link to the panel. The agent dials; nothing needs to be opened to the outside for it."),
    ("http", "The HTTP listener: health, status and commands."),
    ("storage", "Where things are kept."),
    ("docker", "The Docker Engine, and how containers are made. The panel cannot change any of this."),
    ("ports", "Ports on this host that servers may have."),
    ("limits", "Ceilings of this node. What a panel asks for beyond them is refused."),
    ("commands", "How commands are taken and answered."),
    ("console", "The consoles of the servers."),
    ("stats", "Figures of the servers."),
    ("log", "The agent's own log, on standard error."),
];

impl Key {
    /// The part before the dot.
    pub(crate) fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The part after the dot.
    pub(crate) fn key(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(_, key)| key)
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("CAP__{}__{}", self.section().to_uppercase(), self.key().to_uppercase())
    }
}

/// The key of that name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The known name that is most like `name`, if one is like it at all.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let in_right_section = KEYS.iter().map(|key| (strsim::damerau_levenshtein(key.name, name), key.name));
    // The right key in a wrong section is a common slip, too.
    let bare = name.rsplit('.').next().unwrap_or(name);
    let elsewhere = KEYS.iter().filter(|key| key.key() == bare).map(|key| (1, key.name));
    let (distance, nearest) = elsewhere.chain(in_right_section).min()?;
    (distance <= 1 + name.len() / 5).then_some(nearest)
}

const fn key(name: &'static str, form: Form, default: &'static str, meaning: &'static str) -> Key {
    Key { name, form, default, example: "", old_name: None, meaning }
}

const fn unset(name: &'static str, form: Form, example: &'static str, meaning: &'static str) -> Key {
    Key { name, form, default: "", example, old_name: None, meaning }
}

const fn known_as(variable: &'static str, prefix: &'static str, key: Key) -> Key {
    Key { old_name: Some(OldName { variable, prefix }), ..key }
}

/// All keys, in the order they are shown.
pub(crate) const KEYS: &[Key] = &[
    known_as(
        "NODE_ID",
        "",
        unset(
            "node.id",
            Form::Text("1 to 64 of A-Z a-z 0-9 . _ ~ -"),
            "\"node-1\"",
            "The id the panel knows this node by. Required.",
        ),
    ),
    known_as(
        "PANEL_URL",
        "",
        unset(
            "panel.url",
            Form::Text("ws:// or wss:// URL"),
            "\"wss://panel.example.com:8080\"",
            "Where to dial. Not set: no link, HTTP only. http and https are read as ws and wss.",
        ),
    ),
    known_as(
        "AGENT_SECRET",
        "",
        unset(
            "panel.secret",
            Form::Secret,
            "\"\"",
            "The secret the panel expects from this agent (its AGENT_SECRET), 16 characters or more. There is no default. Better in a file: see secret_file.",
        ),
    ),
    unset(
        "panel.secret_file",
        Form::Text("path"),
        "\"/etc/ctrl-alt-play/panel_secret\"",
        "A file with the secret instead; one newline at its end is ignored. The systemd credential panel_secret works without any key.",
    ),
    unset(
        "panel.ca_file",
        Form::Text("path"),
        "\"/etc/ctrl-alt-play/ca.pem\"",
        "Certificates (PEM) to trust besides the system's. There is no way to accept an invalid certificate.",
    ),
    key(
        "panel.heartbeat_interval",
        Form::Duration(5 * SECOND, 30 * SECOND),
        "\"15s\"",
        "Time between heartbeats. The panel gives a node up after 60 s without one.",
    ),
    key(
        "panel.reconnect_min",
        Form::Duration(100, 60 * SECOND),
        "\"5s\"",
        "Wait before the first retry after a failed dial or a short link; it doubles with each further one. Each wait varies by a fifth.",
    ),
    key(
        "panel.reconnect_max",
        Form::Duration(100, 600 * SECOND),
        "\"1min\"",
        "Longest wait between two tries. A panel that refuses the secret or the node is retried more slowly than this.",
    ),
    key(
        "panel.reconnect_spread",
        Form::Duration(0, 600 * SECOND),
        "\"5s\"",
        "After a lost link the first retry comes at a random moment within this time, so that a large fleet does not knock at once. 0 = after reconnect_min.",
    ),
    key(
        "panel.ws_max_message",
        Form::Bytes(64 * KIB, 256 * MIB),
        "\"8MiB\"",
        "Largest message taken from the panel; a larger one closes the link with 1009.",
    ),
    key(
        "panel.console_server_log",
        Form::Switch,
        "true",
        "Also send each console line as a server_log event, as older panels read it.",
    ),
    key(
        "panel.resource_interval",
        Form::Duration(0, DAY),
        "\"30s\"",
        "Time between resource_update events of each running server, at least 1 s. 0 = off.",
    ),
    known_as(
        "HEALTH_PORT",
        "[::]:",
        key(
            "http.listen",
            Form::Texts("addresses with port"),
            "[\"[::]:8081\"]",
            "Addresses to listen on. [::] is IPv4 and IPv6; a bare port means [::]. https:// or http:// before an address switches TLS for it; without, TLS is on if tls_cert is set.",
        ),
    ),
    unset(
        "http.token",
        Form::Secret,
        "\"\"",
        "The token panels send to this agent (the node's daemon token), 16 characters or more. The panel secret is accepted as well.",
    ),
    unset(
        "http.token_file",
        Form::Text("path"),
        "\"/etc/ctrl-alt-play/http_token\"",
        "A file with the token instead; one newline at its end is ignored. The systemd credential http_token works without any key.",
    ),
    key(
        "http.max_body",
        Form::Bytes(64 * MIB, 4 * GIB),
        "\"64MiB\"",
        "Largest request body. Panels send files in one body, so it cannot be made smaller than 64 MiB.",
    ),
    unset(
        "http.tls_cert",
        Form::Text("path"),
        "\"/etc/ctrl-alt-play/tls/cert.pem\"",
        "Certificate chain (PEM) of the listener. Needs tls_key. Panels refuse self-signed ones.",
    ),
    unset(
        "http.tls_key",
        Form::Text("path"),
        "\"/etc/ctrl-alt-play/tls/key.pem\"",
        "Private key (PEM) of the listener.",
    ),
    key(
        "http.allow_placeholder_token",
        Form::Switch,
        "false",
        "Accept the token daemon_token_here, which old panels send, on the old /api/servers routes only. Anybody can know it: only on a network where everybody is trusted.",
    ),
    key(
        "storage.root",
        Form::Text("absolute path"),
        "\"/var/lib/ctrl-alt-play\"",
        "The directory for everything the agent keeps: state, server data, trash. Made with mode 0700.",
    ),
    key(
        "storage.trash_retention",
        Form::Duration(0, 365 * DAY),
        "\"24h\"",
        "How long the data of a deleted server can be brought back. 0 = deleted at once.",
    ),
    key("docker.socket", Form::Text("absolute path"), "\"/var/run/docker.sock\"", "The engine's socket."),
    key(
        "docker.network",
        Form::Text("name of a Docker network"),
        "\"bridge\"",
        "The network servers are put in. It must exist; host and another container's network are refused.",
    ),
    key(
        "docker.dns",
        Form::Texts("IP addresses"),
        "[]",
        "Name servers for containers. Empty = the engine's own choice.",
    ),
    key(
        "docker.image_pull",
        Form::Choice(&["missing", "always", "never"]),
        "\"missing\"",
        "When an image is pulled: if it is not there, before each install, or never.",
    ),
    key(
        "docker.allowed_images",
        Form::Texts("patterns"),
        "[\"*\"]",
        "Images a panel may use, as it names them; * stands for any text. An empty list allows none.",
    ),
    key(
        "docker.log_max_bytes",
        Form::Bytes(64 * KIB, 10 * GIB),
        "\"10MiB\"",
        "Size of one log file the engine keeps per server: the second copy of the console.",
    ),
    key("docker.log_max_files", Form::Whole(1, 100), "3", "How many such log files per server."),
    key("docker.pids_limit", Form::Whole(16, 4_194_304), "512", "Most processes and threads in one server."),
    key(
        "docker.user",
        Form::Text("uid:gid"),
        "\"1000:1000\"",
        "User and group (numbers) that servers run as and that own their data.",
    ),
    key(
        "docker.allow_root_containers",
        Form::Switch,
        "false",
        "Allow user or group 0 in docker.user. Root in a container is one kernel bug from root on the host.",
    ),
    key(
        "docker.capabilities",
        Form::Texts("names of Linux capabilities"),
        "[\"CHOWN\", \"KILL\", \"SETGID\", \"SETUID\"]",
        "Capabilities servers keep; all others are dropped. What is left by default is what Wings leaves. A user other than root cannot use them anyway: no-new-privileges is always set.",
    ),
    key(
        "docker.read_only_root",
        Form::Switch,
        "true",
        "Make the image's file system read-only; the data directory and /tmp stay writable.",
    ),
    key("docker.tmpfs_bytes", Form::Bytes(MIB, 64 * GIB), "\"100MiB\"", "Size of /tmp, in memory, of each server."),
    key(
        "docker.data_target",
        Form::Text("absolute path"),
        "\"/home/container\"",
        "Where the data directory appears in the container.",
    ),
    key(
        "docker.tty",
        Form::Switch,
        "false",
        "Give servers a terminal (one output stream instead of two), where their configuration says nothing else.",
    ),
    key(
        "docker.read_deadline",
        Form::Duration(SECOND, 2 * MINUTE),
        "\"5s\"",
        "Longest wait for an answer to a question to the engine.",
    ),
    key(
        "docker.write_deadline",
        Form::Duration(5 * SECOND, 10 * MINUTE),
        "\"30s\"",
        "Longest wait for create, start, signal and remove.",
    ),
    key(
        "docker.pull_idle_deadline",
        Form::Duration(10 * SECOND, HOUR),
        "\"2min\"",
        "A pull without any progress for this long has failed.",
    ),
    key(
        "docker.relist_interval",
        Form::Duration(5 * SECOND, 10 * MINUTE),
        "\"30s\"",
        "How often all containers are listed, in case an event was lost.",
    ),
    key("ports.range", Form::Text("first-last"), "\"25565-25999\"", "Host ports given to servers that ask for none."),
    key(
        "ports.ip",
        Form::Text("IP address"),
        "\"0.0.0.0\"",
        "Host address that ports are bound to, where the panel names none.",
    ),
    unset(
        "limits.max_memory_bytes",
        Form::Bytes(0, 64 * 1024 * GIB),
        "\"16GiB\"",
        "Most memory of one server. Not set or 0 = no ceiling.",
    ),
    unset(
        "limits.max_cpu_percent",
        Form::Whole(0, 1_000_000),
        "400",
        "Most cpu of one server; 100 = one core. Not set or 0 = no ceiling.",
    ),
    key("limits.max_servers", Form::Whole(0, 10_000), "200", "Most servers on this node. 0 = no ceiling."),
    key(
        "commands.ack_deadline",
        Form::Duration(0, 20 * SECOND),
        "\"2s\"",
        "An operation that takes longer is answered as under way, and its outcome follows. 0 = at once.",
    ),
    key(
        "commands.query_deadline",
        Form::Duration(SECOND, 28 * SECOND),
        "\"25s\"",
        "Longest time for a query. Panels give up after 30 s.",
    ),
    key(
        "commands.start_deadline",
        Form::Duration(5 * SECOND, DAY),
        "\"10min\"",
        "A server that is not ready after this time has failed to start.",
    ),
    key("commands.rate_per_second", Form::Whole(1, 100_000), "50", "Commands per second from one panel, over time."),
    key("commands.rate_burst", Form::Whole(1, 1_000_000), "200", "Commands from one panel at once."),
    key("commands.queue_per_server", Form::Whole(1, 10_000), "32", "Commands that may wait for one server."),
    key(
        "commands.learn_aliases",
        Form::Switch,
        "true",
        "Learn which server a panel means by its database id from the time it was made, where there is no doubt.",
    ),
    key("console.max_line", Form::Bytes(KIB, MIB), "\"64KiB\"", "Longer console lines are split."),
    key(
        "console.history_lines",
        Form::Whole(100, 1_000_000),
        "10000",
        "Lines kept in memory per server; the oldest go first.",
    ),
    key(
        "console.history_bytes",
        Form::Bytes(64 * KIB, GIB),
        "\"2MiB\"",
        "The same bound in bytes; whichever is reached first.",
    ),
    key(
        "console.batch_interval",
        Form::Duration(1, SECOND),
        "\"50ms\"",
        "Longest time a console line waits for others to go with it.",
    ),
    key(
        "stats.interval",
        Form::Duration(SECOND, 5 * MINUTE),
        "\"1s\"",
        "How often the figures of running servers are read.",
    ),
    known_as(
        "RUST_LOG",
        "",
        key(
            "log.level",
            Form::Text("error, warn, info, debug, trace, off; also module=level, ..."),
            "\"info\"",
            "What is logged. Finer: a list such as \"info,cap_agent::panel=debug\".",
        ),
    ),
    key("log.format", Form::Choice(&["text", "json"]), "\"text\"", "One record is one line in either format."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_named_once_and_belongs_to_a_section_that_is_shown() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(SECTIONS.iter().any(|(section, _)| *section == key.section()), "{}", key.name);
            assert!(!KEYS[..at].iter().any(|other| other.name == key.name), "{} is there twice", key.name);
            assert!(key.default.is_empty() != key.example.is_empty(), "{}: a default or an example", key.name);
        }
    }

    #[test]
    fn slips_of_the_pen_are_recognised() {
        assert_eq!(nearest("panel.secrt"), Some("panel.secret"));
        assert_eq!(nearest("panel.heartbeet_interval"), Some("panel.heartbeat_interval"));
        assert_eq!(nearest("docker.secret"), Some("panel.secret"), "the right key in the wrong section");
        assert_eq!(nearest("storge.root"), Some("storage.root"));
        assert_eq!(nearest("colour.of_the_sky"), None);
    }
}
