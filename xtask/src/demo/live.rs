//! The demo for people: the console in the terminal, and what is typed goes to the game.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::panel::{Outcome, View};
use super::screen::{Screen, Tone};
use super::world::World;
use crate::clock::Stopwatch;
use crate::interrupt::Interrupt;
use crate::steps::Steps;

/// How often the panel is asked what is new.
const REFRESH: Duration = Duration::from_millis(200);
/// Figures come every two seconds; not all of them need to be shown between the lines of the game.
const FIGURES_EVERY: Duration = Duration::from_secs(10);
/// Figures that read the same are shown this seldom: an idle server must not fill the terminal.
const SAME_FIGURES_EVERY: Duration = Duration::from_secs(120);

/// Words for the demo itself rather than for the game.
const HELP: &str = "lines go to the game (try: list, say hello, flood 50, crash, stop); \
    for the demo: /start /stop /restart /kill /quit /help";

/// Creates and starts the server, then shows it until Ctrl-C or `/quit`.
pub(super) fn run(world: &mut World, steps: &mut Steps, interrupt: &Interrupt) -> Result<()> {
    let started = steps
        .step("connect", || world.bring_up(interrupt))
        .and_then(|()| steps.step("create", || world.create_server(interrupt)));
    let shown = started.and_then(|()| show(world, interrupt));
    // That an interrupted step failed is no news to whoever interrupted it.
    if interrupt.came() {
        println!("\nending: the server is stopped and deleted (Ctrl-C again: at once)");
        return Ok(());
    }
    shown
}

/// What has been shown so far.
struct Shown {
    screen: Screen,
    line: u64,
    status: Option<String>,
    /// The figures last shown.
    figures: Option<(String, Stopwatch)>,
    /// Commands whose outcome is still to be told: id and action.
    pending: Vec<(String, String)>,
}

fn show(world: &mut World, interrupt: &Interrupt) -> Result<()> {
    let screen = Screen::open();
    let mut shown = Shown { screen, line: 0, status: None, figures: None, pending: Vec::new() };
    println!();
    screen.line("demo", Tone::Strong, &format!("page: {}", world.page()));
    screen.line("demo", Tone::Dim, &format!("logs: {}", world.logs().display()));
    screen.line("demo", Tone::Dim, HELP);
    screen.line("demo", Tone::Dim, "Ctrl-C ends and removes everything");
    let typed = typed_lines();
    shown.send(world, "start_server", None);
    let mut told_port = false;
    while !interrupt.came() {
        match typed.recv_timeout(REFRESH) {
            Ok(line) if line.trim() == "/quit" => break,
            Ok(line) => shown.obey(world, line.trim_end_matches(['\r', '\n'])),
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody types (no terminal): the console goes on until a signal comes.
            Err(RecvTimeoutError::Disconnected) => std::thread::park_timeout(REFRESH),
        }
        let view = world.look()?;
        shown.update(&view);
        if let Some(port) = view.port().filter(|_| !told_port) {
            told_port = true;
            screen.line("demo", Tone::Dim, &format!("players would connect to 127.0.0.1:{port}"));
        }
    }
    Ok(())
}

impl Shown {
    /// Does what was typed: a word for the demo, or a line for the game.
    fn obey(&mut self, world: &World, line: &str) {
        match line.trim() {
            "/help" => self.screen.line("demo", Tone::Dim, HELP),
            "/start" => self.send(world, "start_server", None),
            "/stop" => self.send(world, "stop_server", Some(json!({"timeout": 20}))),
            "/restart" => self.send(world, "restart_server", Some(json!({"timeout": 20}))),
            "/kill" => self.send(world, "kill_server", None),
            "" => {}
            _ => self.send(world, "console:command", Some(json!({"command": line}))),
        }
    }

    fn send(&mut self, world: &World, action: &str, payload: Option<Value>) {
        match world.client().and_then(|client| client.command(action, payload)) {
            Ok(id) => self.pending.push((id, action.to_owned())),
            Err(error) => self.screen.line("demo", Tone::Alarm, &format!("{error:#}")),
        }
    }

    /// Shows what is new: a change that announces comes before the game's lines, one that concludes after them.
    fn update(&mut self, view: &View) {
        if matches!(view.status(), Some("installing" | "starting" | "stopping" | "restarting")) {
            self.update_status(view);
        }
        for line in view.lines_after(self.line) {
            if line.number > self.line + 1 {
                let missed = line.number - self.line - 1;
                self.screen.line("demo", Tone::Dim, &format!("({missed} lines came too fast to be shown here)"));
            }
            self.line = line.number;
            match line.source.as_str() {
                "stderr" => self.screen.line("game", Tone::Alarm, &line.text),
                "notice" => self.screen.line("panel", Tone::Dim, &line.text),
                // What was typed stands in the terminal already.
                "input" => {}
                _ => self.screen.line("game", Tone::Plain, &line.text),
            }
        }
        self.update_status(view);
        self.update_figures(view);
        let screen = self.screen;
        self.pending.retain(|(id, action)| match view.outcome(id) {
            Outcome::Pending => true,
            Outcome::Succeeded => false,
            Outcome::Failed(why) => {
                screen.line("demo", Tone::Alarm, &format!("{action}: {why}"));
                false
            }
        });
    }

    fn update_status(&mut self, view: &View) {
        if view.status() == self.status.as_deref() {
            return;
        }
        let is_news = self.status.is_some();
        self.status = view.status().map(str::to_owned);
        let Some(status) = view.status() else { return };
        let tone = if matches!(status, "crashed" | "install_failed" | "unknown") { Tone::Alarm } else { Tone::Strong };
        let reason = view.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
        self.screen.line("state", tone, &format!("{status}{reason}"));
        if is_news && matches!(status, "stopped" | "crashed") {
            self.screen.line("demo", Tone::Dim, "/start starts the server again, /quit or Ctrl-C ends the demo");
        }
    }

    fn update_figures(&mut self, view: &View) {
        let Some(figures) = view.figures().filter(|_| view.status() == Some("running")) else { return };
        let memory = figures.memory_bytes / f64::from(1024 * 1024);
        let text = format!("cpu {:.1} %   memory {memory:.1} MiB of 256 MiB", figures.cpu);
        let is_due = self.figures.as_ref().is_none_or(|(shown, watch)| {
            watch.elapsed() >= if *shown == text { SAME_FIGURES_EVERY } else { FIGURES_EVERY }
        });
        if is_due {
            self.screen.line("usage", Tone::Dim, &text);
            self.figures = Some((text, Stopwatch::start()));
        }
    }
}

/// Lines typed into the terminal, until it is closed. Read by a thread of its own, which ends with the program.
fn typed_lines() -> Receiver<String> {
    let (sender, lines) = sync_channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
