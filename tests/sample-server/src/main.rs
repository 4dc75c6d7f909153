//! A tiny game server for tests and the demo.
//!
//! It looks like a Minecraft server from outside: a startup that ends in `Done (1.2s)!`, a console on standard input, a
//! polite stop on SIGTERM, an answer to the server-list ping. And it misbehaves on request: `crash`, `flood`, `eat`,
//! `hang`, `raw`. It is built static and runs alone in an image made from nothing, as process 1 or below an init.

#![expect(clippy::print_stderr, reason = "a program that must say why it does not start")]

mod command;
mod console;
mod escape;
mod game;
mod server_list;
mod settings;

use std::io::{BufRead, Read};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::game::{Game, Input};
use crate::settings::Settings;

/// The longest line taken from standard input; what is longer is taken in parts.
const LONGEST_INPUT_LINE: u64 = 64 * 1024;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("sample-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> std::io::Result<u8> {
    let settings = Settings::from_environment();
    // One at a time: what the game does not take stays in the pipe, as with any game.
    let (inputs, taken) = sync_channel(1);
    let signals = Signals::new([SIGTERM, SIGINT])?;
    let of_signals = inputs.clone();
    thread::spawn(move || pass_on_signals(signals, &of_signals));
    thread::spawn(move || pass_on_lines(std::io::stdin().lock(), &inputs));
    let listener = TcpListener::bind(("0.0.0.0", settings.port))?;
    thread::spawn(move || server_list::answer(&listener));
    Ok(Game::new(settings, taken).run())
}

fn pass_on_signals(mut signals: Signals, inputs: &SyncSender<Input>) {
    for _ in signals.forever() {
        if inputs.send(Input::Terminate).is_err() {
            return;
        }
    }
}

/// Passes lines on until standard input ends, which does not end the game.
fn pass_on_lines(mut input: impl BufRead, inputs: &SyncSender<Input>) {
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(LONGEST_INPUT_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        if inputs.send(Input::Line(line)).is_err() {
            return;
        }
    }
}
