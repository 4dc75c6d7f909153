use serde_json::json;

use super::*;

#[test]
fn words_of_newer_engines_hide_nothing() {
    let container = json!({
        "Id": "abc", "State": { "Running": true, "Status": "hibernating", "Paused": null, "StartedAt": "t1", "Pid": 7 },
        "HostConfig": { "Isolation": "new", "PortBindings": { "1/quic": [{}], "25565/tcp": [{ "HostPort": "4" }] } },
        "Mounts": [{ "Type": "holographic" }, 3], "Config": null
    });
    let inspected = inspected(&container).unwrap();
    assert!(inspected.facts.running);
    assert_eq!(inspected.facts.pid, Some(7));
    assert_eq!(inspected.ports.len(), 1);
}

#[test]
fn a_container_that_was_never_started_has_no_exit_code() {
    let made = json!({ "Id": "a", "State": { "Running": false, "ExitCode": 128, "StartedAt": NEVER } });
    let facts = facts(&made).unwrap();
    assert_eq!((facts.started_at, facts.exit_code), (None, None));
}

#[test]
fn a_container_that_ended_has_its_exit_code_and_start() {
    let ended =
        json!({ "Id": "a", "State": { "Running": false, "ExitCode": 137, "StartedAt": "t", "OOMKilled": true } });
    let facts = facts(&ended).unwrap();
    assert_eq!((facts.started_at.as_deref(), facts.exit_code, facts.oom_killed), (Some("t"), Some(137), true));
}

#[test]
fn an_answer_without_a_state_is_refused_and_not_taken_for_stopped() {
    assert!(facts(&json!({ "Id": "a" })).is_err());
    assert!(facts(&json!([])).is_err());
}

#[test]
fn limits_are_read_back_in_our_units() {
    #[track_caller]
    fn check(host: Value, expected: Limits) {
        assert_eq!(limits(&host), expected);
    }
    check(
        json!({ "Memory": 0, "MemorySwap": 0, "CpuQuota": 0, "BlkioWeight": 0, "CpusetCpus": "" }),
        Limits::default(),
    );
    check(
        json!({ "Memory": 100, "MemorySwap": 150, "CpuQuota": 150_000, "CpuPeriod": 100_000, "CpusetCpus": "0" }),
        Limits {
            memory_bytes: Some(100),
            swap: Swap::Bytes(50),
            cpu_millis: Some(1500),
            threads: Some("0".to_owned()),
            ..Limits::default()
        },
    );
    check(
        json!({ "Memory": 100, "MemorySwap": -1, "NanoCpus": 500_000_000, "BlkioWeight": 300 }),
        Limits {
            memory_bytes: Some(100),
            swap: Swap::Unlimited,
            cpu_millis: Some(500),
            io_weight: Some(300),
            ..Limits::default()
        },
    );
}

#[test]
fn a_port_left_to_the_engine_is_read_where_it_was_bound() {
    let container = json!({
        "Config": { "Labels": { PRIMARY_PORT: "2" } },
        "HostConfig": { "PortBindings": {
            "1/udp": [{ "HostIp": "127.0.0.1", "HostPort": "" }],
            "2/tcp": [{ "HostIp": "", "HostPort": "200" }] } },
        "NetworkSettings": { "Ports": { "1/udp": [{ "HostIp": "127.0.0.1", "HostPort": "49153" }] } }
    });
    let ports: Vec<_> = ports(&container).iter().map(|port| (port.internal, port.external, port.primary)).collect();
    assert_eq!(ports, [(2, 200, true), (1, 49153, false)]);
}
