//! Every variant of the create payload (section 11), with the sample image in place of its own: what Docker was given
//! is what the contract's table says.

mod environment;
mod hostile;
mod ports;
mod replaced;

use cap_acceptance::fixtures;
use cap_acceptance::node::{IMAGE, Node, NodeSetup, PATIENCE};
use serde_json::{Value, json};

/// What the contract says is understood of a create: `file` or `file#item`.
fn expected(key: &str) -> Value {
    let table = fixtures::json("vectors/create-expected.json");
    let found = table[key]["config"].clone();
    assert!(found.is_object(), "no {key} in the table");
    found
}

/// Sends a create as its fixture does, on the transport it belongs to, and waits until it is installed.
async fn create(node: &Node, message: Value, server: &str) {
    let message = fixtures::with_image(fixtures::for_server(message, server), IMAGE);
    if message["type"].is_string() {
        node.send_frame(&message);
    } else {
        let answer = node.post(&message).await;
        assert_eq!(answer["success"], json!(true), "{message}: {answer}");
    }
    node.wait_status(server, "stopped").await;
}

/// The variables of a container.
fn variables(container: &Value) -> Vec<&str> {
    container["Config"]["Env"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// Compares a container with what the table says: variables, limits, and the ports if some were named.
fn assert_as_expected(container: &Value, expected: &Value, place: &str) {
    let variables = variables(container);
    for (name, value) in expected["environment"].as_object().unwrap() {
        let variable = format!("{name}={}", value.as_str().unwrap());
        assert!(variables.contains(&variable.as_str()), "{place}: {variable} is missing in {variables:?}");
    }
    let (host, limits) = (&container["HostConfig"], &expected["limits"]);
    let memory = limits["memoryBytes"].as_i64().unwrap_or(0);
    assert_eq!(host["Memory"], json!(memory), "{place}");
    let swap = limits["swapBytes"].as_i64().unwrap();
    let memory_and_swap = match (memory, swap) {
        (0, _) => 0,
        (_, -1) => -1,
        (memory, swap) => memory + swap,
    };
    assert_eq!(host["MemorySwap"], json!(memory_and_swap), "{place}");
    let per_period = limits["cpuPercent"].as_f64().unwrap_or(0.0) * 1000.0;
    assert_eq!(host["CpuQuota"].as_f64(), Some(per_period), "{place}: thousandths of a period of 100 ms");
    if can_weigh_io() {
        assert_eq!(host["BlkioWeight"].as_u64(), Some(limits["ioWeight"].as_u64().unwrap_or(0)), "{place}");
    }
    assert_eq!(host["CpusetCpus"].as_str(), Some(expected["cpuset"].as_str().unwrap_or("")), "{place}");
}

/// Whether this kernel lets Docker weigh block IO; weights are discarded by the engine otherwise.
fn can_weigh_io() -> bool {
    let files = ["blkio/blkio.weight", "io.weight", "system.slice/io.weight"];
    files.iter().any(|file| std::path::Path::new("/sys/fs/cgroup").join(file).exists())
}

#[tokio::test]
async fn variant_a_is_created_as_the_table_says() {
    let node = Node::start().await;
    let mut cases = vec![("A-http.json".to_owned(), fixtures::json("create/A-http.json"))];
    for file in ["A-environment.list.json", "A-limits.list.json"] {
        let items = fixtures::items(&format!("create/{file}"), "message").into_iter();
        cases.extend(items.map(|(name, message)| (format!("{file}#{name}"), message)));
    }
    for (number, (key, message)) in cases.into_iter().enumerate() {
        let server = node.server(&format!("a{number}"));
        create(&node, message, &server).await;
        let container = node.inspect_json(&server).await.expect(&key);
        assert_as_expected(&container, &expected(&key), &key);
    }
}

#[tokio::test]
async fn variant_b_is_created_without_an_answer_and_told_by_pushes() {
    let node = Node::start().await;
    let server = node.server("b");
    let mark = node.mark();
    create(&node, fixtures::json("create/B-ws-server-create.json"), &server).await;
    let container = node.inspect_json(&server).await.unwrap();
    assert_as_expected(&container, &expected("B-ws-server-create.json"), "B");
    node.wait_panel_status(&server, "stopped").await;
    node.barrier().await;
    let frames = node.frames_after(mark);
    assert!(frames.iter().all(|frame| frame.kind() != "response" && frame.kind() != "error"), "P-32");
    // P-40: the notice comes right before the pair that says stopped.
    let told: Vec<&str> = frames
        .iter()
        .filter(|frame| frame.kind() == "server_status" && frame.json["data"]["serverId"] == json!(server))
        .map(|frame| frame.json["data"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["installing", "created", "stopped"], "P-206");
    node.expect_statuses(mark, &server, &["installing", "stopped"]).await;
}

#[tokio::test]
async fn variant_c_is_created_from_its_egg_config() {
    let node = Node::start().await;
    let server = node.server("c");
    let mut message = fixtures::json("create/C-docs-egg-config.json");
    let port = node.port(0);
    message["payload"]["eggConfig"]["ports"] = json!({"25565": port});
    create(&node, message, &server).await;
    let container = node.inspect_json(&server).await.unwrap();
    assert_as_expected(&container, &expected("C-docs-egg-config.json"), "C");
    let outside = json!([{"HostIp": "127.0.0.1", "HostPort": port.to_string()}]);
    let bindings = &container["HostConfig"]["PortBindings"];
    assert_eq!(bindings, &json!({"25565/tcp": outside, "25565/udp": outside}));
    let response = node.panel().wait_for_response("msg_001", PATIENCE).await.expect("a command frame is answered");
    assert_eq!(response["data"]["serverId"], json!(server));
}

#[tokio::test]
async fn variant_d_is_created_with_limits_in_bytes_and_runs() {
    let node = Node::start().await;
    let server = node.server("d");
    let mut message = fixtures::json("create/D-go-types.json");
    let port = node.port(0);
    message["data"]["ports"][0]["external"] = json!(port);
    create(&node, message, &server).await;
    let container = node.inspect_json(&server).await.unwrap();
    assert_as_expected(&container, &expected("D-go-types.json"), "D");
    let outside = json!([{"HostIp": "127.0.0.1", "HostPort": port.to_string()}]);
    assert_eq!(container["HostConfig"]["PortBindings"], json!({"25565/tcp": outside}));
    node.send_legacy("start_server", &server, None);
    node.wait_panel_status(&server, "running").await;
}

#[tokio::test]
async fn variant_f_is_created_with_all_it_names_and_nothing_mounted() {
    let node = Node::start().await;
    let server = node.server("f");
    let mut message = fixtures::json("create/F-optional-keys.json");
    let (tcp, udp) = (node.port(0), node.port(1));
    let cpus = cpus();
    message["payload"]["allocation"] = json!({"ip": "127.0.0.1", "port": tcp, "isPrimary": true});
    message["payload"]["ports"] = json!([format!("{udp}:{udp}/udp")]);
    message["payload"]["threads"] = json!(cpus);
    let mut expected = expected("F-optional-keys.json");
    expected["cpuset"] = json!(cpus);
    // The fixture switches the memory killer off: a game of 128 M must not keep that on this machine for long.
    message["payload"]["limits"]["memory"] = json!(128);
    expected["limits"]["memoryBytes"] = json!(128 << 20);
    let message = fixtures::with_image(fixtures::for_server(message, &server), IMAGE);
    let answer = node.post(&message).await;
    assert_eq!(answer["success"], json!(true), "{answer}");
    assert!(answer["data"]["warnings"].to_string().contains("mounts"), "P-165: {answer}");
    node.wait_status(&server, "stopped").await;
    let container = node.inspect_json(&server).await.unwrap();
    assert_as_expected(&container, &expected, "F");
    let mounts: Vec<&str> =
        container["Mounts"].as_array().unwrap().iter().filter_map(|mount| mount["Destination"].as_str()).collect();
    assert_eq!(mounts, ["/home/container"], "no /etc");
    // P-166, P-171: other names from now on.
    for alias in ["cmwovsctw000708l5h2k9q3xz", "4b25f217"] {
        assert_eq!(node.status(alias).await, "stopped", "{alias}");
    }
    // P-183: ^C is SIGINT, and configStartup says when it is ready.
    node.http_ok("start_server", Some(&server), None).await;
    assert!(node.history(&server).await.iter().any(|line| line.contains("Done (")));
    let stopped = node.http("stop_server", Some(&server), Some(json!({}))).await;
    assert_eq!(stopped["message"], json!("stopped by SIGINT"), "{stopped}");
}

/// A cpu set this machine has, in two pieces if it can be.
fn cpus() -> &'static str {
    if std::thread::available_parallelism().unwrap().get() > 1 { "0,1" } else { "0" }
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_ends_install_failed_and_can_be_created_again() {
    let node = Node::start().await;
    let server = node.server("nowhere");
    // Nobody listens there: refused at once, on loopback.
    let image = format!("127.0.0.1:{}/no/such:image", cap_acceptance::node::free_port());
    let mut payload = Node::sample();
    payload["image"] = json!(image);
    let mark = node.mark();
    let id = node.send("create_server", Some(&server), Some(payload));
    node.wait_panel_status(&server, "install_failed").await;
    let outcome = node.panel().wait_for_outcome(&id, cap_acceptance::node::PATIENCE).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("IMAGE_PULL_FAILED"), "{outcome:?}");
    node.expect_statuses(mark, &server, &["installing", "install_failed"]).await;
    assert_eq!(node.inspect_json(&server).await, None);
    // It can be neither started nor hurt.
    let start = node.http("start_server", Some(&server), None).await;
    assert_eq!(start["success"], json!(false), "{start}");
    node.http_ok("create_server", Some(&server), Some(Node::sample())).await;
    node.wait_status(&server, "stopped").await;
    node.http_ok("start_server", Some(&server), None).await;
}

/// P-153. Nothing is pulled here: that these could be pulled is not what is claimed.
#[tokio::test]
async fn odd_image_names_are_no_errors_of_syntax_and_end_as_images_that_cannot_be_had() {
    let node = NodeSetup::default().without_panel().set("docker.image_pull=never").start().await;
    let mut seen = 0;
    for (name, message) in fixtures::items("create/A-image-startup.list.json", "message") {
        if name == "unresolved-startup" {
            continue;
        }
        let server = node.server(&name);
        let answer = node.post(&fixtures::for_server(message.clone(), &server)).await;
        assert_eq!(answer["code"], json!("IMAGE_PULL_FAILED"), "{name}: {answer}");
        let image = message["payload"]["image"].as_str().unwrap();
        assert!(answer["error"].as_str().unwrap().contains(image), "it names the image: {answer}");
        assert_eq!(node.status(&server).await, "install_failed", "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}
