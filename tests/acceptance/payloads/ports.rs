//! Ports: as given, or allocated from the node's range, and never two servers on one (P-163, P-164).

use std::net::TcpListener;

use cap_acceptance::fixtures;
use cap_acceptance::node::{IMAGE, Node, NodeSetup};
use serde_json::{Value, json};

/// The bindings of a container as `(inside, outside)`, sorted.
async fn bindings(node: &Node, server: &str) -> Vec<(String, String)> {
    let container = node.inspect_json(server).await.unwrap();
    let bindings = container["HostConfig"]["PortBindings"].as_object().unwrap();
    let mut pairs: Vec<(String, String)> = bindings
        .iter()
        .map(|(inside, outside)| (inside.clone(), outside[0]["HostPort"].as_str().unwrap().to_owned()))
        .collect();
    pairs.sort();
    pairs
}

#[tokio::test]
async fn four_spellings_of_a_port_list_give_the_ports_they_name() {
    let node = NodeSetup::default().without_panel().start().await;
    let table = fixtures::json("vectors/create-expected.json");
    let mut next = 0;
    for (name, message) in fixtures::items("create/G-ports.list.json", "message") {
        // The numbers outside become some of this node's own; the table says which inside belongs to which outside.
        let expected = table[format!("G-ports.list.json#{name}")]["config"]["ports"].as_array().unwrap();
        let mut own = std::collections::BTreeMap::new();
        for port in expected {
            let outside = port["external"].as_u64().unwrap();
            own.entry(outside).or_insert_with(|| {
                next += 1;
                node.port(next - 1)
            });
        }
        let mut message = message;
        message["payload"]["ports"] = match name.as_str() {
            "map" => json!({"25565": own[&25565], "19132/udp": own[&19132].to_string()}),
            "numbers" => json!([own[&25565]]),
            "texts" => json!([format!("{}:80/tcp", own[&8080]), format!("{}:25565", own[&25570])]),
            "objects" => json!([{"internal": 80, "external": own[&8080], "protocol": "TCP"}]),
            other => panic!("an unknown spelling: {other}"),
        };
        let server = node.server(&name);
        super::create(&node, message, &server).await;
        let mut wanted: Vec<(String, String)> = expected
            .iter()
            .map(|port| {
                let outside = own[&port["external"].as_u64().unwrap()];
                // A bare number means the same inside and out.
                let inside = if name == "numbers" { json!(outside) } else { port["internal"].clone() };
                (format!("{inside}/{}", port["protocol"].as_str().unwrap()), outside.to_string())
            })
            .collect();
        wanted.sort();
        assert_eq!(bindings(&node, &server).await, wanted, "{name}");
    }
}

#[tokio::test]
async fn without_ports_each_server_gets_some_of_the_range_and_no_two_the_same() {
    let node = NodeSetup::default().without_panel().start().await;
    let (first, last) = node.port_range();
    // A program of the host has the first one already.
    let somebody = TcpListener::bind(("127.0.0.1", first));
    let mut seen = std::collections::BTreeSet::new();
    for name in ["one", "two", "three"] {
        let server = node.server(name);
        let answer = node.http("create_server", Some(&server), Some(Node::sample())).await;
        let ports = answer["data"]["ports"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        // The image exposes 25565/tcp, which lies outside of the range.
        let [port] = &ports[..] else { panic!("{ports:?}") };
        assert_eq!((&port["internal"], &port["protocol"]), (&json!(25565), &json!("tcp")));
        assert_eq!((&port["ip"], &port["primary"]), (&json!("127.0.0.1"), &json!(true)));
        let outside = u16::try_from(port["external"].as_u64().unwrap()).unwrap();
        assert!((first..=last).contains(&outside), "{outside} is not in the range");
        assert!(somebody.is_err() || outside != first, "somebody listens there");
        assert!(seen.insert(outside), "{outside} was given twice");
        assert_eq!(bindings(&node, &server).await, [("25565/tcp".to_owned(), outside.to_string())]);
    }
}

#[tokio::test]
async fn a_port_of_the_environment_is_the_one_inside() {
    let node = NodeSetup::default().without_panel().start().await;
    for (number, name) in ["SERVER_PORT", "PORT", "GAME_PORT"].into_iter().enumerate() {
        let server = node.server(name);
        let mut payload = Node::sample();
        let inside = node.port(u16::try_from(number).unwrap());
        payload["environment"] = json!({name: inside});
        node.http_ok("create_server", Some(&server), Some(payload)).await;
        // It lies in the range and is free, so it is the same outside; without a protocol it is both.
        let pair = |protocol: &str| (format!("{inside}/{protocol}"), inside.to_string());
        assert_eq!(bindings(&node, &server).await, [pair("tcp"), pair("udp")], "{name}");
    }
    let mut payload = Node::sample();
    payload["environment"] = json!({"SERVER_PORT": "many"});
    let server = node.server("nonsense");
    let answer = node.http("create_server", Some(&server), Some(payload)).await;
    node.wait_status(&server, "install_failed").await;
    assert_eq!(answer["code"], json!("CONFIG_INVALID"), "{answer}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_conflict_and_creates_nothing() {
    let node = NodeSetup::default().without_panel().start().await;
    let with_port = |port: u16| {
        let mut payload = Node::sample();
        payload["ports"] = json!([format!("{port}:25565/tcp")]);
        Some(payload)
    };
    let owner = node.server("owner");
    node.http_ok("create_server", Some(&owner), with_port(node.port(0))).await;
    let listener = TcpListener::bind(("127.0.0.1", node.port(1))).unwrap();
    for (why, port) in [("another server's", node.port(0)), ("another program's", node.port(1))] {
        let answer = node.http("create_server", Some(&node.server("late")), with_port(port)).await;
        assert_eq!(answer["code"], json!("PORT_CONFLICT"), "{why}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(&port.to_string()), "it names the port: {answer}");
        assert_eq!(node.listed().await, std::slice::from_ref(&owner), "{why}");
    }
    // Free again: then it is given.
    drop(listener);
    node.http_ok("create_server", Some(&node.server("late")), with_port(node.port(1))).await;
}

#[tokio::test]
async fn a_port_taken_after_the_create_fails_the_start_and_the_next_start_works() {
    let node = Node::start().await;
    let server = node.server("raced");
    let mut payload = Node::sample();
    payload["ports"] = json!([format!("{}:25565/tcp", node.port(0))]);
    node.http_ok("create_server", Some(&server), Some(payload)).await;
    node.wait_panel_status(&server, "stopped").await;
    let listener = TcpListener::bind(("127.0.0.1", node.port(0))).unwrap();
    node.barrier().await;
    let mark = node.mark();
    let answer = node.http("start_server", Some(&server), None).await;
    assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("PORT_CONFLICT")), "{answer}");
    node.wait_panel_status(&server, "stopped").await;
    // P-206.
    node.expect_statuses(mark, &server, &["starting", "stopped"]).await;
    let changed = |frame: &Value| frame["data"]["currentStatus"] == json!("stopped");
    let event = node
        .wait_frame(mark, "stopped", |frame| frame.event() == "server_status_changed" && changed(&frame.json))
        .await;
    assert_eq!(event.json["data"]["reason"], json!("start_failed"));
    assert!(event.json["data"]["error"].is_string(), "{}", event.json);
    drop(listener);
    node.http_ok("start_server", Some(&server), None).await;
}

#[tokio::test]
async fn a_players_packets_reach_the_game_through_its_port() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.run_sample("reachable").await;
    let status = node.http_ok("get_server_status", Some(&server), None).await;
    let port = u16::try_from(status["ports"][0]["external"].as_u64().unwrap()).unwrap();
    let mut player = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // Minecraft's server-list ping: handshake (next state 1), then the status request; each with its length before it.
    player.write_all(b"\x0f\x00\x00\x09localhost\x63\xdd\x01\x01\x00").await.unwrap();
    let mut answer = vec![0; 64];
    player.read_exact(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("{\""), "{answer:?}");
    assert_eq!(IMAGE, node.inspect_json(&server).await.unwrap()["Config"]["Image"]);
}
