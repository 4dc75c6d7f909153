//! What the log driver kept.

use cap_engine::ContainerEngine;
use cap_engine::port::{ConsoleStream, LogLine};
use futures_util::TryStreamExt;

use crate::workbench::Bench;

async fn logs(bench: &Bench, since: Option<&str>, lines: usize) -> Vec<LogLine> {
    bench.engine.logs(&bench.server, since, lines).await.unwrap().try_collect().await.unwrap()
}

#[tokio::test]
async fn the_last_lines_come_back_and_since_is_exact() {
    let bench = Bench::new("logs").await;
    let mut console = bench.run(&bench.plan()).await;
    console.say("stderr on stderr").await;
    console.say("flood 50").await;
    console.say("exit").await;
    console.read_to_end().await;
    bench.ended().await;

    let all = logs(&bench, None, 1000).await;
    assert!(all.iter().any(|line| line.stream == ConsoleStream::Stderr && line.bytes == "on stderr"));
    let floods = all.iter().filter(|line| line.bytes.starts_with(b"flood ")).count();
    assert_eq!(floods, 50);
    assert_eq!(logs(&bench, None, 3).await, all[all.len() - 3..]);
    // Many lines of a flood share a second; the cursor must not.
    let cursor = &all[all.len() - 10].timestamp;
    let first_at_cursor = all.iter().position(|line| line.timestamp == *cursor).unwrap();
    assert_eq!(logs(&bench, Some(cursor), 1000).await, all[first_at_cursor..]);
}

#[tokio::test]
async fn a_line_longer_than_the_log_drivers_records_is_one_line() {
    let bench = Bench::new("long-line").await;
    let mut console = bench.run(&bench.plan()).await;
    console.say(&format!("say {}", "x".repeat(40_000))).await;
    console.say("exit").await;
    console.read_to_end().await;
    bench.ended().await;
    let all = logs(&bench, None, 1000).await;
    let long = all.iter().find(|line| line.bytes.len() > 30_000).expect("no long line");
    assert!(long.bytes.ends_with(&[b'x'; 40_000]));
}

#[tokio::test]
async fn a_terminal_has_logs_too() {
    let bench = Bench::new("terminal-logs").await;
    let mut plan = bench.plan();
    plan.tty = true;
    let mut console = bench.run(&plan).await;
    console.say("exit").await;
    console.read_to_end().await;
    bench.ended().await;
    let all = logs(&bench, None, 1000).await;
    assert!(all.iter().any(|line| line.bytes.ends_with(b"For help, type \"help\"")), "{all:?}");
    assert!(all.iter().all(|line| line.timestamp.ends_with('Z')));
}
