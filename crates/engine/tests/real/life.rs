//! Create, start, signal, remove; what is success, what is refused; events.

use cap_domain::observation::Observation;
use cap_domain::spec::{PortProtocol, Signal};
use cap_engine::port::ConsoleStream::Stdout;
use cap_engine::port::EngineEventKind;
use cap_engine::{ContainerEngine, EngineError};
use cap_testkit::image::SAMPLE_IMAGE;
use futures_util::StreamExt;

use crate::workbench::{Bench, PATIENCE, docker, engine_of, free_port, port, remove};

#[tokio::test]
async fn the_engine_says_who_it_is() {
    let info = engine_of("n").info().await.unwrap();
    assert!(info.version.starts_with(|c: char| c.is_ascii_digit()), "{info:?}");
    assert!([1, 2].contains(&info.cgroup_version));
}

#[tokio::test]
async fn start_of_a_running_container_is_success_and_starts_nothing() {
    let bench = Bench::new("start-twice").await;
    bench.run(&bench.plan()).await.read_until(Stdout, "Done").await;
    let before = bench.facts().await;
    assert!(before.running && before.pid.is_some() && before.started_at.is_some());
    bench.engine.start(&bench.server).await.unwrap();
    assert_eq!(bench.facts().await, before);
}

#[tokio::test]
async fn a_name_that_is_taken_is_a_conflict() {
    let bench = Bench::new("name-taken").await;
    bench.engine.create(&bench.plan()).await.unwrap();
    let error = bench.engine.create(&bench.plan()).await.unwrap_err();
    assert!(matches!(error, EngineError::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn a_renamed_container_is_still_its_servers_and_gets_no_twin() {
    let bench = Bench::new("renamed").await;
    bench.engine.create(&bench.plan()).await.unwrap();
    let new_name = format!("renamed-{}", bench.server);
    docker(&["rename", &bench.server.container_name(), &new_name]);
    let seen = bench.engine.look(&bench.server).await.unwrap();
    assert!(matches!(seen, Observation::Present(_)), "{seen:?}");
    let twin = bench.engine.create(&bench.plan()).await;
    bench.engine.remove(&bench.server).await.unwrap();
    remove(&new_name);
    assert!(matches!(twin, Err(EngineError::Conflict { .. })), "{twin:?}");
    assert_eq!(bench.engine.look(&bench.server).await.unwrap(), Observation::Absent);
}

#[tokio::test]
async fn what_is_absent_is_told_apart_by_call() {
    let bench = Bench::new("absent").await;
    let not_found = |error| matches!(error, EngineError::NotFound { what: "container" });
    assert_eq!(bench.engine.look(&bench.server).await.unwrap(), Observation::Absent);
    assert_eq!(bench.engine.inspect(&bench.server).await.unwrap(), None);
    bench.engine.remove(&bench.server).await.unwrap();
    assert!(not_found(bench.engine.start(&bench.server).await.unwrap_err()));
    assert!(not_found(bench.engine.signal(&bench.server, Signal::Term).await.unwrap_err()));
    assert!(not_found(bench.engine.attach(&bench.server).await.err().unwrap()));
    assert!(not_found(bench.engine.logs(&bench.server, None, 10).await.err().unwrap()));
}

#[tokio::test]
async fn sigterm_reaches_a_game_below_the_init_and_its_exit_code_comes_back() {
    let bench = Bench::new("sigterm").await;
    let mut console = bench.run(&bench.plan()).await;
    console.read_until(Stdout, "Done").await;
    bench.engine.signal(&bench.server, Signal::Term).await.unwrap();
    console.read_until(Stdout, "All dimensions are saved").await;
    assert_eq!(bench.ended().await.exit_code, Some(0));
    let error = bench.engine.signal(&bench.server, Signal::Term).await.unwrap_err();
    assert!(matches!(error, EngineError::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn a_game_that_hangs_is_not_ended_by_sigterm_but_by_sigkill() {
    let bench = Bench::new("hang").await;
    let mut console = bench.run(&bench.plan()).await;
    console.say("hang").await;
    console.read_until(Stdout, "Hanging").await;
    bench.engine.signal(&bench.server, Signal::Term).await.unwrap();
    assert!(bench.facts().await.running);
    bench.engine.signal(&bench.server, Signal::Kill).await.unwrap();
    assert_eq!(bench.ended().await.exit_code, Some(137));
}

#[tokio::test]
async fn a_crash_shows_its_exit_code_and_a_new_start_is_another_process() {
    let bench = Bench::new("crash").await;
    let mut console = bench.run(&bench.plan()).await;
    console.say("crash 42").await;
    let crashed = bench.ended().await;
    assert_eq!((crashed.exit_code, crashed.pid, crashed.oom_killed), (Some(42), None, false));
    bench.engine.start(&bench.server).await.unwrap();
    let again = bench.facts().await;
    assert!(again.running);
    assert_ne!(again.started_at, crashed.started_at);
}

#[tokio::test]
async fn a_frozen_container_is_seen_and_unfrozen_and_unfreezing_twice_is_success() {
    let bench = Bench::new("frozen").await;
    bench.run(&bench.plan()).await.read_until(Stdout, "Done").await;
    docker(&["pause", &bench.server.container_name()]);
    let frozen = bench.facts().await;
    assert!(frozen.running && frozen.paused);
    bench.engine.unpause(&bench.server).await.unwrap();
    bench.engine.unpause(&bench.server).await.unwrap();
    assert!(!bench.facts().await.paused);
}

#[tokio::test]
async fn a_running_container_is_removed_with_force() {
    let bench = Bench::new("removed").await;
    bench.run(&bench.plan()).await.read_until(Stdout, "Done").await;
    bench.engine.remove(&bench.server).await.unwrap();
    assert_eq!(bench.engine.look(&bench.server).await.unwrap(), Observation::Absent);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let bench = Bench::new("port-taken").await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let number = taken.local_addr().unwrap().port();
    let mut plan = bench.plan();
    plan.ports = vec![port(number)];
    bench.engine.create(&plan).await.unwrap();
    let error = bench.engine.start(&bench.server).await.unwrap_err();
    assert!(matches!(error, EngineError::PortTaken { port } if port == number), "{error:?}");
}

#[tokio::test]
async fn a_port_that_another_container_has_is_named() {
    let (first, second) = (Bench::new("port-first").await, Bench::new("port-second").await);
    let number = free_port();
    let (mut first_plan, mut second_plan) = (first.plan(), second.plan());
    first_plan.ports = vec![port(number)];
    second_plan.ports = vec![port(number)];
    first.run(&first_plan).await;
    second.engine.create(&second_plan).await.unwrap();
    let error = second.engine.start(&second.server).await.unwrap_err();
    assert!(matches!(error, EngineError::PortTaken { port } if port == number), "{error:?}");
}

#[tokio::test]
async fn images_are_found_or_not_and_a_missing_one_fails_the_create() {
    let bench = Bench::new("images").await;
    let image = bench.engine.image(SAMPLE_IMAGE).await.unwrap().unwrap();
    assert_eq!(image.exposed, [(25565, PortProtocol::Tcp)]);
    assert_eq!((image.user.as_str(), image.working_dir.as_str()), ("1000:1000", "/data"));
    for absent in ["cap-no-such-image:1", "not a reference", "../../info", "a?b#c"] {
        assert!(!matches!(bench.engine.image(absent).await, Ok(Some(_))), "{absent}");
    }
    let mut plan = bench.plan();
    plan.image = "cap-no-such-image:1".to_owned();
    let error = bench.engine.create(&plan).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound { what: "image" }), "{error:?}");
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_is_a_passing_fault_of_the_pull() {
    let error = engine_of("n").pull("127.0.0.1:1/nope:1", Box::new(|_| {})).await.unwrap_err();
    match error {
        EngineError::PullFailed { image, message, transient } => {
            assert_eq!(image, "127.0.0.1:1/nope:1");
            assert!(transient, "{message}");
            assert!(message.contains("connection refused"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reference_that_is_none_is_a_final_fault_of_the_pull() {
    let error = engine_of("n").pull("UPPER CASE/x", Box::new(|_| {})).await.unwrap_err();
    assert!(matches!(error, EngineError::PullFailed { transient: false, .. }), "{error:?}");
}

#[tokio::test]
async fn paths_of_the_host_do_not_leave_in_errors() {
    let bench = Bench::new("paths").await;
    let mut plan = bench.plan();
    plan.data_source = "/no/such/place".into();
    let error = match bench.engine.create(&plan).await {
        Err(error) => error,
        Ok(()) => bench.engine.start(&bench.server).await.unwrap_err(),
    };
    assert!(!error.to_string().contains("/no/such"), "{error}");
}

#[tokio::test]
async fn the_end_of_a_game_is_an_event() {
    let bench = Bench::new("events").await;
    let mut events = bench.engine.events().await.unwrap();
    bench.run(&bench.plan()).await.read_until(Stdout, "Done").await;
    docker(&["kill", &bench.server.container_name()]);
    docker(&["rm", "--force", &bench.server.container_name()]);
    let mut seen = Vec::new();
    let of_this_test = async {
        while seen.last() != Some(&EngineEventKind::Destroy) {
            let event = events.next().await.unwrap().unwrap();
            if event.server == bench.server {
                seen.push(event.kind);
            }
        }
    };
    tokio::time::timeout(PATIENCE, of_this_test).await.expect("events did not come");
    use EngineEventKind::{Create, Destroy, Die, Start};
    assert_eq!(seen, [Create, Start, Die, Destroy]);
}
