//! What a create must not cost: the data of an adopted server, a running game, the order of commands.

use std::path::PathBuf;

use cap_domain::command::{Answer, CreateServer, Verb};
use cap_domain::failure::FailureCode;
use cap_domain::phase::Phase;
use cap_engine::ContainerEngine;
use cap_testkit::sim_engine::{Call, Owner, Trouble};
use cap_testkit::wait_until;
use cap_testkit::wait_until::wait_until_true;

use crate::rig::{Rig, SOON, Settings, create_of, id, panel_command, sample};

async fn data_of(rig: &Rig, server: &str) -> PathBuf {
    rig.engine.inspect(&id(server)).await.unwrap().unwrap().binds[0].0.clone()
}

/// P-151: a create keeps the data, also where the Go agent put it; and so it does after a restart of the agent.
#[actix::test]
async fn a_create_over_an_adopted_server_leaves_its_data_where_it_is() {
    let rig = Rig::new().await;
    rig.engine.put_container(&id("old"), Owner::GoAgent).unwrap();
    let found = data_of(&rig, "old").await;
    let rig = rig.restart().await;
    wait_until("the old container to be taken in", SOON, || async {
        matches!(rig.ask("old", Verb::ServerStatus).await, Answer::Done { .. }).then_some(())
    })
    .await;
    rig.wait_phase("old", Phase::Stopped).await;

    let wish = CreateServer { name: Some("taken over".into()), ..sample() };
    assert!(matches!(rig.ask("old", create_of(wish)).await, Answer::Done { .. }));
    rig.ask("old", Verb::Start).await;
    rig.wait_phase("old", Phase::Running).await;
    assert_eq!(rig.status("old").await.name, "taken over");
    assert_eq!(data_of(&rig, "old").await, found, "the container was made anew over the same data");

    let rig = rig.restart().await;
    rig.wait_phase("old", Phase::Running).await;
    rig.ask("old", Verb::Kill).await;
    rig.engine.remove_behind_back(&id("old"));
    rig.ask("old", Verb::Start).await;
    rig.wait_phase("old", Phase::Running).await;
    assert_eq!(data_of(&rig, "old").await, found);
}

/// P-151: a create keeps the container's state; one that comes before the containers were listed must not kill a game.
#[actix::test]
async fn a_create_that_meets_a_running_container_lets_it_run() {
    let rig = Rig::new().await;
    rig.engine.put_container(&id("old"), Owner::GoAgent).unwrap();
    rig.engine.start_behind_back(&id("old")).unwrap();
    let before = rig.engine.facts(&id("old")).unwrap();
    rig.ask("old", create_of(sample())).await;
    rig.wait_phase("old", Phase::Running).await;
    let after = rig.engine.facts(&id("old")).unwrap();
    assert_eq!((after.container_id, after.started_at), (before.container_id, before.started_at));
}

/// P-26: commands for one server run in the order of their arrival.
#[actix::test]
async fn a_start_behind_a_create_starts_the_new_configuration() {
    let rig = Rig::new().await;
    rig.create("s1").await;
    let mut wish = sample();
    wish.environment.insert("MOTD".into(), "new".into());
    let created = rig.submit_soon(panel_command(None, "s1", create_of(wish)));
    let started = rig.submit_soon(panel_command(None, "s1", Verb::Start));
    created.await.unwrap();
    started.await.unwrap();
    rig.wait_phase("s1", Phase::Running).await;
    let environment = rig.engine.inspect(&id("s1")).await.unwrap().unwrap().environment;
    assert_eq!(environment.get("MOTD").map(String::as_str), Some("new"));
}

/// A server that is being deleted takes no configuration: it would be gone with the server, and a success a lie.
#[actix::test]
async fn a_create_during_a_deletion_is_refused() {
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Remove, Trouble::Hangs);
    let deleting = rig.ask("s1", Verb::Delete { keep_files: false }).await;
    assert!(matches!(deleting, Answer::InProgress { .. }));
    assert_eq!(rig.refused("s1", create_of(sample())).await, FailureCode::ServerBusy);
    rig.engine.heal(&id("s1"), Call::Remove);
    wait_until_true("the server to be gone", SOON, || rig.engine.facts(&id("s1")).is_none()).await;
}

/// A configuration stays in memory and in the store: it has a bound.
#[actix::test]
async fn a_configuration_of_many_megabytes_is_refused() {
    let rig = Rig::new().await;
    let mut wish = sample();
    wish.environment.insert("BIG".into(), "x".repeat(3 << 20));
    assert_eq!(rig.refused("s1", create_of(wish)).await, FailureCode::ConfigInvalid);
    assert_eq!(rig.refused("s1", Verb::ServerStatus).await, FailureCode::ServerNotFound);
}
