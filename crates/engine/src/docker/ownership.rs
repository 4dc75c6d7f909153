//! Whose a container is, read from its labels and name (P-174).

use cap_domain::ids::{NodeId, ServerId};
use serde_json::Value;

/// The label with the canonical server id; the Go agent set it, too.
pub(super) const SERVER_ID: &str = "ctrl-alt-play.server-id";
/// The label that says an agent made this; the Go agent set it, too.
pub(super) const MANAGED: &str = "ctrl-alt-play.managed";
/// The label with the node id; only ours has it.
pub(super) const NODE_ID: &str = "ctrl-alt-play.node-id";
/// The label with the fingerprint of the plan.
pub(super) const PLAN: &str = "ctrl-alt-play.plan";
/// The label with the container's primary port, such as `25565`; the engine itself knows no primary one.
pub(super) const PRIMARY_PORT: &str = "ctrl-alt-play.primary-port";

/// What every name of ours begins with.
const NAME_PREFIX: &str = "ctrl-alt-play-";

/// Whose a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// It carries the id of this node.
    Ours,
    /// Made by the Go agent, which knew no node ids. Ours to adopt.
    Unmarked,
    /// It carries the id of another node. Never touched.
    Foreign,
}

/// Reads the owner from labels (an object of texts, or null).
pub(super) fn owner(labels: &Value, node: &NodeId) -> Owner {
    match labels[NODE_ID].as_str() {
        None => Owner::Unmarked,
        Some(label) if label == node.as_str() => Owner::Ours,
        Some(_) => Owner::Foreign,
    }
}

/// The server a container belongs to: by its label, else, if an agent made it, by its name. None if it is no server's.
///
/// A name alone proves nothing: an agent or a panel that runs in containers has such names, too
/// (`ctrl-alt-play-agent`), and a panel could have them killed and removed by naming a server `agent`.
pub(super) fn server_of<'a>(labels: &Value, mut names: impl Iterator<Item = &'a str>) -> Option<ServerId> {
    if let Some(label) = labels[SERVER_ID].as_str() {
        return ServerId::parse(label).ok();
    }
    if labels[MANAGED].as_str() != Some("true") {
        return None;
    }
    names.find_map(|name| ServerId::parse(name.trim_start_matches('/').strip_prefix(NAME_PREFIX)?).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_with_another_node_id_is_never_ours() {
        let node = NodeId::parse("n1").unwrap();
        assert_eq!(owner(&json!({ NODE_ID: "n1" }), &node), Owner::Ours);
        assert_eq!(owner(&json!({ NODE_ID: "n2" }), &node), Owner::Foreign);
        assert_eq!(owner(&json!({ NODE_ID: "" }), &node), Owner::Foreign);
        assert_eq!(owner(&json!({ MANAGED: "true" }), &node), Owner::Unmarked);
        assert_eq!(owner(&Value::Null, &node), Owner::Unmarked);
    }

    #[test]
    fn the_label_beats_the_name_and_hostile_ones_name_no_server() {
        let managed = || json!({ MANAGED: "true" });
        let id = |labels: Value, name: &'static str| {
            server_of(&labels, [name].into_iter()).map(|server| server.as_str().to_owned())
        };
        assert_eq!(id(json!({ SERVER_ID: "a" }), "/ctrl-alt-play-b").as_deref(), Some("a"));
        assert_eq!(id(managed(), "/ctrl-alt-play-b").as_deref(), Some("b"));
        assert_eq!(id(Value::Null, "/ctrl-alt-play-b"), None);
        assert_eq!(id(json!({ MANAGED: "false" }), "/ctrl-alt-play-b"), None);
        assert_eq!(id(json!({ SERVER_ID: "../etc" }), "/ctrl-alt-play-b"), None);
        assert_eq!(id(managed(), "/my-ctrl-alt-play-b"), None);
        assert_eq!(id(managed(), "/ctrl-alt-play-"), None);
    }
}
