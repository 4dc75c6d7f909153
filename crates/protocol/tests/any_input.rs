//! No input, however made, panics a reader or gets past its own promises.

use cap_protocol::Object;
use cap_protocol::create::{CreateRequest, UpdateRequest};
use cap_protocol::http::parse_body;
use cap_protocol::inbound::{Inbound, parse_frame};
use cap_protocol::json::{self, JsonError};
use cap_protocol::outbound::Frame;
use cap_protocol::params::{
    BindAliasParams, ConsoleCommandParams, ConsoleHistoryPage, ConsoleInputParams, DeleteParams, GetOperationParams,
    HistoryParams, ListServersParams, LogsParams, PowerParams, ReinstallParams, StopParams, SubscribeParams,
};
use cap_protocol::request::{Request, is_server_id};
use proptest::prelude::*;
use serde_json::Value;

/// Keys the readers look at.
const KEYS: [&str; 44] = [
    "type",
    "id",
    "messageId",
    "action",
    "serverId",
    "payload",
    "data",
    "timestamp",
    "epoch",
    "lastSeq",
    "seq",
    "reconnectSpread",
    "signal",
    "timeout",
    "command",
    "input",
    "lines",
    "fromSeq",
    "beforeSeq",
    "limit",
    "consoleEpoch",
    "keepFiles",
    "operationId",
    "alias",
    "status",
    "image",
    "startup",
    "environment",
    "limits",
    "memory",
    "swap",
    "cpu",
    "disk",
    "io",
    "ports",
    "allocation",
    "allocations",
    "eggConfig",
    "stop",
    "configStartup",
    "threads",
    "install",
    "port",
    "envVariable",
];

/// Texts the readers branch on, and texts that hurt.
const TEXTS: [&str; 34] = [
    "",
    "command",
    "ping",
    "resume",
    "ack",
    "link_policy",
    "server_start",
    "server_create",
    "server_power",
    "console",
    "start_server",
    "create_server",
    "console:command",
    "list_servers",
    "a",
    "../x",
    "4b25f2173d6b78e70f57373618a68540",
    "SIGTERM",
    "^C",
    "9",
    "30",
    "1.5g",
    "-1",
    "150%",
    "0-3,5",
    "25565:25565/udp",
    "ubuntu:20.04",
    "a@sha256:00",
    "A=b",
    "{\"A\":1}",
    "regex:(",
    "\u{0}",
    "\u{1F600}é",
    "99999999999999999999999999",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-10_i64..70_000).prop_map(Value::from),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => ".{0,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..12).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A message that gets further than most: an object with a known type or action and server.
fn message() -> impl Strategy<Value = Value> {
    let head = (prop::sample::select(&TEXTS[1..16]), prop::sample::select(&TEXTS[10..14]), value());
    (head, prop::collection::vec((key(), value()), 0..10)).prop_map(|((kind, action, payload), pairs)| {
        let mut object: Object = pairs.into_iter().collect();
        object.insert("type".to_owned(), kind.into());
        object.insert("action".to_owned(), action.into());
        object.entry("serverId").or_insert_with(|| "a".into());
        object.entry("payload").or_insert(payload);
        Value::Object(object)
    })
}

fn check_request(request: &Request) {
    assert_eq!(request.server_id.is_some(), request.action.needs_server());
    for id in request.server_id.iter().chain(&request.other_server_ids) {
        assert!(is_server_id(id), "{id:?}");
    }
    read_params(&request.params);
}

/// Reads them all; what each promises about its result must hold.
fn read_params(params: &Object) {
    assert!(StopParams::from_map(params).grace_seconds <= 300);
    if let Ok(history) = HistoryParams::from_map(params) {
        assert!((1..=10_000).contains(&history.lines));
    }
    if let Ok(page) = ConsoleHistoryPage::from_map(params) {
        assert!((1..=5_000).contains(&page.limit));
    }
    if let Ok(bind) = BindAliasParams::from_map(params) {
        assert!(is_server_id(&bind.alias));
    }
    if let Ok(created) = CreateRequest::from_map(params) {
        assert!(created.ports.iter().all(|port| port.internal != 0 && port.external != 0));
        assert!(created.limits.memory_bytes.is_none_or(|bytes| (6 << 20..1 << 53).contains(&bytes)));
        assert!(created.limits.io_weight.is_none_or(|weight| (10..=1000).contains(&weight)));
        assert!(created.aliases.iter().all(|alias| is_server_id(alias)));
        assert!(created.environment.keys().all(|name| !name.is_empty() && !name.contains(['=', '\0'])));
        assert!(!created.image.contains(|character: char| character.is_whitespace() || character.is_control()));
    }
    // These promise nothing but an answer.
    let _ = UpdateRequest::from_map(params);
    let _ = PowerParams::from_map(params);
    let _ = ConsoleCommandParams::from_map(params);
    let _ = ConsoleInputParams::from_map(params);
    let _ = LogsParams::from_map(params);
    let _ = SubscribeParams::from_map(params);
    let _ = DeleteParams::from_map(params);
    let _ = ReinstallParams::from_map(params);
    let _ = GetOperationParams::from_map(params);
    let _ = ListServersParams::from_map(params);
}

fn read_all(bytes: &[u8]) {
    if let Inbound::Request(request) = parse_frame(bytes) {
        check_request(&request);
    }
    if let Ok(request) = parse_body(bytes) {
        check_request(&request);
    }
    if let Ok(frame) = Frame::read(bytes) {
        assert_eq!(Frame::read(frame.to_text().as_bytes()).expect("what is written is read"), frame);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn bytes_that_look_like_json_are_read_as_serde_reads_them(
        bytes in r#"([\[\]{}:,"\\ 0-9eE.+-]|\\u[dD][89a-fA-F][0-9a-f]{2}|true|null|"[a-z]{0,3}"|é){0,40}"#
    ) {
        read_all(bytes.as_bytes());
        let plain = serde_json::from_slice::<Value>(bytes.as_bytes());
        match (json::parse(bytes.as_bytes()), plain) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
            (Err(JsonError::TooDeep), _) => {}
            (Err(error), Ok(_)) => prop_assert!(false, "refused with {} what serde takes", error),
            // Only a lone surrogate makes us take more.
            (Ok(_), Err(_)) => prop_assert!(bytes.contains("\\u")),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn arbitrary_json_is_answered(value in value()) {
        let text = value.to_string();
        prop_assert_eq!(&json::parse(text.as_bytes()).expect("it is JSON of few levels"), &value);
        read_all(text.as_bytes());
        if let Value::Object(params) = &value {
            read_params(params);
        }
    }

    #[test]
    fn plausible_messages_are_answered(message in message()) {
        read_all(message.to_string().as_bytes());
    }

    #[test]
    fn every_text_survives_escaping(text in any::<String>()) {
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        prop_assert_eq!(json::parse(format!("\"{escaped}\"").as_bytes()), Ok(Value::from(text)));
    }

    #[test]
    fn every_sequence_of_code_units_is_read_as_lossy_utf16(units in prop::collection::vec(
        prop_oneof![0xD7F0_u16..0xE010, any::<u16>()], 0..12
    )) {
        let escaped: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
        let expected = String::from_utf16_lossy(&units);
        prop_assert_eq!(json::parse(format!("\"{escaped}\"").as_bytes()), Ok(Value::from(expected)));
    }
}
