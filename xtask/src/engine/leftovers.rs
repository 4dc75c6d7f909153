//! What a dockerd that was killed leaves behind, and what of it keeps the next one from starting.
//!
//! A pid file whose number now belongs to somebody else makes dockerd refuse to start. A containerd that outlived its
//! dockerd is used again by the next, and if it is stuck, the next waits for it until it gives up.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use super::processes;

/// The files of one dockerd.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// dockerd's pid file.
    pub(super) pid_file: PathBuf,
    /// dockerd's socket.
    pub(super) socket: PathBuf,
    /// The folder of its own containerd: configuration, pid file, sockets.
    pub(super) containerd: PathBuf,
}

impl Files {
    /// Those of a dockerd that was told nothing else than its socket.
    pub(super) fn usual(socket: &Path) -> Self {
        Self {
            pid_file: PathBuf::from("/var/run/docker.pid"),
            socket: socket.to_owned(),
            containerd: PathBuf::from("/var/run/docker/containerd"),
        }
    }
}

/// The process of a dockerd that lives and owns these files; it may be about to answer.
pub(super) fn living_dockerd(files: &Files) -> Option<u32> {
    processes::in_file(&files.pid_file).filter(|pid| processes::name(*pid).as_deref() == Some("dockerd"))
}

/// Clears away what a dead dockerd left. Refuses while one lives.
pub(super) fn clear(files: &Files) -> Result<()> {
    if let Some(pid) = living_dockerd(files) {
        bail!("a dockerd lives (process {pid}); its files are not touched");
    }
    remove(&files.pid_file, "pid file of a dockerd that is gone");
    if fs::metadata(&files.socket).is_ok_and(|socket| socket.is_dir()) {
        bail!(
            "{} is a folder (a container once mounted it before Docker ran); remove it and run this again",
            files.socket.display(),
        );
    }
    remove(&files.socket, "socket of a dockerd that is gone");
    end_orphaned_containerd(files)?;
    for name in ["containerd.pid", "containerd.sock", "containerd.sock.ttrpc", "containerd-debug.sock"] {
        remove(&files.containerd.join(name), "left by a containerd that is gone");
    }
    Ok(())
}

/// Ends the containerd that a dead dockerd had started for itself. Containers live on: their shims are not its children.
fn end_orphaned_containerd(files: &Files) -> Result<()> {
    let Some(pid) = processes::in_file(&files.containerd.join("containerd.pid")) else { return Ok(()) };
    let configuration = files.containerd.join("containerd.toml");
    let is_that_containerd =
        || processes::name(pid).is_some() && processes::arguments(pid).contains(&*configuration.to_string_lossy());
    if !is_that_containerd() {
        return Ok(());
    }
    println!("    ending containerd (process {pid}), left by a dockerd that is gone");
    processes::end(pid, Duration::from_secs(10), is_that_containerd)
}

fn remove(file: &Path, what: &str) {
    if fs::remove_file(file).is_ok() {
        println!("    removed {}: {what}", file.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::processes::tests::Stand;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    fn files_in(folder: &Path) -> Files {
        let containerd = folder.join("containerd");
        fs::create_dir(&containerd).unwrap();
        Files { pid_file: folder.join("docker.pid"), socket: folder.join("docker.sock"), containerd }
    }

    #[test]
    fn the_files_of_a_dead_dockerd_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let files = files_in(folder.path());
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        fs::write(&files.pid_file, dead.id().to_string()).unwrap();
        drop(UnixListener::bind(&files.socket).unwrap());
        fs::write(files.containerd.join("containerd.pid"), dead.id().to_string()).unwrap();
        fs::write(files.containerd.join("containerd.toml"), "version = 1").unwrap();
        clear(&files).unwrap();
        assert!(!files.pid_file.exists());
        assert!(!files.socket.exists());
        assert!(!files.containerd.join("containerd.pid").exists());
        assert!(files.containerd.join("containerd.toml").exists());
    }

    #[test]
    fn a_pid_file_whose_number_somebody_else_bears_now_is_removed_and_that_process_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let files = files_in(folder.path());
        let mut stranger = Stand::in_for(Command::new("sleep").arg("600"), "sleep 600");
        fs::write(&files.pid_file, stranger.pid().to_string()).unwrap();
        fs::write(files.containerd.join("containerd.pid"), stranger.pid().to_string()).unwrap();
        clear(&files).unwrap();
        assert!(!files.pid_file.exists());
        assert_eq!(stranger.0.try_wait().unwrap(), None);
    }

    #[test]
    fn an_orphaned_containerd_of_these_files_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let files = files_in(folder.path());
        let configuration = files.containerd.join("containerd.toml");
        // Stands for `containerd --config FILE`: what counts is the configuration it was started with.
        let mut shell = Command::new("sh");
        shell.args(["-c", "while :; do sleep 1; done"]).arg(&configuration);
        let mut orphan = Stand::in_for(&mut shell, "containerd.toml");
        fs::write(files.containerd.join("containerd.pid"), orphan.pid().to_string()).unwrap();
        clear(&files).unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&orphan.0.wait().unwrap()), Some(15));
    }

    #[test]
    fn nothing_is_touched_while_a_dockerd_lives() {
        let folder = tempfile::tempdir().unwrap();
        let files = files_in(folder.path());
        let program = folder.path().join("dockerd");
        std::os::unix::fs::symlink(crate::environment::program("sleep").unwrap(), &program).unwrap();
        let living = Stand::in_for(Command::new(&program).arg("600"), "dockerd 600");
        fs::write(&files.pid_file, living.pid().to_string()).unwrap();
        assert!(clear(&files).is_err());
        assert!(files.pid_file.exists());
        drop(living);
        assert_eq!(living_dockerd(&files), None);
    }
}
