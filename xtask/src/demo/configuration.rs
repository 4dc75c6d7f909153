//! The agent's configuration for one demo, and the secrets in it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::environment;

/// Secrets of one demo; they end with it.
pub(super) struct Secrets {
    /// What the agent shows the panel.
    pub(super) link: String,
    /// What the panel shows the agent.
    pub(super) http: String,
}

/// What the agent is told.
pub(super) struct AgentSettings<'a> {
    pub(super) node: &'a str,
    /// The panel's `ws://` address.
    pub(super) link: &'a str,
    /// On loopback.
    pub(super) http_port: u16,
    /// The engine's.
    pub(super) socket: &'a Path,
}

impl Secrets {
    /// New ones.
    pub(super) fn make_up() -> Result<Self> {
        Ok(Self { link: random_text()?, http: random_text()? })
    }
}

/// Writes the configuration and its secrets into a folder; gives the configuration's file.
pub(super) fn write(folder: &Path, settings: &AgentSettings<'_>, secrets: &Secrets) -> Result<PathBuf> {
    let [link_secret, http_token, storage] = ["panel_secret", "http_token", "storage"].map(|name| folder.join(name));
    write_private(&link_secret, &secrets.link)?;
    write_private(&http_token, &secrets.http)?;
    let mut text = format!(
        "[node]\nid = {node}\n\n[panel]\nurl = {link}\nsecret_file = {link_secret}\nresource_interval = \"2s\"\n\n\
         [http]\nlisten = [{http}]\ntoken_file = {http_token}\n\n[storage]\nroot = {storage}\ntrash_retention = 0\n\n\
         [ports]\nip = \"127.0.0.1\"\n\n[docker]\nsocket = {socket}\nimage_pull = \"never\"\n",
        node = quoted(settings.node),
        link = quoted(settings.link),
        link_secret = quoted_path(&link_secret)?,
        http = quoted(&format!("127.0.0.1:{}", settings.http_port)),
        http_token = quoted_path(&http_token)?,
        storage = quoted_path(&storage)?,
        socket = quoted_path(settings.socket)?,
    );
    if !environment::is_root() {
        // Only root can give files to another user: servers run as us.
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        text.push_str(&format!("user = \"{user}:{group}\"\n"));
    }
    let file = folder.join("agent.toml");
    fs::write(&file, text).context("cannot write the agent's configuration")?;
    Ok(file)
}

/// A port on loopback that is free now. Another program may take it first; the demo then fails and says so.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    Ok(listener.local_addr().context("no free port on loopback")?.port())
}

/// 128 bits from the system, in hex.
fn random_text() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let mut source = File::open("/dev/urandom").context("cannot open the random source")?;
    source.read_exact(&mut bytes).context("cannot read the random source")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", file.display());
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).with_context(failed)?;
    opened.write_all(text.as_bytes()).with_context(failed)
}

/// A TOML string: JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn quoted_path(path: &Path) -> Result<String> {
    path.to_str().map(quoted).with_context(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_configuration_is_toml_and_its_secrets_are_in_private_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::make_up().unwrap();
        let socket = Path::new("/run/with \"quotes\".sock");
        let settings = AgentSettings { node: "demo-1", link: "ws://127.0.0.1:1", http_port: 2, socket };
        let text = fs::read_to_string(write(folder.path(), &settings, &secrets).unwrap()).unwrap();
        let parsed: toml::Table = text.parse().unwrap();
        assert_eq!(parsed["docker"]["socket"].as_str(), socket.to_str());
        assert_eq!(parsed["http"]["listen"][0].as_str(), Some("127.0.0.1:2"));
        assert!(!text.contains(&secrets.link) && !text.contains(&secrets.http));
        assert_ne!(secrets.link, secrets.http);
        for name in ["panel_secret", "http_token"] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
