//! One node for an acceptance test: the real agent program, a dev panel in this process, and the real engine.
//!
//! Everything a node makes is gone when it is dropped: its agent, its containers, its files.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use cap_devpanel::{AgentAddress, AgentHttp, DevPanel, DevPanelConfig, Operation, OperationState, WebConfig};
use cap_domain::ids::{NodeId, ServerId};
use cap_engine::port::{Deadlines, Inspected};
use cap_engine::{ContainerEngine, DockerEngine};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::raw_http;

mod wire;

/// The agent secret of every test node.
pub const SECRET: &str = "test-agent-secret-0123456789";

/// The daemon token of every test node.
pub const TOKEN: &str = "test-daemon-token-0123456789";

/// The image of the sample server.
pub const IMAGE: &str = "cap-sample:latest";

/// How long tests wait for a condition before they call it failed. Generous: two cores run many tests at once.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Ports of one node's range.
const PORTS_PER_NODE: u16 = 20;

/// A number that no other node of this test program has.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// How a node is set up.
#[derive(Clone, Debug)]
pub struct NodeSetup {
    panel: bool,
    page: bool,
    link: Option<String>,
    start_agent: bool,
    socket: PathBuf,
    extra_config: String,
}

impl Default for NodeSetup {
    fn default() -> Self {
        Self {
            panel: true,
            page: false,
            link: None,
            start_agent: true,
            socket: cap_testkit::docker::docker_socket(),
            extra_config: String::new(),
        }
    }
}

impl NodeSetup {
    /// No panel: the agent has HTTP only.
    pub fn without_panel(mut self) -> Self {
        self.panel = false;
        self
    }

    /// The panel serves its web page, too.
    pub fn with_page(mut self) -> Self {
        self.page = true;
        self
    }

    /// No dev panel: the agent dials this URL, whatever is there.
    pub fn link_to(mut self, url: impl Into<String>) -> Self {
        self.panel = false;
        self.link = Some(url.into());
        self
    }

    /// Dials again after a tenth of a second, and at the latest after 0.4 s: a test that drops links has no minutes.
    pub fn quick_reconnect(self) -> Self {
        self.set("panel.reconnect_min=100ms").set("panel.reconnect_max=300ms")
    }

    /// The agent is started later, by [`Node::start_agent`].
    pub fn without_agent(mut self) -> Self {
        self.start_agent = false;
        self
    }

    /// Another engine socket, such as a fault proxy's.
    pub fn socket(mut self, socket: impl Into<PathBuf>) -> Self {
        self.socket = socket.into();
        self
    }

    /// Flags for the agent in the form `section.key=value`, one a line.
    pub fn set(mut self, setting: &str) -> Self {
        self.extra_config.push_str(setting);
        self.extra_config.push('\n');
        self
    }

    /// Starts it, and waits until the agent answers (and is online in the panel, if there is one).
    pub async fn start(self) -> Node {
        let dir = tempfile::Builder::new().prefix("cap-node-").tempdir().unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        let http_port = free_port();
        let panel = self.panel.then(|| {
            let config = DevPanelConfig {
                web: self.page.then(WebConfig::loopback),
                agent_http: Some(AgentHttp::at(format!("http://127.0.0.1:{http_port}"), TOKEN)),
                ..DevPanelConfig::new(SECRET)
            };
            DevPanel::start(config).unwrap()
        });
        // Each test program and node has ports of its own, below those the system gives out by itself.
        let slot = (std::process::id() as u16 % 64) * 8 + number % 8;
        let first_port = 20_000 + (slot % 500) * PORTS_PER_NODE;
        let mut node =
            Node { dir, name, http_port, panel, agent: None, setup: self, first_port, http: cap_http(http_port) };
        node.write_config();
        if node.setup.start_agent {
            node.start_agent().await;
        }
        node
    }
}

/// See the module.
#[allow(missing_debug_implementations, reason = "a panel and processes have no useful text")]
pub struct Node {
    dir: TempDir,
    /// Its node id.
    pub name: String,
    http_port: u16,
    /// Its panel.
    pub panel: Option<DevPanel>,
    agent: Option<Child>,
    setup: NodeSetup,
    first_port: u16,
    /// A panel that knows the agent's HTTP side only.
    http: DevPanel,
}

fn cap_http(port: u16) -> DevPanel {
    let config = DevPanelConfig {
        agent_http: Some(AgentHttp {
            address: AgentAddress::Url(format!("http://127.0.0.1:{port}")),
            ..AgentHttp::at(String::new(), TOKEN)
        }),
        ..DevPanelConfig::new(SECRET)
    };
    DevPanel::start(config).unwrap()
}

/// A port that was free a moment ago, and that the system does not give to outgoing connections by itself: one of those
/// could take it before the agent does.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 10_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    loop {
        let tried = u32::from(TRIED.fetch_add(1, Ordering::Relaxed));
        // Test programs that run at the same time begin at places of their own.
        let place = (std::process::id().wrapping_mul(97).wrapping_add(tried)) % COUNT;
        let port = u16::try_from(FIRST + place).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The agent program, built by `cargo xtask test` (or `cargo build --workspace --bins`) beside the test programs.
pub fn agent_program() -> PathBuf {
    let test_program = std::env::current_exe().unwrap();
    let target = test_program.parent().and_then(Path::parent).unwrap();
    let program = target.join("ctrl-alt-play-agent");
    assert!(program.exists(), "{} is missing: run `cargo build --workspace --bins`", program.display());
    program
}

impl Node {
    /// A node with everything.
    pub async fn start() -> Self {
        NodeSetup::default().start().await
    }

    /// The storage root of its agent.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// The agent's configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("agent.toml")
    }

    /// Where everything goes that the agent writes.
    pub fn log_file(&self) -> PathBuf {
        self.dir.path().join("agent.log")
    }

    /// Everything the agent has written.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The agent's HTTP address.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }

    /// Its panel.
    #[track_caller]
    pub fn panel(&self) -> &DevPanel {
        self.panel.as_ref().expect("this node has no panel")
    }

    /// A server id of its own.
    pub fn server(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    fn write_config(&self) {
        let url = self.panel.as_ref().map(DevPanel::ws_url).or_else(|| self.setup.link.clone());
        let link = url.map_or_else(String::new, |url| {
            format!("[panel]\nurl = \"{url}\"\nsecret = \"{SECRET}\"\nreconnect_spread = 0\n")
        });
        let last_port = self.first_port + PORTS_PER_NODE - 1;
        let text = format!(
            "[node]\nid = \"{}\"\n{link}[http]\nlisten = \"127.0.0.1:{}\"\ntoken = \"{TOKEN}\"\n[storage]\nroot = \"{}\"\n\
             [docker]\nsocket = \"{}\"\n[ports]\nrange = \"{}-{last_port}\"\nip = \"127.0.0.1\"\n",
            self.name,
            self.http_port,
            self.root().display(),
            self.setup.socket.display(),
            self.first_port,
        );
        fs::write(self.config_file(), text).unwrap();
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.config_file(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Starts the agent and waits until it answers.
    pub async fn start_agent(&mut self) {
        self.spawn_agent();
        self.wait_healthy().await;
        if self.panel.is_some() {
            self.wait_online().await;
        }
    }

    /// Starts the agent without waiting for anything.
    pub fn spawn_agent(&mut self) {
        assert!(self.agent.is_none(), "the agent runs already");
        let log = File::options().create(true).append(true).open(self.dir.path().join("agent.log")).unwrap();
        let mut command = Command::new(agent_program());
        command.arg("run").arg("--config").arg(self.config_file()).arg("--set").arg("log.level=debug");
        for setting in self.setup.extra_config.lines() {
            command.arg("--set").arg(setting);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the agent program cannot be started");
        self.agent = Some(child);
    }

    /// Waits until `/health` answers.
    pub async fn wait_healthy(&self) {
        self.wait("the agent answers /health", || async { self.http.http_health().await.is_ok() }).await;
    }

    /// Waits until the panel has the node online.
    pub async fn wait_online(&self) {
        let online = self.panel().wait_for(PATIENCE, |panel| panel.is_online(&self.name)).await;
        assert!(online, "the node did not come online; log:\n{}", self.log());
    }

    /// Waits for a condition; on failure shows the agent's log.
    pub async fn wait<F: Future<Output = bool>>(&self, what: &str, condition: impl Fn() -> F) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !condition().await {
            assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}; log:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// The agent's process id.
    #[track_caller]
    pub fn agent_pid(&self) -> u32 {
        self.agent.as_ref().expect("the agent does not run").id()
    }

    /// Sends the agent a signal.
    pub fn signal_agent(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.agent_pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, as a crash would be.
    pub fn kill_agent(&mut self) {
        let mut agent = self.agent.take().expect("the agent does not run");
        agent.kill().unwrap();
        agent.wait().unwrap();
    }

    /// SIGTERM; waits for its end.
    pub async fn stop_agent(&mut self) -> ExitStatus {
        self.signal_agent(rustix::process::Signal::TERM);
        self.wait_agent_end().await
    }

    /// Waits until the agent has ended by itself.
    pub async fn wait_agent_end(&mut self) -> ExitStatus {
        let mut agent = self.agent.take().expect("the agent does not run");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = agent.try_wait().unwrap() {
                return status;
            }
            assert!(tokio::time::Instant::now() < deadline, "the agent did not end; log:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A command over HTTP, as the panels send it; gives the whole answer.
    pub async fn http(&self, action: &str, server: Option<&str>, payload: Option<Value>) -> Value {
        match self.http.http_command(action, server, payload).await {
            Ok(answer) => answer,
            Err(error) => panic!("{action} over HTTP: {error}; log:\n{}", self.log()),
        }
    }

    /// A command over HTTP that must succeed; gives its data.
    pub async fn http_ok(&self, action: &str, server: Option<&str>, payload: Option<Value>) -> Value {
        let answer = self.http(action, server, payload).await;
        assert_eq!(answer["success"], json!(true), "{action}: {answer}; log:\n{}", self.log());
        answer["data"].clone()
    }

    /// A command frame over the link; gives its id.
    #[track_caller]
    pub fn send(&self, action: &str, server: Option<&str>, payload: Option<Value>) -> String {
        self.panel().send_command(&self.name, action, server, payload).unwrap()
    }

    /// A command frame over the link that must come to a good end.
    pub async fn link_ok(&self, action: &str, server: Option<&str>, payload: Option<Value>) -> Operation {
        let id = self.send(action, server, payload);
        match self.panel().wait_for_outcome(&id, PATIENCE).await {
            Some(operation) => {
                assert!(operation.state == OperationState::Succeeded, "{action}: {operation:?}; log:\n{}", self.log());
                operation
            }
            None => panic!("{action} over the link has no outcome; log:\n{}", self.log()),
        }
    }

    /// A create payload of the sample server: it stops by its command and is ready when it says `Done`.
    pub fn sample() -> Value {
        json!({
            "name": "Sample", "image": IMAGE, "environment": {},
            "limits": {"memory": 128, "cpu": 100, "disk": 512, "swap": 0, "io": 500},
            "stop": "stop", "configStartup": {"done": "Done ("},
        })
    }

    /// Creates a sample server over HTTP and waits until it is stopped; gives its id.
    pub async fn create_sample(&self, name: &str) -> String {
        let server = self.server(name);
        self.http_ok("create_server", Some(&server), Some(Self::sample())).await;
        self.wait_status(&server, "stopped").await;
        server
    }

    /// Creates and starts a sample server, and waits until it runs; gives its id.
    pub async fn run_sample(&self, name: &str) -> String {
        let server = self.create_sample(name).await;
        self.http_ok("start_server", Some(&server), None).await;
        self.wait_status(&server, "running").await;
        server
    }

    /// The status word of a server as the agent answers it.
    pub async fn status(&self, server: &str) -> String {
        let answer = self.http("get_server_status", Some(server), None).await;
        answer["data"]["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the agent answers this status word.
    pub async fn wait_status(&self, server: &str, word: &str) {
        self.wait(&format!("{server} is {word}"), || async { self.status(server).await == word }).await;
    }

    /// Waits until the panel shows this status word.
    pub async fn wait_panel_status(&self, server: &str, word: &str) {
        let seen = self.panel().wait_for(PATIENCE, |panel| panel.status(server).as_deref() == Some(word)).await;
        let now = self.panel().status(server);
        assert!(seen, "the panel shows {now:?}, not {word}; log:\n{}", self.log());
    }

    /// Waits until a line of the server's console holds this text.
    pub async fn wait_console(&self, server: &str, text: &str) {
        self.wait(&format!("the console of {server} says {text:?}"), || async {
            self.history(server).await.iter().any(|line| line.contains(text))
        })
        .await;
    }

    /// `GET` of a path such as `/health`, with the token or without; gives the status code and the answer.
    pub async fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.http_port)).await.unwrap();
        let authorization = token.map_or_else(String::new, |token| format!("\r\nAuthorization: Bearer {token}"));
        raw_http::request(stream, &format!("GET {path} HTTP/1.0{authorization}"), b"").await.unwrap()
    }

    /// Says something in a game, as soon as its console is open: an agent that has just found a game opens it in a moment.
    pub async fn say(&self, server: &str, text: &str) {
        self.wait("the console is open", || async {
            let said = json!({"command": format!("say {text}")});
            self.http("console:command", Some(server), Some(said)).await["success"] == json!(true)
        })
        .await;
    }

    /// The last lines of a console.
    pub async fn history(&self, server: &str) -> Vec<String> {
        let answer = self.http("console:history", Some(server), Some(json!({"lines": 1000}))).await;
        let lines = answer["data"]["history"].as_array().cloned().unwrap_or_default();
        lines.into_iter().filter_map(|line| line.as_str().map(str::to_owned)).collect()
    }

    /// The real engine, asked directly.
    pub fn docker(&self) -> DockerEngine {
        let socket = cap_testkit::docker::docker_socket();
        DockerEngine::connect(&socket, NodeId::parse(&self.name).unwrap(), Deadlines::default())
    }

    /// A server's container as Docker reports it.
    pub async fn inspect(&self, server: &str) -> Option<Inspected> {
        self.docker().inspect(&ServerId::parse(server).unwrap()).await.unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            // It may have ended by itself.
            let _ = agent.kill();
            let _ = agent.wait();
        }
        let docker = self.docker();
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for listed in docker.list().await.unwrap_or_default() {
                    if listed.ours {
                        let _ = docker.remove(&listed.server).await;
                    }
                }
            });
        });
        let _ = cleanup.join();
    }
}
