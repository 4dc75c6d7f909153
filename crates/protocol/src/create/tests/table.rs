//! The table of the contract: what is understood of every message in `create/`.

use super::*;

/// The messages of a key: `file` or `file#item`.
#[track_caller]
fn message(key: &str) -> Value {
    match key.split_once('#') {
        None => fixture(&format!("create/{key}")),
        Some((file, name)) => item(&format!("create/{file}"), name, "message"),
    }
}

#[track_caller]
fn code_of(message: &Value) -> Option<Code> {
    match request(message) {
        Err(code) => Some(code),
        // P-173: with several ids the dispatcher refuses, unless all resolve to one server; in a create none is known.
        Ok(request) if !request.other_server_ids.is_empty() => Some(Code::InvalidRequest),
        Ok(request) => CreateRequest::from_map(&request.params).err().map(|invalid| invalid.code),
    }
}

/// What was understood, in the words of the table.
fn summary(request: &Request, created: &CreateRequest, expected: &Value) -> Value {
    let limits = &created.limits;
    let swap = match limits.swap {
        SwapLimit::None => 0,
        SwapLimit::Unlimited => -1,
        SwapLimit::Bytes(bytes) => i64::try_from(bytes).unwrap(),
    };
    let ports: Vec<Value> = created
        .ports
        .iter()
        .map(|port| {
            let mut entry =
                json!({"internal":port.internal,"external":port.external,"protocol":port.protocol.as_str()});
            if let Some(ip) = port.ip {
                entry["ip"] = json!(ip.to_string());
            }
            if port.primary {
                entry["primary"] = json!(true);
            }
            entry
        })
        .collect();
    let mut summary = json!({
        "serverId": request.server_id,
        "name": created.name,
        "image": created.image,
        "startup": created.startup.as_deref().unwrap_or_default(),
        "environment": created.environment,
        "limits": {
            "memoryBytes": limits.memory_bytes,
            "swapBytes": swap,
            "diskBytes": limits.disk_bytes,
            "cpuPercent": limits.cpu_millis.map(|millis| millis / 10),
            "ioWeight": limits.io_weight,
        },
        "ports": ports,
        "skipScripts": created.skip_scripts,
    });
    // The table names these only where they are given.
    if expected.get("cpuset").is_some() {
        summary["cpuset"] = json!(limits.threads);
        summary["aliases"] = json!(created.aliases);
        summary["stop"] = match &created.stop {
            Some(StopSetting::Signal(SignalName::Int)) => json!("^C"),
            other => panic!("stop is {other:?}"),
        };
    }
    summary
}

#[test]
fn every_message_is_understood_as_the_table_says() {
    // P-149, P-150, P-154, P-157, P-163, P-168.
    let table = fixture("vectors/create-expected.json");
    let table = table.as_object().unwrap();
    assert!(table.len() > 50);
    for (key, expected) in table {
        let message = message(key);
        if let Some(code) = expected.get("error") {
            assert_eq!(json!(code_of(&message)), *code, "{key}");
            continue;
        }
        let request = request(&message).unwrap_or_else(|code| panic!("{key}: {code}"));
        let created = CreateRequest::from_map(&request.params).unwrap_or_else(|invalid| panic!("{key}: {invalid}"));
        assert_eq!(summary(&request, &created, &expected["config"]), expected["config"], "{key}");
    }
}

#[test]
fn the_table_forgets_no_message() {
    let table = fixture("vectors/create-expected.json");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/create");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        if file.starts_with('E') {
            continue; // Updates have tests of their own.
        }
        if file.ends_with(".list.json") {
            for (name, _) in items(&format!("create/{file}"), "message") {
                assert!(table.get(format!("{file}#{name}")).is_some(), "{file}#{name}");
            }
        } else {
            assert!(table.get(&file).is_some(), "{file}");
        }
    }
}
