//! Limits and hardening, as the engine itself reports them.

use cap_domain::spec::Swap;
use cap_engine::ContainerEngine;
use cap_engine::port::ConsoleStream::Stdout;
use cap_testkit::image::SAMPLE_IMAGE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::workbench::{Bench, PATIENCE, contains, docker, free_port, port};

/// One value of the engine's inspect.
fn inspected(bench: &Bench, path: &str) -> String {
    docker(&["inspect", "--format", &format!("{{{{json {path}}}}}"), &bench.server.container_name()])
}

#[tokio::test]
async fn a_container_is_as_closed_as_the_plan_says() {
    let bench = Bench::new("closed").await;
    let mut plan = bench.plan();
    plan.capabilities = vec!["CAP_NET_BIND_SERVICE".to_owned()];
    bench.engine.create(&plan).await.unwrap();
    for (path, expected) in [
        (".HostConfig.CapDrop", r#"["ALL"]"#),
        (".HostConfig.CapAdd", r#"["CAP_NET_BIND_SERVICE"]"#),
        (".HostConfig.SecurityOpt", r#"["no-new-privileges:true"]"#),
        (".HostConfig.Privileged", "false"),
        (".HostConfig.ReadonlyRootfs", "true"),
        (".HostConfig.IpcMode", r#""private""#),
        (".HostConfig.Devices", "[]"),
        (".HostConfig.PidsLimit", "64"),
        (".HostConfig.RestartPolicy.Name", r#""no""#),
        (".HostConfig.LogConfig.Type", r#""json-file""#),
        (".HostConfig.LogConfig.Config", r#"{"max-file":"2","max-size":"1048576"}"#),
        (".HostConfig.Binds", "null"),
        (".Config.User", r#""1000:1000""#),
        (".Config.OpenStdin", "true"),
        (".Config.StdinOnce", "false"),
        (".Config.WorkingDir", r#""/data""#),
    ] {
        assert_eq!(inspected(&bench, path), expected, "{path}");
    }
}

#[tokio::test]
async fn limits_are_really_set_and_read_back() {
    let bench = Bench::new("limits").await;
    let mut plan = bench.plan();
    plan.limits.memory_bytes = Some(64 << 20);
    plan.limits.swap = Swap::None;
    // More than this machine has cores: not refused, and not changed.
    plan.limits.cpu_millis = Some(64_500);
    plan.limits.threads = Some("0".to_owned());
    plan.ports = vec![port(free_port())];
    let mut console = bench.run(&plan).await;
    console.read_until(Stdout, "Done (1.2s)!").await;
    assert_eq!(inspected(&bench, ".HostConfig.Memory"), "67108864");
    assert_eq!(inspected(&bench, ".HostConfig.MemorySwap"), "67108864");
    assert_eq!(inspected(&bench, ".HostConfig.CpuQuota"), "6450000");

    let seen = bench.engine.inspect(&bench.server).await.unwrap().unwrap();
    assert_eq!(seen.limits, plan.limits);
    assert_eq!(seen.ports, plan.ports);
    assert_eq!(seen.image, SAMPLE_IMAGE);
    assert_eq!(seen.binds, [(plan.data_source.clone(), plan.data_target.clone())]);
    assert_eq!(seen.labels["ctrl-alt-play.plan"], "fingerprint-1");
    assert_eq!(seen.labels["ctrl-alt-play.server-id"], bench.server.as_str());
    assert_eq!(seen.labels["ctrl-alt-play.managed"], "true");
    assert_eq!(seen.labels["ctrl-alt-play.node-id"], "bench-node");

    let figures = bench.engine.figures(&bench.server).await.unwrap();
    assert_eq!(figures.memory_limit_bytes, 64 << 20);
    assert!(figures.memory_bytes > 0 && figures.cpu_nanos > 0 && figures.pids > 0, "{figures:?}");
}

#[tokio::test]
async fn a_weight_for_io_never_fails_a_create() {
    let bench = Bench::new("io-weight").await;
    let mut plan = bench.plan();
    plan.limits.io_weight = Some(300);
    plan.oom_killer = false;
    plan.limits.memory_bytes = Some(64 << 20);
    bench.run(&plan).await.read_until(Stdout, "Done (1.2s)!").await;
}

#[tokio::test]
async fn a_game_that_eats_more_than_its_memory_is_killed_and_it_shows() {
    let bench = Bench::new("oom").await;
    let mut plan = bench.plan();
    plan.limits.memory_bytes = Some(32 << 20);
    let mut console = bench.run(&plan).await;
    console.say("eat 256").await;
    let facts = bench.ended().await;
    assert!(facts.oom_killed, "{facts:?}");
    assert_eq!(facts.exit_code, Some(137));
}

#[tokio::test]
async fn the_environment_and_the_data_directory_reach_the_game() {
    let bench = Bench::new("environment").await;
    let mut plan = bench.plan();
    plan.environment.insert("MOTD".to_owned(), "a=b \"c\" $D\nE".to_owned());
    let mut console = bench.run(&plan).await;
    console.say("env MOTD").await;
    console.read_until(Stdout, "MOTD=a=b \"c\" $D\nE\n").await;
    let seen = bench.engine.inspect(&bench.server).await.unwrap().unwrap();
    assert_eq!(seen.environment["MOTD"], "a=b \"c\" $D\nE");
}

#[tokio::test]
async fn a_published_port_reaches_the_game() {
    let bench = Bench::new("published").await;
    let mut plan = bench.plan();
    let number = free_port();
    plan.ports = vec![port(number)];
    bench.run(&plan).await.read_until(Stdout, "Done (1.2s)!").await;
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", number)).await.unwrap();
    // A server-list ping: a handshake for "a", port 1, next state 1, and a request for the status.
    connection.write_all(b"\x07\x00\x00\x01a\x00\x01\x01\x01\x00").await.unwrap();
    let mut answer = Vec::new();
    let whole = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer));
    whole.await.expect("the game does not hang up").unwrap();
    assert!(contains(&answer, b"\"max\":20"), "{answer:?}");
}
