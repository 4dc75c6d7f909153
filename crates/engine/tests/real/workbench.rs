//! What the tests share: an engine, a server of the test's own, and the way to clean up after it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use cap_domain::ids::{NodeId, ServerId};
use cap_domain::observation::{ContainerFacts, Observation};
use cap_domain::spec::{Limits, PortBinding, PortProtocol};
use cap_engine::port::{Attached, ConsoleStream, ContainerPlan, Deadlines};
use cap_engine::{ContainerEngine, DockerEngine};
use cap_testkit::docker::docker_socket;
use cap_testkit::image::{SAMPLE_IMAGE, build_sample_image};
use cap_testkit::wait_until;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

/// Longer than anything takes on a busy machine; only a failing test waits for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Deadlines of calls on a machine that runs other tests at the same time.
const DEADLINES: Deadlines =
    Deadlines { read: Duration::from_secs(30), write: Duration::from_secs(60), pull_idle: Duration::from_secs(60) };

/// A server of one test. Its container goes when this is dropped, also when the test fails.
pub(crate) struct Bench {
    pub(crate) engine: DockerEngine,
    pub(crate) server: ServerId,
    data: tempfile::TempDir,
}

impl Bench {
    /// A server whose id says which test it belongs to.
    pub(crate) async fn new(test: &str) -> Self {
        build_sample_image(&docker_socket(), SAMPLE_IMAGE).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let server = ServerId::parse(&format!("t{}-{test}", std::process::id())).unwrap();
        Self { engine: engine_of("bench-node"), server, data }
    }

    /// A plan for the sample server that starts quickly.
    pub(crate) fn plan(&self) -> ContainerPlan {
        ContainerPlan {
            server: self.server.clone(),
            node: NodeId::parse("bench-node").unwrap(),
            fingerprint: "fingerprint-1".to_owned(),
            image: SAMPLE_IMAGE.to_owned(),
            command: Vec::new(),
            environment: BTreeMap::from([("SAMPLE_STARTUP_MS".to_owned(), "10".to_owned())]),
            data_source: self.data.path().to_owned(),
            data_target: "/data".into(),
            ports: Vec::new(),
            limits: Limits::default(),
            user: "1000:1000".to_owned(),
            tty: false,
            oom_killer: true,
            pids_limit: 64,
            capabilities: Vec::new(),
            read_only_root: true,
            tmpfs_bytes: 16 << 20,
            log_max_bytes: 1 << 20,
            log_max_files: 2,
            network: "bridge".to_owned(),
            dns: Vec::new(),
            labels: BTreeMap::new(),
        }
    }

    /// Makes the container, opens its console and starts it.
    pub(crate) async fn run(&self, plan: &ContainerPlan) -> Console {
        self.engine.create(plan).await.unwrap();
        let attached = self.engine.attach(&self.server).await.unwrap();
        self.engine.start(&self.server).await.unwrap();
        Console { attached, stdout: Vec::new(), stderr: Vec::new() }
    }

    /// What the container is doing; it must be there.
    pub(crate) async fn facts(&self) -> ContainerFacts {
        match self.engine.look(&self.server).await.unwrap() {
            Observation::Present(facts) => facts,
            other => panic!("no container: {other:?}"),
        }
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&self) -> ContainerFacts {
        wait_until("the process to end", PATIENCE, async || {
            let facts = self.facts().await;
            (!facts.running).then_some(facts)
        })
        .await
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        remove(&self.server.container_name());
    }
}

/// An adapter for another node of the same engine.
pub(crate) fn engine_of(node: &str) -> DockerEngine {
    DockerEngine::connect(&docker_socket(), NodeId::parse(node).unwrap(), DEADLINES)
}

/// Asks the engine in another way than the adapter does.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker")
        .env("DOCKER_HOST", format!("unix://{}", docker_socket().display()))
        .args(arguments)
        .output()
        .expect("these tests need the docker command");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Removes a container, if it is there.
pub(crate) fn remove(name: &str) {
    let _absent = Command::new("docker")
        .env("DOCKER_HOST", format!("unix://{}", docker_socket().display()))
        .args(["rm", "--force", name])
        .output();
}

/// A port of the host that nobody uses now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A published port on loopback.
pub(crate) fn port(external: u16) -> PortBinding {
    PortBinding {
        ip: "127.0.0.1".parse().unwrap(),
        internal: 25565,
        external,
        protocol: PortProtocol::Tcp,
        primary: true,
    }
}

/// An open console that remembers what it read.
pub(crate) struct Console {
    pub(crate) attached: Attached,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Console {
    /// Types a line.
    pub(crate) async fn say(&mut self, line: &str) {
        self.attached.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        self.attached.input.flush().await.unwrap();
    }

    /// Reads until a text has come on a stream.
    #[track_caller]
    pub(crate) fn read_until<'a>(&'a mut self, stream: ConsoleStream, text: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let found = tokio::time::timeout(PATIENCE, async {
                while !contains(self.of(stream), text.as_bytes()) {
                    match self.attached.output.next().await {
                        Some(chunk) => self.take(chunk.unwrap()),
                        None => return false,
                    }
                }
                true
            });
            if found.await != Ok(true) {
                let read = String::from_utf8_lossy(self.of(stream));
                panic!("{text:?} did not come (at {caller}); what came: {read:?}");
            }
        }
    }

    /// Reads to the end of the stream.
    pub(crate) async fn read_to_end(&mut self) {
        let whole = async {
            while let Some(chunk) = self.attached.output.next().await {
                self.take(chunk.unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, whole).await.expect("the console does not end");
    }

    fn take(&mut self, chunk: cap_engine::port::ConsoleChunk) {
        match chunk.stream {
            ConsoleStream::Stdout => self.stdout.extend(chunk.bytes),
            ConsoleStream::Stderr => self.stderr.extend(chunk.bytes),
        }
    }

    fn of(&self, stream: ConsoleStream) -> &[u8] {
        match stream {
            ConsoleStream::Stdout => &self.stdout,
            ConsoleStream::Stderr => &self.stderr,
        }
    }
}

/// Whether some bytes occur in others.
pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
