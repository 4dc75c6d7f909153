use serde_json::{Value, json};

use super::*;
use crate::testing::{fixture, items};

#[track_caller]
fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn errors_have_the_contracts_shape() {
    // P-80, P-81, P-210.
    for (name, response) in items("http/responses/errors.list.json", "response") {
        let theirs = &response["body"];
        let code = Code::from_name(theirs["code"].as_str().unwrap()).unwrap();
        let ours = match name.as_str() {
            "not-json" => not_json(),
            "unauthorized" => unauthorized(),
            "too-large" => too_large(64 << 20),
            _ => failure(&RequestId::Absent, code, theirs["error"].as_str().unwrap()),
        };
        assert_eq!(ours, theirs.to_string(), "{name}");
    }
}

#[test]
fn an_answer_in_progress_is_the_contracts_to_the_byte() {
    // P-17, P-80.
    let theirs = &fixture("http/responses/command-in-progress.json")["body"];
    assert_eq!(success(&RequestId::Absent, theirs["message"].as_str(), &theirs["data"]), theirs.to_string());
}

#[test]
fn data_is_an_object_even_without_data() {
    // P-80.
    assert_eq!(success(&RequestId::Absent, None, &Value::Null), r#"{"success":true,"data":{}}"#);
    assert_eq!(success(&RequestId::Absent, None, &[1]), r#"{"success":true,"data":{"value":[1]}}"#);
}

#[test]
fn an_id_is_echoed_with_its_type_and_only_if_there_was_one() {
    // P-31.
    let with = |id: RequestId| body(&success(&id, None, &json!({})));
    assert_eq!(with(RequestId::Absent).get("id"), None);
    assert_eq!(with(RequestId::Null)["id"], Value::Null);
    assert_eq!(with(RequestId::Text("7".to_owned()))["id"], "7");
    assert_eq!(with(RequestId::Number(7))["id"], 7);
    assert_eq!(body(&failure(&RequestId::Number(7), Code::Timeout, "late"))["id"], 7);
}

#[test]
fn health_and_status_are_the_contracts_to_the_byte() {
    // P-77, P-78.
    let health = &fixture("http/responses/health.json")["body"];
    let now = Timestamp::parse(health["timestamp"].as_str().unwrap()).unwrap();
    let ours = Health::new("node-1", "1.0.0", now, 5321, false, DockerState::Ok);
    assert_eq!(ours.to_text(), health.to_string());
    assert!(serde_json::from_value::<Health>(health.clone()).unwrap().is_healthy());
    let status = &fixture("http/responses/status.json")["body"];
    assert_eq!(AgentStatus::new("1.0.0", 5321, 3).to_text(), status.to_string());
}
