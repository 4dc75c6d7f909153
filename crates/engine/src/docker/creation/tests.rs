use cap_domain::ids::{NodeId, ServerId};
use serde_json::json;

use super::*;

const ALL: Abilities = Abilities { init: true, io_weight: true, oom_kill_disable: true };

fn plan() -> ContainerPlan {
    ContainerPlan {
        server: ServerId::parse("mc_1").unwrap(),
        node: NodeId::parse("n1").unwrap(),
        fingerprint: "f".to_owned(),
        image: "i".to_owned(),
        command: Vec::new(),
        environment: BTreeMap::new(),
        data_source: "/srv/a:b".into(),
        data_target: "/data".into(),
        ports: Vec::new(),
        limits: Limits::default(),
        user: "1000:1000".to_owned(),
        tty: false,
        oom_killer: true,
        pids_limit: 10,
        capabilities: Vec::new(),
        read_only_root: true,
        tmpfs_bytes: 0,
        log_max_bytes: 1,
        log_max_files: 1,
        network: "bridge".to_owned(),
        dns: Vec::new(),
        labels: BTreeMap::new(),
    }
}

fn host(plan: &ContainerPlan, abilities: Abilities) -> HostConfig {
    body(plan, abilities).host_config.unwrap()
}

#[test]
fn extra_labels_cannot_change_whose_a_container_is() {
    let mut plan = plan();
    plan.labels = BTreeMap::from([(NODE_ID.to_owned(), "other".to_owned()), ("x".to_owned(), "y".to_owned())]);
    let labels = labels(&plan);
    assert_eq!((labels[NODE_ID].as_str(), labels["x"].as_str()), ("n1", "y"));
}

#[test]
fn swap_is_counted_on_top_of_memory() {
    let with = |memory_bytes, swap| memory_swap(&Limits { memory_bytes, swap, ..Limits::default() });
    assert_eq!(with(Some(100), Swap::None), Some(100));
    assert_eq!(with(Some(100), Swap::Bytes(50)), Some(150));
    assert_eq!(with(Some(100), Swap::Unlimited), Some(-1));
    assert_eq!(with(None, Swap::Bytes(50)), None);
    assert_eq!(with(Some(u64::MAX), Swap::Bytes(1)), Some(i64::MAX));
}

#[test]
fn more_cpu_than_the_machine_has_is_asked_for_as_a_quota() {
    let mut plan = plan();
    plan.limits.cpu_millis = Some(64_000);
    let asked = host(&plan, ALL);
    assert_eq!((asked.cpu_quota, asked.cpu_period, asked.nano_cpus), (Some(6_400_000), Some(100_000), None));
    plan.limits.cpu_millis = Some(1);
    assert_eq!(host(&plan, ALL).cpu_quota, Some(1_000));
    plan.limits.cpu_millis = None;
    assert_eq!(host(&plan, ALL).cpu_quota, None);
}

#[test]
fn what_the_engine_cannot_do_is_left_out() {
    let mut plan = plan();
    plan.oom_killer = false;
    plan.limits = Limits { io_weight: Some(300), memory_bytes: Some(1), ..Limits::default() };
    let rich = host(&plan, ALL);
    assert_eq!((rich.blkio_weight, rich.oom_kill_disable, rich.init), (Some(300), Some(true), Some(true)));
    let poor = host(&plan, Abilities { init: false, io_weight: false, oom_kill_disable: false });
    assert_eq!((poor.blkio_weight, poor.oom_kill_disable, poor.init), (None, None, Some(false)));
}

#[test]
fn abilities_are_read_from_the_engine() {
    let debian = json!({ "InitCommit": { "ID": "" }, "CgroupVersion": "1", "OomKillDisable": true, "Warnings": null });
    assert_eq!(Abilities::of(&debian), ALL);
    let bare = json!({
        "InitCommit": { "ID": "N/A" }, "CgroupVersion": "2", "OomKillDisable": true,
        "Warnings": ["WARNING: No blkio weight support"]
    });
    assert_eq!(Abilities::of(&bare), Abilities { init: false, io_weight: false, oom_kill_disable: false });
}

#[test]
fn host_names_are_valid_whatever_the_id() {
    assert_eq!(hostname("mc_1"), "mc-1");
    assert_eq!(hostname("___"), "server");
    assert_eq!(hostname(&"a".repeat(64)).len(), 63);
}

#[test]
fn one_port_on_two_addresses_is_bound_twice() {
    let mut plan = plan();
    for ip in ["127.0.0.1", "::1"] {
        plan.ports.push(cap_domain::spec::PortBinding {
            ip: ip.parse().unwrap(),
            internal: 1,
            external: 2,
            protocol: cap_domain::spec::PortProtocol::Udp,
            primary: true,
        });
    }
    let bindings = port_bindings(&plan);
    assert_eq!(bindings["1/udp"].as_ref().unwrap().len(), 2);
}
