//! Pulling an image, with progress over its layers.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::docker::clean::clean;
use crate::docker::failure::Fault;
use crate::docker::transport::{Transport, in_query};
use crate::error::{EngineError, Result};
use crate::port::PullProgress;

/// The longest progress message; the engine's are some hundred bytes.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// Layers whose progress is counted. An image has at most 127; the rest of a hostile one is not counted.
const MOST_LAYERS: usize = 256;

/// Pulls, and says how far it is. Nothing heard for `idle` is a failure.
pub(super) async fn pull(
    transport: &Transport,
    reference: &str,
    idle: Duration,
    progress: &(dyn Fn(PullProgress) + Send + Sync),
) -> Result<()> {
    let failed =
        |message: String, transient| EngineError::PullFailed { image: reference.to_owned(), message, transient };
    let silent = || failed(format!("no sign of life for {} s", idle.as_secs()), true);
    let refused = |fault: Fault| match fault {
        Fault::Refused { status, message } => {
            let transient = !is_final(&message) && (status >= 500 || status == 429);
            failed(clean(&message), transient)
        }
        other => other.during("pull"),
    };
    let path = format!("/images/create?fromImage={}", in_query(&with_tag(reference)));
    let response = tokio::time::timeout(idle, transport.post(&path)).await.map_err(|_| silent())?.map_err(refused)?;
    let mut body = response.into_body();
    let mut buffer = BytesMut::new();
    let mut layers = Layers::default();
    while let Some(frame) = tokio::time::timeout(idle, body.frame()).await.map_err(|_| silent())? {
        let Ok(data) = frame.map_err(|source| Fault::from(source).during("pull"))?.into_data() else { continue };
        buffer.extend_from_slice(&data);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let message = serde_json::from_slice::<Value>(&buffer[..end]).unwrap_or(Value::Null);
            buffer.advance(end + 1);
            if let Some(error) = error_of(&message) {
                return Err(failed(clean(error), !is_final(error)));
            }
            if layers.take(&message) {
                progress(PullProgress { percent: layers.percent() });
            }
        }
        if buffer.len() > LONGEST_MESSAGE {
            return Err(Fault::Garbage { what: "an endless progress message".to_owned() }.during("pull"));
        }
    }
    // The engine ends every message with a newline; what is left over was cut, and may still be an error.
    let cut = serde_json::from_slice::<Value>(&buffer).unwrap_or(Value::Null);
    if let Some(error) = error_of(&cut) {
        return Err(failed(clean(error), !is_final(error)));
    }
    progress(PullProgress { percent: 100 });
    Ok(())
}

/// Without tag and digest the engine would pull every tag there is.
fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    if name.contains(':') || name.contains('@') { reference.to_owned() } else { format!("{reference}:latest") }
}

fn error_of(message: &Value) -> Option<&str> {
    message["errorDetail"]["message"].as_str().or_else(|| message["error"].as_str())
}

/// Whether trying again cannot help. Unknown words are taken for a passing fault: trying again is bounded by the caller.
fn is_final(message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    [
        "not found",
        "manifest unknown",
        "name unknown",
        "does not exist",
        "access denied",
        "access forbidden",
        "unauthorized",
        "denied:",
        "no basic auth credentials",
        "invalid reference",
        "invalid repository name",
        "no matching manifest",
        "no space left on device",
    ]
    .iter()
    .any(|sign| lower.contains(sign))
}

/// How far each layer is, in thousandths: 700 when downloaded, 1000 when unpacked.
#[derive(Debug, Default)]
struct Layers {
    by_id: HashMap<String, u64>,
    /// The highest percentage told. Layers become known one by one, which would make the figure go back.
    told: u8,
}

impl Layers {
    const DOWNLOADED: u64 = 700;
    const DONE: u64 = 1000;

    /// Takes a message; whether it says something about a layer.
    fn take(&mut self, message: &Value) -> bool {
        let (Some(id), Some(status)) = (message["id"].as_str(), message["status"].as_str()) else { return false };
        let part = |of: u64| {
            let detail = &message["progressDetail"];
            let (current, total) = (detail["current"].as_u64().unwrap_or(0), detail["total"].as_u64().unwrap_or(0));
            if total == 0 { 0 } else { (u128::from(current.min(total)) * u128::from(of) / u128::from(total)) as u64 }
        };
        let reached = match status {
            "Pulling fs layer" | "Waiting" => 0,
            "Downloading" => part(Self::DOWNLOADED),
            "Verifying Checksum" | "Download complete" => Self::DOWNLOADED,
            "Extracting" => Self::DOWNLOADED + part(Self::DONE - Self::DOWNLOADED),
            "Pull complete" | "Already exists" => Self::DONE,
            _ => return false,
        };
        if self.by_id.len() >= MOST_LAYERS && !self.by_id.contains_key(id) {
            return false;
        }
        let layer = self.by_id.entry(id.to_owned()).or_default();
        *layer = reached.max(*layer);
        true
    }

    fn percent(&mut self) -> u8 {
        let layers = self.by_id.len().max(1) as u64;
        let percent = self.by_id.values().sum::<u64>() / (layers * Self::DONE / 100);
        // 100 is told once, when the engine says that all is done.
        self.told = self.told.max(percent.min(99) as u8);
        self.told
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_without_tag_pulls_one_tag_only() {
        assert_eq!(with_tag("nginx"), "nginx:latest");
        assert_eq!(with_tag("host:5000/a/b"), "host:5000/a/b:latest");
        assert_eq!(with_tag("host:5000/a/b:1"), "host:5000/a/b:1");
        assert_eq!(with_tag("a@sha256:00"), "a@sha256:00");
    }

    #[test]
    fn progress_goes_over_all_layers_and_never_back() {
        let mut layers = Layers::default();
        let mut percent = |message: Value| {
            layers.take(&message);
            layers.percent()
        };
        assert_eq!(percent(json!({ "status": "Pulling from library/x", "id": "latest" })), 0);
        assert_eq!(percent(json!({ "status": "Already exists", "id": "a" })), 99);
        assert_eq!(percent(json!({ "status": "Pulling fs layer", "id": "b" })), 99);
        let mut layers = Layers::default();
        layers.take(&json!({ "status": "Pulling fs layer", "id": "a" }));
        layers.take(&json!({ "status": "Pulling fs layer", "id": "b" }));
        layers.take(&json!({ "status": "Downloading", "id": "a", "progressDetail": { "current": 5, "total": 10 } }));
        assert_eq!(layers.percent(), 17);
        layers.take(&json!({ "status": "Extracting", "id": "a", "progressDetail": { "current": 99, "total": 9 } }));
        assert_eq!(layers.percent(), 50);
    }

    #[test]
    fn what_the_registry_will_never_have_is_not_tried_again() {
        assert!(is_final("pull access denied for nope, repository does not exist or may require 'docker login'"));
        assert!(is_final("manifest for x:1 not found: manifest unknown"));
        assert!(!is_final("Get http://127.0.0.1:1/v2/: dial tcp 127.0.0.1:1: connect: connection refused"));
        assert!(!is_final("toomanyrequests: slow down"));
        assert!(!is_final("net/http: TLS handshake timeout"));
    }
}
