//! Everything the demo makes: a folder, two processes, one server. And its removal.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tempfile::TempDir;

use super::configuration::{self, AgentSettings, Secrets};
use super::panel::{Outcome, PanelClient, View};
use super::process::{self, Process};
use crate::engine::containers;
use crate::interrupt::Interrupt;
use crate::workspace::Workspace;
use crate::{clock, sample_image};

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
    /// A create was sent: from then on there may be something to delete, whatever the panel has seen of it.
    create_was_sent: bool,
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
            create_was_sent: false,
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
        let secrets = Secrets::make_up()?;
        let agent_http = configuration::free_port()?;
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
        let folder = self.folder.as_ref().context("the temporary folder is gone")?.path();
        let settings = AgentSettings { node: &self.node, link, http_port: agent_http, socket: &self.socket };
        let file = configuration::write(folder, &settings, secrets)?;
        let mut command = process::command(&self.agent_program);
        command.arg("run").arg("--config").arg(&file);
        self.agent = Some(Process::start("agent", command, &self.logs.join("agent.log"))?);
        Ok(())
    }

    /// Has the panel create the demo's server.
    pub(super) fn create_server(&mut self, interrupt: &Interrupt) -> Result<()> {
        let configuration = json!({
            "name": "Demo server",
            "image": sample_image::NAME,
            "limits": {"memory": 256, "swap": 0, "disk": 1024, "cpu": 100, "io": 500},
            "environment": {"SAMPLE_STARTUP_MS": "1200"},
            "stop": "stop",
            "configStartup": {"done": "Done ("},
        });
        self.create_was_sent = true;
        self.command("create_server", Some(configuration), interrupt)
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

    /// Checks that nothing of this demo is left in Docker.
    pub(super) fn nothing_left_in_docker(&self) -> Result<()> {
        match self.remove_what_is_left_in_docker()? {
            0 => Ok(()),
            left => bail!("{left} container(s) were left in Docker; they are removed now"),
        }
    }

    fn remove_what_is_left_in_docker(&self) -> Result<usize> {
        let left = containers::with_label(&self.socket, &format!("ctrl-alt-play.node-id={}", self.node))?;
        for id in &left {
            containers::remove(&self.socket, id)?;
        }
        Ok(left.len())
    }

    /// Ends and removes everything, whatever state it is in. Every part is tried; the first failure is given.
    pub(super) fn clean_up(mut self, interrupt: &Interrupt) -> Result<()> {
        let mut failures = Vec::new();
        if self.agent.is_some() && self.create_was_sent {
            failures.extend(self.remove_server(interrupt).err());
        }
        // How the agent ends is a step of the check; here it only has to be gone.
        for (process, grace) in [(self.agent.take(), AGENT_GRACE), (self.panel.take(), PANEL_GRACE)] {
            failures.extend(process.and_then(|mut process| process.end(grace).err()));
        }
        match self.remove_what_is_left_in_docker() {
            Ok(0) => {}
            Ok(left) => println!("removed {left} container(s) that the agent could not remove any more"),
            Err(error) => failures.push(error),
        }
        if let Some(folder) = self.folder.take() {
            failures.extend(folder.close().context("cannot remove the temporary folder").err());
        }
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.context("cleaning up")))
    }

    /// Has the server stopped, so that the game can save, and deleted. Gives up early if the agent is gone, or if Ctrl-C
    /// comes once more.
    fn remove_server(&mut self, interrupt: &Interrupt) -> Result<()> {
        // It may have been a dead process that brought us here: then there is nobody to ask.
        let Ok(view) = self.look() else { return Ok(()) };
        if matches!(view.status(), Some("starting" | "running" | "stopping" | "restarting" | "paused")) {
            // What a stop says does not matter: the delete follows in any case.
            self.outcome_of("stop_server", Some(json!({"timeout": STOP_GRACE_SECONDS})), interrupt)?;
        }
        match self.outcome_of("delete_server", None, interrupt)? {
            Outcome::Failed(why) if !why.contains("SERVER_NOT_FOUND") => bail!("delete_server failed: {why}"),
            _ => Ok(()),
        }
    }

    /// What becomes of a command; pending if Ctrl-C came once more before it was known.
    fn outcome_of(
        &mut self,
        action: &str,
        payload: Option<serde_json::Value>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let id = self.client()?.command(action, payload)?;
        let outcome = clock::wait_for(COMMAND_DEADLINE, || match self.look().map(|view| view.outcome(&id)) {
            Ok(Outcome::Pending) => interrupt.came_twice().then_some(Ok(Outcome::Pending)),
            known => Some(known),
        });
        outcome.unwrap_or_else(|| bail!("{action} had no outcome within {}", clock::readable(COMMAND_DEADLINE)))
    }

    /// Prints the ends of the logs.
    pub(super) fn show_logs(&self) {
        for process in [&self.panel, &self.agent].into_iter().flatten() {
            process.show_log();
        }
    }
}
