//! Finding containers: one by its server, or all of this node.

use std::time::Duration;

use cap_domain::ids::{NodeId, ServerId};
use cap_domain::observation::ContainerFacts;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::Value;

use crate::docker::failure::Fault;
use crate::docker::inspection::facts;
use crate::docker::ownership::{MANAGED, Owner, SERVER_ID, owner, server_of};
use crate::docker::transport::{Transport, in_query};
use crate::port::Listed;

/// Inspects under way at once while listing: enough to hide the way to the engine and back, too few to keep it busy.
const INSPECTS_AT_ONCE: usize = 8;

/// A container that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// The engine's full id. Acting by id and not by name: the name may have a new bearer by then.
    pub(super) id: String,
    /// Whose it is.
    pub(super) owner: Owner,
    /// Its inspect.
    pub(super) container: Value,
}

/// The container of a server: by its name, and if that has none, by its label, since people rename containers.
pub(super) async fn find(transport: &Transport, node: &NodeId, server: &ServerId) -> Result<Option<Found>, Fault> {
    if let Some(found) = inspect(transport, node, &server.container_name()).await? {
        let labels = &found.container["Config"]["Labels"];
        let name = found.container["Name"].as_str();
        if server_of(labels, name.into_iter()).as_ref() == Some(server) {
            return Ok(Some(found));
        }
    }
    match id_by_label(transport, node, server).await? {
        Some(id) => inspect(transport, node, &id).await,
        None => Ok(None),
    }
}

async fn inspect(transport: &Transport, node: &NodeId, name_or_id: &str) -> Result<Option<Found>, Fault> {
    let container = match transport.get_json(&format!("/containers/{name_or_id}/json")).await {
        Ok(container) => container,
        Err(fault) if fault.is_missing_container() => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let Some(id) = container["Id"].as_str().map(str::to_owned) else {
        return Err(Fault::Garbage { what: "an inspect without id".to_owned() });
    };
    Ok(Some(Found { id, owner: owner(&container["Config"]["Labels"], node), container }))
}

/// The id of a container that carries the server's label and is not another node's.
pub(super) async fn id_by_label(
    transport: &Transport,
    node: &NodeId,
    server: &ServerId,
) -> Result<Option<String>, Fault> {
    let filters = serde_json::json!({ "label": [format!("{SERVER_ID}={server}")] }).to_string();
    let entries = transport.get_json(&format!("/containers/json?all=1&filters={}", in_query(&filters))).await?;
    let ours = items(&entries)?.iter().find(|entry| owner(&entry["Labels"], node) != Owner::Foreign);
    Ok(ours.and_then(|entry| entry["Id"].as_str()).map(str::to_owned))
}

/// All containers of this node, in no order. One inspect may take as long as `patience`.
pub(super) async fn list(transport: &Transport, node: &NodeId, patience: Duration) -> Result<Vec<Listed>, Fault> {
    let entries = transport.get_json("/containers/json?all=1").await?;
    let ours: Vec<(Value, ServerId)> =
        items(&entries)?.iter().filter_map(|entry| Some((entry.clone(), server_of_entry(entry, node)?))).collect();
    let mut inspects = stream::iter(ours)
        .map(|(entry, server)| async move { listed(transport, node, &entry, server, patience).await })
        .buffer_unordered(INSPECTS_AT_ONCE);
    let mut listed = Vec::new();
    while let Some(outcome) = inspects.next().await {
        listed.extend(outcome?);
    }
    Ok(listed)
}

fn items(entries: &Value) -> Result<&Vec<Value>, Fault> {
    entries.as_array().ok_or_else(|| Fault::Garbage { what: "a list of containers that is no list".to_owned() })
}

fn server_of_entry(entry: &Value, node: &NodeId) -> Option<ServerId> {
    let labels = &entry["Labels"];
    if owner(labels, node) == Owner::Foreign {
        return None;
    }
    let names = entry["Names"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let server = server_of(labels, names);
    if server.is_none() && labels[MANAGED].as_str() == Some("true") {
        log::warn!("container {} is labelled as managed, but names no server", entry["Id"].as_str().unwrap_or("?"));
    }
    server
}

/// One entry with its facts; none if the container has gone since.
///
/// If its inspect alone fails or hangs (the engine has containers that it can list, but not inspect), what the list said
/// is taken: leaving the entry out would mean "removed", which is worse than an unknown start time.
async fn listed(
    transport: &Transport,
    node: &NodeId,
    entry: &Value,
    server: ServerId,
    patience: Duration,
) -> Result<Option<Listed>, Fault> {
    let Some(id) = entry["Id"].as_str() else { return Ok(None) };
    let ours = owner(&entry["Labels"], node) == Owner::Ours;
    let inspected = match tokio::time::timeout(patience, inspect(transport, node, id)).await {
        Ok(Ok(None)) => return Ok(None),
        Ok(Ok(Some(found))) => facts(&found.container),
        Ok(Err(fault @ Fault::Connection { .. })) => return Err(fault),
        Ok(Err(fault)) => Err(fault),
        Err(_) => Err(Fault::Garbage { what: "no answer".to_owned() }),
    };
    let facts = inspected.unwrap_or_else(|fault| {
        log::warn!("container of server {server} could not be inspected: {fault}");
        facts_of_entry(id, entry)
    });
    Ok(Some(Listed { server, ours, facts }))
}

fn facts_of_entry(id: &str, entry: &Value) -> ContainerFacts {
    let state = entry["State"].as_str().unwrap_or_default();
    ContainerFacts {
        container_id: id.to_owned(),
        running: matches!(state, "running" | "paused" | "restarting"),
        paused: state == "paused",
        ..ContainerFacts::default()
    }
}
