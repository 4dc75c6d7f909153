//! The life of the server: it starts, obeys, and ends with an exit code.

use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

use crate::command::Command;
use crate::console;
use crate::settings::Settings;

/// Commands typed during startup that are kept and obeyed after it; more are forgotten.
const MOST_EARLY_LINES: usize = 100;

/// What the server can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A line on standard input.
    Line(String),
    /// SIGTERM or SIGINT.
    Terminate,
}

/// Whether the server goes on.
enum Next {
    GoOn,
    EndWith(u8),
}

/// A running server.
pub(crate) struct Game {
    settings: Settings,
    inputs: Receiver<Input>,
    /// Memory taken by `eat`, kept to the end.
    eaten: Vec<Vec<u8>>,
}

impl Game {
    /// A server that is told things through `inputs`.
    pub(crate) fn new(settings: Settings, inputs: Receiver<Input>) -> Self {
        Self { settings, inputs, eaten: Vec::new() }
    }

    /// Lives; answers the exit code.
    pub(crate) fn run(mut self) -> u8 {
        console::info("Starting minecraft server version 1.21");
        console::info("Loading properties");
        console::info("Default game type: SURVIVAL");
        console::info(&format!("Starting Minecraft server on *:{}", self.settings.port));
        console::info("Preparing level \"world\"");
        let typed_early = match self.start() {
            Some(lines) => lines,
            None => return stop(),
        };
        console::info("Done (1.2s)! For help, type \"help\"");
        for line in typed_early {
            if let Next::EndWith(code) = self.obey(Command::parse(&line)) {
                return code;
            }
        }
        loop {
            let next = match self.inputs.recv() {
                Ok(Input::Line(line)) => self.obey(Command::parse(&line)),
                Ok(Input::Terminate) => Next::EndWith(stop()),
                Err(_) => hang(),
            };
            if let Next::EndWith(code) = next {
                return code;
            }
        }
    }

    /// Waits for the startup to be over; answers what was typed meanwhile, or nothing if a signal ended the startup.
    #[expect(clippy::disallowed_methods, reason = "a program without tokio; no test depends on this clock")]
    fn start(&self) -> Option<Vec<String>> {
        let done = Instant::now() + self.settings.startup;
        let mut typed_early = Vec::new();
        loop {
            let left = done.saturating_duration_since(Instant::now());
            match self.inputs.recv_timeout(left) {
                Ok(Input::Line(line)) if typed_early.len() < MOST_EARLY_LINES => typed_early.push(line),
                Ok(Input::Line(_)) => {}
                Ok(Input::Terminate) => return None,
                Err(_) => return Some(typed_early),
            }
        }
    }

    fn obey(&mut self, command: Command) -> Next {
        match command {
            Command::Nothing => {}
            Command::Help => {
                console::info("say, list, stop, exit, crash, flood, eat, hang, stderr, raw, env");
            }
            Command::Say(text) => console::info(&format!("[Server] {text}")),
            Command::List => console::info("There are 0 of a max of 20 players online:"),
            Command::Stop => return Next::EndWith(stop()),
            Command::Exit => return Next::EndWith(0),
            Command::Crash(code) => {
                console::stderr(
                    "Exception in thread \"Server thread\" java.lang.IllegalStateException: asked to crash",
                );
                console::stderr("\tat sample.Server.crash(Server.java:1)");
                return Next::EndWith(code);
            }
            Command::Flood(lines) => console::flood(lines),
            Command::Eat(mebibytes) => self.eat(mebibytes),
            Command::Hang => {
                console::info("Hanging");
                hang();
            }
            Command::Stderr(text) => console::stderr(&text),
            Command::Raw(bytes) => console::raw(&bytes),
            Command::Env(name) => match self.settings.environment.get(&name) {
                Some(value) => console::info(&format!("{name}={value}")),
                None => console::info(&format!("{name} is not set")),
            },
            Command::Unknown => console::info("Unknown or incomplete command. Type \"help\" for help."),
        }
        Next::GoOn
    }

    fn eat(&mut self, mebibytes: usize) {
        for _ in 0..mebibytes {
            let mut mebibyte = Vec::new();
            if mebibyte.try_reserve_exact(1 << 20).is_err() {
                console::stderr("no more memory");
                return;
            }
            // Not zero, and through a black box: the pages must really be there.
            mebibyte.resize(1 << 20, 0xa5_u8);
            self.eaten.push(std::hint::black_box(mebibyte));
        }
        console::info(&format!("Ate {} MB in all", self.eaten.len()));
    }
}

fn stop() -> u8 {
    console::info("Stopping the server");
    console::info("Saving players");
    console::info("Saving worlds");
    console::info("Saving chunks for level 'ServerLevel[world]'/minecraft:overworld");
    console::info("All dimensions are saved");
    0
}

/// Takes no more input, for ever: signals are caught and lines stay in the pipe.
fn hang() -> ! {
    loop {
        thread::park();
    }
}
