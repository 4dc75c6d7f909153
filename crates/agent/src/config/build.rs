//! From settings to the configuration the program uses.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cap_domain::ids::NodeId;

use super::capabilities;
use super::checks::{self, Reach};
use super::layers::Findings;
use super::sections::*;
use super::settings::Settings;
use super::values::{AllowedImages, HttpListener, PanelUrl};

/// Builds the configuration; `None` if something required is missing. What is wrong goes to `findings`, all of it.
pub(crate) fn config(settings: &Settings, findings: &mut Findings) -> Option<AgentConfig> {
    let mut builder = Builder { settings, findings };
    let node = builder.node();
    let http_listen = builder.listeners();
    let panel = builder.panel(&http_listen);
    let http = builder.http(http_listen, &panel);
    let storage = builder.storage();
    let docker = builder.docker();
    let ports = builder.ports();
    let log = builder.log();
    Some(AgentConfig {
        node: node?,
        panel,
        http,
        storage: storage?,
        docker: docker?,
        ports: ports?,
        limits: LimitsConfig {
            max_memory_bytes: none_if_zero(settings.number("limits.max_memory_bytes")),
            max_cpu_percent: none_if_zero(settings.number("limits.max_cpu_percent")),
            max_servers: none_if_zero(settings.number("limits.max_servers")).map(to_usize),
        },
        commands: CommandsConfig {
            ack_deadline: settings.duration("commands.ack_deadline"),
            query_deadline: settings.duration("commands.query_deadline"),
            start_deadline: settings.duration("commands.start_deadline"),
            rate_per_second: to_u32(settings.number("commands.rate_per_second")),
            rate_burst: to_u32(settings.number("commands.rate_burst")),
            queue_per_server: to_usize(settings.number("commands.queue_per_server")),
            learn_aliases: settings.switch("commands.learn_aliases"),
        },
        console: ConsoleConfig {
            max_line: to_usize(settings.number("console.max_line")),
            history_lines: to_usize(settings.number("console.history_lines")),
            history_bytes: to_usize(settings.number("console.history_bytes")),
            batch_interval: settings.duration("console.batch_interval"),
        },
        stats: StatsConfig { interval: settings.duration("stats.interval") },
        log,
    })
}

struct Builder<'a> {
    settings: &'a Settings,
    findings: &'a mut Findings,
}

impl Builder<'_> {
    fn node(&mut self) -> Option<NodeConfig> {
        if self.settings.text("node.id").is_none() {
            if self.findings.problems.iter().any(|problem| problem.key == "node.id") {
                return None;
            }
            let remedy = "set it in the file ([node] id = \"...\"), or CAP__NODE__ID or NODE_ID in the environment";
            self.findings.problem("configuration", "node.id", "not set", remedy);
            return None;
        }
        let remedy = "give the id that the panel shows for this node";
        self.text("node.id", remedy, |text| NodeId::parse(text).map_err(|e| e.to_string())).map(|id| NodeConfig { id })
    }

    fn panel(&mut self, listen: &[HttpListener]) -> PanelConfig {
        let settings = self.settings;
        let url = self.text("panel.url", "write it as wss://panel.example.com:8080", str::parse::<PanelUrl>);
        let secret = settings.secret("panel.secret").cloned();
        if let (Some(place), None) = (settings.place("panel.url"), &secret)
            && !self.findings.problems.iter().any(|p| p.key.starts_with("panel.secret"))
        {
            let remedy = "set panel.secret_file (or panel.secret, or AGENT_SECRET) to the panel's AGENT_SECRET";
            self.findings.problem(place, "panel.secret", "not set, and a link needs one", remedy);
        }
        // A URL that cannot be read may lead anywhere.
        let reach = match (&url, settings.is_set("panel.url")) {
            (None, true) => Reach::Network,
            // Without a link, the secret is what the HTTP listener accepts.
            (None, false) => checks::http_reach(listen),
            (Some(url), _) if url.is_loopback() => Reach::Loopback,
            (Some(_), _) => Reach::Network,
        };
        checks::secret("panel.secret", reach, settings, self.findings);
        let resource_interval = settings.duration("panel.resource_interval");
        if !resource_interval.is_zero() && resource_interval.as_millis() < 1000 {
            let place = settings.place("panel.resource_interval").unwrap_or_default();
            self.findings.problem(place, "panel.resource_interval", "shorter than 1 s", "use 1s or more, or 0 for off");
        }
        let (reconnect_min, reconnect_max) =
            (settings.duration("panel.reconnect_min"), settings.duration("panel.reconnect_max"));
        if reconnect_max < reconnect_min {
            let place = settings.place("panel.reconnect_max").unwrap_or_default();
            let remedy = "use a reconnect_max that is not below reconnect_min";
            self.findings.problem(place, "panel.reconnect_max", "shorter than panel.reconnect_min", remedy);
        }
        PanelConfig {
            url,
            secret,
            ca_file: self.file("panel.ca_file"),
            heartbeat_interval: settings.duration("panel.heartbeat_interval"),
            reconnect_min,
            reconnect_max,
            reconnect_spread: settings.duration("panel.reconnect_spread"),
            ws_max_message: to_usize(settings.number("panel.ws_max_message")),
            console_server_log: settings.switch("panel.console_server_log"),
            resource_interval: (!resource_interval.is_zero()).then_some(resource_interval),
        }
    }

    fn listeners(&mut self) -> Vec<HttpListener> {
        let remedy = "write it as [::]:8081, 127.0.0.1:8081 or 8081";
        let listeners: Vec<HttpListener> = self.list("http.listen", remedy, str::parse);
        let place = self.settings.place("http.listen").unwrap_or_default();
        if self.settings.texts("http.listen").is_empty() {
            self.findings.problem(place, "http.listen", "empty, but the listener is always on", remedy);
        }
        let is_twice = |at: usize, listener: &HttpListener| {
            listener.address.port() != 0 && listeners[..at].iter().any(|other| other.address == listener.address)
        };
        if listeners.iter().enumerate().any(|(at, listener)| is_twice(at, listener)) {
            self.findings.problem(place, "http.listen", "the same address is there twice", "remove one");
        }
        listeners
    }

    fn http(&mut self, listen: Vec<HttpListener>, panel: &PanelConfig) -> HttpConfig {
        let settings = self.settings;
        checks::secret("http.token", checks::http_reach(&listen), settings, self.findings);
        let cert = self.file("http.tls_cert");
        let key = self.file("http.tls_key");
        for (one, other) in [("http.tls_cert", "http.tls_key"), ("http.tls_key", "http.tls_cert")] {
            if let (Some(place), None) = (settings.place(one), settings.place(other)) {
                self.findings.problem(place, other, format!("not set, but {one} is"), "set both or neither");
            }
        }
        if listen.iter().any(|listener| listener.tls == Some(true)) && settings.place("http.tls_cert").is_none() {
            let place = settings.place("http.listen").unwrap_or_default();
            let what = "a listener is to speak TLS (https://), but there is no certificate";
            self.findings.problem(place, "http.listen", what, "set http.tls_cert and http.tls_key");
        }
        let token = settings.secret("http.token").cloned();
        let panel_secret = panel.secret.clone().filter(|secret| checks::opens_http(secret, &listen));
        HttpConfig {
            accepted_tokens: token.clone().into_iter().chain(panel_secret).collect(),
            listen,
            token,
            max_body: to_usize(settings.number("http.max_body")),
            tls: cert.zip(key).map(|(cert, key)| TlsFiles { cert, key }),
            allow_placeholder_token: settings.switch("http.allow_placeholder_token"),
        }
    }

    fn storage(&mut self) -> Option<StorageConfig> {
        let remedy = "use a directory of its own, such as /var/lib/ctrl-alt-play";
        let root = self.text("storage.root", remedy, |text| checks::storage_root(text).map(Path::to_path_buf))?;
        Some(StorageConfig { root, trash_retention: self.settings.duration("storage.trash_retention") })
    }

    fn docker(&mut self) -> Option<DockerConfig> {
        let settings = self.settings;
        let socket =
            self.text("docker.socket", "give the path of the engine's socket, such as /var/run/docker.sock", |text| {
                if text.starts_with("tcp://") || text.starts_with("http") {
                    return Err("only a local socket is supported".to_owned());
                }
                checks::absolute_path(text.strip_prefix("unix://").unwrap_or(text)).map(Path::to_path_buf)
            });
        let network = self.text("docker.network", "use \"bridge\", or a network made for servers", |text| {
            let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
            match text {
                "host" => Err("the host's own network would give servers all its ports and services".to_owned()),
                _ if !plain || text.is_empty() => Err("this is not the name of a Docker network".to_owned()),
                _ => Ok(text.to_owned()),
            }
        });
        let user = self.text("docker.user", "write it as 1000:1000", |text| text.parse::<super::ContainerUser>());
        if let Some(user) = user
            && (user.uid == 0 || user.gid == 0)
            && !settings.switch("docker.allow_root_containers")
        {
            let place = settings.place("docker.user").unwrap_or_default();
            let remedy = "use another user, or set docker.allow_root_containers = true if you must";
            self.findings.problem(place, "docker.user", "user or group 0 is root", remedy);
        }
        let data_target =
            self.text("docker.data_target", "give a path inside the container, such as /home/container", |text| {
                match checks::absolute_path(text)? {
                    path if path == Path::new("/") || path == Path::new("/tmp") => {
                        Err("this would hide the image itself or /tmp".to_owned())
                    }
                    path => Ok(path.to_path_buf()),
                }
            });
        let dns = self.list("docker.dns", "give IP addresses, such as 9.9.9.9", |text| {
            text.parse::<IpAddr>().map_err(|_| "this is not an IP address".to_owned())
        });
        let capabilities = self.list("docker.capabilities", "see capabilities(7) for the names", capabilities::name);
        Some(DockerConfig {
            socket: socket?,
            network: network?,
            dns,
            image_pull: match settings.text("docker.image_pull") {
                Some("always") => ImagePull::Always,
                Some("never") => ImagePull::Never,
                _ => ImagePull::Missing,
            },
            allowed_images: AllowedImages::new(settings.texts("docker.allowed_images").to_vec()),
            log_max_bytes: settings.number("docker.log_max_bytes"),
            log_max_files: to_u32(settings.number("docker.log_max_files")),
            pids_limit: i64::try_from(settings.number("docker.pids_limit")).unwrap_or(i64::MAX),
            user: user?,
            capabilities,
            read_only_root: settings.switch("docker.read_only_root"),
            tmpfs_bytes: settings.number("docker.tmpfs_bytes"),
            data_target: data_target?,
            tty: settings.switch("docker.tty"),
            read_deadline: settings.duration("docker.read_deadline"),
            write_deadline: settings.duration("docker.write_deadline"),
            pull_idle_deadline: settings.duration("docker.pull_idle_deadline"),
            relist_interval: settings.duration("docker.relist_interval"),
        })
    }

    fn ports(&mut self) -> Option<PortsConfig> {
        let range = self.text("ports.range", "write it as 25565-25999", str::parse);
        let ip = self.text("ports.ip", "use 0.0.0.0 for all addresses", |text| {
            text.parse().map_err(|_| "this is not an IP address".to_owned())
        });
        Some(PortsConfig { range: range?, ip: ip? })
    }

    fn log(&mut self) -> LogConfig {
        let level = self.text("log.level", "use info, or info,cap_agent::panel=debug", |text| {
            checks::log_level(text).map(|()| text.to_owned())
        });
        let format = match self.settings.text("log.format") {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Text,
        };
        LogConfig { level: level.unwrap_or_else(|| "info".to_owned()), format }
    }

    /// Reads a text further; what does not fit is reported.
    fn text<T>(&mut self, name: &str, remedy: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.settings.text(name)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(what) => {
                self.findings.problem(self.settings.place(name).unwrap_or_default(), name, what, remedy);
                None
            }
        }
    }

    /// Reads each text of a list further; what does not fit is reported with its place in the list.
    fn list<T>(&mut self, name: &str, remedy: &str, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut values = Vec::new();
        for (at, text) in self.settings.texts(name).iter().enumerate() {
            match read(text) {
                Ok(value) => values.push(value),
                Err(what) => {
                    let what = format!("entry {}: {what}", at + 1);
                    self.findings.problem(self.settings.place(name).unwrap_or_default(), name, what, remedy);
                }
            }
        }
        values
    }

    /// A file that must be there.
    fn file(&mut self, name: &str) -> Option<PathBuf> {
        self.text(name, "name a readable file", |text| {
            let path = PathBuf::from(text);
            let opened = std::fs::File::open(&path).and_then(|file| file.metadata());
            match opened {
                Ok(metadata) if metadata.is_file() => Ok(path),
                Ok(_) => Err("this is not a file".to_owned()),
                Err(error) => Err(format!("the file cannot be opened: {error}")),
            }
        })
    }
}

fn none_if_zero(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn to_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
