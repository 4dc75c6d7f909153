use serde_json::Value;

use super::*;

fn fixture(name: &str) -> Value {
    let path = format!("{}/../../tests/fixtures/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn id(text: &str) -> ServerId {
    ServerId::parse(text).unwrap()
}

fn created(received_at_ms: u64) -> Creation {
    Creation::ByCommand { received_at_ms }
}

fn registry(servers: &[&str]) -> Registry {
    let mut registry = Registry::new(Learning::On);
    for server in servers {
        registry.insert(id(server), created(0));
    }
    registry
}

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> FailureCode {
    result.unwrap_err().code
}

const HTTP: &str = "4b25f2173d6b78e70f57373618a68540";
const WS: &str = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3";
const CUID: &str = "cmwovsctw000708l5h2k9q3xz";
const CUID_MADE_AT_MS: u64 = 1_795_173_224_180;

/// P-168 to P-171: vectors/identity.json.
#[test]
fn ids_resolve_as_the_contract_table_says() {
    let table = fixture("identity.json");
    let mut registry = Registry::new(Learning::On);
    for server in table["servers"].as_array().unwrap() {
        registry.insert(id(server.as_str().unwrap()), created(0));
    }
    for alias in table["aliases"].as_array().unwrap() {
        let server = id(alias["server"].as_str().unwrap());
        registry.bind(alias["alias"].as_str().unwrap(), &server, Replace::Refuse).unwrap();
    }
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        // A number is refused where JSON is read; here there are texts only.
        let Some(raw) = case["id"].as_str() else { continue };
        match (registry.resolve_or_learn(raw), case["server"].as_str()) {
            (Ok(found), Some(server)) => assert_eq!(found.server.as_str(), server, "{case}"),
            (Err(failure), None) => assert_eq!(failure.code.as_str(), case["error"], "{case}"),
            (result, _) => panic!("{case}: {result:?}"),
        }
    }
}

/// P-172: vectors/cuid-learning.json.
#[test]
fn cuids_are_learned_as_the_contract_table_says() {
    for case in fixture("cuid-learning.json").as_array().unwrap() {
        let learning = if case["learn_aliases"] == false { Learning::Off } else { Learning::On };
        let mut registry = Registry::new(learning);
        for create in case["creates"].as_array().unwrap() {
            let server = id(create["serverId"].as_str().unwrap());
            registry.insert(server.clone(), created(create["receivedAtMs"].as_u64().unwrap()));
            let alias = format!("other-name-of-{server}");
            match create["alias"].as_str() {
                Some("explicit") => assert!(registry.bind(&alias, &server, Replace::Refuse).unwrap().is_some()),
                Some("learned") => registry.restore(AliasBinding { alias, server, kind: AliasKind::Learned }),
                _ => {}
            }
        }
        let raw = case["id"].as_str().unwrap();
        match (registry.resolve_or_learn(raw), case["server"].as_str()) {
            (Ok(found), Some(server)) => {
                assert_eq!(found.server.as_str(), server, "{case}");
                let learned = found.learned.expect("it was not known before");
                assert_eq!((learned.alias.as_str(), learned.kind), (raw, AliasKind::Learned));
                assert_eq!(registry.resolve(raw).unwrap().as_str(), server, "what was learned stays");
            }
            (Err(failure), None) => {
                assert_eq!(failure.code.as_str(), case["error"], "{case}");
                assert_eq!(registry.aliases.values().filter(|(_, kind)| *kind == AliasKind::Learned).count(), {
                    let creates = case["creates"].as_array().unwrap();
                    creates.iter().filter(|create| create["alias"] == "learned").count()
                });
            }
            (result, _) => panic!("{case}: {result:?}"),
        }
    }
}

/// P-172: a removed server may be the one the cuid belongs to.
#[test]
fn a_removed_server_still_guards_against_learning() {
    let mut registry = Registry::new(Learning::On);
    registry.insert(id(HTTP), created(CUID_MADE_AT_MS + 100));
    registry.insert(id(WS), created(CUID_MADE_AT_MS + 900));
    registry.remove(&id(WS));
    assert_eq!(registry.learn(CUID), None);

    let mut after_restart = Registry::new(Learning::On);
    after_restart.insert(id(HTTP), created(CUID_MADE_AT_MS + 100));
    after_restart.remember_removed(CUID_MADE_AT_MS + 900);
    assert_eq!(after_restart.learn(CUID), None);
}

/// P-172: only a create command makes a candidate; an adopted server only stands in the way.
#[test]
fn adopted_servers_are_never_learned_but_guard() {
    let mut registry = Registry::new(Learning::On);
    registry.insert(id(WS), Creation::Adopted { created_at_ms: Some(CUID_MADE_AT_MS + 100) });
    assert_eq!(registry.learn(CUID), None);
    registry.insert(id(HTTP), created(CUID_MADE_AT_MS + 100));
    assert_eq!(registry.learn(CUID), None);
    registry.remove(&id(WS));
    assert_eq!(registry.learn(CUID), None, "removed adopted servers guard too");
    let mut of_unknown_age = Registry::new(Learning::On);
    of_unknown_age.insert(id(WS), Creation::Adopted { created_at_ms: None });
    of_unknown_age.insert(id(HTTP), created(CUID_MADE_AT_MS + 100));
    assert!(of_unknown_age.learn(CUID).is_some());
}

/// P-139: `delete_by_short_id` is SERVER_NOT_FOUND; learned aliases remove nothing.
#[test]
fn removal_takes_only_exact_uuid_or_explicit_names() {
    let mut registry = registry(&[HTTP, WS]);
    registry.restore(AliasBinding { alias: CUID.into(), server: id(HTTP), kind: AliasKind::Learned });
    registry.bind("my-server", &id(WS), Replace::Refuse).unwrap();
    for (raw, server) in [
        (HTTP, HTTP),
        ("4B25F217-3D6B-78E7-0F57-373618A68540", HTTP),
        ("9f1c7a523e644d0b8a771f2e5b90c4d3", WS),
        ("my-server", WS),
    ] {
        assert_eq!(registry.resolve_for_removal(raw).unwrap().as_str(), server);
    }
    for raw in ["4b25f217", CUID] {
        assert!(registry.resolve(raw).is_ok(), "{raw} is good enough for other commands");
        assert_eq!(code(registry.resolve_for_removal(raw)), FailureCode::ServerNotFound, "{raw}");
    }
    assert_eq!(code(registry.resolve_for_removal("../x")), FailureCode::InvalidServerId);
}

/// P-139, P-166: a short id that a create named is explicit, until another server answers to it as well.
#[test]
fn an_explicit_short_id_removes_nothing_once_it_is_ambiguous() {
    let mut registry = registry(&[WS]);
    registry.bind("9f1c7a52", &id(WS), Replace::Refuse).unwrap();
    assert_eq!(registry.resolve_for_removal("9f1c7a52").unwrap().as_str(), WS);
    registry.insert(id("9f1c7a52-0000-4000-8000-000000000001"), created(0));
    assert_eq!(code(registry.resolve("9f1c7a52")), FailureCode::AmbiguousId);
    assert_eq!(code(registry.resolve_for_removal("9f1c7a52")), FailureCode::ServerNotFound);
}

/// P-170: ids are kept byte for byte, so two spellings of one uuid can both be servers.
#[test]
fn two_spellings_of_one_uuid_are_ambiguous_in_a_third() {
    let registry = registry(&[WS, "9F1C7A523E644D0B8A771F2E5B90C4D3"]);
    assert_eq!(registry.resolve(WS).unwrap().as_str(), WS);
    assert_eq!(code(registry.resolve("9f1c7a523e644d0b8a771f2e5b90c4d3")), FailureCode::AmbiguousId);
    assert_eq!(code(registry.resolve_for_removal("9f1c7a523e644d0b8a771f2e5b90c4d3")), FailureCode::AmbiguousId);
}

/// P-171.
#[test]
fn an_alias_of_another_server_is_a_conflict_unless_replaced() {
    let mut registry = registry(&[HTTP, WS]);
    assert!(registry.bind("name", &id(HTTP), Replace::Refuse).unwrap().is_some());
    assert_eq!(registry.bind("name", &id(HTTP), Replace::Refuse).unwrap(), None, "nothing to write twice");
    assert_eq!(code(registry.bind("name", &id(WS), Replace::Refuse)), FailureCode::AliasConflict);
    assert_eq!(code(registry.unbind("name", &id(WS))), FailureCode::AliasConflict);
    let replaced = registry.bind("name", &id(WS), Replace::Allow).unwrap().unwrap();
    assert_eq!(replaced.server.as_str(), WS);
    assert_eq!(registry.resolve("name").unwrap().as_str(), WS);
    assert!(registry.unbind("name", &id(WS)).unwrap().is_some());
    assert_eq!(registry.unbind("name", &id(WS)).unwrap(), None);
    assert_eq!(code(registry.resolve("name")), FailureCode::ServerNotFound);
}

/// P-171: what somebody says outweighs what was concluded.
#[test]
fn an_explicit_alias_replaces_a_learned_one() {
    let mut registry = registry(&[HTTP, WS]);
    registry.restore(AliasBinding { alias: CUID.into(), server: id(HTTP), kind: AliasKind::Learned });
    registry.bind(CUID, &id(WS), Replace::Refuse).unwrap();
    assert_eq!(registry.resolve_for_removal(CUID).unwrap().as_str(), WS);
    registry.restore(AliasBinding { alias: "own".into(), server: id(WS), kind: AliasKind::Learned });
    let upgraded = registry.bind("own", &id(WS), Replace::Refuse).unwrap().unwrap();
    assert_eq!(upgraded.kind, AliasKind::Explicit);
}

/// P-171.
#[test]
fn an_alias_never_hides_a_canonical_id() {
    let mut registry = registry(&[HTTP, WS]);
    for taken in [WS, "9f1c7a523e644d0b8a771f2e5b90c4d3", "9f1c7a52"] {
        assert_eq!(code(registry.bind(taken, &id(HTTP), Replace::Allow)), FailureCode::AliasConflict, "{taken}");
    }
    registry.bind("later", &id(HTTP), Replace::Refuse).unwrap();
    let hidden = registry.insert(id("later"), created(0)).unwrap();
    assert_eq!(hidden.alias, "later");
    assert_eq!(registry.resolve("later").unwrap().as_str(), "later");
    registry.remove(&id("later"));
    assert_eq!(code(registry.resolve("later")), FailureCode::ServerNotFound, "the alias does not come back");
}

#[test]
fn removing_a_server_removes_its_aliases() {
    let mut registry = registry(&[HTTP, WS]);
    registry.bind("one", &id(HTTP), Replace::Refuse).unwrap();
    registry.bind("two", &id(HTTP), Replace::Refuse).unwrap();
    registry.bind("three", &id(WS), Replace::Refuse).unwrap();
    let removed: Vec<String> = registry.remove(&id(HTTP)).into_iter().map(|binding| binding.alias).collect();
    assert_eq!(removed, ["one", "two"]);
    assert_eq!(code(registry.resolve("one")), FailureCode::ServerNotFound);
    assert_eq!(code(registry.resolve("4b25f217")), FailureCode::ServerNotFound);
    assert_eq!(registry.resolve("three").unwrap().as_str(), WS);
}

#[test]
fn aliases_per_server_are_bounded() {
    let mut registry = registry(&[HTTP]);
    for number in 0..MAX_ALIASES_PER_SERVER {
        registry.bind(&format!("alias-{number}"), &id(HTTP), Replace::Refuse).unwrap();
    }
    assert_eq!(code(registry.bind("one-more", &id(HTTP), Replace::Refuse)), FailureCode::InsufficientResources);
}

/// P-168, hostile/wrong-types.list.json#alias-path.
#[test]
fn an_alias_has_the_shape_of_an_id() {
    let mut registry = registry(&[HTTP]);
    assert_eq!(code(registry.bind("../x", &id(HTTP), Replace::Allow)), FailureCode::InvalidServerId);
    assert_eq!(code(registry.unbind("../x", &id(HTTP))), FailureCode::InvalidServerId);
    assert_eq!(code(registry.bind("x", &id("nobody"), Replace::Allow)), FailureCode::ServerNotFound);
}

/// P-170: http/responses/errors.list.json.
#[test]
fn the_text_for_an_unknown_cuid_names_bind_alias() {
    let registry = registry(&[]);
    assert_eq!(registry.resolve(HTTP).unwrap_err().message, format!("Unknown server {HTTP}"));
    assert_eq!(registry.resolve(CUID).unwrap_err().message, format!("Unknown server {CUID}; bind it with bind_alias"));
}

/// P-173.
#[test]
fn two_ids_in_one_command_must_mean_one_server() {
    let mut registry = registry(&[HTTP, WS]);
    registry.bind(CUID, &id(HTTP), Replace::Refuse).unwrap();
    for (first, second) in [(HTTP, CUID), ("4b25f217", HTTP), ("unknown", "unknown")] {
        assert_eq!(registry.agree(first, second), Ok(()), "{first} {second}");
    }
    for (first, second) in [(HTTP, WS), (HTTP, "unknown"), ("unknown", "other")] {
        assert_eq!(code(registry.agree(first, second)), FailureCode::InvalidRequest, "{first} {second}");
    }
}
