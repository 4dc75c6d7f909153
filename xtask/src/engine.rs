//! Making sure that a Docker Engine answers.
//!
//! An engine that answers is used as it is and never touched. Where none runs, root on Debian or Ubuntu gets one:
//! `docker.io` is installed if need be, what a dead dockerd left behind is cleared away, and dockerd is started and left
//! running. Everybody else is told the exact commands.

mod cgroups;
pub(crate) mod containers;
mod daemon;
mod firewall;
mod leftovers;
mod probe;
mod processes;
mod record;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{apt, clock, command, environment};

use probe::Answer;

/// How long a started engine may take until it answers. A first start on a slow disk has been seen to take 40 s.
const START_DEADLINE: Duration = Duration::from_secs(90);

/// An engine that answers.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    /// Its socket.
    pub(crate) socket: PathBuf,
}

/// Makes sure that an engine answers.
pub(crate) fn ensure(workspace: &Workspace) -> Result<Engine> {
    let socket = socket()?;
    match probe::ask(&socket) {
        Answer::Engine { version } => {
            println!("    Docker Engine {version} answers at {}", socket.display());
            return Ok(Engine { socket });
        }
        Answer::Denied => bail!(denied(&socket)),
        Answer::Silent => bail!(
            "something accepts connections at {} but does not answer within {} s: a Docker Engine that hangs? It is \
             left alone; see its log, restart it, and run this again",
            socket.display(),
            probe::DEADLINE.as_secs(),
        ),
        Answer::Nothing(why) => println!("    no Docker Engine at {}: {why}", socket.display()),
    }
    if environment::variable("DOCKER_HOST").is_some() {
        bail!("DOCKER_HOST says where the engine is, and none is there. Start it, or unset DOCKER_HOST");
    }
    start(workspace, &socket)
}

/// Says who answers; fails if nobody does.
pub(crate) fn status() -> Result<()> {
    let socket = socket()?;
    match probe::ask(&socket) {
        Answer::Engine { version } => println!("Docker Engine {version} answers at {}", socket.display()),
        Answer::Denied => bail!(denied(&socket)),
        Answer::Silent => bail!("{} accepts connections but does not answer", socket.display()),
        Answer::Nothing(why) => bail!("no Docker Engine at {}: {why}", socket.display()),
    }
    Ok(())
}

/// Ends the engine that [`ensure`] started earlier.
pub(crate) fn stop(workspace: &Workspace) -> Result<()> {
    let Some(started) = record::read(workspace.target()) else {
        bail!("no engine was started from here: nothing to stop");
    };
    if !started.still_lives() {
        record::forget(workspace.target());
        println!("the engine started from here (process {}) has ended already", started.pid);
        return Ok(());
    }
    println!("ending dockerd (process {}); its containers are stopped with it", started.pid);
    processes::end(started.pid, Duration::from_secs(60), || started.still_lives())?;
    record::forget(workspace.target());
    Ok(())
}

/// The socket to use: that of `DOCKER_HOST`, else Docker's own.
fn socket() -> Result<PathBuf> {
    match environment::variable("DOCKER_HOST") {
        None => Ok(PathBuf::from("/var/run/docker.sock")),
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) => Ok(PathBuf::from(path)),
            None => {
                bail!("DOCKER_HOST is `{host}`; the agent talks to an engine on this machine, so only unix:// will do")
            }
        },
    }
}

fn denied(socket: &Path) -> String {
    format!(
        "the Docker Engine's socket {} is closed to this user. Run\n    sudo usermod -aG docker $USER\nand log in again, \
         or run this as root",
        socket.display(),
    )
}

fn start(workspace: &Workspace, socket: &Path) -> Result<Engine> {
    if !environment::is_root() {
        bail!(by_hand());
    }
    if environment::program("dockerd").is_none() {
        if !environment::is_debian_family() {
            bail!(by_hand());
        }
        apt::install(&["docker.io", "iptables", "ca-certificates"])?;
    }
    if environment::has_systemd() {
        println!("    starting docker.service");
        command::run(Command::new("systemctl").args(["start", "docker.service"]))?;
        return match clock::wait_for(START_DEADLINE, || engine_at(socket)) {
            Some(engine) => Ok(engine),
            None => bail!("docker.service was started but does not answer; see `journalctl -u docker`"),
        };
    }
    daemon::start(workspace.target(), socket)
}

fn engine_at(socket: &Path) -> Option<Engine> {
    match probe::ask(socket) {
        Answer::Engine { version } => {
            println!("    Docker Engine {version} answers at {}", socket.display());
            Some(Engine { socket: socket.to_owned() })
        }
        _ => None,
    }
}

fn by_hand() -> String {
    let commands = if environment::program("dockerd").is_some() {
        if environment::has_systemd() { "sudo systemctl start docker" } else { "sudo sh -c 'dockerd &'" }
    } else if environment::is_debian_family() {
        "sudo sh -c 'apt-get update && apt-get install --no-install-recommends docker.io iptables ca-certificates'\n    \
         sudo systemctl start docker\n    sudo usermod -aG docker $USER    # then log in again"
    } else {
        "(install Docker Engine 20.10 or newer the way your system does it, and start it)"
    };
    format!(
        "a Docker Engine is needed and may not be started from here (not root). Run\n    {commands}\nand run this again"
    )
}
