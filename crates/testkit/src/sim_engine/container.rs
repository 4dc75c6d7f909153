//! One simulated container.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use cap_domain::observation::ContainerFacts;
use cap_domain::spec::Signal;
use cap_engine::port::{ConsoleChunk, ConsoleStream, ContainerPlan, Inspected, LogLine};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// What a pipe holds, as on Linux.
const PIPE: usize = 64 * 1024;

/// Lines that the log driver keeps; the oldest go.
const LOG_LINES: usize = 10_000;

/// Who made a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The agent of this node.
    ThisNode,
    /// The Go agent, which set no node id.
    GoAgent,
    /// The agent of another node.
    OtherNode,
}

/// The writing end of a standard input, shared by all who are attached.
pub(super) type Input = Arc<Mutex<DuplexStream>>;

/// A process that lives.
#[derive(Debug)]
pub(super) struct Process {
    /// Tells this process from the ones before it.
    pub(super) run: u64,
    pub(super) signals: mpsc::Sender<Signal>,
    pub(super) paused: watch::Sender<bool>,
    pub(super) task: AbortHandle,
}

/// A container.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) plan: ContainerPlan,
    pub(super) owner: Owner,
    pub(super) facts: ContainerFacts,
    pub(super) created: String,
    pub(super) process: Option<Process>,
    /// Who reads the console of the next or current process.
    pub(super) readers: Vec<mpsc::Sender<ConsoleChunk>>,
    pub(super) input: Input,
    /// Whether consoles that are open now still reach the engine.
    pub(super) connected: Arc<AtomicBool>,
    /// The end that the next process reads.
    pub(super) input_to_read: Option<DuplexStream>,
    pub(super) log: VecDeque<LogLine>,
    /// Output without its newline yet, of stdout and of stderr.
    open_lines: [BytesMut; 2],
}

impl Container {
    pub(super) fn new(plan: ContainerPlan, owner: Owner, container_id: String, created: String) -> Self {
        let (input, input_to_read) = duplex(PIPE);
        Self {
            plan,
            owner,
            facts: ContainerFacts { container_id, ..ContainerFacts::default() },
            created,
            process: None,
            readers: Vec::new(),
            input: Arc::new(Mutex::new(input)),
            connected: Arc::new(AtomicBool::new(true)),
            input_to_read: Some(input_to_read),
            log: VecDeque::new(),
            open_lines: [BytesMut::new(), BytesMut::new()],
        }
    }

    /// Cuts all open consoles; the process goes on.
    pub(super) fn cut_consoles(&mut self) {
        self.readers.clear();
        self.connected.store(false, Ordering::SeqCst);
        self.connected = Arc::new(AtomicBool::new(true));
    }

    /// Ends the process, if there is one: consoles end, and the next process gets a new standard input.
    pub(super) fn end(&mut self, exit_code: i64, oom_killed: bool) -> bool {
        let Some(process) = self.process.take() else { return false };
        process.task.abort();
        self.cut_consoles();
        let (input, input_to_read) = duplex(PIPE);
        self.input = Arc::new(Mutex::new(input));
        self.input_to_read = Some(input_to_read);
        self.facts.running = false;
        self.facts.paused = false;
        self.facts.pid = None;
        self.facts.exit_code = Some(exit_code);
        self.facts.oom_killed = oom_killed;
        true
    }

    /// Keeps output in the log; `now` is its timestamp.
    pub(super) fn keep(&mut self, stream: ConsoleStream, bytes: &Bytes, now: &str) {
        let open = &mut self.open_lines[stream as usize];
        open.extend_from_slice(bytes);
        while let Some(end) = open.iter().position(|byte| *byte == b'\n') {
            let mut line = open.split_to(end + 1);
            line.truncate(end);
            if self.log.len() == LOG_LINES {
                self.log.pop_front();
            }
            self.log.push_back(LogLine { stream, timestamp: now.to_owned(), bytes: line.freeze() });
        }
    }

    pub(super) fn inspected(&self) -> Inspected {
        let plan = &self.plan;
        let mut labels = plan.labels.clone();
        labels.insert("ctrl-alt-play.server-id".to_owned(), plan.server.to_string());
        labels.insert("ctrl-alt-play.managed".to_owned(), "true".to_owned());
        if self.owner != Owner::GoAgent {
            labels.insert("ctrl-alt-play.node-id".to_owned(), plan.node.to_string());
            labels.insert("ctrl-alt-play.plan".to_owned(), plan.fingerprint.clone());
        }
        Inspected {
            facts: self.facts.clone(),
            image: plan.image.clone(),
            created: self.created.clone(),
            labels,
            environment: plan.environment.clone(),
            command: plan.command.clone(),
            ports: plan.ports.clone(),
            limits: cap_domain::spec::Limits { disk_bytes: None, ..plan.limits.clone() },
            binds: vec![(plan.data_source.clone(), plan.data_target.clone())],
            tty: plan.tty,
            cgroup_parent: None,
        }
    }
}
