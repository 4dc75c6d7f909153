//! Claims about the store.

mod content;
mod opening;
mod queue;

use std::path::Path;

use cap_domain::ids::{OperationId, ServerId};
use cap_domain::phase::Phase;
use cap_domain::server::{Persisted, Power};
use cap_domain::spec::ServerSpec;

use super::{OperationRecord, OperationState, ServerRecord, Store};

const NOW: u64 = 1_795_173_226_419;

fn id(text: &str) -> ServerId {
    ServerId::parse(text).unwrap()
}

#[track_caller]
fn open(root: &Path) -> Store {
    let opened = Store::open(root, NOW).unwrap();
    assert_eq!(opened.quarantined, None);
    opened.store
}

/// A spec as the first version stored it: fields that come later must have defaults, or old rows cannot be read.
fn spec(server: &str) -> ServerSpec {
    serde_json::from_value(serde_json::json!({
        "id": server, "name": "My server", "image": "itzg/minecraft-server:java21", "startup": "java -jar {{JAR}}",
        "environment": {"JAR": "server.jar", "MOTD": "caf\u{e9} \"quoted\" 'and' \n more"},
        "limits": {"memory_bytes": 2_147_483_648_u64, "swap": "None", "disk_bytes": null, "cpu_millis": 1500,
                   "io_weight": 500, "threads": "0-3"},
        "ports": [{"ip": "0.0.0.0", "internal": 25565, "external": 25570, "protocol": "Tcp", "primary": true}],
        "stop": {"Command": "stop"}, "startup_done": ["Done ("], "tty": false, "oom_killer": true, "kept": {}
    }))
    .unwrap()
}

fn server(server: &str) -> ServerRecord {
    ServerRecord {
        spec: spec(server),
        persisted: persisted(Phase::Running),
        created_at_ms: NOW,
        create_received_at_ms: NOW - 1500,
    }
}

fn persisted(phase: Phase) -> Persisted {
    let started_at = Some("2026-11-20T11:13:46.419123456Z".to_owned());
    Persisted { phase, desired: Power::On, ready_since: started_at.clone(), started_at }
}

fn operation(number: u64, server: &str, ended_ms: Option<u64>) -> OperationRecord {
    OperationRecord {
        id: OperationId::new(format!("op_{number}")),
        command: None,
        called_server: server.to_owned(),
        server: id(server),
        action: "start_server".to_owned(),
        state: if ended_ms.is_some() { OperationState::Succeeded } else { OperationState::Running },
        started_ms: NOW + number,
        ended_ms,
        failure: None,
        note: None,
    }
}
