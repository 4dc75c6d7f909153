//! Questions: the same answer over HTTP and in a `response` frame, and never an in-progress word (P-18).

use cap_acceptance::node::{Node, PATIENCE};
use serde_json::{Value, json};

/// Asks over both transports, which must succeed; gives both answers' data.
async fn ask(node: &Node, action: &str, server: Option<&str>, payload: Option<Value>) -> [Value; 2] {
    let over_http = node.http_ok(action, server, payload.clone()).await;
    let id = node.send(action, server, payload);
    let response = node.panel().wait_for_response(&id, PATIENCE).await.expect(action);
    assert_eq!(response["success"], json!(true), "{action}: {response}");
    node.barrier().await;
    assert_eq!(node.panel().responses_to(&id).len(), 1, "{action}: one answer (P-17)");
    [over_http, response["data"].clone()]
}

/// P-97, P-132.
#[tokio::test]
async fn ping_status_and_metrics_of_the_node_are_real() {
    let node = Node::start().await;
    for action in ["system.ping", "system_ping"] {
        for data in ask(&node, action, None, None).await {
            assert_eq!(data["message"], json!("pong"));
        }
    }
    for data in ask(&node, "system.status", None, None).await {
        assert_eq!((&data["online"], &data["serverCount"]), (&json!(true), &json!(0)));
    }
    // P-189. What the kernel says is the truth to compare with.
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total: u64 = memory.lines().next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    for data in ask(&node, "get_system_metrics", None, None).await {
        for key in ["cpu", "memory", "memoryPercentage", "uptime"] {
            assert!(data[key].is_number(), "{key}: {data}");
        }
        assert_eq!(data["memoryTotal"], json!(total * 1024), "{data}");
        assert!(data["disk"]["total"].as_u64().unwrap() >= data["disk"]["used"].as_u64().unwrap());
        assert!(data["disk"]["used"].as_u64().unwrap() > 0, "{data}");
        assert_eq!(data["loadAverage"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn system_info_and_app_level_ping_are_answered_on_the_link_any_number_of_times() {
    let node = Node::start().await;
    for _ in 0..2 {
        let mark = node.mark();
        node.send_frame(&cap_acceptance::fixtures::json("ws/from-panel/system-info-request.json"));
        let frame = node.wait_frame(mark, "system_info", |frame| frame.kind() == "system_info").await;
        // P-37: whole M and bytes of the same memory; Node's words for the platform.
        let data = &frame.json["data"];
        assert_eq!(data["nodeId"], json!(node.name));
        assert_eq!(data["os"], json!("linux"));
        assert_eq!(data["memory"].as_u64().unwrap(), data["totalMemory"].as_u64().unwrap() >> 20);
        let (_, version) = node.engine_get("/version").await;
        assert_eq!(data["dockerVersion"], version["Version"]);

        let mark = node.mark();
        node.send_frame(&cap_acceptance::fixtures::json("ws/from-panel/ping.json"));
        let pong = node.wait_frame(mark, "pong", |frame| frame.kind() == "pong").await;
        assert_eq!(pong.json["id"], json!("heartbeat_001"), "P-47");
        assert_eq!(pong.json["data"]["agentStatus"], json!("healthy"));
    }
}

#[tokio::test]
async fn servers_are_listed_and_filtered_by_status() {
    let node = Node::start().await;
    let running = node.run_sample("up").await;
    let stopped = node.create_sample("down").await;
    let ids = |data: &Value| -> Vec<String> {
        let servers = data["servers"].as_array().unwrap().iter();
        servers.map(|server| server["serverId"].as_str().unwrap().to_owned()).collect()
    };
    for (filter, expected) in [
        (None, vec![stopped.clone(), running.clone()]),
        (Some(json!({"status": "running"})), vec![running.clone()]),
        (Some(json!({"status": "stopped"})), vec![stopped.clone()]),
        // P-205: the panel's word for stopped.
        (Some(json!({"status": "offline"})), vec![stopped.clone()]),
        (Some(json!({"status": "crashed"})), vec![]),
    ] {
        for data in ask(&node, "list_servers", None, filter.clone()).await {
            assert_eq!(ids(&data), expected, "{filter:?}");
            assert_eq!(data["count"], json!(expected.len()));
        }
    }
    let data = node.http_ok("list_servers", None, Some(json!({"status": "running"}))).await;
    let entry = &data["servers"][0];
    let container = node.inspect_json(&running).await.unwrap();
    assert!(container["Id"].as_str().unwrap().starts_with(entry["containerId"].as_str().unwrap()), "{entry}");
    assert_eq!(entry["state"], json!("RUNNING"));
    assert_eq!(entry["name"], json!("Sample"));
}

#[tokio::test]
async fn figures_of_a_running_server_are_finite_and_those_of_a_stopped_one_are_zero() {
    let node = Node::start().await;
    let server = node.run_sample("figures").await;
    let numbers = ["/cpu", "/memory", "/disk", "/network/in", "/network/out", "/players"];
    // P-187: all seven fields, always.
    let complete = |data: &Value| {
        numbers.iter().all(|place| data.pointer(place).is_some_and(Value::is_number)) && data["timestamp"].is_string()
    };
    node.wait("memory is measured", || async {
        let data = node.http_ok("get_server_metrics", Some(&server), None).await;
        assert!(complete(&data), "{data}");
        data["memoryBytes"].as_u64().unwrap() > 0
    })
    .await;
    for data in ask(&node, "get_server_metrics", Some(&server), Some(json!({}))).await {
        assert!(complete(&data), "{data}");
        assert_eq!(data["memoryLimitBytes"], json!(128 << 20));
        assert_eq!(data["status"], json!("running"));
        let share = data["memoryBytes"].as_f64().unwrap() * 100.0 / f64::from(128 << 20);
        assert!((data["memory"].as_f64().unwrap() - share).abs() < 0.2, "percent of the limit (P-186): {data}");
    }
    node.http_ok("stop_server", Some(&server), None).await;
    for data in ask(&node, "get_server_metrics", Some(&server), None).await {
        assert!(complete(&data), "{data}");
        for place in ["/cpu", "/memory", "/network/in", "/network/out", "/players"] {
            assert_eq!(data.pointer(place).and_then(Value::as_f64), Some(0.0), "{place}: {data}");
        }
    }
}

#[tokio::test]
async fn an_operation_can_be_asked_for_by_its_id_and_is_the_servers_last() {
    let node = cap_acceptance::node::NodeSetup::default().set("commands.ack_deadline=0s").start().await;
    let server = node.server("operation");
    let answer = node.http("create_server", Some(&server), Some(Node::sample())).await;
    let operation = answer["data"]["operationId"].as_str().expect("acknowledged at once").to_owned();
    node.wait_status(&server, "stopped").await;
    for data in ask(&node, "get_operation", None, Some(json!({"operationId": operation}))).await {
        // P-99.
        assert_eq!(data["operationId"], json!(operation));
        assert_eq!(data["action"], json!("create_server"));
        assert_eq!(data["state"], json!("succeeded"), "{data}");
        assert_eq!(data["serverId"], json!(server));
        assert!(data["startedAt"].is_string() && data["endedAt"].is_string(), "{data}");
    }
    let last = async || node.http_ok("get_server_status", Some(&server), None).await["lastOperation"].clone();
    assert_eq!(last().await["operationId"], json!(operation), "P-21");
    // What holds already is no operation, and hides none.
    node.http_ok("stop_server", Some(&server), None).await;
    assert_eq!(last().await["operationId"], json!(operation), "P-21, P-23");
    let unknown = node.http("get_operation", None, Some(json!({"operationId": "op_nobody"}))).await;
    assert_eq!(unknown["success"], json!(false), "{unknown}");
}

#[tokio::test]
async fn an_alias_names_its_server_everywhere_and_is_taken_back() {
    let node = Node::start().await;
    let (server, other) = (node.create_sample("named").await, node.create_sample("other").await);
    let alias = "cmwovsctw000708l5h2k9q3xz";
    let bind = |payload: Value| Some(payload);
    for data in ask(&node, "bind_alias", Some(&server), bind(json!({"alias": alias}))).await {
        assert_eq!(data["aliases"], json!([alias]), "binding it again changes nothing");
    }
    // Answers echo the id the caller used, pushes use the canonical one (P-34).
    let mark = node.mark();
    let started = node.http_ok("start_server", Some(alias), None).await;
    assert_eq!(started["serverId"], json!(alias));
    node.wait_panel_status(&server, "running").await;
    assert_eq!(node.statuses_after(mark, alias), Vec::<String>::new());
    let taken = node.http("bind_alias", Some(&other), Some(json!({"alias": alias}))).await;
    assert_eq!(taken["code"], json!("ALIAS_CONFLICT"));
    let moved = node.http_ok("bind_alias", Some(&other), Some(json!({"alias": alias, "replace": true}))).await;
    assert_eq!(moved["aliases"], json!([alias]));
    assert_eq!(node.http_ok("get_server_status", Some(alias), None).await["status"], json!("stopped"));
    // P-139: a delete takes an explicit alias, so it is removed before the last claim.
    let removed = node.http_ok("bind_alias", Some(&other), Some(json!({"alias": alias, "remove": true}))).await;
    assert_eq!(removed["aliases"], json!([]));
    let unknown = node.http("get_server_status", Some(alias), None).await;
    assert_eq!(unknown["code"], json!("SERVER_NOT_FOUND"));
    assert!(unknown["error"].as_str().unwrap().contains("bind_alias"), "P-170: {unknown}");
}
