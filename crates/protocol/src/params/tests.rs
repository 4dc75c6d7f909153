use serde_json::{Value, json};

use super::*;
use crate::status::StatusWord;
use crate::testing::fixture;

fn map(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

#[test]
fn stops_are_read_as_the_vectors_say() {
    // P-181, P-182, P-184.
    let cases = fixture("vectors/stop-signals.json");
    for case in cases.as_array().unwrap() {
        let params = StopParams::from_map(&map(case.clone()));
        let expected = &case["expect"];
        assert_eq!(params.signal.as_str(), expected["signal"], "{case}");
        assert_eq!(!params.warnings.is_empty(), expected["warning"], "{case}");
        match expected["timeoutSeconds"].as_u64() {
            Some(seconds) => assert_eq!(u64::from(params.grace_seconds), seconds, "{case}"),
            None => assert!(params.is_kill(), "{case}"),
        }
    }
    let absent = StopParams::from_map(&Object::new());
    assert_eq!(absent, StopParams { signal: SignalName::Term, grace_seconds: 30, warnings: Vec::new() });
}

#[test]
fn power_takes_action_before_signal_and_nothing_else() {
    // P-185.
    let power = |value| PowerParams::from_map(&map(value)).map(|params| params.power);
    assert_eq!(power(json!({"action":"start","signal":"kill"})), Ok(Power::Start));
    assert_eq!(power(json!({"action":null,"signal":"KILL"})), Ok(Power::Kill));
    for refused in [json!({}), json!({"action":"explode"}), json!({"action":["stop"]}), json!({"signal":15})] {
        assert_eq!(power(refused).unwrap_err().code, Code::InvalidRequest);
    }
}

#[test]
fn a_console_command_loses_one_newline_and_must_be_a_text() {
    // P-136.
    let line =
        |value: Value| ConsoleCommandParams::from_map(&map(json!({ "command": value }))).map(|params| params.line);
    assert_eq!(line(json!("say hi")), Ok("say hi".to_owned()));
    assert_eq!(line(json!("say hi\n")), Ok("say hi".to_owned()));
    assert_eq!(line(json!("say hi\r\n")), Ok("say hi".to_owned()));
    assert_eq!(line(json!("a\n\n")), Ok("a\n".to_owned()));
    assert_eq!(line(json!("")), Ok(String::new()));
    for refused in [json!(["stop"]), json!(5), json!(null), json!({}), json!("x".repeat(64 * 1024 + 1))] {
        assert_eq!(line(refused).unwrap_err().code, Code::InvalidRequest);
    }
    assert!(ConsoleCommandParams::from_map(&Object::new()).is_err());
    let input = ConsoleInputParams::from_map(&map(json!({"input":"y\n"}))).unwrap().input;
    assert_eq!(input, "y\n", "P-104: written raw");
}

#[test]
fn counts_of_lines_are_clamped_and_other_types_refused() {
    // P-107, P-112.
    let lines = |value: Value| HistoryParams::from_map(&map(json!({ "lines": value }))).map(|params| params.lines);
    for (value, expected) in [
        (json!(null), 100),
        (json!(50), 50),
        (json!("50"), 50),
        (json!(-5), 1),
        (json!(0), 1),
        (json!(1e18), 10_000),
        (json!("9".repeat(400)), 10_000),
    ] {
        assert_eq!(lines(value.clone()), Ok(expected), "{value}");
    }
    for refused in [json!("many"), json!(true), json!([1]), json!({}), json!("")] {
        assert_eq!(lines(refused).unwrap_err().code, Code::InvalidRequest);
    }
    assert_eq!(LogsParams::from_map(&Object::new()), Ok(LogsParams { lines: 100 }));
}

#[test]
fn pages_begin_where_they_are_asked_to() {
    // P-111.
    let page = |value| ConsoleHistoryPage::from_map(&map(value));
    assert_eq!(page(json!({})), Ok(ConsoleHistoryPage { start: PageStart::Newest, limit: 500 }));
    assert_eq!(page(json!({"beforeSeq":118})).unwrap().start, PageStart::Before(118));
    assert_eq!(page(json!({"fromSeq":"1","beforeSeq":118})).unwrap().start, PageStart::From(1));
    assert_eq!(page(json!({"limit":99999})).unwrap().limit, 5_000);
    for refused in [json!({"fromSeq":-1}), json!({"fromSeq":1.5}), json!({"beforeSeq":[]}), json!({"limit":"all"})] {
        assert_eq!(page(refused).unwrap_err().code, Code::InvalidRequest);
    }
}

#[test]
fn subscriptions_are_live_only_unless_a_line_is_named() {
    // P-74.
    let subscribe = |value| SubscribeParams::from_map(&map(value));
    assert_eq!(subscribe(json!({})), Ok(SubscribeParams { from_seq: None, console_epoch: None }));
    let expected = SubscribeParams { from_seq: Some(0), console_epoch: Some("c1".to_owned()) };
    assert_eq!(subscribe(json!({"fromSeq":0,"consoleEpoch":"c1"})), Ok(expected));
    assert!(subscribe(json!({"consoleEpoch":5})).is_err());
}

#[test]
fn flags_that_decide_about_data_are_never_guessed() {
    // P-91, P-94, P-216.
    let keep =
        |value: Value| DeleteParams::from_map(&map(json!({ "keepFiles": value }))).map(|params| params.keep_files);
    assert_eq!(DeleteParams::from_map(&Object::new()), Ok(DeleteParams { keep_files: false }));
    assert_eq!((keep(json!(true)), keep(json!(false)), keep(json!(null))), (Ok(true), Ok(false), Ok(false)));
    for refused in [json!("true"), json!(1), json!({})] {
        assert_eq!(keep(refused).unwrap_err().code, Code::InvalidRequest);
    }
    assert!(ReinstallParams::from_map(&map(json!({"wipeData":"yes"}))).is_err());
    assert_eq!(ReinstallParams::from_map(&map(json!({"wipeData":true}))), Ok(ReinstallParams { wipe_data: true }));
}

#[test]
fn an_alias_must_be_well_formed() {
    // P-100, P-168.
    let bind = |value| BindAliasParams::from_map(&map(value));
    let bound = bind(json!({"alias":"cmwovsctw000708l5h2k9q3xz","remove":true})).unwrap();
    assert_eq!((bound.alias.as_str(), bound.replace, bound.remove), ("cmwovsctw000708l5h2k9q3xz", false, true));
    assert_eq!(bind(json!({"alias":"../x"})).unwrap_err().code, Code::InvalidServerId);
    assert_eq!(bind(json!({"alias":5})).unwrap_err().code, Code::InvalidServerId);
    assert_eq!(bind(json!({})).unwrap_err().code, Code::InvalidRequest);
}

#[test]
fn operations_and_filters_are_named_by_texts() {
    // P-98, P-99, P-205.
    let operation = |value| GetOperationParams::from_map(&map(value));
    assert_eq!(operation(json!({"operationId":"op_1"})).unwrap().operation_id, "op_1");
    for refused in
        [json!({}), json!({"operationId":""}), json!({"operationId":5}), json!({"operationId":"x".repeat(129)})]
    {
        assert_eq!(operation(refused).unwrap_err().code, Code::InvalidRequest);
    }
    let filter =
        |value: Value| ListServersParams::from_map(&map(json!({ "status": value }))).map(|params| params.status);
    assert_eq!(filter(json!("offline")), Ok(Some(StatusWord::Stopped)));
    assert_eq!(filter(json!("RUNNING")), Ok(Some(StatusWord::Running)));
    assert_eq!((filter(json!(null)), filter(json!(""))), (Ok(None), Ok(None)));
    assert!(filter(json!("online")).is_err());
    assert!(filter(json!(["running"])).is_err());
}

#[test]
fn messages_name_the_parameter_and_not_its_value() {
    // P-208.
    let invalid = ConsoleCommandParams::from_map(&map(json!({"command":["secret"]}))).unwrap_err();
    assert_eq!(invalid.to_string(), "command must be a string");
    assert_eq!(invalid.field, "command");
}
