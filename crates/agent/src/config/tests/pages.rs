//! The example file and the documentation say what the program does.

use super::super::keys::KEYS;
use super::super::{example_file, reference_page};
use super::*;

fn in_repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_example_file_is_the_one_the_program_prints() {
    let printed = example_file();
    assert!(
        in_repository("config/agent.toml") == printed,
        "write it anew: cargo run -p cap-agent -- example-config > config/agent.toml"
    );
}

#[test]
fn the_documentation_is_the_one_the_program_prints() {
    let printed = reference_page();
    assert!(
        in_repository("docs/configuration.md") == printed,
        "write it anew: cargo run -p cap-agent -- config-reference > docs/configuration.md"
    );
    for key in KEYS {
        assert!(printed.contains(&format!("| `{}` |", key.key())), "{}", key.name);
    }
}

#[test]
fn the_example_file_works_as_it_is() {
    let loaded = load_text(&in_repository("config/agent.toml")).unwrap();
    let mut defaults = load_flags(&["node.id=node-1"]).unwrap().config;
    defaults.node = loaded.config.node.clone();
    assert_eq!(loaded.config, defaults);
}

#[test]
fn every_key_is_in_the_example_file_and_the_defaults_shown_are_the_real_ones() {
    // Uncommented: what has a default. What has none is shown as an example, and stays out.
    let text: String = in_repository("config/agent.toml")
        .lines()
        .map(|line| {
            let bare = line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
            format!("{}\n", bare.unwrap_or(line))
        })
        .collect();
    let shown: toml::Table = toml::from_str(&text).unwrap();
    for key in KEYS {
        assert!(shown[key.section()].get(key.key()).is_some(), "{} is not in the example file", key.name);
    }
    let count: usize = shown.values().map(|section| section.as_table().unwrap().len()).sum();
    assert_eq!(count, KEYS.len());

    let mut with_defaults = shown.clone();
    for key in KEYS.iter().filter(|key| key.default.is_empty() && key.name != "node.id") {
        with_defaults[key.section()].as_table_mut().unwrap().remove(key.key());
    }
    let loaded = load_text(&with_defaults.to_string()).unwrap();
    assert_eq!(loaded.config, load_flags(&["node.id=node-1"]).unwrap().config);
}

#[test]
fn the_effective_configuration_is_toml_that_loads_to_the_same() {
    let files = Files::new();
    let secret_file = files.write("secret", CANARY);
    let loaded = load_flags(&[
        "node.id=n",
        "panel.url=https://panel.example.com/x?a=%22b",
        &format!("panel.secret_file={}", secret_file.display()),
        "docker.allowed_images=ghcr.io/*,itzg/*",
        "panel.resource_interval=0",
        "console.batch_interval=75ms",
        "limits.max_memory_bytes=1000000007",
    ]);
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(invalid) => panic!("{invalid}"),
    };
    let again = files.load(&loaded.effective()).unwrap_or_else(|invalid| panic!("{invalid}\n{}", loaded.effective()));
    assert_eq!(again.config, loaded.config);
    assert!(loaded.effective().contains("max_servers = 200                            # default"));
}
