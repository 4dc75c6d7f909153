use serde_json::{Value, json};

use super::*;
use crate::action::Action;
use crate::params::{
    BindAliasParams, ConsoleCommandParams, ConsoleHistoryPage, HistoryParams, PageStart, PowerParams, SignalName,
    StopParams,
};
use crate::testing::{fixture_bytes, items};

fn read(body: &Value) -> Result<Request, BodyError> {
    parse_body(body.to_string().as_bytes())
}

#[track_caller]
fn refusal(result: Result<Request, BodyError>) -> Rejection {
    match result {
        Err(BodyError::Refused(rejection)) => rejection,
        other => panic!("not refused but {other:?}"),
    }
}

#[test]
fn every_request_of_the_stock_panels_is_read() {
    // P-79.
    for file in [
        "lifecycle",
        "metrics",
        "files-read",
        "files-write",
        "uploads",
        "archive",
        "console-no-payload",
        "console-payload",
        "ours",
    ] {
        for (name, request) in items(&format!("http/requests/{file}.list.json"), "request") {
            let body = &request["body"];
            let read = read(body).unwrap_or_else(|error| panic!("{file}#{name}: {error}"));
            assert_eq!(Some(read.action), Action::from_name(body["action"].as_str().unwrap()), "{file}#{name}");
            assert_eq!(read.server_id.as_deref(), body["serverId"].as_str(), "{file}#{name}");
            assert_eq!(read.params, body["payload"].as_object().cloned().unwrap_or_default(), "{file}#{name}");
            assert_eq!((read.id, read.style), (RequestId::Absent, Style::Http), "{file}#{name}");
        }
    }
}

#[test]
fn a_body_that_is_not_json_is_told_from_a_bad_command() {
    // P-81, P-215.
    for name in ["truncated", "not-json", "empty", "trailing-bytes", "nan", "number-overflow"] {
        assert_eq!(parse_body(&fixture_bytes(&format!("hostile/{name}.txt"))), Err(BodyError::NotJson), "{name}");
    }
    assert_eq!(parse_body(b"{\"action\":\"\xff\"}"), Err(BodyError::NotJson));
    let deep = refusal(parse_body(&fixture_bytes("hostile/deep-nesting.txt")));
    assert_eq!(deep.code, Code::InvalidRequest);
    assert_eq!(deep.message, "the body is nested deeper than 32 levels");
}

#[test]
fn whatever_an_administrator_forwards_gets_an_answer() {
    // P-82.
    for (name, body) in items("hostile/top-level.list.json", "body") {
        assert_eq!(refusal(read(&body)).code, Code::InvalidRequest, "{name}");
    }
}

#[test]
fn duplicate_keys_and_surrogates_do_no_harm() {
    // P-83, P-214.
    let duplicate = parse_body(&fixture_bytes("hostile/duplicate-keys.json")).unwrap();
    assert_eq!(duplicate.action, Action::GetServerStatus, "nothing is killed");
    assert_eq!(duplicate.server_id.as_deref(), Some("4b25f2173d6b78e70f57373618a68540"));
    let surrogate = parse_body(&fixture_bytes("hostile/lone-surrogate.json")).unwrap();
    assert_eq!(surrogate.params["content"], "a\u{FFFD}b");
}

#[test]
fn wrong_types_have_the_code_their_rule_names() {
    // P-168, P-179, P-216. The file parameters are not read by this crate yet.
    let mut checked = 0;
    for (name, body) in items("hostile/wrong-types.list.json", "body") {
        let code = items("hostile/wrong-types.list.json", "code").into_iter().find(|item| item.0 == name).unwrap().1;
        let found = match read(&body) {
            Err(BodyError::Refused(rejection)) => rejection.code,
            Err(BodyError::NotJson) => panic!("{name} is JSON"),
            Ok(request) => match name.as_str() {
                "command-list" => ConsoleCommandParams::from_map(&request.params).unwrap_err().code,
                "power-word" => PowerParams::from_map(&request.params).unwrap_err().code,
                "alias-path" => BindAliasParams::from_map(&request.params).unwrap_err().code,
                _ => continue,
            },
        };
        checked += 1;
        assert_eq!(json!(found.as_str()), code, "{name}");
    }
    assert_eq!(checked, 7);
}

#[test]
fn huge_values_are_clamped_or_refused() {
    // P-31, P-107, P-111, P-181, P-182, P-213, P-216.
    for (name, body) in items("hostile/huge-values.list.json", "body") {
        let result = read(&body);
        let stop = |request: Request| StopParams::from_map(&request.params);
        match name.as_str() {
            "timeout-2^64" | "timeout-1e308" => assert_eq!(stop(result.unwrap()).grace_seconds, 300, "{name}"),
            "timeout-min" => assert_eq!(stop(result.unwrap()).grace_seconds, 0),
            "signal-2^31" => {
                let params = stop(result.unwrap());
                assert_eq!((params.signal, params.warnings.len()), (SignalName::Term, 1));
            }
            "lines-1e18" => assert_eq!(HistoryParams::from_map(&result.unwrap().params).unwrap().lines, 10_000),
            "from-seq-2^53" => {
                let page = ConsoleHistoryPage::from_map(&result.unwrap().params).unwrap();
                assert_eq!(page, ConsoleHistoryPage { start: PageStart::From(9_007_199_254_740_993), limit: 5_000 });
            }
            "long-action" => {
                let rejection = refusal(result);
                assert_eq!(rejection.code, Code::UnknownAction);
                assert_eq!(rejection.message, format!("Unknown action: {}", "x".repeat(100)));
            }
            "long-id" => assert_eq!(refusal(result).code, Code::InvalidRequest),
            other => panic!("new item {other}"),
        }
    }
}
