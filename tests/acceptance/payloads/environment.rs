//! Variables as the game sees them (P-154, P-155), and what `{{...}}` in the start line stands for (P-156).

use cap_acceptance::fixtures;
use cap_acceptance::node::{IMAGE, Node, NodeSetup};
use serde_json::{Value, json};

use super::{create, variables};

/// Creates and starts a sample server with this environment and more of the payload; gives its id.
async fn run_with(node: &Node, name: &str, more: &Value) -> String {
    let server = node.server(name);
    let mut payload = Node::sample();
    for (key, value) in more.as_object().unwrap() {
        payload[key] = value.clone();
    }
    node.http_ok("create_server", Some(&server), Some(payload)).await;
    node.http_ok("start_server", Some(&server), None).await;
    server
}

/// What the game itself says that a variable is.
async fn variable_in_game(node: &Node, server: &str, name: &str) -> String {
    node.http_ok("console:command", Some(server), Some(json!({"command": format!("env {name}")}))).await;
    let answer = format!("{name}=");
    let unset = format!("{name} is not set");
    node.wait(&format!("the game tells {name}"), || async {
        node.history(server).await.iter().any(|line| line.contains(&answer) || line.contains(&unset))
    })
    .await;
    let history = node.history(server).await;
    let line = history.iter().rev().find(|line| line.contains(&answer) || line.contains(&unset)).unwrap();
    line.split_once("INFO]: ").unwrap().1.to_owned()
}

#[tokio::test]
async fn the_game_sees_its_variables_in_every_spelling() {
    let node = NodeSetup::default().without_panel().start().await;
    let spellings = [
        ("environment", json!({"A": "x y", "B": 20, "C": 1.5, "D": true, "F": null, "G": {"k": [1, 2]}})),
        ("environment", json!(r#"{"A":"x y","B":20,"C":1.5,"D":true,"F":null,"G":{"k":[1,2]}}"#)),
        ("env", json!(["A=x y", "B=20", "C=1.5", "D=true", "F=", r#"G={"k":[1,2]}"#])),
        (
            "variables",
            json!([{"envVariable": "A", "value": "x y"}, {"envVariable": "B", "value": 20},
                   {"envVariable": "C", "value": 1.5}, {"envVariable": "D", "value": true},
                   {"envVariable": "F", "value": null}, {"envVariable": "G", "value": {"k": [1, 2]}}]),
        ),
    ];
    for (number, (key, spelling)) in spellings.into_iter().enumerate() {
        let mut more = json!({"environment": null});
        more[key] = spelling.clone();
        let server = run_with(&node, &format!("spelling{number}"), &more).await;
        for (name, value) in
            [("A", "x y"), ("B", "20"), ("C", "1.5"), ("D", "true"), ("F", ""), ("G", r#"{"k":[1,2]}"#)]
        {
            assert_eq!(variable_in_game(&node, &server, name).await, format!("{name}={value}"), "{spelling}");
        }
        node.http_ok("kill_server", Some(&server), None).await;
    }
}

#[tokio::test]
async fn what_panels_leave_out_is_added_and_what_they_give_wins() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = run_with(&node, "added", &json!({"startup": "run --memory {{SERVER_MEMORY}}M"})).await;
    let status = node.http_ok("get_server_status", Some(&server), None).await;
    let port = status["ports"][0]["internal"].clone();
    // P-155.
    for (name, value) in [
        ("SERVER_MEMORY", "128".to_owned()),
        ("SERVER_IP", "0.0.0.0".to_owned()),
        ("SERVER_PORT", port.to_string()),
        ("P_SERVER_UUID", server.clone()),
        ("STARTUP", "run --memory 128M".to_owned()),
    ] {
        assert_eq!(variable_in_game(&node, &server, name).await, format!("{name}={value}"));
    }
    assert!(!variable_in_game(&node, &server, "TZ").await.contains("not set"));
    let environment = json!({"SERVER_MEMORY": "77", "TZ": "Mars/Olympus"});
    let given = run_with(&node, "given", &json!({"environment": environment, "limits": {}})).await;
    assert_eq!(variable_in_game(&node, &given, "SERVER_MEMORY").await, "SERVER_MEMORY=77");
    assert_eq!(variable_in_game(&node, &given, "TZ").await, "TZ=Mars/Olympus");
}

#[tokio::test]
async fn the_secrets_of_the_agent_are_not_in_a_game() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.create_sample("secrets").await;
    // S-43: no inherited secrets.
    let container = node.inspect_json(&server).await.unwrap().to_string();
    for secret in [cap_acceptance::node::SECRET, cap_acceptance::node::TOKEN] {
        assert!(!container.contains(secret));
    }
}

#[tokio::test]
async fn a_start_line_is_filled_in_word_by_word_and_never_scanned_again() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.server("line");
    let mut payload = Node::sample();
    payload["environment"] = json!({"JAR": "my game.jar", "EVIL": "'; rm -rf / {{JAR}} $(x)", "EMPTY": ""});
    payload["startup"] = json!("java -Xmx{{SERVER_MEMORY}}M {{ EMPTY }} -jar {{env.JAR}} '{{server.build.env.EVIL}}'");
    payload["ports"] = json!([node.port(0)]);
    node.http_ok("create_server", Some(&server), Some(payload)).await;
    let container = node.inspect_json(&server).await.unwrap();
    let expected = json!(["java", "-Xmx128M", "-jar", "my game.jar", "'; rm -rf / {{JAR}} $(x)"]);
    assert_eq!(container["Config"]["Cmd"], expected);
    assert_eq!(container["Config"]["Entrypoint"], json!(["/sample-server"]), "the image's own way in stays");
}

#[tokio::test]
async fn unresolved_names_are_empty_and_stop_no_start() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.server("unresolved");
    let message = fixtures::item("create/A-image-startup.list.json", "unresolved-startup", "message");
    create(&node, message, &server).await;
    let container = node.inspect_json(&server).await.unwrap();
    let port = container["Config"]["Env"].as_array().unwrap().iter().filter_map(Value::as_str);
    let port = port.filter_map(|variable| variable.strip_prefix("SERVER_PORT=")).next().unwrap().to_owned();
    assert_eq!(container["Config"]["Cmd"], json!(["./run", "1024", port, "paper.jar", port]));
    node.http_ok("start_server", Some(&server), None).await;
}

#[tokio::test]
async fn names_that_cannot_be_variables_are_dropped_with_a_warning_each() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.server("names");
    let message = fixtures::item("create/hostile-environment.list.json", "bad-names", "message");
    let answer = node.post(&fixtures::with_image(fixtures::for_server(message, &server), IMAGE)).await;
    assert_eq!(answer["success"], json!(true), "{answer}");
    assert_eq!(answer["data"]["warnings"].as_array().unwrap().len(), 4, "P-154: {answer}");
    node.wait_status(&server, "stopped").await;
    let container = node.inspect_json(&server).await.unwrap();
    let given = variables(&container);
    assert!(given.contains(&"OK=e"), "{given:?}");
    assert!(!given.iter().any(|variable| variable.starts_with(['=', 'A', 'N', 'V'])), "{given:?}");
}
