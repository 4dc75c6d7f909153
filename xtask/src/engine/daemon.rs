//! Starting dockerd where no init system does, and finding out why it did not start.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::firewall::{self, Firewall};
use super::leftovers::{self, Files};
use super::record::{self, Started};
use super::{Engine, START_DEADLINE, cgroups, engine_at};
use crate::clock;
use crate::clock::Stopwatch;

/// Lines of dockerd's log that are shown when it does not start.
const TAIL: usize = 25;

/// How one attempt to start dockerd differs from a plain one.
#[derive(Clone, Debug)]
struct Attempt {
    firewall: Firewall,
    /// Copies whole layers instead of stacking them: slow and large, but works on every file system.
    plain_storage: bool,
}

/// How an attempt ended.
enum Outcome {
    Answers(Engine),
    Ended,
    TooLate,
}

/// Starts dockerd and waits until it answers. It is left running.
pub(super) fn start(target: &Path, socket: &Path) -> Result<Engine> {
    let files = Files::usual(socket);
    if let Some(pid) = leftovers::living_dockerd(&files) {
        return wait_for_the_other(pid, &files, socket);
    }
    leftovers::clear(&files)?;
    cgroups::ensure()?;
    fs::create_dir_all(target).with_context(|| format!("cannot make {}", target.display()))?;
    let log = target.join("dockerd.log");
    let mut attempt = Attempt { firewall: firewall::choose(target)?, plain_storage: false };
    loop {
        let mut dockerd = launch(&attempt, socket, &log)?;
        match wait_until_it_answers(&mut dockerd, socket) {
            Outcome::Answers(engine) => {
                note(target, &dockerd)?;
                return Ok(engine);
            }
            Outcome::TooLate => {
                let tail = tail_of(&log);
                bail!(
                    "dockerd does not answer after {}. Its log, {}, ends:\n{tail}",
                    clock::readable(START_DEADLINE),
                    log.display()
                );
            }
            Outcome::Ended => {
                let tail = tail_of(&log);
                let Some(next) = other_attempt(&attempt, &tail) else {
                    bail!("dockerd ended at its start. Its log, {}, ends:\n{tail}", log.display());
                };
                println!("    dockerd ended at its start; trying it another way. It said:\n{tail}");
                attempt = next;
                leftovers::clear(&files)?;
            }
        }
    }
}

/// Somebody else has just started a dockerd: theirs will do.
fn wait_for_the_other(pid: u32, files: &Files, socket: &Path) -> Result<Engine> {
    println!("    a dockerd lives (process {pid}); waiting for it to answer");
    let answer = clock::wait_for(START_DEADLINE, || match engine_at(socket) {
        Some(engine) => Some(Some(engine)),
        None if leftovers::living_dockerd(files).is_none() => Some(None),
        None => None,
    });
    match answer.flatten() {
        Some(engine) => Ok(engine),
        None => bail!(
            "dockerd (process {pid}) does not answer at {}. It is left alone. If it hangs, or listens elsewhere, end it \
             with `kill {pid}` (or set DOCKER_HOST) and run this again",
            socket.display(),
        ),
    }
}

fn launch(attempt: &Attempt, socket: &Path, log: &Path) -> Result<Child> {
    // A new log for each attempt: its end must tell of this one.
    let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = output.try_clone().context("cannot share dockerd's log")?;
    // A session of its own: it must outlive this program, its terminal and Ctrl-C in it.
    let mut command = Command::new("setsid");
    command.arg("dockerd").arg(format!("--host=unix://{}", socket.display())).args(attempt.firewall.options());
    if attempt.plain_storage {
        command.arg("--storage-driver=vfs");
    }
    command.env("PATH", attempt.firewall.search_path()).env_remove("DOCKER_HOST").current_dir("/");
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    println!("    starting dockerd; its log is {}", log.display());
    command.spawn().context("cannot start dockerd")
}

fn wait_until_it_answers(dockerd: &mut Child, socket: &Path) -> Outcome {
    let waiting = Stopwatch::start();
    let outcome = clock::wait_for(START_DEADLINE, || {
        if let Some(engine) = engine_at(socket) {
            return Some(Outcome::Answers(engine));
        }
        matches!(dockerd.try_wait(), Ok(Some(_))).then_some(Outcome::Ended)
    });
    let outcome = outcome.unwrap_or(Outcome::TooLate);
    if matches!(outcome, Outcome::Answers(_)) {
        println!("    it took {}", clock::readable(waiting.elapsed()));
    }
    outcome
}

/// Remembers the dockerd as ours, unless it has ended meanwhile and it is another's that answers.
fn note(target: &Path, dockerd: &Child) -> Result<()> {
    if let Some(started) = Started::of(dockerd.id()).filter(|started| started.still_lives()) {
        record::write(target, started)?;
        println!("    it is left running; `cargo xtask engine stop` ends it");
    }
    Ok(())
}

/// Another way to start dockerd, if its last words point to one that has not been tried.
fn other_attempt(last: &Attempt, log: &str) -> Option<Attempt> {
    let words = log.to_lowercase();
    let blames_firewall = words.contains("iptables") || words.contains("controller instance");
    if blames_firewall && last.firewall != Firewall::Without {
        return Some(Attempt { firewall: Firewall::Without, ..last.clone() });
    }
    let blames_storage = words.contains("graphdriver") || words.contains("storage-driver") || words.contains("overlay");
    if blames_storage && !last.plain_storage {
        println!(
            "    the file system below /var/lib/docker does not take overlay2: using vfs, which is slow but works"
        );
        return Some(Attempt { plain_storage: true, ..last.clone() });
    }
    None
}

fn tail_of(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(TAIL);
    let mut tail = String::new();
    for line in lines.iter().skip(first) {
        tail.push_str("      | ");
        tail.push_str(line);
        tail.push('\n');
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Attempt {
        Attempt { firewall: Firewall::Usual, plain_storage: false }
    }

    #[test]
    fn a_failing_firewall_is_tried_without_and_only_once() {
        let log = "failed to start daemon: Error initializing network controller: error obtaining controller instance: \
                   failed to create NAT chain DOCKER: iptables failed";
        let next = other_attempt(&plain(), log).expect("there is another way");
        assert_eq!(next.firewall, Firewall::Without);
        assert!(other_attempt(&next, log).is_none());
    }

    #[test]
    fn a_failing_storage_driver_is_replaced_and_only_once() {
        let log = "error initializing graphdriver: driver not supported";
        let next = other_attempt(&plain(), log).expect("there is another way");
        assert!(next.plain_storage);
        assert!(other_attempt(&next, log).is_none());
    }

    #[test]
    fn a_failure_that_names_neither_is_final() {
        assert!(other_attempt(&plain(), "failed to start daemon: no space left on device").is_none());
    }

    #[test]
    fn the_end_of_the_log_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("dockerd.log");
        let lines: Vec<String> = (0..100).map(|number| format!("line {number}")).collect();
        fs::write(&log, lines.join("\n")).unwrap();
        let tail = tail_of(&log);
        assert!(tail.contains("line 99") && tail.contains("line 75") && !tail.contains("line 74"), "{tail}");
    }
}
