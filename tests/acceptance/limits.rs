//! Hardening and limits as Docker reports them, and as the kernel enforces them (S-30, S-43).

use cap_acceptance::node::{Node, NodeSetup, SECRET, TOKEN};
use serde_json::{Value, json};

#[tokio::test]
async fn a_container_is_hardened_from_the_first_day() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.create_sample("hard").await;
    let container = node.inspect_json(&server).await.unwrap();
    let host = &container["HostConfig"];
    let expected = [
        ("Privileged", json!(false)),
        ("CapDrop", json!(["ALL"])),
        ("CapAdd", json!(["CHOWN", "KILL", "SETGID", "SETUID"])),
        ("SecurityOpt", json!(["no-new-privileges:true"])),
        ("ReadonlyRootfs", json!(true)),
        ("PidsLimit", json!(512)),
        ("Memory", json!(128 << 20)),
        ("MemorySwap", json!(128 << 20)),
        ("CpuPeriod", json!(100_000)),
        ("CpuQuota", json!(100_000)),
        ("LogConfig", json!({"Type": "json-file", "Config": {"max-size": (10 << 20).to_string(), "max-file": "3"}})),
        ("RestartPolicy", json!({"Name": "no", "MaximumRetryCount": 0})),
        ("AutoRemove", json!(false)),
        ("NetworkMode", json!("bridge")),
        ("PidMode", json!("")),
        ("UTSMode", json!("")),
        ("UsernsMode", json!("")),
        ("IpcMode", json!("private")),
        ("Binds", Value::Null),
        ("Devices", json!([])),
        ("VolumesFrom", Value::Null),
        ("PublishAllPorts", json!(false)),
    ];
    for (key, value) in expected {
        assert_eq!(host[key], value, "{key}");
    }
    assert!(host["Tmpfs"]["/tmp"].as_str().unwrap().contains(&format!("size={}", 100 << 20)), "{}", host["Tmpfs"]);
    assert_eq!(container["Config"]["User"], json!("1000:1000"));
    let data = node.root().join("servers").join(&server);
    let [mount] = &container["Mounts"].as_array().unwrap()[..] else { panic!("one mount: {}", container["Mounts"]) };
    assert_eq!((&mount["Type"], &mount["Source"]), (&json!("bind"), &json!(data)));
    assert_eq!(mount["Destination"], json!("/home/container"));
    // P-174.
    assert_eq!(container["Name"], json!(format!("/ctrl-alt-play-{server}")));
    let labels = &container["Config"]["Labels"];
    assert_eq!(labels["ctrl-alt-play.server-id"], json!(server));
    assert_eq!(labels["ctrl-alt-play.managed"], json!("true"));
    assert_eq!(labels["ctrl-alt-play.node-id"], json!(node.name));
    let text = container.to_string();
    assert!(!text.contains(SECRET) && !text.contains(TOKEN), "no inherited secret");
}

/// S-30.
#[tokio::test]
async fn what_a_panel_must_not_ask_for_changes_nothing_of_a_container() {
    let node = NodeSetup::default().without_panel().start().await;
    let plain = node.create_sample("plain").await;
    let greedy = node.server("greedy");
    let mut payload = Node::sample();
    let wishes = json!({
        "privileged": true, "Privileged": true, "user": "0:0", "User": "root", "capAdd": ["SYS_ADMIN"],
        "cap_add": ["ALL"], "capabilities": ["SYS_ADMIN"], "networkMode": "host", "network_mode": "host",
        "network": "host", "pid": "host", "pidMode": "host", "ipc": "host", "ipcMode": "host", "uts": "host",
        "userns": "host", "devices": ["/dev/kmsg:/dev/kmsg"], "securityOpt": ["seccomp=unconfined"],
        "binds": ["/:/host"], "volumes": {"/var/run/docker.sock": "/var/run/docker.sock"},
        "mounts": [{"source": "/", "target": "/host"}, {"source": "/var/run/docker.sock", "target": "/docker.sock"}],
        "restart": "always", "restartPolicy": {"Name": "always"}, "readOnly": false, "readonlyRootfs": false,
        "labels": {"ctrl-alt-play.managed": "false", "ctrl-alt-play.node-id": "another"}, "entrypoint": ["/bin/sh"],
        "pidsLimit": -1, "logConfig": {"Type": "none"}, "sysctls": {"kernel.msgmax": "1"}, "runtime": "other",
    });
    let wishes = wishes.as_object().unwrap();
    let mut host_config = wishes.clone();
    host_config.insert("Binds".into(), json!(["/:/host"]));
    payload["HostConfig"] = json!(host_config);
    payload["hostConfig"] = json!(host_config);
    for (key, value) in wishes {
        payload[key] = value.clone();
    }
    node.http_ok("create_server", Some(&greedy), Some(payload)).await;
    node.wait_status(&greedy, "stopped").await;

    // Everything but what tells two servers apart.
    let comparable = async |server: &str| {
        let container = node.inspect_json(server).await.unwrap();
        let mut host = container["HostConfig"].clone();
        host["PortBindings"] = Value::Null;
        host["Mounts"] = Value::Null;
        let mounts: Vec<Value> =
            container["Mounts"].as_array().unwrap().iter().map(|mount| mount["Destination"].clone()).collect();
        let config = &container["Config"];
        let labels = config["Labels"].as_object().unwrap();
        let owner = (labels["ctrl-alt-play.node-id"].clone(), labels["ctrl-alt-play.managed"].clone());
        let keys: Vec<String> = labels.keys().cloned().collect();
        (host, mounts, config["User"].clone(), config["Entrypoint"].clone(), owner, keys)
    };
    assert_eq!(comparable(&greedy).await, comparable(&plain).await);
}

#[tokio::test]
async fn the_process_itself_has_no_privileges_left() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.run_sample("process").await;
    let container = node.inspect_json(&server).await.unwrap();
    let pid = container["State"]["Pid"].as_u64().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the engine runs on this machine");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), ["1000"; 4]);
    assert_eq!(field("Gid:"), ["1000"; 4]);
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    for set in ["CapEff:", "CapPrm:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
}

#[tokio::test]
async fn the_nodes_settings_are_what_containers_get() {
    let node = NodeSetup::default()
        .without_panel()
        .set("docker.pids_limit=64")
        .set("docker.user=1234:4321")
        .set("docker.capabilities=NET_BIND_SERVICE")
        .set("docker.read_only_root=false")
        .set("docker.tmpfs_bytes=16MiB")
        .set("docker.log_max_bytes=1MiB")
        .set("docker.log_max_files=2")
        .set("docker.data_target=/data")
        .set("docker.tty=true")
        .start()
        .await;
    let server = node.run_sample("set").await;
    let container = node.inspect_json(&server).await.unwrap();
    let host = &container["HostConfig"];
    assert_eq!(host["PidsLimit"], json!(64));
    assert_eq!(host["CapAdd"], json!(["NET_BIND_SERVICE"]));
    assert_eq!(host["ReadonlyRootfs"], json!(false));
    assert!(host["Tmpfs"]["/tmp"].as_str().unwrap().contains(&format!("size={}", 16 << 20)));
    assert_eq!(host["LogConfig"]["Config"], json!({"max-size": (1 << 20).to_string(), "max-file": "2"}));
    assert_eq!(container["Config"]["User"], json!("1234:4321"));
    assert_eq!(container["Config"]["Tty"], json!(true));
    assert_eq!(container["Mounts"][0]["Destination"], json!("/data"));
    use std::os::unix::fs::MetadataExt;
    let data = std::fs::metadata(node.root().join("servers").join(&server)).unwrap();
    assert_eq!((data.uid(), data.gid()), (1234, 4321), "the data belongs to the game's user");
}

#[tokio::test]
async fn a_game_that_eats_more_than_its_memory_is_ended_and_the_panel_is_told_why() {
    let node = Node::start().await;
    let server = node.run_sample("greed").await;
    let mark = node.mark();
    node.http_ok("console:command", Some(&server), Some(json!({"command": "eat 300"}))).await;
    let crashed = node
        .wait_frame(mark, "crashed", |frame| {
            frame.event() == "server_status_changed" && frame.json["data"]["currentStatus"] == json!("crashed")
        })
        .await;
    assert_eq!(crashed.json["data"]["reason"], json!("oom"), "{}", crashed.json);
    assert_eq!(node.status(&server).await, "crashed");
    // A crash is no end: it can be started again.
    node.http_ok("start_server", Some(&server), None).await;
    assert_eq!(node.status(&server).await, "running");
}
