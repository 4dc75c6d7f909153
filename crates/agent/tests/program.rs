//! The program as a process: what it prints, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test, helpers included")]

use std::path::Path;
use std::process::{Command, Output};

use cap_agent::store::RootLock;

const CANARY: &str = "CANARY-5f2c91d07ab34e68";

/// Runs the program with these arguments and nothing in its environment but this.
fn agent(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctrl-alt-play-agent"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn both_outputs(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn example_file() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/agent.toml").display().to_string()
}

#[test]
fn the_version_is_printed_and_a_wrong_command_line_is_64() {
    let output = agent(&["--version"], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(both_outputs(&output), format!("ctrl-alt-play-agent {}\n", env!("CARGO_PKG_VERSION")));
    for wrong in [&["walk"][..], &[], &["run", "--colour"], &["run", "--config"]] {
        assert_eq!(agent(wrong, &[]).status.code(), Some(64), "{wrong:?}");
    }
}

#[test]
fn check_config_prints_what_is_in_force_and_where_it_came_from() {
    let environment = [("PANEL_URL", "wss://panel.example.com"), ("AGENT_SECRET", CANARY)];
    let file = example_file();
    let output = agent(&["check-config", "--config", &file, "--log-level", "debug"], &environment);
    assert_eq!(output.status.code(), Some(0), "{}", both_outputs(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    for (setting, place) in [
        ("id = \"node-1\"", "config/agent.toml:"),
        ("url = \"wss://panel.example.com\"", "environment PANEL_URL"),
        ("secret = \"<redacted>\"", "environment AGENT_SECRET"),
        ("level = \"debug\"", "flag --set"),
        ("heartbeat_interval = \"15s\"", "default"),
    ] {
        let is_there = printed.lines().any(|line| line.starts_with(setting) && line.contains(place));
        assert!(is_there, "{setting} {place}\n{printed}");
    }
    assert!(toml::from_str::<toml::Table>(&printed).is_ok(), "{printed}");
}

#[test]
fn a_bad_configuration_is_64_before_anything_is_opened() {
    let directory = tempfile::TempDir::new().unwrap();
    let root = directory.path().join("root");
    let set_root = format!("storage.root={}", root.display());
    for command in ["run", "check-config"] {
        let output = agent(
            &[command, "--set", &set_root, "--set", "node.id=n", "--set", "docker.user=0:0", "--set", "panel.url=x"],
            &[],
        );
        assert_eq!(output.status.code(), Some(64));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("docker.user: user or group 0 is root") && said.contains("panel.url: "), "{said}");
        assert!(output.stdout.is_empty());
    }
    assert!(!root.exists());
}

// S-23
#[test]
fn the_secret_is_in_nothing_the_program_writes() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("agent.toml");
    let text =
        format!("[node]\nid = \"n\"\n[panel]\nurl = \"ws://p\"\nsecret = \"{CANARY}\"\n[http]\ntoken = \"{CANARY}\"\n");
    std::fs::write(&file, &text).unwrap();
    let file = file.display().to_string();
    let as_flag = format!("http.token={CANARY}");
    let misspelt = format!("http.tokn={CANARY}");
    let mut written = String::new();
    for (arguments, environment) in [
        (vec!["check-config", "--config", &file], vec![]),
        (vec!["check-config", "--config", &file, "--set", "node.id=/"], vec![]),
        (vec!["check-config", "--set", &as_flag, "--set", &misspelt], vec![("NODE_ID", "n")]),
        (vec!["check-config"], vec![("NODE_ID", "n"), ("AGENT_SECRET", CANARY), ("CAP__HTTP__TOKN", CANARY)]),
    ] {
        let output = agent(&arguments, &environment);
        written.push_str(&both_outputs(&output));
    }
    assert!(written.contains("<redacted>"), "{written}");
    assert!(!written.contains(CANARY), "{written}");
}

#[test]
fn a_second_agent_on_the_same_root_ends_with_3() {
    let root = tempfile::TempDir::new().unwrap();
    let _lock = RootLock::take(root.path()).unwrap();
    let set_root = format!("storage.root={}", root.path().display());
    let output = agent(&["run", "--set", &set_root, "--set", "http.listen=127.0.0.1:0"], &[("NODE_ID", "n")]);
    let said = both_outputs(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("(process {})", std::process::id())), "{said}");
}

#[test]
fn certificates_that_cannot_be_used_are_64_before_anything_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (pem, root) = (dir.path().join("not.pem"), dir.path().join("root"));
    std::fs::write(&pem, "not a certificate").unwrap();
    let pem = pem.display().to_string();
    let common = ["--set", "node.id=n", "--set", &format!("storage.root={}", root.display())].map(str::to_owned);
    for (settings, key) in [
        (vec![format!("http.tls_cert={pem}"), format!("http.tls_key={pem}")], "http.tls_cert"),
        (
            vec![
                "panel.url=wss://127.0.0.1:1".to_owned(),
                format!("panel.secret={CANARY}"),
                format!("panel.ca_file={pem}"),
            ],
            "panel.ca_file",
        ),
    ] {
        let mut arguments = vec!["run".to_owned()];
        arguments.extend(common.clone());
        arguments.extend(settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = agent(&arguments, &[]);
        let said = both_outputs(&output);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(key) && !said.contains(CANARY), "{said}");
        assert!(!root.exists(), "nothing was opened");
    }
}
