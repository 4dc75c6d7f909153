//! A program that is killed in the middle of its writes has lost nothing it acknowledged.
//!
//! No test harness: the program starts itself a second time as the victim. The victim writes, and says on standard output
//! how far it is after each acknowledgement; it is killed by SIGKILL while it does so, and what it said is looked for.
#![expect(clippy::unwrap_used, reason = "a test")]
#![expect(clippy::print_stdout, reason = "a test program without a harness: printing is its only way to say anything")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cap_agent::store::{Opened, Store};

/// Acknowledged writes after which the victim is killed, each round.
const WRITES_BEFORE_KILL: [usize; 3] = [1, 40, 400];

/// Writes in flight at once in the victim, so that a kill hits groups, not single writes.
const WRITES_IN_FLIGHT: usize = 16;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "victim", root] => runtime.block_on(write_until_killed(Path::new(root))),
        // A harness would be asked so for its tests.
        [_, "--list", ..] => println!("what_was_acknowledged_survives_a_kill: test"),
        _ => {
            for writes in WRITES_BEFORE_KILL {
                what_was_acknowledged_survives_a_kill(&runtime, writes);
            }
            println!("test what_was_acknowledged_survives_a_kill ... ok");
        }
    }
}

fn what_was_acknowledged_survives_a_kill(runtime: &tokio::runtime::Runtime, writes: usize) {
    let root = tempfile::TempDir::new().unwrap();
    let program = std::env::current_exe().unwrap();
    let victim = Command::new(program).arg("victim").arg(root.path()).stdout(Stdio::piped()).spawn().unwrap();
    let acknowledged = kill_after(victim, writes);
    assert!(acknowledged.len() >= writes, "the victim ended by itself after {} writes", acknowledged.len());

    let Opened { store, quarantined, .. } = Store::open(root.path(), 1).unwrap();
    assert_eq!(quarantined, None, "a kill damages nothing");
    let stored = runtime.block_on(store.list_meta(String::new())).unwrap();
    for key in &acknowledged {
        assert!(stored.iter().any(|(stored_key, _)| stored_key == key), "{key} was acknowledged, and is lost");
    }
    runtime.block_on(store.close());
}

/// Kills the victim as soon as it has acknowledged so many writes; gives all that it acknowledged until it was dead.
fn kill_after(mut victim: Child, writes: usize) -> Vec<String> {
    let output = BufReader::new(victim.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    for line in output.lines() {
        // The last line may be cut short by the kill; it has no end then, and was not said.
        acknowledged.push(line.unwrap());
        if acknowledged.len() == writes {
            victim.kill().unwrap();
        }
    }
    let status = victim.wait().unwrap();
    assert!(!status.success(), "it was killed");
    acknowledged.retain(|line| line.ends_with(';'));
    acknowledged.iter().map(|line| line.trim_end_matches(';').to_owned()).collect()
}

async fn write_until_killed(root: &Path) {
    let store = Store::open(root, 1).unwrap().store;
    let mut output = std::io::stdout().lock();
    let mut in_flight = std::collections::VecDeque::new();
    for number in 0_u64.. {
        let key = format!("k{number:08}");
        in_flight.push_back((key.clone(), store.set_meta(key, "x".repeat(500))));
        if in_flight.len() == WRITES_IN_FLIGHT
            && let Some((key, written)) = in_flight.pop_front()
        {
            written.await.unwrap();
            writeln!(output, "{key};").unwrap();
            output.flush().unwrap();
        }
    }
}
