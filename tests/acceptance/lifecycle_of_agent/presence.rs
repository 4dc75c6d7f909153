//! What the panel is told of the node itself: heartbeats and figures, all of them real.

use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use cap_devpanel::DevPanel;
use cap_engine::ContainerEngine;
use serde_json::json;

/// A line such as `MemTotal:  32795044 kB`, in bytes.
fn meminfo_bytes(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn uptime_seconds() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split('.').next().unwrap().parse().unwrap()
}

fn system_info(node: &Node) -> Option<serde_json::Value> {
    node.panel().view(|view| view.nodes.get(&node.name)?.system_info.clone())
}

/// P-37.
#[tokio::test]
async fn system_info_says_what_proc_and_the_engine_say() {
    let node = Node::start().await;
    let engine = node.docker().info().await.unwrap();
    // The engine is asked while the link comes up; what is not known yet comes with the next request.
    let complete = |panel: &DevPanel| {
        let known = panel.view(|view| view.nodes.get(&node.name)?.system_info.clone());
        if known.as_ref().is_some_and(|info| info["dockerVersion"] == json!(engine.version)) {
            return true;
        }
        let _ = panel.send_raw(&node.name, r#"{"type":"system_info_request"}"#);
        false
    };
    assert!(node.panel().wait_for(PATIENCE, complete).await, "{:?}", system_info(&node));
    let info = system_info(&node).unwrap();
    let total = meminfo_bytes("MemTotal");
    assert_eq!(info["nodeId"], json!(node.name));
    assert_eq!(info["totalMemory"], json!(total));
    assert_eq!(info["memory"], json!(total / 1024 / 1024));
    assert!((1..total).contains(&info["freeMemory"].as_u64().unwrap()), "{info}");
    assert_eq!(info["cpuCount"].as_u64().unwrap(), std::thread::available_parallelism().unwrap().get() as u64);
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    assert_eq!((&info["os"], &info["arch"], &info["platform"]), (&json!("linux"), &json!(arch), &json!("linux")));
    let (uptime, now) = (info["uptime"].as_u64().unwrap(), uptime_seconds());
    // Read some seconds ago; never ahead.
    assert!(uptime <= now + 1 && uptime + 120 > now, "{uptime} {now}");
    let (disk, free) = (info["totalDisk"].as_u64().unwrap(), info["freeDisk"].as_u64().unwrap());
    assert!(free > 0 && free <= disk, "{info}");
}

/// P-13, and issue 2: what the panel must know is sent again after each connect.
#[tokio::test]
async fn each_link_begins_with_a_heartbeat_and_tells_every_server_anew() {
    let node = NodeSetup::default().quick_reconnect().start().await;
    let (first, second) = (node.run_sample("a").await, node.create_sample("b").await);
    for _ in 0..3 {
        let before = node.panel().connections().last().unwrap().id;
        node.panel().drop_connections();
        let told = |panel: &DevPanel| {
            let frames = panel.frames();
            let on_new = frames.iter().filter(|frame| frame.connection > before);
            let status_of = |server: &str, word: &str| {
                on_new.clone().any(|frame| {
                    let data = &frame.json["data"];
                    frame.kind() == "server_status"
                        && data["serverId"] == json!(server)
                        && data["status"] == json!(word)
                })
            };
            status_of(&first, "running")
                && status_of(&second, "stopped")
                && on_new.clone().any(|frame| frame.kind() == "system_info")
        };
        assert!(node.panel().wait_for(PATIENCE, told).await, "log:\n{}", node.log());
    }
    let frames = node.panel().frames();
    for connection in node.panel().connections() {
        let first = frames.iter().find(|frame| frame.connection == connection.id).unwrap();
        assert_eq!(first.kind(), "heartbeat", "{}", first.text);
        assert_eq!(first.json["data"]["nodeId"], json!(node.name));
        assert_eq!(first.json["data"]["status"], json!("online"));
    }
}

/// P-186: figures of a server are measured.
#[tokio::test]
async fn figures_of_a_running_server_follow_what_it_does() {
    let node = NodeSetup::default().without_panel().set("stats.interval=1s").start().await;
    let server = node.run_sample("a").await;
    node.http_ok("console:command", Some(&server), Some(json!({"command": "eat 48"}))).await;
    node.wait("the memory it ate is seen", || async {
        let metrics = node.http_ok("get_server_metrics", Some(&server), None).await;
        metrics["memoryBytes"].as_u64().is_some_and(|bytes| bytes > 48 * 1024 * 1024)
    })
    .await;
    let metrics = node.http_ok("get_server_metrics", Some(&server), None).await;
    assert_eq!(metrics["memoryLimitBytes"], json!(128 * 1024 * 1024));
    let percent = metrics["memory"].as_f64().unwrap();
    let expected = metrics["memoryBytes"].as_f64().unwrap() / (128.0 * 1024.0 * 1024.0) * 100.0;
    assert!((percent - expected).abs() < 1.0, "{metrics}");
    node.http_ok("stop_server", Some(&server), None).await;
    let zeros = node.http_ok("get_server_metrics", Some(&server), None).await;
    assert_eq!((zeros["cpu"].as_f64(), zeros["memory"].as_f64()), (Some(0.0), Some(0.0)), "P-187: {zeros}");
}
