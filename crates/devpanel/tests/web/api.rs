//! The JSON API.

use cap_devpanel::WebConfig;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::{NODE, Node, SERVER, SOON, get, panel, post};

/// Reads server-sent events.
struct Events<S> {
    stream: S,
    text: String,
}

impl<S: futures_util::Stream<Item = Result<bytes::Bytes, awc::error::PayloadError>> + Unpin> Events<S> {
    /// The events of the next message.
    async fn next(&mut self) -> Vec<Value> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let events = message.strip_prefix("data: ").map(|data| serde_json::from_str(data).unwrap());
                self.text = rest.to_owned();
                if let Some(events) = events {
                    return events;
                }
            } else {
                let chunk = timeout(SOON, self.stream.next()).await.unwrap().unwrap().unwrap();
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        }
    }

    /// Reads on until this kind of event comes.
    async fn until(&mut self, kind: &str) -> Value {
        loop {
            if let Some(event) = self.next().await.into_iter().find(|event| event["kind"] == kind) {
                return event;
            }
        }
    }
}

#[actix_rt::test]
async fn a_command_gives_its_id_at_once_and_its_outcome_as_an_event() {
    let panel = panel(WebConfig::loopback());
    let mut node = Node::online(&panel, NODE).await;
    let response = get(&panel, "/api/events").send().await.unwrap();
    assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
    let mut events = Events { stream: response, text: String::new() };
    let snapshot = events.next().await.remove(0);
    assert_eq!(snapshot["kind"], "snapshot");
    assert_eq!(snapshot["panel"]["wsUrl"], panel.ws_url());
    assert_eq!(snapshot["nodes"][0]["nodeId"], NODE);

    let command = json!({"node": NODE, "action": "stop_server", "serverId": SERVER, "payload": {"timeout": 5}});
    let (status, answer) = post(&panel, &command).await;
    assert_eq!(status, 202);
    let frame = node.next().await;
    assert_eq!((&frame["id"], &frame["payload"]["timeout"]), (&answer["id"], &json!(5)));
    assert_eq!(events.until("operation").await["operation"]["state"], "sent");
    node.send(&json!({"type": "response", "id": answer["id"], "success": true, "data": {"status": "stopped"}})).await;
    let ended = events.until("operation").await;
    assert_eq!((&ended["operation"]["id"], &ended["operation"]["state"]), (&answer["id"], &json!("succeeded")));
}

#[actix_rt::test]
async fn what_the_agent_pushes_comes_as_events_in_order() {
    let panel = panel(WebConfig::loopback());
    let mut node = Node::online(&panel, NODE).await;
    let response = get(&panel, "/api/events").send().await.unwrap();
    let mut events = Events { stream: response, text: String::new() };
    events.next().await;
    node.send(&json!({"type": "server_status", "data": {"serverId": SERVER, "status": "running",
        "stats": {"cpu": 1.5, "memory": 1024}}}))
        .await;
    node.send(&json!({"type": "server_output", "data": {"serverId": SERVER, "output": "a\nb", "seq": 7}})).await;
    node.send(&json!({"type": "server_status", "data": {"serverId": SERVER, "status": "deleted"}})).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &Value| event["kind"] != "removed") {
        seen.extend(events.next().await);
    }
    // The node itself may have come online only after the page had begun to listen.
    seen.retain(|event| event["kind"] != "node");
    let kinds: Vec<&str> = seen.iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["server", "sample", "console", "removed"]);
    assert_eq!(seen[1]["stats"]["memoryBytes"], 1024.0);
    assert_eq!(seen[2]["lines"][1]["text"], "b");
    assert_eq!(seen[2]["lines"][1]["seq"], 8);
}

#[actix_rt::test]
async fn a_reader_that_falls_behind_gets_a_new_snapshot() {
    let panel = panel(WebConfig::loopback());
    let mut node = Node::online(&panel, NODE).await;
    let response = get(&panel, "/api/events").send().await.unwrap();
    let mut events = Events { stream: response, text: String::new() };
    events.next().await;
    // Far more than the feed and the sockets between hold, before anything is read.
    let long = "x".repeat(8 * 1024);
    for _ in 0..6_000 {
        node.send(&json!({"type": "server_output", "data": {"serverId": SERVER, "output": long}})).await;
    }
    node.send(&json!({"type": "server_output", "data": {"serverId": SERVER, "output": "the end"}})).await;
    let all_came = |panel: &cap_devpanel::DevPanel| panel.console_text(SERVER).ends_with("the end");
    assert!(panel.wait_for(SOON, all_came).await);
    let again = events.until("snapshot").await;
    assert!(again["nodes"][0]["servers"][SERVER]["console"].as_array().unwrap().len() > 100);
}

#[actix_rt::test]
async fn the_state_tells_what_the_page_needs() {
    let panel = panel(WebConfig::loopback());
    let mut node = Node::online(&panel, NODE).await;
    let limits = json!({"name": "My srv", "image": "a:b", "limits": {"memory": 64}});
    post(&panel, &json!({"action": "create_server", "serverId": SERVER, "payload": limits})).await;
    node.send(&json!({"type": "server_status", "data": {"serverId": SERVER, "status": "installing"}})).await;
    assert!(panel.wait_for(SOON, |panel| panel.status(SERVER).is_some()).await);
    let state: Value = get(&panel, "/api/state").send().await.unwrap().json().await.unwrap();
    let server = &state["nodes"][0]["servers"][SERVER];
    assert_eq!((&server["name"], &server["status"]), (&json!("My srv"), &json!("installing")));
    assert_eq!(server["memoryLimitBytes"], 64 * 1024 * 1024);
    assert_eq!(state["nodes"][0]["operations"][0]["action"], "create_server");
    assert_eq!(state["nodes"][0]["online"], true);
}

#[actix_rt::test]
async fn requests_that_make_no_sense_are_refused_in_words() {
    let panel = panel(WebConfig::loopback());
    let list = json!({"action": "list_servers"});
    assert_eq!(post(&panel, &list).await.0, 400, "no node at all");
    let node = Node::online(&panel, NODE).await;
    assert_eq!(post(&panel, &list).await.0, 202);
    assert_eq!(post(&panel, &json!({"node": "nobody", "action": "x"})).await.0, 404);
    assert_eq!(post(&panel, &json!({"action": "list_servers", "via": "legacy"})).await.0, 400);
    assert_eq!(post(&panel, &json!({"action": "x", "via": "pigeon"})).await.0, 400);
    assert_eq!(post(&panel, &json!({"action": "x", "unknown": 1})).await.0, 400);
    assert_eq!(post(&panel, &json!([])).await.0, 400);
    drop(node);
    assert!(panel.wait_for(SOON, |panel| !panel.is_online(NODE)).await);
    let (status, answer) = post(&panel, &list).await;
    assert_eq!((status, answer["error"].as_str()), (409, Some("agent is offline")));
}

#[actix_rt::test]
async fn a_command_over_http_without_an_agent_url_is_refused() {
    let panel = panel(WebConfig::loopback());
    let _node = Node::online(&panel, NODE).await;
    let (status, answer) = post(&panel, &json!({"action": "start_server", "serverId": SERVER, "via": "http"})).await;
    assert_eq!(status, 503);
    assert_eq!(answer["error"], "no agent URL is configured");
}
