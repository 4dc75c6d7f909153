//! Containers that this agent has not made, or does not remember, are taken in as they are; others are left alone (P-174).

use cap_acceptance::engine_proxy::EngineProxy;
use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use cap_acceptance::outside::{Outside, container};
use serde_json::json;

/// Containers that are not the node's own by their label; removed with this.
struct Foreign<'a> {
    names: Vec<String>,
    outside: &'a Outside,
}

impl Foreign<'_> {
    async fn make(&mut self, server: &str, node: &str) -> String {
        let name = container(server);
        let labels =
            [("ctrl-alt-play.server-id", server), ("ctrl-alt-play.managed", "true"), ("ctrl-alt-play.node-id", node)];
        self.outside.create(&name, &labels).await;
        self.names.push(name.clone());
        name
    }
}

impl Drop for Foreign<'_> {
    fn drop(&mut self) {
        let (names, outside) = (std::mem::take(&mut self.names), self.outside.clone());
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for name in names {
                    outside.remove(&name).await;
                }
            });
        });
        let _ = cleanup.join();
    }
}

/// The Go agent's containers have its name and labels, and no node id.
#[tokio::test]
async fn servers_of_the_go_agent_are_adopted_running_and_stopped() {
    let outside = Outside::default();
    let mut foreign = Foreign { names: Vec::new(), outside: &outside };
    let proxy = EngineProxy::start(&cap_testkit::docker::docker_socket());
    let mut node = NodeSetup::default().socket(proxy.socket()).without_agent().start().await;
    let hidden = format!("go-{}", node.name);
    proxy.show_without_node(&hidden);
    let (running, stopped) = (node.server("go-running"), node.server("go-stopped"));
    foreign.make(&stopped, &hidden).await;
    let name = foreign.make(&running, &hidden).await;
    outside.start(&name).await;
    outside.type_line(&name, "say before the agent").await;
    let identity = outside.identity(&name).await;

    node.start_agent().await;
    node.wait_panel_status(&running, "running").await;
    node.wait_panel_status(&stopped, "stopped").await;
    assert_eq!(outside.identity(&name).await, identity, "it was restarted");
    node.wait_console(&running, "before the agent").await;
    node.say(&running, "after it").await;
    let heard = |panel: &cap_devpanel::DevPanel| panel.console_text(&running).contains("after it");
    assert!(node.panel().wait_for(PATIENCE, heard).await);

    // They obey like any other.
    node.http_ok("stop_server", Some(&running), None).await;
    node.wait_panel_status(&running, "stopped").await;
    node.http_ok("start_server", Some(&running), None).await;
    node.wait_panel_status(&running, "running").await;
    assert_eq!(outside.identity(&name).await.0, identity.0, "an adopted container is used as it is");
    node.http_ok("start_server", Some(&stopped), None).await;
    node.wait_panel_status(&stopped, "running").await;
}

#[tokio::test]
async fn a_container_of_another_node_is_never_touched() {
    let outside = Outside::default();
    let mut foreign = Foreign { names: Vec::new(), outside: &outside };
    let mut node = NodeSetup::default().without_agent().start().await;
    let server = node.server("theirs");
    let name = foreign.make(&server, "another-node").await;
    outside.start(&name).await;
    let identity = outside.identity(&name).await;
    node.start_agent().await;
    // Has listed all containers by the time it has one of its own.
    node.run_sample("a").await;
    let servers = node.http_ok("list_servers", None, None).await;
    assert!(!servers.to_string().contains(&server), "{servers}");
    for action in ["stop_server", "kill_server", "start_server", "delete_server", "get_server_status"] {
        let refused = node.http(action, Some(&server), None).await;
        assert_eq!(refused["code"], json!("SERVER_NOT_FOUND"), "{action}: {refused}");
    }
    // Its name is taken, so a server of that id cannot be made here; the container stays what it is.
    let refused = node.http("create_server", Some(&server), Some(Node::sample())).await;
    node.wait("the create has failed", || async {
        refused["success"] == json!(false) || node.status(&server).await == "install_failed"
    })
    .await;
    node.http("delete_server", Some(&server), None).await;
    assert_eq!(outside.identity(&name).await, identity);
}

/// The state file is gone: what Docker has is what there is.
#[tokio::test]
async fn without_the_state_file_servers_are_adopted_from_their_labels() {
    let mut node = Node::start().await;
    let (running, stopped) = (node.run_sample("a").await, node.run_sample("b").await);
    node.http_ok("stop_server", Some(&stopped), None).await;
    let identity = Outside::default().identity(&container(&running)).await;
    assert!(node.stop_agent().await.success());
    let mut removed = 0;
    for entry in std::fs::read_dir(node.root()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().contains(".db") {
            std::fs::remove_file(entry.path()).unwrap();
            removed += 1;
        }
    }
    assert!(removed > 0, "where is the state file?");
    node.start_agent().await;
    // First the agent itself: the panel still shows what the agent before this one has said.
    node.wait_status(&running, "running").await;
    node.wait_status(&stopped, "stopped").await;
    node.wait_panel_status(&running, "running").await;
    node.wait_panel_status(&stopped, "stopped").await;
    assert_eq!(Outside::default().identity(&container(&running)).await, identity);
    node.say(&running, "known again").await;
    node.wait_console(&running, "known again").await;
    node.http_ok("delete_server", Some(&running), None).await;
    assert!(node.inspect(&running).await.is_none());
}
