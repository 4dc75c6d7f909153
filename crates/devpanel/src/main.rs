//! The dev panel as a program: `devpanel --secret SECRET [--listen ADDRESS] [--web ADDRESS] ...`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that tells its user where to connect")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use cap_devpanel::{AgentHttp, DevPanel, DevPanelConfig, WebConfig};
use clap::Parser;

/// Seconds between two looks at an agent's HTTP side, as HTTP-1 panels do.
const HTTP_CHECK: Duration = Duration::from_secs(30);

/// A small panel for demos, development and tests of the Ctrl-Alt-Play Agent.
#[derive(Debug, Parser)]
#[command(name = "devpanel", version)]
struct Arguments {
    /// Where agents connect (WebSocket).
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where browsers connect. A token is needed if this is not a loopback address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    web: SocketAddr,
    /// The agent secret that agents must send.
    #[arg(long, value_name = "SECRET", env = "AGENT_SECRET", hide_env_values = true)]
    secret: String,
    /// Base URL of the agent's HTTP side, to send commands that way too; http only.
    #[arg(long, value_name = "URL", requires = "agent_token")]
    agent_url: Option<String>,
    /// Token for the agent's HTTP side.
    #[arg(long, value_name = "TOKEN", env = "AGENT_TOKEN", hide_env_values = true)]
    agent_token: Option<String>,
    /// Token that browsers must have; made up and printed if the web address is not a loopback address and none is given.
    #[arg(long, value_name = "TOKEN", env = "DEVPANEL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Host name under which the page may be opened, beside localhost and IP addresses; may be repeated.
    #[arg(long, value_name = "NAME")]
    web_host: Vec<String>,
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devpanel: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let token = match arguments.token {
        None if !arguments.web.ip().is_loopback() => Some(random_token()?),
        given => given,
    };
    let web = WebConfig { listen: arguments.web, token: token.clone(), extra_hosts: arguments.web_host };
    let agent_http = match (arguments.agent_url, arguments.agent_token) {
        (Some(url), Some(token)) => Some(AgentHttp { check_every: Some(HTTP_CHECK), ..AgentHttp::at(url, token) }),
        _ => None,
    };
    let config = DevPanelConfig {
        listen: arguments.listen,
        agent_http,
        web: Some(web),
        ..DevPanelConfig::new(arguments.secret)
    };
    let panel = DevPanel::start(config)?;
    println!("agents connect to  {}", panel.ws_url());
    match token {
        Some(token) => println!("open in a browser  {}/?token={token}", panel.url()),
        None => println!("open in a browser  {}", panel.url()),
    }
    wait_for_the_end()?;
    panel.stop();
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
fn wait_for_the_end() -> anyhow::Result<()> {
    actix_rt::System::new().block_on(async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .context("cannot wait for SIGTERM")?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C"),
            _ = terminated.recv() => Ok(()),
        }
    })
}

/// 128 bits from the system, in hex. Not from the fast generator: this one guards something.
fn random_token() -> anyhow::Result<String> {
    use std::io::Read;
    let mut bytes = [0_u8; 16];
    let mut source = std::fs::File::open("/dev/urandom").context("cannot open the random source")?;
    source.read_exact(&mut bytes).context("cannot read the random source")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
