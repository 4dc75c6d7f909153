//! One of the demo's programs: started, watched, ended.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{clock, environment};

/// Lines of a log that are shown when something failed.
const TAIL: usize = 25;

/// Variables of ours that the demo's programs get; all others could change what they do.
const PASSED_ON: [&str; 6] = ["HOME", "LANG", "RUST_BACKTRACE", "RUST_LOG", "TZ", "TMPDIR"];

/// A running program.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// What it writes to its standard output, line by line; the log has it, too.
    lines: Receiver<String>,
}

/// A command for a program of the demo, with nothing of our environment that it does not need.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", environment::search_path());
    for name in PASSED_ON {
        if let Some(value) = environment::variable(name) {
            command.env(name, value);
        }
    }
    command
}

impl Process {
    /// Starts it, with its output in a log file.
    pub(super) fn start(name: &'static str, mut command: Command, log: &Path) -> Result<Self> {
        let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = file.try_clone().context("cannot share a log")?;
        // A group of its own: Ctrl-C is for us alone, and we end it in order.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().with_context(|| format!("cannot start the {name}"))?;
        let output = child.stdout.take().context("no output")?;
        let (sender, lines) = sync_channel(64);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A full disk or a reader that has heard enough is no reason to stop the program.
                let _ = writeln!(file, "{line}");
                let _ = sender.try_send(line);
            }
        });
        Ok(Self { name, child, log: log.to_owned(), lines })
    }

    /// Waits until it prints a line that starts with `words`, and gives the rest of that line.
    pub(super) fn wait_for_line(&mut self, words: &str, deadline: Duration) -> Result<String> {
        let found = clock::wait_for(deadline, || {
            let mut lines = self.lines.try_iter();
            if let Some(line) = lines.find_map(|line| line.strip_prefix(words).map(|rest| rest.trim().to_owned())) {
                return Some(Ok(line));
            }
            self.must_live().err().map(Err)
        });
        let name = self.name;
        found.unwrap_or_else(|| bail!("the {name} did not say `{words}` within {}", clock::readable(deadline)))
    }

    /// Fails if it has ended.
    pub(super) fn must_live(&mut self) -> Result<()> {
        match self.child.try_wait().context("cannot look at a child process")? {
            None => Ok(()),
            Some(status) => bail!("the {} ended unasked: {status}", self.name),
        }
    }

    /// Ends it: SIGTERM, then SIGKILL if it still lives after `grace`. Gives how it ended, and whether it had to be
    /// killed.
    pub(super) fn end(&mut self, grace: Duration) -> Result<(ExitStatus, bool)> {
        if let Some(status) = self.child.try_wait().context("cannot look at a child process")? {
            return Ok((status, false));
        }
        // Its number cannot have gone to another: it has not been waited for.
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("not a process number")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("cannot signal the {}", self.name))?;
        let ended = clock::wait_for(grace, || self.child.try_wait().ok().flatten());
        if let Some(status) = ended {
            return Ok((status, false));
        }
        self.child.kill().with_context(|| format!("cannot kill the {}", self.name))?;
        Ok((self.child.wait().context("cannot wait for a child process")?, true))
    }

    /// Prints the end of its log.
    pub(super) fn show_log(&self) {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        println!("\n    the {} wrote ({}):", self.name, self.log.display());
        for line in lines.iter().skip(lines.len().saturating_sub(TAIL)) {
            println!("      | {}", super::screen::harmless(line));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only if something went so wrong that it was never ended in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Process, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut sh = command(Path::new("/bin/sh"));
        sh.args(["-c", script]);
        let process = Process::start("shell", sh, &folder.path().join("log")).unwrap();
        (process, folder)
    }

    #[test]
    fn what_follows_the_words_is_found_whatever_is_printed_before() {
        let (mut process, _folder) = shell("echo hello; echo 'agents connect to  ws://127.0.0.1:1'; sleep 600");
        let address = process.wait_for_line("agents connect to", Duration::from_secs(30)).unwrap();
        assert_eq!(address, "ws://127.0.0.1:1");
        assert!(process.must_live().is_ok());
    }

    #[test]
    fn a_program_that_ends_instead_of_speaking_is_an_error_at_once() {
        let (mut process, _folder) = shell("exit 3");
        let error = process.wait_for_line("agents", Duration::from_secs(600)).unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_program_is_ended_gently_and_killed_only_if_it_must_be() {
        let (mut gentle, _folder) = shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done");
        gentle.wait_for_line("ready", Duration::from_secs(30)).unwrap();
        let (status, killed) = gentle.end(Duration::from_secs(60)).unwrap();
        assert!(status.success() && !killed);
        let (mut stubborn, _folder) = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
        stubborn.wait_for_line("ready", Duration::from_secs(30)).unwrap();
        let (status, killed) = stubborn.end(Duration::from_millis(300)).unwrap();
        assert!(!status.success() && killed);
    }
}
