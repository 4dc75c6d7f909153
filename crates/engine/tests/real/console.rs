//! Consoles: attached before the start, in both directions, with and without a terminal.

use cap_engine::ContainerEngine;
use cap_engine::port::ConsoleStream::{Stderr, Stdout};

use crate::workbench::{Bench, contains};

#[tokio::test]
async fn a_console_opened_before_the_start_gets_the_first_line() {
    let bench = Bench::new("first-line").await;
    let mut console = bench.run(&bench.plan()).await;
    console.read_until(Stdout, "Done (1.2s)!").await;
    assert!(contains(&console.stdout[..60], b"Starting minecraft server version 1.21"));
}

#[tokio::test]
async fn input_reaches_the_process_and_both_streams_come_back_apart() {
    let bench = Bench::new("streams").await;
    let mut console = bench.run(&bench.plan()).await;
    console.say("say hello").await;
    console.say("stderr oh no").await;
    console.read_until(Stdout, "[Server] hello").await;
    console.read_until(Stderr, "oh no\n").await;
    assert!(!contains(&console.stdout, b"oh no"));
}

#[tokio::test]
async fn a_terminal_passes_bytes_that_look_like_frames() {
    let bench = Bench::new("terminal").await;
    let mut plan = bench.plan();
    plan.tty = true;
    let mut console = bench.run(&plan).await;
    console.read_until(Stdout, "Done (1.2s)!").await;
    // A header of a frame of 4 GiB on stderr, were it one.
    console.say(r"raw \x02\x00\x00\x00\xff\xff\xff\xff").await;
    console.say("say after").await;
    console.read_until(Stdout, "\u{2}\0\0\0").await;
    console.read_until(Stdout, "[Server] after").await;
    assert!(console.stderr.is_empty());
}

#[tokio::test]
async fn detach_keys_of_the_engine_are_passed_to_the_game() {
    let bench = Bench::new("detach-keys").await;
    let mut plan = bench.plan();
    plan.tty = true;
    let mut console = bench.run(&plan).await;
    console.read_until(Stdout, "Done (1.2s)!").await;
    // Ctrl-P Ctrl-Q would close the console if the engine's own keys held. (Ctrl-Q itself is eaten by the terminal.)
    console.say("say \u{10}\u{11}mark").await;
    console.read_until(Stdout, "[Server] \u{10}mark").await;
}

#[tokio::test]
async fn a_flood_arrives_whole_and_in_order() {
    let bench = Bench::new("flood").await;
    let mut console = bench.run(&bench.plan()).await;
    console.say("flood 100000").await;
    console.say("exit").await;
    console.read_to_end().await;
    let text = String::from_utf8(console.stdout).unwrap();
    let numbers: Vec<u64> =
        text.lines().filter_map(|line| line.strip_prefix("flood ")?.split(' ').next()?.parse().ok()).collect();
    assert_eq!(numbers.len(), 100_000);
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]));
}

#[tokio::test]
async fn closing_the_input_ends_neither_the_game_nor_its_output() {
    let bench = Bench::new("input-closed").await;
    let mut console = bench.run(&bench.plan()).await;
    console.read_until(Stdout, "Done (1.2s)!").await;
    console.attached.input = Box::pin(tokio::io::sink());
    let mut second = bench.engine.attach(&bench.server).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut second.input, b"say still here\n").await.unwrap();
    console.read_until(Stdout, "[Server] still here").await;
}

#[tokio::test]
async fn dropping_the_output_frees_a_game_that_it_had_blocked() {
    let bench = Bench::new("stalled").await;
    let mut stalled = bench.run(&bench.plan()).await;
    stalled.read_until(Stdout, "Done (1.2s)!").await;
    // More than all buffers between the game and this reader hold; nobody reads from here on.
    stalled.say("flood 200000").await;
    stalled.say("exit").await;
    let input = stalled.attached.input;
    drop(stalled.attached.output);
    assert_eq!(bench.ended().await.exit_code, Some(0));
    drop(input);
}
