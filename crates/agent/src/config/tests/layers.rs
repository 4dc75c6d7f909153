//! Where values come from, and which wins.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;

#[test]
fn a_file_with_only_the_first_keys_works() {
    let files = Files::new();
    let secret_file = files.write("secret", CANARY);
    let loaded = files
        .load(&format!(
            "[node]\nid = \"node-1\"\n[panel]\nurl = \"wss://panel.example.com:8080/agents\"\nsecret_file = {secret_file:?}\n\
             [http]\nlisten = \"127.0.0.1:8081\"\ntoken = \"0123456789abcdef-token\"\n[storage]\nroot = \"/srv/games\"\n\
             [docker]\nsocket = \"/run/docker.sock\"\n"
        ))
        .unwrap();
    let config = loaded.config;
    assert_eq!(config.node.id.as_str(), "node-1");
    assert_eq!(config.panel.url.unwrap().to_string(), "wss://panel.example.com:8080/agents");
    assert_eq!(config.panel.secret.unwrap().expose(), CANARY);
    assert_eq!(config.http.listen[0].address, "127.0.0.1:8081".parse::<SocketAddr>().unwrap());
    assert_eq!(config.storage.root, Path::new("/srv/games"));
    assert_eq!(config.docker.socket, Path::new("/run/docker.sock"));
    assert_eq!(loaded.warnings, []);
}

// P-5
#[test]
fn the_old_names_alone_are_enough() {
    let loaded = load_environment([
        ("PANEL_URL", "ws://panel.example.com:8080"),
        ("NODE_ID", "node-7"),
        ("AGENT_SECRET", CANARY),
        ("HEALTH_PORT", "9081"),
    ])
    .unwrap();
    assert_eq!(loaded.config.node.id.as_str(), "node-7");
    assert_eq!(loaded.config.panel.url.unwrap().to_string(), "ws://panel.example.com:8080/");
    assert_eq!(loaded.config.panel.secret.unwrap().expose(), CANARY);
    assert_eq!(loaded.config.http.listen[0].address, "[::]:9081".parse::<SocketAddr>().unwrap());
}

// P-5
#[test]
fn without_a_panel_url_there_is_no_link_and_no_secret() {
    let config = load_environment([("NODE_ID", "n"), ("PANEL_URL", ""), ("AGENT_SECRET", "")]).unwrap().config;
    assert_eq!(config.panel.url, None);
    assert_eq!(config.panel.secret, None);
    assert!(config.http.accepted_tokens.is_empty());
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let files = Files::new();
    let file = files.write(
        "agent.toml",
        "[node]\nid = \"from-file\"\n[commands]\nrate_burst = 301\nrate_per_second = 61\n\n# more\nqueue_per_server = 11\n",
    );
    let loaded = load(&Inputs {
        file: Some(file.clone()),
        environment: Environment::from([
            ("CAP__COMMANDS__RATE_BURST", "302"),
            ("CAP__COMMANDS__RATE_PER_SECOND", "62"),
            ("NODE_ID", "from-environment"),
        ]),
        flags: vec!["commands.rate_burst=1".to_owned(), "commands.rate_burst=303".to_owned()],
    })
    .unwrap();
    let place = |key: &str| loaded.place_of(key).unwrap().to_owned();
    assert_eq!((loaded.config.commands.rate_burst, place("commands.rate_burst")), (303, "flag --set".into()));
    assert_eq!(
        (loaded.config.commands.rate_per_second, place("commands.rate_per_second")),
        (62, "environment CAP__COMMANDS__RATE_PER_SECOND".into())
    );
    assert_eq!(
        (loaded.config.commands.queue_per_server, place("commands.queue_per_server")),
        (11, format!("{}:8", file.display()))
    );
    assert_eq!(
        (loaded.config.commands.ack_deadline, place("commands.ack_deadline")),
        (Duration::from_secs(2), "default".into())
    );
    assert_eq!((loaded.config.node.id.as_str(), place("node.id")), ("from-environment", "environment NODE_ID".into()));
}

#[test]
fn the_new_name_of_a_variable_beats_the_old_one_and_says_so() {
    let loaded = load_environment([("NODE_ID", "old"), ("CAP__NODE__ID", "new")]).unwrap();
    assert_eq!(loaded.config.node.id.as_str(), "new");
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings.contains(
            &"environment NODE_ID: node.id: not used, because CAP__NODE__ID is set, too; set one of the two".to_owned()
        ),
        "{warnings:?}"
    );
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for key in super::super::keys::KEYS {
        let value = toml::from_str::<toml::Table>(&format!("v = {}{}", key.default, key.example)).unwrap()["v"].clone();
        let text = match value {
            toml::Value::Array(values) => {
                values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect::<Vec<_>>().join(",")
            }
            toml::Value::String(text) => text,
            other => other.to_string(),
        };
        let variable = key.variable();
        let findings = &mut super::super::layers::Findings::default();
        let environment = Environment::from([(variable.as_str(), text.as_str())]);
        let layer = super::super::layers::environment(&environment, findings);
        let merged = super::super::layers::merge(vec![layer]).unwrap();
        let settings = super::super::settings::Settings::read(&merged, findings);
        assert!(findings.problems.is_empty(), "{variable}={text}: {:?}", findings.problems);
        if !text.is_empty() {
            assert_eq!(settings.place(key.name), Some(format!("environment {variable}").as_str()));
        }
    }
}

#[test]
fn durations_and_sizes_may_have_units_or_not() {
    let config = load_text(
        "[node]\nid = \"n\"\n[panel]\nheartbeat_interval = 20\nws_max_message = \"1 MiB\"\n\
         [commands]\nack_deadline = \"250ms\"\n[storage]\ntrash_retention = \"7d\"\n[console]\nmax_line = 4096\n",
    )
    .unwrap()
    .config;
    assert_eq!(config.panel.heartbeat_interval, Duration::from_secs(20));
    assert_eq!(config.panel.ws_max_message, 1 << 20);
    assert_eq!(config.commands.ack_deadline, Duration::from_millis(250));
    assert_eq!(config.storage.trash_retention, Duration::from_secs(7 * 86_400));
    assert_eq!(config.console.max_line, 4096);
}

#[test]
fn an_empty_text_takes_a_value_away_where_nothing_is_a_choice() {
    let files = Files::new();
    let file =
        files.write("agent.toml", format!("[node]\nid = \"n\"\n[panel]\nurl = \"wss://p\"\nsecret = \"{CANARY}\"\n"));
    let inputs = |flags: &[&str]| Inputs {
        file: Some(file.clone()),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        ..Inputs::default()
    };
    assert_eq!(load(&inputs(&["panel.url="])).unwrap().config.panel.url, None);
    for key in ["docker.network", "docker.user", "storage.root", "ports.range", "log.level", "panel.heartbeat_interval"]
    {
        let invalid = load(&inputs(&[&format!("{key}=")])).unwrap_err();
        assert!(invalid.problems.iter().any(|problem| problem.key == key), "{key}: {invalid}");
    }
}

#[test]
fn unknown_keys_are_errors_with_a_guess() {
    let text = load_text(
        "top = 1\n[node]\nid = \"n\"\n[panel]\nsecrt = \"x\"\n[docker]\nuserr = \"1:1\"\n[colour]\nsky = 1\n",
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "agent.toml:1: top: there is no such key",
        "agent.toml:5: panel.secrt: there is no such key; did you mean secret in section [panel]?",
        "agent.toml:7: docker.userr: there is no such key; did you mean user in section [docker]?",
        "agent.toml:9: colour.sky: there is no such key; remove it",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let text = load_environment([("NODE_ID", "n"), ("CAP__PANEL__SECRT", "x")]).unwrap_err().to_string();
    assert!(text.contains(
        "environment CAP__PANEL__SECRT: panel.secrt: there is no such key; did you mean CAP__PANEL__SECRET?"
    ));
    let text = refused(&["http.listn=8081"]);
    assert!(text.contains("flag --set: http.listn: there is no such key; did you mean http.listen?"), "{text}");
    assert!(refused(&["just-a-word"]).contains("not of the form section.key=value"));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let invalid = load(&Inputs {
        environment: Environment::from([("HEALTH_PORT", "80810"), ("CAP__LOG__FORMAT", "xml")]),
        flags: vec!["docker.user=0:0".to_owned()],
        file: Some(Files::new().path("gone.toml")),
    })
    .unwrap_err();
    assert_eq!(invalid.problems.len(), 1, "a file that is not there hides the rest: {invalid}");

    let invalid = load(&Inputs {
        environment: Environment::from([("HEALTH_PORT", "80810"), ("CAP__LOG__FORMAT", "xml")]),
        flags: vec!["docker.user=0:0".to_owned(), "panel.heartbeat_interval=2m".to_owned()],
        file: None,
    })
    .unwrap_err();
    let mut keys: Vec<_> = invalid.problems.iter().map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["docker.user", "http.listen", "log.format", "node.id", "panel.heartbeat_interval"], "{invalid}");
}

// A7, S-13
#[test]
fn a_file_that_is_no_configuration_is_an_error_not_a_set_of_defaults() {
    let files = Files::new();
    let deep = format!("[node]\nid = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("[node]\nid = \"n\" # {}\n", "x".repeat(2 << 20));
    for (text, expected) in [
        (&b"[node\nid = \"n\""[..], "agent.toml:1: "),
        (b"[node]\nid = \"n\"\nid = \"m\"\n", "agent.toml:3: "),
        (b"[node]\nid = \xff\n", "not UTF-8"),
        (deep.as_bytes(), "agent.toml:2: "),
        (large.as_bytes(), "larger than 1 MiB"),
    ] {
        let file = Some(files.write("agent.toml", text));
        let invalid = load(&Inputs { file, environment: Environment::from([("NODE_ID", "n")]), flags: vec![] });
        let said = invalid.unwrap_err().to_string();
        assert!(said.contains(expected), "{expected}\n{said}");
        assert!(said.len() < 10_000, "{} bytes", said.len());
    }
    let invalid = load(&Inputs { file: Some(files.0.path().to_owned()), ..Inputs::default() }).unwrap_err();
    assert!(invalid.to_string().contains("cannot be read"), "{invalid}");
}

#[test]
fn wrong_types_name_place_key_form_and_default() {
    let text = load_text(
        "[node]\nid = 5\n[commands]\nrate_burst = \"many\"\n[docker]\ntty = 1\ndns = [1]\n[http]\nlisten = {a = 1}\n",
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "agent.toml:2: node.id: expected 1 to 64 of A-Z a-z 0-9 . _ ~ -, found the number 5",
        "agent.toml:4: commands.rate_burst: expected a whole number from 1 to 1000000, found the text \"many\"; the default is 200",
        "agent.toml:6: docker.tty: expected true or false, found the number 1; the default is false",
        "agent.toml:7: docker.dns: expected a list of IP addresses, found a list; the default is []",
        "agent.toml:9: http.listen: expected a list of addresses with port, found a table",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}
