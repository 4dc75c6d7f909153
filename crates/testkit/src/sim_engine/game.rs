//! The game in a simulated container: a task that speaks and obeys as the sample server does.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use cap_domain::ids::ServerId;
use cap_domain::spec::Signal;
use cap_engine::EngineError;
use cap_engine::error::Result;
use cap_engine::port::{ConsoleStream, EngineEventKind};
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream};
use tokio::sync::{mpsc, watch};

use crate::sim_engine::container::Process;
use crate::sim_engine::world::World;
use crate::sim_engine::{Call, Shared};

/// Signals that wait for a game that takes none; more are lost, as they are with Linux.
const SIGNALS_WAITING: usize = 16;

/// How a game behaves from its next start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Game {
    /// From the start until `Done`.
    pub startup: Duration,
    /// Whether it ever says `Done`.
    pub gets_ready: bool,
    /// From a stop command or SIGTERM to its end.
    pub stop_takes: Duration,
    /// Whether it pays no attention to SIGTERM and the like.
    pub ignores_signals: bool,
    /// Whether it pays no attention to its console.
    pub ignores_console: bool,
    /// Whether even SIGKILL does not end it (a process that waits for a disk that does not answer).
    pub survives_sigkill: bool,
    /// It ends by itself so long after its start, with this exit code.
    pub crashes: Option<(Duration, i64)>,
}

impl Default for Game {
    /// A game that behaves well: ready after 100 ms, stopped after 20 ms.
    fn default() -> Self {
        Self {
            startup: Duration::from_millis(100),
            gets_ready: true,
            stop_takes: Duration::from_millis(20),
            ignores_signals: false,
            ignores_console: false,
            survives_sigkill: false,
            crashes: None,
        }
    }
}

/// Starts the game of a server; success if it runs already.
pub(super) fn start(world: &mut World, shared: &Weak<Shared>, server: &ServerId) -> Result<()> {
    let game = world.games.get(server).cloned().unwrap_or_default();
    let (run, started_at) = (world.tick(), world.now());
    let container = world.touch(Call::Start, server)?;
    if container.process.is_some() {
        return Ok(());
    }
    let plan = container.plan.clone();
    if let Some(port) = world.taken_port(&plan) {
        return Err(EngineError::PortTaken { port });
    }
    let container = world.touch(Call::Start, server)?;
    let (signals, signals_to_take) = mpsc::channel(SIGNALS_WAITING);
    let (paused, paused_to_see) = watch::channel(false);
    let input = container.input_to_read.take().expect("a container without a process has an input to give");
    let player = Player {
        shared: Weak::clone(shared),
        server: server.clone(),
        game,
        signals: signals_to_take,
        paused: paused_to_see,
    };
    let task = tokio::spawn(player.play(run, input)).abort_handle();
    container.process = Some(Process { run, signals, paused, task });
    container.facts.running = true;
    container.facts.exit_code = None;
    container.facts.oom_killed = false;
    container.facts.started_at = Some(started_at);
    container.facts.pid = Some(u32::try_from(1000 + run).unwrap_or(u32::MAX));
    world.tell(server, EngineEventKind::Start);
    Ok(())
}

/// A game being played. Holds the engine weakly: games end when nobody has the engine any more.
struct Player {
    shared: Weak<Shared>,
    server: ServerId,
    game: Game,
    signals: mpsc::Receiver<Signal>,
    paused: watch::Receiver<bool>,
}

impl Player {
    async fn play(mut self, run: u64, input: DuplexStream) {
        let exit_code = match self.game.crashes {
            Some((after, exit_code)) => {
                let alive = self.live(input);
                tokio::time::timeout(after, alive).await.unwrap_or(exit_code)
            }
            None => self.live(input).await,
        };
        if let Some(shared) = self.shared.upgrade() {
            let mut world = shared.world();
            let container = world.containers.get(&self.server);
            if container.and_then(|container| container.process.as_ref()).is_some_and(|process| process.run == run) {
                world.end(&self.server, exit_code, false);
            }
        }
    }

    /// Lives until it is stopped; answers the exit code.
    async fn live(&mut self, input: DuplexStream) -> i64 {
        self.say("Starting minecraft server version 1.21").await;
        let mut ready = std::pin::pin!(tokio::time::sleep(self.game.startup));
        let mut is_ready = false;
        let mut lines = BufReader::new(input).split(b'\n');
        loop {
            let told = tokio::select! {
                biased;
                signal = self.signals.recv() => match signal {
                    Some(signal) => Told::Signal(signal),
                    // Nobody has the engine any more.
                    None => return 137,
                },
                () = &mut ready, if !is_ready => Told::Ready,
                Ok(Some(line)) = lines.next_segment(), if is_ready => {
                    Told::Line(String::from_utf8_lossy(&line).trim_end().to_owned())
                }
            };
            // A frozen game does nothing until it is unfrozen; if that can no longer come, the container is gone.
            if self.paused.wait_for(|paused| !paused).await.is_err() {
                return 137;
            }
            match told {
                Told::Ready => {
                    is_ready = true;
                    if self.game.gets_ready {
                        self.say("Done (1.2s)! For help, type \"help\"").await;
                    }
                }
                Told::Signal(_) if self.game.ignores_signals => {}
                Told::Signal(Signal::Term | Signal::Int) => return self.stop().await,
                Told::Signal(signal) => return 128 + number(signal),
                Told::Line(_) if self.game.ignores_console => {}
                Told::Line(line) => {
                    if let Some(exit_code) = self.obey(&line).await {
                        return exit_code;
                    }
                }
            }
        }
    }

    async fn obey(&mut self, line: &str) -> Option<i64> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "say" => self.say(&format!("[Server] {rest}")).await,
            "list" => self.say("There are 0 of a max of 20 players online:").await,
            "stderr" => self.write(ConsoleStream::Stderr, rest).await,
            "stop" => return Some(self.stop().await),
            "exit" => return Some(0),
            "crash" => return Some(rest.parse().unwrap_or(1)),
            "hang" => {
                self.game.ignores_signals = true;
                self.game.ignores_console = true;
            }
            _ => self.say("Unknown or incomplete command. Type \"help\" for help.").await,
        }
        None
    }

    async fn stop(&self) -> i64 {
        self.say("Stopping the server").await;
        tokio::time::sleep(self.game.stop_takes).await;
        self.say("All dimensions are saved").await;
        0
    }

    async fn say(&self, text: &str) {
        self.write(ConsoleStream::Stdout, &format!("[00:00:00 INFO]: {text}")).await;
    }

    async fn write(&self, stream: ConsoleStream, line: &str) {
        let shared: Option<Arc<Shared>> = self.shared.upgrade();
        if let Some(shared) = shared {
            shared.write(&self.server, stream, Bytes::from(format!("{line}\n"))).await;
        }
    }
}

enum Told {
    Ready,
    Signal(Signal),
    Line(String),
}

fn number(signal: Signal) -> i64 {
    match signal {
        Signal::Hup => 1,
        Signal::Int => 2,
        Signal::Quit => 3,
        Signal::Abrt => 6,
        Signal::Kill => 9,
        Signal::Usr1 => 10,
        Signal::Usr2 => 12,
        Signal::Term => 15,
    }
}
