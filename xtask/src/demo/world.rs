//! Everything the demo makes: a folder, two processes, one server. And its removal.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tempfile::TempDir;

use super::panel::{Outcome, PanelClient, View};
use super::process::{self, Process};
use crate::engine::containers;
use crate::interrupt::Interrupt;
use crate::workspace::Workspace;
use crate::{clock, environment, sample_image};

/// The agent promises to end within 10 s of SIGTERM.
const AGENT_GRACE: Duration = Duration::from_secs(15);
const PANEL_GRACE: Duration = Duration::from_secs(5);
/// Longest wait for one of our own processes to come up.
const COME_UP: Duration = Duration::from_secs(30);
/// Longest wait for the outcome of a command to a server whose image is here.
pub(super) const COMMAND_DEADLINE: Duration = Duration::from_secs(90);

/// Seconds a server gets to end by itself.
const STOP_GRACE_SECONDS: u32 = 20;

/// The demo's things.
#[derive(Debug)]
pub(super) struct World {
    folder: Option<TempDir>,
    logs: PathBuf,
    agent_program: PathBuf,
    panel_program: PathBuf,
    socket: PathBuf,
    /// The demo's own node id: whatever bears it in Docker is ours.
    node: String,
    server: String,
    panel: Option<Process>,
    agent: Option<Process>,
    client: Option<PanelClient>,
    page: String,
}

/// Secrets of one demo; they end with it.
struct Secrets {
    link: String,
    http: String,
}

impl World {
    /// Makes the folder; nothing runs yet.
    pub(super) fn prepare(workspace: &Workspace, socket: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ctrl-alt-play-demo-").tempdir().context("no temporary folder")?;
        let logs = workspace.target().join("demo");
        fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        let number = std::process::id();
        Ok(Self {
            folder: Some(folder),
            logs,
            agent_program: workspace.built_program("ctrl-alt-play-agent"),
            panel_program: workspace.built_program("devpanel"),
            socket: socket.to_owned(),
            node: format!("demo-{number}"),
            server: format!("demo-server-{number}"),
            panel: None,
            agent: None,
            client: None,
            page: String::new(),
        })
    }

    /// The address of the dev panel's page.
    pub(super) fn page(&self) -> &str {
        &self.page
    }

    /// Where the logs of the demo's processes are.
    pub(super) fn logs(&self) -> &Path {
        &self.logs
    }

    /// The dev panel, once it is up.
    pub(super) fn client(&self) -> Result<&PanelClient> {
        self.client.as_ref().context("the dev panel is not up")
    }

    /// Starts the dev panel and then the agent, and waits until the panel counts the agent as online.
    pub(super) fn bring_up(&mut self, interrupt: &Interrupt) -> Result<()> {
        let secrets = Secrets { link: random_text()?, http: random_text()? };
        let agent_http = free_port()?;
        let link = self.start_panel(&secrets, agent_http)?;
        println!("    dev panel: {}", self.page);
        self.start_agent(&secrets, agent_http, &link)?;
        self.wait("the agent is connected", COME_UP, interrupt, |view| Ok(view.is_online().then_some(())))
    }

    fn start_panel(&mut self, secrets: &Secrets, agent_http: u16) -> Result<String> {
        let mut command = process::command(&self.panel_program);
        command.args(["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"]);
        command.args(["--agent-url", &format!("http://127.0.0.1:{agent_http}")]);
        // In the environment, where other users of the machine do not see them.
        command.env("AGENT_SECRET", &secrets.link).env("AGENT_TOKEN", &secrets.http);
        let panel = self.panel.insert(Process::start("dev panel", command, &self.logs.join("devpanel.log"))?);
        let link = panel.wait_for_line("agents connect to", COME_UP)?;
        self.page = panel.wait_for_line("open in a browser", COME_UP)?;
        self.client = Some(PanelClient::new(&self.page, &self.node, &self.server)?);
        Ok(link)
    }

    fn start_agent(&mut self, secrets: &Secrets, agent_http: u16, link: &str) -> Result<()> {
        let folder = self.folder.as_ref().context("the temporary folder is gone")?.path().to_owned();
        let [link_secret, http_token, storage] =
            ["panel_secret", "http_token", "storage"].map(|name| folder.join(name));
        write_private(&link_secret, &secrets.link)?;
        write_private(&http_token, &secrets.http)?;
        let file = folder.join("agent.toml");
        let mut text = format!(
            "[node]\nid = {node}\n\n[panel]\nurl = {link}\nsecret_file = {link_secret}\nresource_interval = \"2s\"\n\n\
             [http]\nlisten = [{http}]\ntoken_file = {http_token}\n\n[storage]\nroot = {storage}\ntrash_retention = 0\n\n\
             [ports]\nip = \"127.0.0.1\"\n\n[docker]\nsocket = {socket}\nimage_pull = \"never\"\n",
            node = quoted(&self.node),
            link = quoted(link),
            link_secret = quoted_path(&link_secret)?,
            http = quoted(&format!("127.0.0.1:{agent_http}")),
            http_token = quoted_path(&http_token)?,
            storage = quoted_path(&storage)?,
            socket = quoted_path(&self.socket)?,
        );
        if !environment::is_root() {
            // Only root can give files to another user: servers run as us.
            let user = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
            text.push_str(&format!("user = \"{}:{}\"\n", user.0, user.1));
        }
        fs::write(&file, text).context("cannot write the agent's configuration")?;
        let mut command = process::command(&self.agent_program);
        command.arg("run").arg("--config").arg(&file);
        self.agent = Some(Process::start("agent", command, &self.logs.join("agent.log"))?);
        Ok(())
    }

    /// What a create of the demo's server says.
    pub(super) fn server_configuration() -> serde_json::Value {
        json!({
            "name": "Demo server",
            "image": sample_image::NAME,
            "limits": {"memory": 256, "swap": 0, "disk": 1024, "cpu": 100, "io": 500},
            "environment": {"SAMPLE_STARTUP_MS": "1200"},
            "stop": "stop",
            "configStartup": {"done": "Done ("},
        })
    }

    /// Sends a command, and waits for its outcome.
    pub(super) fn command(
        &mut self,
        action: &str,
        payload: Option<serde_json::Value>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let id = self.client()?.command(action, payload)?;
        self.wait(&format!("the outcome of {action}"), COMMAND_DEADLINE, interrupt, |view| match view.outcome(&id) {
            Outcome::Pending => Ok(None),
            Outcome::Succeeded => Ok(Some(())),
            Outcome::Failed(why) => Err(anyhow!("{action} failed: {why}")),
        })
    }

    /// Polls the panel's view until `condition` gives something. Ends early if a process dies or Ctrl-C comes.
    pub(super) fn wait<T>(
        &mut self,
        what: &str,
        deadline: Duration,
        interrupt: &Interrupt,
        mut condition: impl FnMut(&View) -> Result<Option<T>>,
    ) -> Result<T> {
        let found = clock::wait_for(deadline, || {
            if interrupt.came() {
                return Some(Err(anyhow!("interrupted while waiting: {what}")));
            }
            self.look().and_then(|view| condition(&view)).transpose()
        });
        found.unwrap_or_else(|| bail!("waited {} in vain: {what}", clock::readable(deadline)))
    }

    /// The panel's view now; an error if one of the processes has ended.
    pub(super) fn look(&mut self) -> Result<View> {
        for process in [&mut self.panel, &mut self.agent].into_iter().flatten() {
            process.must_live()?;
        }
        self.client()?.view()
    }

    /// Ends the agent and checks that it ended well.
    pub(super) fn end_agent(&mut self) -> Result<()> {
        let Some(mut agent) = self.agent.take() else { return Ok(()) };
        match agent.end(AGENT_GRACE)? {
            (status, false) if status.success() => Ok(()),
            (status, false) => bail!("the agent ended with {status}, not with exit code 0"),
            (_, true) => bail!("the agent did not end within {} of SIGTERM", clock::readable(AGENT_GRACE)),
        }
    }

    /// Checks that nothing of this demo is left in Docker; removes what is.
    pub(super) fn nothing_left_in_docker(&self) -> Result<()> {
        let left = containers::with_label(&self.socket, &format!("ctrl-alt-play.node-id={}", self.node))?;
        for id in &left {
            containers::remove(&self.socket, id)?;
        }
        if left.is_empty() { Ok(()) } else { bail!("{} container(s) were left; they are removed now", left.len()) }
    }

    /// Ends and removes everything, whatever state it is in. Every part is tried; the first failure is given.
    pub(super) fn clean_up(mut self, interrupt: &Interrupt) -> Result<()> {
        let mut failures = Vec::new();
        // Asked in order first, so that the game can save; a second Ctrl-C skips that.
        if self.agent.is_some() && !interrupt.came_twice() {
            failures.extend(self.remove_server(interrupt).err());
        }
        failures.extend(self.end_agent().err());
        if let Some(mut panel) = self.panel.take() {
            failures.extend(panel.end(PANEL_GRACE).err());
        }
        failures.extend(self.nothing_left_in_docker().err());
        if let Some(folder) = self.folder.take() {
            failures.extend(folder.close().context("cannot remove the temporary folder").err());
        }
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.context("cleaning up")))
    }

    /// Stops and deletes the server, if the agent has one.
    fn remove_server(&mut self, interrupt: &Interrupt) -> Result<()> {
        // It may have been a dead process that brought us here: then there is nobody to ask.
        let Ok(view) = self.look() else { return Ok(()) };
        if view.status().is_none_or(|status| status == "deleted") {
            return Ok(());
        }
        for (action, payload) in
            [("stop_server", Some(json!({"timeout": STOP_GRACE_SECONDS}))), ("delete_server", None)]
        {
            let id = self.client()?.command(action, payload)?;
            let ended = clock::wait_for(COMMAND_DEADLINE, || {
                let outcome =
                    self.look().map_or_else(|error| Outcome::Failed(error.to_string()), |view| view.outcome(&id));
                (interrupt.came_twice() || outcome != Outcome::Pending).then_some(outcome)
            });
            match ended {
                Some(Outcome::Succeeded) => {}
                Some(Outcome::Pending) => return Ok(()),
                Some(Outcome::Failed(why)) => bail!("{action} failed: {why}"),
                None => bail!("{action} had no outcome within {}", clock::readable(COMMAND_DEADLINE)),
            }
        }
        Ok(())
    }

    /// Prints the ends of the logs.
    pub(super) fn show_logs(&self) {
        for process in [&self.panel, &self.agent].into_iter().flatten() {
            process.show_log();
        }
    }
}

/// A port on loopback that is free now. Another program may take it first; the demo then fails and says so.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    Ok(listener.local_addr().context("no free port on loopback")?.port())
}

/// 128 bits from the system, in hex.
fn random_text() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let mut source = fs::File::open("/dev/urandom").context("cannot open the random source")?;
    source.read_exact(&mut bytes).context("cannot read the random source")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", file.display());
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).with_context(failed)?;
    opened.set_permissions(Permissions::from_mode(0o600)).with_context(failed)?;
    opened.write_all(text.as_bytes()).with_context(failed)
}

/// A TOML string: JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn quoted_path(path: &Path) -> Result<String> {
    path.to_str().map(quoted).with_context(|| format!("{} is not UTF-8", path.display()))
}
