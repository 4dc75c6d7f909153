//! What is left in Docker of a node, and removing it.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http;

/// Removing a container that runs may take an engine this long on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The ids of all containers that bear this label, running or not.
pub(crate) fn with_label(socket: &Path, label: &str) -> Result<Vec<String>> {
    let filters = percent_encode(&json!({"label": [label]}).to_string());
    let answer = exchange(socket, "GET", &format!("/containers/json?all=1&filters={filters}"))?;
    let list = answer.json();
    match list.as_array() {
        Some(list) if answer.status == 200 => {
            Ok(list.iter().filter_map(|container| container["Id"].as_str().map(str::to_owned)).collect())
        }
        _ => bail!("the Docker Engine answers {} to a question for its containers", answer.status),
    }
}

/// Removes a container, running or not. One that is gone is no error.
pub(crate) fn remove(socket: &Path, id: &str) -> Result<()> {
    let answer = exchange(socket, "DELETE", &format!("/containers/{id}?force=1&v=1"))?;
    match answer.status {
        204 | 404 => Ok(()),
        status => bail!("the Docker Engine answers {status} to the removal of container {id}"),
    }
}

fn exchange(socket: &Path, method: &str, target: &str) -> Result<http::Answer> {
    let stream = UnixStream::connect(socket).context("the Docker Engine cannot be reached")?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    http::exchange(stream, "docker", method, target, None::<&Value>).context("the Docker Engine does not answer")
}

fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_survive_the_way_through_an_address() {
        assert_eq!(percent_encode(r#"{"label":["a.b=c d"]}"#), "%7B%22label%22%3A%5B%22a.b%3Dc%20d%22%5D%7D");
    }
}
