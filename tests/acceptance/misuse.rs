//! What a newcomer gets wrong: the program says what is wrong, where, and what to do, and how it ends tells a script.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use cap_acceptance::node::{Node, NodeSetup, SECRET, TOKEN, agent_program};
use serde_json::json;

/// Runs the program to its end; it must end by itself.
fn program(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(agent_program())
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the agent program cannot be started")
}

/// Ends with this code; gives what it said.
#[track_caller]
fn ends_with(code: i32, arguments: &[&str]) -> String {
    let output = program(arguments, &[]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[track_caller]
fn has_all(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).unwrap();
    path.display().to_string()
}

/// A7: never started with defaults; the file, the place and the remedy are named.
#[test]
fn a_broken_configuration_is_64_and_names_file_key_and_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.toml");
    let root = directory.path().join("root");
    let storage = format!("[storage]\nroot = \"{}\"\n", root.display());
    for (text, parts) in [
        (format!("[node]\nid = \"n\"\n{storage}[panel\nurl = 1\n"), &["agent.toml:5"][..]),
        (
            format!("[node]\nid = \"n\"\n{storage}[http]\ntokn = \"x\"\n"),
            &["agent.toml:6", "http.tokn", "did you mean token in section [http]"],
        ),
        (format!("[node]\nid = 7\n{storage}"), &["agent.toml:2", "node.id"]),
        (storage.clone(), &["node.id", "NODE_ID"]),
        (
            format!("[node]\nid = \"n\"\n{storage}[panel]\nurl = \"ws://panel.example.com\"\nsecret = \"short\"\n"),
            &["panel.secret", "16"],
        ),
    ] {
        let path = write(&file, &text);
        for command in ["run", "check-config"] {
            let said = ends_with(64, &[command, "--config", &path]);
            has_all(&said, parts);
            assert!(!said.contains("short\""), "the secret is shown: {said}");
        }
        assert!(!root.exists(), "something was opened before the configuration was known to be good");
    }
    let said = ends_with(64, &["run", "--config", &directory.path().join("none.toml").display().to_string()]);
    has_all(&said, &["none.toml"]);
}

#[test]
fn a_root_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(&directory.path().join("a-file"), "");
    let root = format!("storage.root={file}/root");
    let said = ends_with(1, &["run", "--set", "node.id=n", "--set", &root, "--set", "http.listen=127.0.0.1:0"]);
    has_all(&said, &[&file]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (root, listen) =
        (format!("storage.root={}/root", directory.path().display()), format!("http.listen={address}"));
    let said = ends_with(1, &["run", "--set", "node.id=n", "--set", &root, "--set", &listen]);
    has_all(&said, &["http.listen", &address]);
}

/// A5, one host: the root is locked.
#[tokio::test]
async fn a_second_agent_on_the_same_root_ends_with_3_and_harms_nothing() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.run_sample("a").await;
    let config = node.config_file().display().to_string();
    let said = tokio::task::spawn_blocking(move || {
        ends_with(3, &["run", "--config", &config, "--set", "http.listen=127.0.0.1:0"])
    })
    .await
    .unwrap();
    has_all(&said, &[&node.agent_pid().to_string()]);
    assert_eq!(node.status(&server).await, "running");
}

#[tokio::test]
async fn check_config_shows_what_is_in_force_and_no_secret() {
    let node = NodeSetup::default().without_agent().start().await;
    let said = ends_with(0, &["check-config", "--config", &node.config_file().display().to_string()]);
    has_all(&said, &["agent.toml:", "<redacted>", "default", &node.name]);
    assert!(!said.contains(SECRET) && !said.contains(TOKEN), "{said}");
    assert!(!node.root().exists(), "a check opened something");
}

/// The agent goes on: the engine may come, and until then it says what it wants.
#[tokio::test]
async fn a_wrong_engine_socket_is_said_and_does_not_end_the_agent() {
    let node = NodeSetup::default().without_panel().socket("/nonexistent/docker.sock").start().await;
    node.wait("the socket is named", || async {
        let log = node.log();
        log.lines()
            .any(|line| line.contains("WARN") && line.contains("container engine") && line.contains("No such file"))
    })
    .await;
    let (code, ready) = node.get("/readyz", Some(TOKEN)).await;
    assert!(code == 503 && ready.to_string().contains("docker"), "{code} {ready}");
    assert_eq!(node.get("/health", None).await.1["docker"], json!("unreachable"));
    let refused = node.http("create_server", Some(&node.server("a")), Some(Node::sample())).await;
    assert!(!refused.to_string().contains("/nonexistent"), "a host path left the process: {refused}");
}

/// P-209, P-210; and the other way round: the panel does not take the agent's secret.
#[tokio::test]
async fn a_wrong_token_and_a_wrong_secret_are_refused_in_plain_words() {
    let wrong_secret = "panel.secret=another-secret-0123456789";
    let mut node = NodeSetup::default().without_agent().set(wrong_secret).start().await;
    node.spawn_agent();
    node.wait_healthy().await;
    for token in
        [None, Some("wrong"), Some(""), Some("test-daemon-token-012345678"), Some("test-daemon-token-01234567890")]
    {
        let (code, answer) = node.get("/api/status", token).await;
        assert_eq!((code, &answer["code"]), (401, &json!("AUTH_FAILED")), "{token:?}");
    }
    assert_eq!(node.get("/api/status", Some(TOKEN)).await.0, 200);
    node.wait("the refusal is explained", || async {
        let log = node.log();
        log.lines()
            .any(|line| line.contains("ERROR") && line.contains("panel.secret must equal the panel's AGENT_SECRET"))
    })
    .await;
    assert!(!node.log().contains("another-secret"), "{}", node.log());
}

/// S-23, S-25: whatever panels, games and players say, a record stays one line and no secret is in any.
#[tokio::test]
async fn the_log_holds_no_secret_and_hostile_text_stays_on_its_line() {
    const FORGED: &str = "2026-01-01T00:00:00.000Z ERROR forged: take over";
    let node = NodeSetup::default().set("log.level=trace").start().await;
    let server = node.server("a");
    let mut payload = Node::sample();
    payload["name"] = json!(format!("evil\r\n{FORGED}\u{1b}[2J\u{202e}"));
    payload["environment"] = json!({"RCON_PASSWORD": "canary-of-a-game-0123456789"});
    node.link_ok("create_server", Some(&server), Some(payload)).await;
    node.link_ok("start_server", Some(&server), None).await;
    let raw = json!({"command": format!("raw \\n{FORGED}\\r\\e[2J\\xff\\n")});
    node.http_ok("console:command", Some(&server), Some(raw)).await;
    node.wait_console(&server, "forged").await;
    // Names of everything that a panel may write.
    for hostile in [format!("x\n{FORGED}"), format!("\u{2028}{FORGED}"), "\u{1b}]52;c;YQ==\u{7}".to_owned()] {
        node.http("get_server_status", Some(&hostile), None).await;
        node.http(&hostile, None, None).await;
        let frame =
            json!({"id": hostile, "type": "command", "action": hostile, "serverId": hostile, "agentId": hostile});
        node.panel().send_raw(&node.name, frame.to_string()).unwrap();
        node.panel().send_raw(&node.name, json!({"type": hostile}).to_string()).unwrap();
    }
    node.barrier().await;
    let (code, _) = node.get("/api/status", Some("wrong-token-canary-0123456789")).await;
    assert_eq!(code, 401);

    let log = std::fs::read(node.log_file()).unwrap();
    let log = String::from_utf8(log).expect("the log is UTF-8");
    for line in log.lines() {
        assert!(is_record(line), "not a record of its own: {line:?}");
        assert!(!line.starts_with(FORGED), "{line:?}");
        let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}');
        assert!(!line.contains(odd), "{line:?}");
    }
    assert!(log.contains(" TRACE "), "the most talkative level is what is looked at here");
    for secret in [SECRET, TOKEN, "canary-of-a-game", "wrong-token-canary"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

/// Whether a line begins with the time and the level of a record.
fn is_record(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let time = words.next().unwrap_or_default();
    let level = words.next().unwrap_or_default();
    time.len() == 24 && time.ends_with('Z') && ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level)
}
