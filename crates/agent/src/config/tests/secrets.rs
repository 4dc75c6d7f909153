//! Secrets: where they come from, which are refused, and that they are never shown.

use super::*;

const URL: &str = "panel.url=wss://panel.example.com";

#[test]
fn examples_and_defaults_are_no_secrets() {
    for secret in [
        "changeme",
        "ChangeMe",
        "agent-secret",
        "undefined",
        "daemon_token_here",
        "<your-secret-here>",
        "xxxxxxxxxxxxxxxxxxxx",
    ] {
        for key in ["panel.secret", "http.token"] {
            // Not even when the other side is on this machine.
            let said = refused(&["panel.url=ws://localhost", "http.listen=127.0.0.1:1", &format!("{key}={secret}")]);
            assert!(said.contains(&format!("{key}: this is a default or example")), "{secret}: {said}");
        }
    }
}

#[test]
fn a_short_secret_is_an_error_unless_the_panel_is_on_this_machine() {
    let short = "panel.secret=short-but-ok";
    assert!(refused(&[URL, short]).contains("panel.secret: shorter than 16 characters; make one with"));
    assert!(
        refused(&["panel.url=wss://", short]).contains("panel.secret: shorter than 16"),
        "a URL that leads anywhere"
    );
    assert!(
        warned(&["panel.url=ws://localhost:8080", short])
            .contains("panel.secret: shorter than 16 characters; let pass")
    );
    assert!(!warned(&[URL, "panel.secret=0123456789abcde-"]).contains("panel.secret: shorter"));
}

#[test]
fn a_short_token_is_an_error_unless_only_this_machine_can_reach_the_listener() {
    assert!(refused(&["http.token=short-but-ok"]).contains("http.token: shorter than 16"));
    assert!(refused(&["http.listen=127.0.0.1:1,0.0.0.0:2", "http.token=short-but-ok"]).contains("http.token: shorter"));
    assert!(warned(&["http.listen=127.0.0.1:1,[::1]:2", "http.token=short-but-ok"]).contains("http.token: shorter"));
}

// P-209
#[test]
fn http_accepts_the_token_and_then_the_panel_secret() {
    let tokens = |flags: &[&str]| {
        let flags: Vec<&str> = ["node.id=n"].into_iter().chain(flags.iter().copied()).collect();
        let config = load_flags(&flags).unwrap().config;
        config.http.accepted_tokens.iter().map(|token| token.expose().to_owned()).collect::<Vec<_>>()
    };
    let secret = &format!("panel.secret={CANARY}");
    assert_eq!(tokens(&[secret, "http.token=0123456789-token"]), ["0123456789-token", CANARY]);
    assert_eq!(tokens(&[secret]), [CANARY]);
    assert!(warned(&[]).contains("http.token: HTTP commands are off (401): there is no token"));
}

#[test]
fn a_short_panel_secret_opens_no_listener_that_others_can_reach() {
    let flags = ["node.id=n", "panel.url=ws://localhost", "panel.secret=short-but-ok"];
    let loaded = load_flags(&flags).unwrap();
    assert!(loaded.config.http.accepted_tokens.is_empty());
    assert!(loaded.warnings.iter().any(|warning| warning.what.contains("too short to be accepted over HTTP")));
    let only_here: Vec<&str> = flags.into_iter().chain(["http.listen=127.0.0.1:8081"]).collect();
    assert_eq!(load_flags(&only_here).unwrap().config.http.accepted_tokens.len(), 1);
}

#[test]
fn a_link_needs_a_secret() {
    let said = refused(&[URL]);
    assert!(said.contains("panel.secret: not set, and a link needs one; set panel.secret_file"), "{said}");
}

#[test]
fn secrets_that_no_header_can_carry_are_refused() {
    for secret in ["0123456789abcdef\u{e9}", "0123456789\nabcdef", " 0123456789abcdef", "0123456789abcdef "] {
        let said = refused(&[URL, &format!("panel.secret={secret}")]);
        assert!(said.contains("panel.secret: it has characters that cannot be sent"), "{said}");
    }
}

#[test]
fn a_secret_file_is_read_without_its_last_line_break() {
    let files = Files::new();
    for (content, expected) in [
        (CANARY.to_owned(), CANARY.to_owned()),
        (format!("{CANARY}\n"), CANARY.to_owned()),
        (format!("{CANARY}\r\n"), CANARY.to_owned()),
    ] {
        let path = files.write("secret", &content);
        let loaded = load_flags(&["node.id=n", URL, &format!("panel.secret_file={}", path.display())]).unwrap();
        assert_eq!(loaded.config.panel.secret.as_ref().unwrap().expose(), expected, "{content:?}");
        assert!(loaded.place_of("panel.secret").unwrap().starts_with("file "));
    }
    let path = files.write("secret", format!("{CANARY}\n\n"));
    let said = refused(&[URL, &format!("panel.secret_file={}", path.display())]);
    assert!(said.contains("panel.secret: it has characters"), "only one line break is ignored: {said}");
}

#[test]
fn a_secret_file_that_cannot_be_read_is_an_error() {
    let files = Files::new();
    let empty = files.write("empty", "\n");
    let large = files.write("large", "x".repeat(5000));
    let binary = files.write("binary", b"\xff\xfe0123456789abcdef");
    let gone = files.path("gone");
    for (path, expected) in
        [(empty, "is empty"), (large, "larger than 4 KiB"), (binary, "not UTF-8"), (gone, "cannot be opened")]
    {
        let said = refused(&[URL, &format!("panel.secret_file={}", path.display())]);
        assert!(said.contains("panel.secret_file: ") && said.contains(expected), "{said}");
        assert!(!said.contains("panel.secret: not set"), "said once is enough: {said}");
    }
}

#[test]
fn key_and_file_at_once_are_an_error() {
    let path = Files::new().write("secret", CANARY);
    let said = refused(&["http.token=0123456789-token", &format!("http.token_file={}", path.display())]);
    assert!(said.contains("http.token_file: http.token is set as well (flag --set)"), "{said}");
}

#[test]
fn files_with_secrets_that_others_can_read_are_named() {
    let files = Files::new();
    let path = files.write("secret", CANARY);
    set_mode(&path, 0o644);
    let said = warned(&[URL, &format!("panel.secret_file={}", path.display())]);
    assert!(said.contains("panel.secret_file: every user of this machine can read"), "{said}");

    let file = files.write("agent.toml", format!("[node]\nid = \"n\"\n[http]\ntoken = \"{CANARY}\"\n"));
    set_mode(&file, 0o604);
    let loaded = load(&Inputs { file: Some(file), ..Inputs::default() }).unwrap();
    assert!(loaded.warnings.iter().any(|warning| warning.key == "http.token" && warning.remedy.contains("chmod 600")));

    assert!(warned(&["http.token=0123456789-token"]).contains("can be seen by every user of this machine"));
}

#[test]
fn systemd_credentials_need_no_key() {
    let files = Files::new();
    files.write("panel_secret", format!("{CANARY}\n"));
    files.write("http_token", "0123456789-token");
    let directory = files.0.path().display().to_string();
    let inputs = |flags: &[&str]| Inputs {
        environment: Environment::from([("NODE_ID", "n"), ("CREDENTIALS_DIRECTORY", directory.as_str())]),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        file: None,
    };
    let loaded = load(&inputs(&[])).unwrap();
    assert_eq!(loaded.config.panel.secret.as_ref().unwrap().expose(), CANARY);
    assert_eq!(loaded.config.http.token.as_ref().unwrap().expose(), "0123456789-token");
    assert_eq!(loaded.place_of("http.token"), Some("systemd credential http_token"));

    let loaded = load(&inputs(&["http.token=abcdef0123456789"])).unwrap();
    assert_eq!(loaded.config.http.token.as_ref().unwrap().expose(), "abcdef0123456789", "what is said explicitly wins");
    assert!(loaded.warnings.iter().any(|warning| warning.place == "systemd credential http_token"));
}

// S-23
#[test]
fn a_secret_is_in_no_output_whatever_else_is_wrong() {
    let files = Files::new();
    let secret_file = files.write("secret", CANARY);
    let in_file = |text: String| files.write("agent.toml", text.replace("CANARY", CANARY));
    let sources: Vec<Inputs> = vec![
        Inputs {
            file: Some(in_file(
                "[node]\nid=\"n\"\n[panel]\nurl=\"wss://p\"\nsecret=\"CANARY\"\n[http]\ntoken=\"CANARY\"".into(),
            )),
            ..Inputs::default()
        },
        Inputs {
            environment: Environment::from([("NODE_ID", "n"), ("AGENT_SECRET", CANARY), ("CAP__HTTP__TOKEN", CANARY)]),
            ..Inputs::default()
        },
        Inputs { flags: vec!["node.id=n".into(), format!("panel.secret={CANARY}")], ..Inputs::default() },
        Inputs {
            flags: vec!["node.id=n".into(), format!("http.token_file={}", secret_file.display())],
            ..Inputs::default()
        },
        // In a key of another form, in an unknown one, at the wrong place.
        Inputs {
            flags: vec![format!("node.id={CANARY}/"), format!("docker.tty={CANARY}"), format!("panel.url={CANARY}")],
            ..Inputs::default()
        },
        Inputs {
            flags: vec![format!("panel.url=ws://user:{CANARY}@p"), format!("http.listen={CANARY}"), CANARY.into()],
            ..Inputs::default()
        },
        Inputs {
            flags: vec![format!("panel.secrt={CANARY}"), format!("panel.secret=\u{e9}{CANARY}")],
            ..Inputs::default()
        },
        Inputs {
            environment: Environment::from([("CAP__PANEL__SECRT", CANARY), ("HEALTH_PORT", CANARY)]),
            ..Inputs::default()
        },
    ];
    let mut outputs = String::new();
    for inputs in &sources {
        outputs.push_str(&format!("{inputs:?}\n"));
        match load(inputs) {
            Ok(loaded) => {
                outputs.push_str(&loaded.effective());
                outputs.push_str(&format!("{loaded:?} {:#?} {:?}", loaded.config, loaded.warnings));
            }
            Err(invalid) => outputs.push_str(&format!("{invalid} {invalid:?}")),
        }
    }
    for broken in [
        "[panel]\nsecret = CANARY\n",
        "[panel]\nsecret = \"CANARY\n",
        "[panel]\nsecret = \"CANARY\"\nsecret = \"CANARY\"\n",
        "[panel]\nsecret = 'CANARY\" # x\n",
        "[panel]\nsecret = [\"CANARY\"]\n",
        "[panel]\nsecret = { a = \"CANARY\" }\n",
        "[panel]\nsecret: CANARY\n",
        "secret = \"CANARY\"\n",
    ] {
        let file = Some(in_file(broken.to_owned()));
        let invalid = load(&Inputs { file, ..Inputs::default() }).unwrap_err();
        outputs.push_str(&format!("{invalid} {invalid:?}\n"));
    }
    assert!(!outputs.contains("CANARY-5f2c"), "{outputs}");
    assert!(outputs.contains("<redacted>"), "the outputs did show that there are secrets");
    let number = load_text("[node]\nid = \"n\"\n[http]\ntoken = 4711471147114711\n").unwrap_err().to_string();
    assert!(!number.contains("4711"), "{number}");
}
