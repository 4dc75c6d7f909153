use serde_json::{Value, json};

use super::*;
use crate::testing::{fixture, items};

const HTTP_SERVER: &str = "4b25f2173d6b78e70f57373618a68540";

#[track_caller]
fn read(command: Value, style: Style) -> Result<Request, Rejection> {
    normalise::command(command.as_object().unwrap().clone(), style)
}

#[track_caller]
fn ok(command: Value) -> Request {
    read(command, Style::Http).unwrap()
}

#[track_caller]
fn refused(command: Value) -> Rejection {
    read(command, Style::Http).unwrap_err()
}

#[test]
fn the_server_id_is_the_first_of_four_places() {
    // P-178.
    let places = [
        json!({"action":"start","serverId":"a","payload":{"serverId":"b"},"data":{"serverId":"c","payload":{"serverId":"d"}}}),
        json!({"action":"start","payload":{"serverId":"b"},"data":{"serverId":"c","payload":{"serverId":"d"}}}),
        json!({"action":"start","data":{"serverId":"c","payload":{"serverId":"d"}}}),
        json!({"action":"start","data":{"payload":{"serverId":"d"}}}),
    ];
    for (command, ids) in
        places.into_iter().zip([vec!["a", "b", "c", "d"], vec!["b", "c", "d"], vec!["c", "d"], vec!["d"]])
    {
        let request = ok(command);
        assert_eq!(request.server_id.as_deref(), Some(ids[0]));
        assert_eq!(request.other_server_ids, ids[1..], "P-173: the dispatcher must see them all");
    }
}

#[test]
fn ids_that_agree_are_one_and_null_is_none() {
    let request = ok(json!({"action":"start","serverId":null,"payload":{"serverId":"a"},"data":{"serverId":"a"}}));
    assert_eq!(request.server_id.as_deref(), Some("a"));
    assert!(request.other_server_ids.is_empty());
}

#[test]
fn a_second_id_that_is_malformed_is_refused_too() {
    // P-168.
    let rejection = refused(json!({"action":"start","serverId":"a","payload":{"serverId":"../b"}}));
    assert_eq!(rejection.code, Code::InvalidServerId);
    assert!(!rejection.message.contains(".."), "what came is not repeated");
}

#[test]
fn payload_wins_over_data_key_by_key() {
    // P-179.
    let request =
        ok(json!({"action":"stop","serverId":"a","data":{"signal":"INT","timeout":5},"payload":{"timeout":9,"x":1}}));
    assert_eq!(Value::Object(request.params), json!({"signal":"INT","timeout":9,"x":1}));
    assert!(!request.go_envelope);
}

#[test]
fn null_parts_count_as_absent_and_other_types_are_refused() {
    // P-179.
    let request = ok(json!({"action":"stop","serverId":"a","payload":null,"data":null}));
    assert!(request.params.is_empty());
    for part in ["payload", "data"] {
        for value in [json!("now"), json!([1]), json!(5), json!(false)] {
            let mut command = json!({"action":"stop","serverId":"a"});
            command[part] = value;
            let rejection = refused(command);
            assert_eq!(rejection.code, Code::InvalidRequest);
            assert_eq!(rejection.server_id.as_deref(), Some("a"));
        }
    }
}

#[test]
fn a_command_inside_data_is_the_command() {
    // P-180.
    let request = ok(json!({"data":{"id":"inner","action":"stop","serverId":"a","payload":{"timeout":3}}}));
    assert_eq!(request.id, RequestId::Text("inner".to_owned()));
    assert_eq!(request.action, Action::StopServer);
    assert_eq!(Value::Object(request.params), json!({"timeout":3}));
    let outer = ok(json!({"id":"outer","data":{"id":"inner","action":"stop","serverId":"a"}}));
    assert_eq!(outer.id, RequestId::Text("outer".to_owned()));
    let parameters = ok(json!({"action":"power","data":{"action":"kill","serverId":"a"}}));
    assert_eq!(parameters.action, Action::ServerPower, "with an action outside, data are parameters");
    assert_eq!(parameters.params["action"], "kill");
}

#[test]
fn parameters_in_data_alone_are_a_go_envelope() {
    // P-199.
    for (name, request) in items("http/requests/go-envelope.list.json", "request") {
        let request = ok(request["body"].clone());
        let has_data = !matches!(name.as_str(), "list_servers" | "system.ping" | "system.status" | "docker.list");
        assert_eq!(request.go_envelope, has_data, "{name}");
        if request.action.needs_server() {
            assert_eq!(request.server_id.as_deref(), Some("minecraft-001"), "{name}");
            assert!(!request.params.contains_key("serverId"), "{name}");
        }
    }
}

#[test]
fn ids_keep_their_json_type() {
    // P-31.
    let cases = [
        (json!("x"), Some(RequestId::Text("x".to_owned()))),
        (json!(42), Some(RequestId::Number(42))),
        (json!(-1), Some(RequestId::Number(-1))),
        (json!(42.0), Some(RequestId::Number(42))),
        (json!(null), Some(RequestId::Null)),
        (json!("é".repeat(128)), Some(RequestId::Text("é".repeat(128)))),
        (json!("x".repeat(129)), None),
        (json!(""), None),
        (json!(1.5), None),
        (json!(u64::MAX), None),
        (json!(true), None),
        (json!({"a":1}), None),
        (json!([1]), None),
    ];
    for (value, expected) in cases {
        assert_eq!(RequestId::from_value(Some(&value)), expected, "{value}");
        if let Some(id) = expected.filter(|id| *id != RequestId::Number(42)) {
            assert_eq!(serde_json::to_value(&id).unwrap(), value);
        }
    }
    let rejection = refused(json!({"id":{"a":1},"action":"start","serverId":"a"}));
    assert_eq!((rejection.code, rejection.id), (Code::InvalidRequest, RequestId::Null));
}

#[test]
fn an_unknown_action_is_named_with_at_most_100_characters() {
    // P-213.
    let rejection = refused(json!({"id":7,"action":"ü".repeat(300),"serverId":"a"}));
    assert_eq!(rejection.code, Code::UnknownAction);
    assert_eq!(rejection.message, format!("Unknown action: {}", "ü".repeat(100)));
    assert_eq!(rejection.id, RequestId::Number(7));
}

#[test]
fn actions_of_the_node_take_no_notice_of_a_server_id() {
    // P-214.
    let request = ok(json!({"action":"list_servers","serverId":["x"]}));
    assert_eq!(request.server_id, None);
}

#[test]
fn server_ids_are_checked_as_the_vectors_say() {
    // P-168; the resolving of P-170 is the dispatcher's.
    for case in fixture("vectors/identity.json")["cases"].as_array().unwrap() {
        let result = read(json!({"action":"start","serverId":case["id"]}), Style::Http);
        if case["error"] == "INVALID_SERVER_ID" {
            assert_eq!(result.unwrap_err().code, Code::InvalidServerId, "{case}");
        } else {
            assert_eq!(result.unwrap().server_id.as_deref(), case["id"].as_str(), "{case}");
        }
    }
    assert_eq!(ok(json!({"action":"start","serverId":HTTP_SERVER})).style, Style::Http);
}
