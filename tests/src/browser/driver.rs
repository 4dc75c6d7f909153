//! The chromedriver process and, with it, the browser's processes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const PROGRAM: &str = "chromedriver";
/// How long the browser may take to end by itself before it is killed.
const GOODBYE: Duration = Duration::from_secs(3);

/// A running chromedriver in a process group of its own.
#[derive(Debug)]
pub(super) struct Driver {
    child: Child,
    address: SocketAddr,
    /// Kept open: a program whose output nobody takes is ended by the next thing it says.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Driver {
    /// Starts it on a free port of its own choice and waits until it listens.
    pub(super) async fn start(deadline: Duration) -> anyhow::Result<Self> {
        let mut child = Command::new(PROGRAM)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start chromedriver; on Debian: apt-get install chromium-driver")?;
        let output = child.stdout.take().context("chromedriver has no output")?;
        let mut output = BufReader::new(output).lines();
        let port = timeout(deadline, announced_port(&mut output)).await.context("chromedriver does not start")??;
        Ok(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _output: output })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells chromedriver to end, which ends its browsers. Blocking, since it is for `drop`.
    fn say_goodbye(&self) -> std::io::Result<()> {
        let mut connection = TcpStream::connect_timeout(&self.address, GOODBYE)?;
        connection.set_read_timeout(Some(GOODBYE))?;
        connection.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        // It answers when the browsers are gone.
        connection.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let said = self.say_goodbye();
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // Nothing is left to be killed when it has ended by itself; what has not ended must not outlive the test.
            kill_process_group(group, Signal::KILL).ok();
        }
        // Whether it was told or not, it is gone now.
        drop(said);
    }
}

/// Reads `... was started successfully on port N.` from its output.
async fn announced_port(output: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<u16> {
    while let Some(line) = output.next_line().await.context("cannot read chromedriver's output")? {
        let port = line.split_once("successfully on port ").map(|(_, rest)| rest.trim_end_matches('.'));
        if let Some(port) = port {
            return port.parse().context("chromedriver announced no port number");
        }
    }
    anyhow::bail!("chromedriver ended before it listened")
}
