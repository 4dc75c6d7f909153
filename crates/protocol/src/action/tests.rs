use super::*;
use crate::testing::fixture;

#[test]
fn the_table_has_one_row_per_action_in_order() {
    for (place, entry) in TABLE.iter().enumerate() {
        assert_eq!(entry.action as usize, place, "{}", entry.name);
    }
}

/// P-175, P-177, P-213.
#[test]
fn every_name_of_the_vectors_is_understood() {
    let cases = fixture("vectors/action-names.json");
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 100);
    for case in cases {
        let name = case["in"].as_str().unwrap();
        assert_eq!(Action::from_name(name).map(Action::name), case["out"].as_str(), "{name:?}");
    }
}

#[test]
fn names_are_unique_after_folding() {
    let mut seen = std::collections::BTreeSet::new();
    for entry in &TABLE {
        assert!(seen.insert(fold(entry.name)), "{}", entry.name);
        for alias in entry.aliases {
            assert_eq!(fold(alias), **alias, "aliases are written folded");
            assert!(seen.insert((*alias).to_owned()), "{alias}");
        }
    }
}

#[test]
fn a_name_of_any_length_is_refused_without_effort() {
    assert_eq!(Action::from_name(&"x".repeat(1 << 20)), None);
    assert_eq!(Action::from_name("\u{212A}ill"), None, "a Kelvin sign is not a k");
}

#[test]
fn operations_have_their_word_and_queries_none() {
    assert_eq!(Action::KillServer.kind(), Kind::Operation { word: "stopping" });
    assert_eq!(Action::DeleteFile.kind(), Kind::Operation { word: "deleting" });
    assert_eq!(Action::ReadFile.kind(), Kind::Query);
    assert_eq!(Action::ServerPower.kind(), Kind::AsPowerTarget);
    assert!(Action::CreateServer.needs_server());
    assert!(!Action::ListServers.needs_server());
}
