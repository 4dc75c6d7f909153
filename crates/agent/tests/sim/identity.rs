//! Which server is meant, which configuration it gets, and what this node does not allow (sections 11 and 12).

use std::collections::BTreeSet;

use cap_agent::clock::unix_ms;
use cap_agent::config::AllowedImages;
use cap_agent::reply::{CommandAnswer, Reply};
use cap_domain::command::{Answer, Command, CreateServer, PortWish, Verb};
use cap_domain::failure::FailureCode;
use cap_domain::phase::Phase;
use cap_domain::spec::{Limits, PortProtocol};
use cap_testkit::image::SAMPLE_IMAGE;
use cap_testkit::sim_engine::{Call, Owner, Trouble};

use crate::rig::{Rig, Settings, create_of, id, panel_command, sample};

#[track_caller]
fn created(answer: CommandAnswer) -> (bool, Vec<u16>) {
    match answer {
        Answer::Done { reply: Reply::Created { existing, ports, .. }, .. } => {
            (existing, ports.iter().map(|port| port.external).collect())
        }
        other => panic!("not created: {other:?}"),
    }
}

fn wish_of_port(external: u16) -> PortWish {
    PortWish { ip: None, internal: None, external, protocol: Some(PortProtocol::Tcp), primary: true }
}

#[actix::test]
async fn a_create_of_a_known_id_replaces_the_configuration_and_keeps_the_rest() {
    // P-151
    let rig = Rig::new().await;
    rig.run("s1").await;
    let before = rig.status("s1").await;
    let wish = CreateServer { name: Some("renamed".into()), ..sample() };
    let (existing, ports) = created(rig.ask("s1", create_of(wish)).await);
    assert!(existing);
    let after = rig.status("s1").await;
    assert_eq!((after.name.as_str(), after.status.phase), ("renamed", Phase::Running));
    assert_eq!(after.container_id, before.container_id, "applies at the next start");
    assert_eq!(ports, before.ports.iter().map(|port| port.external).collect::<Vec<_>>(), "ports once given stay");
    // Kept over a restart of the agent.
    let rig = rig.restart().await;
    assert_eq!(rig.status("s1").await.name, "renamed");
}

#[actix::test]
async fn a_create_during_the_install_joins_it_or_is_refused() {
    // P-151, P-22
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    rig.engine.trouble(&id("s1"), Call::Create, Trouble::Hangs);
    let Answer::InProgress { operation, .. } = rig.ask("s1", create_of(sample())).await else {
        panic!("the install hangs")
    };
    match rig.ask("s1", create_of(sample())).await {
        Answer::InProgress { operation: joined, .. } => assert_eq!(joined, operation),
        other => panic!("not joined: {other:?}"),
    }
    let other = CreateServer { name: Some("other".into()), ..sample() };
    assert_eq!(rig.refused("s1", create_of(other)).await, FailureCode::ServerBusy);
    rig.engine.heal(&id("s1"), Call::Create);
    assert_eq!(rig.wait_completed(&operation).await, None);
    assert_eq!(rig.engine.calls_about(&id("s1"), Call::Create), 1);
}

#[actix::test]
async fn servers_that_name_no_ports_never_get_the_same() {
    // P-164
    let rig = Rig::new().await;
    let creates: Vec<_> =
        (0..8).map(|number| rig.submit_soon(panel_command(None, &format!("s{number}"), create_of(sample())))).collect();
    let mut seen = BTreeSet::new();
    for create in creates {
        let (_, ports) = created(create.await.unwrap());
        assert!(!ports.is_empty());
        for port in ports.into_iter().collect::<BTreeSet<u16>>() {
            assert!(seen.insert(port), "port {port} was given twice");
        }
    }
}

#[actix::test]
async fn a_wished_port_that_another_server_has_is_a_conflict_and_creates_nothing() {
    // P-163, P-150
    let rig = Rig::new().await;
    let wish = |external| CreateServer { ports: vec![wish_of_port(external)], ..sample() };
    assert_eq!(created(rig.ask("s1", create_of(wish(21_500))).await).1, [21_500]);
    assert_eq!(rig.refused("s2", create_of(wish(21_500))).await, FailureCode::PortConflict);
    assert_eq!(rig.refused("s2", Verb::ServerStatus).await, FailureCode::ServerNotFound);
    assert!(created(rig.ask("s1", create_of(wish(21_500))).await).0, "its own port is no conflict");
    assert_eq!(created(rig.ask("s2", create_of(wish(21_501))).await).1, [21_501]);
}

#[actix::test]
async fn two_servers_that_wish_for_one_port_at_once_do_not_both_get_it() {
    // P-163: both exist already, so both configurations are under way to their servers when the second is checked.
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.create("s2").await;
    let wish = || create_of(CreateServer { ports: vec![wish_of_port(21_600)], ..sample() });
    let first = rig.submit_soon(panel_command(None, "s1", wish()));
    let second = rig.submit_soon(panel_command(None, "s2", wish()));
    assert_eq!(created(first.await.unwrap()).1, [21_600]);
    let Answer::Failed { failure } = second.await.unwrap() else { panic!("the port was given twice") };
    assert_eq!(failure.code, FailureCode::PortConflict);
}

#[actix::test]
async fn other_names_of_a_create_mean_the_server_also_after_a_restart() {
    // P-166, P-171
    let rig = Rig::new().await;
    let wish = CreateServer { aliases: vec!["database-7".into()], ..sample() };
    rig.ask("s1", create_of(wish)).await;
    let bind = Verb::BindAlias { alias: "bound".into(), replace: false, remove: false };
    rig.ask("s1", bind).await;
    rig.create("s2").await;
    let taken = Verb::BindAlias { alias: "bound".into(), replace: false, remove: false };
    assert_eq!(rig.refused("s2", taken).await, FailureCode::AliasConflict);
    let rig = rig.restart().await;
    for name in ["database-7", "bound"] {
        assert_eq!(rig.status(name).await.server, id("s1"), "{name}");
    }
    assert_eq!(rig.status("s1").await.aliases, ["bound", "database-7"]);
    let gone = Verb::BindAlias { alias: "bound".into(), replace: false, remove: true };
    rig.ask("s1", gone).await;
    let rig = rig.restart().await;
    assert_eq!(rig.refused("bound", Verb::ServerStatus).await, FailureCode::ServerNotFound);
}

/// A database id made at this time (P-172).
fn cuid_of(unix_ms: i64) -> String {
    let mut digits = Vec::new();
    let mut rest = unix_ms;
    while rest > 0 {
        digits.push(std::char::from_digit((rest % 36) as u32, 36).unwrap());
        rest /= 36;
    }
    digits.reverse();
    format!("c{:0>8}{}", digits.into_iter().collect::<String>(), "a".repeat(16))
}

#[actix::test]
async fn a_database_id_is_learned_when_only_one_server_fits_and_kept() {
    // P-172, P-139
    let rig = Rig::new().await;
    let database_id = cuid_of(unix_ms());
    rig.create("s1").await;
    assert_eq!(rig.status(&database_id).await.server, id("s1"));
    let delete = Verb::Delete { keep_files: false };
    assert_eq!(rig.refused(&database_id, delete).await, FailureCode::ServerNotFound, "no deletion by a learned name");
    let rig = rig.restart_with(|settings| settings.learn_aliases = false).await;
    assert_eq!(rig.status(&database_id).await.server, id("s1"), "kept, though nothing more is learned");
}

#[actix::test]
async fn a_database_id_that_fits_two_servers_is_unknown() {
    // P-172: a wrong binding would show one customer the files of another.
    let rig = Rig::new().await;
    let database_id = cuid_of(unix_ms());
    rig.create("s1").await;
    rig.create("s2").await;
    assert_eq!(rig.refused(&database_id, Verb::ServerStatus).await, FailureCode::ServerNotFound);
}

#[actix::test]
async fn a_command_that_names_two_servers_is_refused() {
    // P-173
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.create("s2").await;
    let both = |verb| Command { other_targets: vec!["s2".into()], ..panel_command(None, "s1", verb) };
    for verb in [Verb::Start, Verb::ServerStatus, create_of(sample()), Verb::Delete { keep_files: false }] {
        assert_eq!(rig.code_of(both(verb)).await, FailureCode::InvalidRequest);
    }
    let unknown = Command { other_targets: vec!["s4".into()], ..panel_command(None, "s3", create_of(sample())) };
    assert_eq!(rig.code_of(unknown).await, FailureCode::InvalidRequest);
    let twice = Command { other_targets: vec!["s1".into()], ..panel_command(None, "s1", Verb::ServerStatus) };
    assert!(matches!(rig.submit(twice).await, Answer::Done { .. }));
}

#[actix::test]
async fn what_this_node_does_not_allow_is_denied_and_creates_nothing() {
    // S-33, invariant 11
    let mut settings = Settings::default();
    settings.policy.allowed_images = AllowedImages::new(vec![SAMPLE_IMAGE.to_owned()]);
    settings.policy.max_memory_bytes = Some(1 << 30);
    settings.policy.max_cpu_millis = Some(2000);
    settings.policy.max_servers = Some(1);
    let rig = Rig::with(settings).await;
    let limits = |memory_bytes, cpu_millis| Limits { memory_bytes, cpu_millis, ..Limits::default() };
    let wish = |limits| CreateServer { limits, ..sample() };
    let fits = || wish(limits(Some(1 << 30), Some(2000)));
    let denied = [
        CreateServer { image: "docker.io/evil:latest".into(), ..fits() },
        wish(limits(Some((1 << 30) + 1), Some(2000))),
        wish(limits(None, Some(2000))),
        wish(limits(Some(1 << 30), Some(2001))),
        wish(limits(Some(1 << 30), None)),
    ];
    for wish in denied {
        assert_eq!(rig.refused("s1", create_of(wish)).await, FailureCode::PolicyDenied);
    }
    assert_eq!(rig.refused("s1", Verb::ServerStatus).await, FailureCode::ServerNotFound);
    assert_eq!(rig.engine.calls(Call::Pull) + rig.engine.calls(Call::Create), 0);
    created(rig.ask("s1", create_of(fits())).await);
    assert_eq!(rig.refused("s2", create_of(fits())).await, FailureCode::PolicyDenied, "no more servers");
    created(rig.ask("s1", create_of(fits())).await);
}

#[actix::test]
async fn a_server_deleted_and_created_again_numbers_its_console_anew() {
    // P-69: the numbers start again, so the name of the numbering must change.
    let rig = Rig::new().await;
    let console = |rig: &Rig| {
        let asked = rig.submit_soon(panel_command(None, "s1", Verb::ConsoleStatus));
        async move {
            match asked.await.unwrap() {
                Answer::Done { reply: Reply::Console(view), .. } => view,
                other => panic!("no console: {other:?}"),
            }
        }
    };
    rig.create("s1").await;
    let first = console(&rig).await.epoch;
    rig.ask("s1", Verb::Delete { keep_files: false }).await;
    rig.create("s1").await;
    assert_ne!(console(&rig).await.epoch, first);
}

#[actix::test]
async fn containers_found_are_taken_in_and_those_of_other_nodes_are_not() {
    // P-174, invariant 9
    let rig = Rig::new().await;
    rig.engine.put_container(&id("old"), Owner::GoAgent).unwrap();
    rig.engine.put_container(&id("foreign"), Owner::OtherNode).unwrap();
    rig.engine.start_behind_back(&id("old")).unwrap();
    let rig = rig.restart().await;
    let found = cap_testkit::wait_until("the old container to be taken in", crate::rig::SOON, || async {
        match rig.ask("old", Verb::ServerStatus).await {
            Answer::Done { reply: Reply::Status(view), .. } => Some(view),
            _ => None,
        }
    });
    found.await;
    rig.wait_phase("old", Phase::Running).await;
    assert_eq!(rig.refused("foreign", Verb::Kill).await, FailureCode::ServerNotFound);
}
