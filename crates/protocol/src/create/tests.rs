use super::*;
use crate::http::{BodyError, parse_body};
use crate::inbound::{Inbound, parse_frame};
use crate::params::SignalName;
use crate::request::Request;
use crate::testing::{fixture, item, items};

mod table;
mod units;

/// Reads a message of `create/`: a frame if it has a type, else an HTTP body.
#[track_caller]
fn request(message: &Value) -> Result<Request, Code> {
    let text = message.to_string();
    if message.get("type").is_none() {
        return parse_body(text.as_bytes()).map_err(|error| match error {
            BodyError::Refused(rejection) => rejection.code,
            BodyError::NotJson => panic!("the message is JSON"),
        });
    }
    match parse_frame(text.as_bytes()) {
        Inbound::Request(request) => Ok(*request),
        Inbound::Rejected(rejection) => Err(rejection.code),
        other => panic!("not a request but {other:?}"),
    }
}

#[track_caller]
fn create(params: Value) -> Result<CreateRequest, Invalid> {
    CreateRequest::from_map(params.as_object().unwrap())
}

#[track_caller]
fn update(message: &Value) -> Result<UpdateRequest, Invalid> {
    UpdateRequest::from_map(&request(message).unwrap().params)
}

#[test]
fn optional_keys_are_honoured_and_mounts_are_not() {
    // P-163, P-165, P-166, P-183.
    let params = request(&fixture("create/F-optional-keys.json")).unwrap().params;
    let created = CreateRequest::from_map(&params).unwrap();
    assert_eq!(created.stop, Some(StopSetting::Signal(SignalName::Int)));
    assert_eq!(created.startup_done, ["Done ("]);
    assert!(created.config_files.unwrap().contains_key("server.properties"));
    assert_eq!(created.config_logs.unwrap()["location"], "logs/latest.log");
    let install = InstallScript {
        script: "#!/bin/ash\necho hi\n".to_owned(),
        container: Some("alpine:3.4".to_owned()),
        entrypoint: Some("ash".to_owned()),
    };
    assert_eq!(created.install, Some(install));
    assert!(created.skip_scripts);
    assert!(!created.oom_killer);
    assert_eq!(created.file_denylist, ["*.lock"]);
    assert_eq!(created.aliases, ["cmwovsctw000708l5h2k9q3xz", "4b25f217"]);
    assert_eq!(created.warnings, ["mounts are decided by the node's own configuration and were ignored"]);
}

#[test]
fn what_later_features_need_is_kept_as_json() {
    // P-165.
    let params = request(&fixture("create/F-optional-keys.json")).unwrap().params;
    let kept = CreateRequest::from_map(&params).unwrap().kept();
    let keys: Vec<_> = kept.keys().map(String::as_str).collect();
    assert_eq!(keys, ["configFiles", "configLogs", "fileDenylist", "install", "skipScripts"]);
    for key in ["configFiles", "configLogs", "fileDenylist", "install"] {
        assert_eq!(kept[key], params[key].to_string(), "{key}");
    }
    assert!(create(json!({"image":"a"})).unwrap().kept().is_empty());
}

#[test]
fn optional_values_of_a_wrong_type_are_ignored_with_one_warning_each() {
    // P-165.
    let odd = json!({
        "image": "a", "name": 5, "startup_command": 5, "stop": {"type":"stop"}, "configStartup": {"done": 5},
        "configFiles": "not json", "configLogs": 5, "install": {"container":"x"}, "skipScripts": "maybe",
        "fileDenylist": [5], "oomKiller": [], "tty": 2, "id": 5, "uuid": "../x",
    });
    let given = odd.as_object().unwrap().len() - 1;
    let created = create(odd).unwrap();
    assert_eq!(created.warnings.len(), given, "{:#?}", created.warnings);
    let plain = create(json!({"image":"a"})).unwrap();
    assert_eq!(CreateRequest { warnings: Vec::new(), ..created }, plain);
}

#[test]
fn other_spellings_of_the_optional_keys_are_read() {
    // P-165.
    let created = create(json!({
        "image": "a", "startup": "", "startup_command": "./run", "configStop": "stop\n",
        "configStartup": "{\"done\":[\"Done\",\"\",\"regex:Ready.*\"]}", "scriptInstall": "echo", "scriptContainer": "alpine",
        "scriptEntry": "bash", "skipScripts": 1, "fileDenylist": "[\"a\"]", "tty": "yes", "uuid": "u", "dbId": "u",
    }))
    .unwrap();
    assert_eq!(created.startup.as_deref(), Some("./run"));
    assert_eq!(created.stop, Some(StopSetting::Command("stop".to_owned())));
    assert_eq!(created.startup_done, ["Done", "regex:Ready.*"]);
    assert_eq!(created.install.unwrap().entrypoint.as_deref(), Some("bash"));
    assert_eq!((created.skip_scripts, created.tty), (true, Some(true)));
    assert_eq!((created.file_denylist, created.aliases), (vec!["a".to_owned()], vec!["u".to_owned()]));
    assert_eq!(created.warnings, Vec::<String>::new());
}

#[test]
fn a_nested_configuration_wins() {
    // P-149.
    let created = create(json!({"image":"outer","name":"n","config":{"image":"middle"},"eggConfig":{"image":"inner"}}));
    assert_eq!(created.as_ref().map(|created| created.image.as_str()), Ok("inner"));
    assert_eq!(created.unwrap().name.as_deref(), Some("n"));
    let ignored = create(json!({"image":"outer","config":"text","eggConfig":null})).unwrap();
    assert_eq!(ignored.image, "outer");
}

#[test]
fn a_start_line_must_be_a_text_the_kernel_takes() {
    // P-150.
    for startup in [json!(5), json!(["java"]), json!("a\u{0}b")] {
        let invalid = create(json!({"image":"a","startup":startup})).unwrap_err();
        assert_eq!((invalid.code, invalid.field.as_str()), (Code::ConfigInvalid, "startup"));
    }
}

#[test]
fn dropped_variables_are_told_without_their_values() {
    // P-154, P-208.
    let message = item("create/hostile-environment.list.json", "bad-names", "message");
    let created = CreateRequest::from_map(&request(&message).unwrap().params).unwrap();
    assert_eq!(created.environment, BTreeMap::from([("OK".to_owned(), "e".to_owned())]));
    assert_eq!(created.warnings.len(), 4);
    let secret = create(json!({"image":"a","environment":{"PASSWORD=hunter2":"x"}})).unwrap();
    assert!(!secret.warnings[0].contains("hunter2"));
    for environment in
        [json!(["PASSWORD"]), json!([["A", "b"]]), json!([{"value":"x"}]), json!(true), json!("[\"A=b\"]")]
    {
        let invalid = create(json!({"image":"a","environment":environment})).unwrap_err();
        assert_eq!((invalid.code, invalid.field.as_str()), (Code::ConfigInvalid, "environment"));
    }
    let other_key = create(json!({"image":"a","environment":null,"variables":{"A":20.0}})).unwrap();
    assert_eq!(other_key.environment["A"], "20");
}

#[test]
fn the_first_image_error_names_what_is_missing() {
    // P-149.
    assert_eq!(create(json!({})).unwrap_err().to_string(), "image is required");
    assert_eq!(create(json!({"image":""})).unwrap_err().to_string(), "image is required");
}

#[test]
fn ports_that_clash_are_found_across_addresses() {
    // P-163.
    let ports = |value: Value| create(json!({"image":"a","ports":value})).map(|created| created.ports.len());
    let on = |ip: &str, internal: u16| json!({"ip":ip,"internal":internal,"external":80,"protocol":"tcp"});
    assert_eq!(ports(json!([on("192.0.2.1", 1), on("192.0.2.2", 2)])), Ok(2));
    assert_eq!(ports(json!(["80:1/tcp", "80:2/udp"])), Ok(2));
    for clash in [json!([on("0.0.0.0", 1), on("192.0.2.2", 2)]), json!(["80:1", "80:1/udp"]), json!([80, 80])] {
        assert_eq!(ports(clash).unwrap_err().code, Code::PortConflict);
    }
    for refused in [
        json!([-1]),
        json!([1.5]),
        json!({"x":1}),
        json!({"1/sctp":1}),
        json!({"1":"+2"}),
        json!([{}]),
        json!([{"internal":1,"protocol":6}]),
        json!([{"internal":1,"ip":"host"}]),
        json!("25565"),
        json!((1..=200).collect::<Vec<u16>>()),
    ] {
        assert_eq!(ports(refused.clone()).unwrap_err().code, Code::ConfigInvalid, "{refused}");
    }
    assert_eq!((ports(json!(null)), ports(json!([])), ports(json!(""))), (Ok(0), Ok(0), Ok(0)));
}

#[test]
fn the_primary_allocation_may_be_listed_twice() {
    // P-163.
    let main = json!({"ip":"192.0.2.1","port":27015,"isPrimary":true});
    let other = json!({"ip":"192.0.2.1","port":27016});
    let created = create(json!({"image":"a","allocation":main,"allocations":[main, other]})).unwrap();
    let found: Vec<_> =
        created.ports.iter().map(|port| (port.external, port.protocol.as_str(), port.primary)).collect();
    assert_eq!(found, [(27015, "tcp", true), (27015, "udp", false), (27016, "tcp", false), (27016, "udp", false)]);
    let twice = create(json!({"image":"a","allocations":[main, main]})).unwrap_err();
    assert_eq!(twice.code, Code::PortConflict);
}

#[test]
fn an_update_changes_only_what_it_names() {
    // P-167.
    let nothing = UpdateRequest::default();
    for (name, message) in items("create/E-ws-server-update.list.json", "message") {
        match name.as_str() {
            "limits" => {
                let expected = LimitsRequest {
                    memory_bytes: Some(2048 << 20),
                    swap: SwapLimit::None,
                    disk_bytes: Some(10240 << 20),
                    cpu_millis: Some(2000),
                    io_weight: Some(500),
                    threads: Some("0".to_owned()),
                };
                let before = LimitsRequest { threads: Some("0".to_owned()), ..LimitsRequest::default() };
                assert_eq!(update(&message).unwrap().limits.applied_to(before), expected);
            }
            "partial-limits" => {
                let limits = LimitChanges { memory_bytes: Change::Set(Some(2048 << 20)), ..LimitChanges::default() };
                assert_eq!(update(&message), Ok(UpdateRequest { limits, ..nothing.clone() }));
            }
            "environment" => {
                let environment = Change::Set(BTreeMap::from([("EULA".to_owned(), "TRUE".to_owned())]));
                assert_eq!(update(&message), Ok(UpdateRequest { environment, ..nothing.clone() }));
            }
            "startup" => {
                let startup = Change::Set(Some("java -jar new.jar".to_owned()));
                assert_eq!(update(&message), Ok(UpdateRequest { startup, ..nothing.clone() }));
            }
            "nothing" => assert_eq!(update(&message), Ok(nothing.clone())),
            "bad" => {
                let invalid = update(&message).unwrap_err();
                assert_eq!((invalid.code, invalid.field.as_str()), (Code::ConfigInvalid, "limits.cpu"));
            }
            other => panic!("new item {other}"),
        }
    }
}

#[test]
fn an_update_does_not_clear_by_accident() {
    // P-167.
    let update = |value: Value| UpdateRequest::from_map(value.as_object().unwrap()).unwrap();
    let odd = update(json!({"environment":null,"ports":null,"startup":null,"startup_command":5,"limits":null}));
    assert_eq!(UpdateRequest { warnings: Vec::new(), ..odd }, UpdateRequest::default());
    let cleared = update(json!({"environment":{},"ports":[],"startup":"","limits":{"memory":0}}));
    assert_eq!(cleared.environment, Change::Set(BTreeMap::new()));
    assert_eq!(cleared.ports, Change::Set(Vec::new()));
    assert_eq!(cleared.startup, Change::Set(None));
    assert_eq!(cleared.limits.memory_bytes, Change::Set(None));
    assert!(update(json!({"pullImage":true})).pull_image);
}
