//! Whose containers are seen and touched (P-174).

use cap_domain::observation::Observation;
use cap_domain::spec::Signal;
use cap_engine::port::ConsoleStream::Stdout;
use cap_engine::{ContainerEngine, EngineError};
use cap_testkit::image::SAMPLE_IMAGE;
use cap_testkit::wait_until;

use crate::workbench::{Bench, PATIENCE, docker, engine_of};

#[tokio::test]
async fn a_container_of_another_node_is_neither_seen_nor_touched() {
    let bench = Bench::new("foreign").await;
    bench.run(&bench.plan()).await.read_until(Stdout, "Done").await;
    let before = bench.facts().await;

    let other = engine_of("other-node");
    assert_eq!(other.look(&bench.server).await.unwrap(), Observation::Absent);
    assert_eq!(other.inspect(&bench.server).await.unwrap(), None);
    assert!(other.list().await.unwrap().iter().all(|listed| listed.server != bench.server));
    let refused = |error: EngineError| assert!(matches!(error, EngineError::Conflict { .. }), "{error:?}");
    refused(other.start(&bench.server).await.unwrap_err());
    refused(other.signal(&bench.server, Signal::Kill).await.unwrap_err());
    refused(other.unpause(&bench.server).await.unwrap_err());
    refused(other.remove(&bench.server).await.unwrap_err());
    refused(other.attach(&bench.server).await.err().unwrap());
    refused(other.logs(&bench.server, None, 1).await.err().unwrap());
    refused(other.figures(&bench.server).await.unwrap_err());
    let mut plan = bench.plan();
    plan.node = cap_domain::ids::NodeId::parse("other-node").unwrap();
    refused(other.create(&plan).await.unwrap_err());

    assert_eq!(bench.facts().await, before);
}

#[tokio::test]
async fn containers_of_the_go_agent_are_listed_and_can_be_handled() {
    let bench = Bench::new("go-agent").await;
    let name = bench.server.container_name();
    let label = format!("ctrl-alt-play.server-id={}", bench.server);
    docker(&[
        "run",
        "-d",
        "-i",
        "--name",
        &name,
        "--label",
        &label,
        "--label",
        "ctrl-alt-play.managed=true",
        SAMPLE_IMAGE,
    ]);
    let listed = bench.engine.list().await.unwrap();
    let entry = listed.iter().find(|listed| listed.server == bench.server).expect("not listed");
    assert!(!entry.ours);
    assert_eq!(entry.facts, bench.facts().await);
    // Made without an init: the sample is process 1 here, and the kernel passes it only signals that it handles.
    wait_until("the game", PATIENCE, async || docker(&["logs", &name]).contains("Done").then_some(())).await;
    bench.engine.signal(&bench.server, Signal::Term).await.unwrap();
    assert_eq!(bench.ended().await.exit_code, Some(0));
    bench.engine.remove(&bench.server).await.unwrap();
}

/// An agent or a panel that runs in containers may have such names: a name alone makes nobody's container ours.
#[tokio::test]
async fn a_container_with_nothing_but_the_name_is_neither_seen_nor_touched() {
    let bench = Bench::new("name-only").await;
    let made = docker(&["create", "--name", &bench.server.container_name(), SAMPLE_IMAGE]);
    assert_eq!(bench.engine.look(&bench.server).await.unwrap(), Observation::Absent);
    assert!(bench.engine.list().await.unwrap().iter().all(|listed| listed.server != bench.server));
    let missing = |error: EngineError| assert!(matches!(error, EngineError::NotFound { .. }), "{error:?}");
    missing(bench.engine.start(&bench.server).await.unwrap_err());
    missing(bench.engine.signal(&bench.server, Signal::Kill).await.unwrap_err());
    let taken = bench.engine.create(&bench.plan()).await.unwrap_err();
    assert!(matches!(taken, EngineError::Conflict { .. }), "{taken:?}");
    let _nothing_to_remove = bench.engine.remove(&bench.server).await;
    let there =
        docker(&["ps", "-a", "-q", "--no-trunc", "--filter", &format!("name={}", bench.server.container_name())]);
    assert_eq!(there.trim(), made.trim(), "it was removed");
}

#[tokio::test]
async fn a_list_has_the_facts_of_an_inspect() {
    let bench = Bench::new("listed").await;
    let mut console = bench.run(&bench.plan()).await;
    console.say("crash 7").await;
    let ended = bench.ended().await;
    let listed = bench.engine.list().await.unwrap();
    let entry = listed.iter().find(|listed| listed.server == bench.server).expect("not listed");
    assert!(entry.ours);
    assert_eq!(entry.facts, ended);
    assert_eq!(entry.facts.exit_code, Some(7));
}
