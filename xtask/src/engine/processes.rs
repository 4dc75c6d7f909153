//! Processes by their number: who they are, and ending one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock;

/// The short name of a living process; none if there is no such process, or it is a zombie.
pub(super) fn name(pid: u32) -> Option<String> {
    let (name, fields) = stat(pid)?;
    let is_zombie = fields.first().is_some_and(|state| state == "Z");
    (!is_zombie).then_some(name)
}

/// When a process was started, in the kernel's ticks since boot: with the number, it names one process for ever.
pub(super) fn started_at(pid: u32) -> Option<u64> {
    // Field 22 of the line, counted from one; the state, field 3, is the first after the name.
    stat(pid)?.1.get(19)?.parse().ok()
}

/// The process number in a pid file; none if there is no such file or no number in it.
pub(super) fn in_file(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok().filter(|pid| *pid > 0)
}

/// The arguments of a process, blanks between them; empty if there is none.
pub(super) fn arguments(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Ends a process: SIGTERM, and SIGKILL if it still lives after `grace`. `lives` says whether it is still the one meant.
pub(super) fn end(pid: u32, grace: Duration, lives: impl Fn() -> bool) -> Result<()> {
    signal(pid, Signal::TERM)?;
    if clock::wait_for(grace, || (!lives()).then_some(())).is_some() {
        return Ok(());
    }
    println!("    process {pid} did not end within {}; killing it", clock::readable(grace));
    signal(pid, Signal::KILL)?;
    match clock::wait_for(Duration::from_secs(10), || (!lives()).then_some(())) {
        Some(()) => Ok(()),
        None => bail!("process {pid} cannot be ended"),
    }
}

fn signal(pid: u32, signal: Signal) -> Result<()> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process number")?;
    match kill_process(number, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot signal process {pid}")),
    }
}

/// Name, and the fields after it.
fn stat(pid: u32) -> Option<(String, Vec<String>)> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may itself hold blanks and parentheses.
    let (head, tail) = line.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    Some((name.to_owned(), tail.split_whitespace().map(str::to_owned).collect()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::process::{Child, Command};

    /// A process for a test, ended with it, also when the test fails.
    pub(in crate::engine) struct Stand(pub(in crate::engine) Child);

    impl Stand {
        /// Starts it, and waits until it is itself: between fork and exec it is still a copy of the test.
        #[track_caller]
        pub(in crate::engine) fn in_for(command: &mut Command, arguments_end_with: &str) -> Self {
            let stand = Self(command.spawn().expect("it starts"));
            let is_itself = || arguments(stand.pid()).trim_end().ends_with(arguments_end_with).then_some(());
            clock::wait_for(Duration::from_secs(30), is_itself).expect("it becomes the program");
            stand
        }

        pub(in crate::engine) fn pid(&self) -> u32 {
            self.0.id()
        }
    }

    impl Drop for Stand {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_living_process_has_a_name_and_a_start_and_a_dead_one_has_none() {
        let sleeper = Stand::in_for(Command::new("sleep").arg("600"), "sleep 600");
        let pid = sleeper.pid();
        assert_eq!(name(pid).as_deref(), Some("sleep"));
        assert!(started_at(pid).is_some());
        drop(sleeper);
        assert_eq!(name(pid), None);
        assert_eq!(started_at(pid), None);
    }

    #[test]
    fn a_process_that_ignores_sigterm_is_killed() {
        let script = "trap '' TERM; while :; do sleep 1; done";
        let mut stubborn = Stand::in_for(Command::new("sh").args(["-c", script]), script);
        let pid = stubborn.pid();
        // Not before it has set its trap, which its first child shows.
        let children = format!("/proc/{pid}/task/{pid}/children");
        let has_a_child = || fs::read_to_string(&children).ok().filter(|text| !text.is_empty());
        clock::wait_for(Duration::from_secs(30), has_a_child).expect("the loop runs");
        end(pid, Duration::from_millis(200), || name(pid).is_some()).unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&stubborn.0.wait().unwrap()), Some(9));
    }

    #[test]
    fn a_pid_file_without_a_number_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("docker.pid");
        assert_eq!(in_file(&file), None);
        for nobody in ["", "\n", "0", "-1", "dockerd"] {
            fs::write(&file, nobody).unwrap();
            assert_eq!(in_file(&file), None, "{nobody:?}");
        }
        fs::write(&file, "2519\n").unwrap();
        assert_eq!(in_file(&file), Some(2519));
    }
}
