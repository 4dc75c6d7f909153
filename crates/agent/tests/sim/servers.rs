//! What one server's actor does, and that it harms no other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::Actor;
use cap_agent::console::{Console, ConsoleLimits};
use cap_agent::reply::Reply;
use cap_agent::report::Report;
use cap_agent::server::{AllocatePorts, Describe, Observed, OperationEnded, Owner, ServerActor};
use cap_domain::command::{Answer, Verb};
use cap_domain::failure::FailureCode;
use cap_domain::observation::{ContainerFacts, Observation};
use cap_domain::phase::{Phase, Reason};
use cap_domain::server::{Persisted, Power};
use cap_domain::spec::StopRequest;
use cap_testkit::Probe;
use cap_testkit::image::SAMPLE_IMAGE;
use cap_testkit::sim_engine::{Call, Game, Trouble};
use cap_testkit::wait_until::wait_until_true;

use crate::rig::{Rig, SOON, create_of, id, panel_command, sample};

fn stop(grace_seconds: u32) -> Verb {
    Verb::Stop(StopRequest { signal: None, grace_seconds })
}

#[track_caller]
fn code(answer: cap_agent::reply::CommandAnswer) -> FailureCode {
    match answer {
        Answer::Failed { failure } => failure.code,
        other => panic!("not failed: {other:?}"),
    }
}

#[track_caller]
fn phase_of(answer: cap_agent::reply::CommandAnswer) -> Phase {
    match answer {
        Answer::Done { reply: Reply::Power { status, .. }, .. } => status.phase,
        other => panic!("no outcome: {other:?}"),
    }
}

/// The changes of a server that were told, in order.
fn changes(rig: &Rig, server: &str) -> Vec<(Phase, Phase)> {
    let told = rig.told.seen();
    let changes = told.iter().filter_map(|report| match report {
        Report::StatusChanged { server: whose, change, .. } if whose.as_str() == server => {
            Some((change.from, change.to.phase))
        }
        _ => None,
    });
    changes.collect()
}

#[actix::test]
async fn kill_overtakes_a_start_that_hangs() {
    // P-24, invariant 4
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let started = rig.submit_soon(panel_command(None, "s1", Verb::Start));
    wait_until_true("the start to be asked for", SOON, || rig.engine.calls_about(&id("s1"), Call::Start) == 1).await;
    assert_eq!(phase_of(rig.ask("s1", Verb::Kill).await), Phase::Stopped);
    assert_eq!(code(started.await.unwrap()), FailureCode::Superseded);
    rig.engine.heal(&id("s1"), Call::Start);
    assert_eq!(rig.status("s1").await.status.phase, Phase::Stopped);
    assert_eq!(phase_of(rig.ask("s1", Verb::Start).await), Phase::Running, "it can be started again");
}

#[actix::test]
async fn a_start_that_docker_carries_out_after_the_kill_is_killed_as_well() {
    // Invariant 4: what Docker did meanwhile is observed, never assumed.
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.trouble_once(&id("s1"), Call::Start, Trouble::Slow(Duration::from_millis(100)));
    let started = rig.submit_soon(panel_command(None, "s1", Verb::Start));
    wait_until_true("the start to be asked for", SOON, || rig.engine.calls_about(&id("s1"), Call::Start) == 1).await;
    rig.ask("s1", Verb::Kill).await;
    assert_eq!(code(started.await.unwrap()), FailureCode::Superseded);
    // The late start happens: an event says so, and the process that nobody wants is ended.
    wait_until_true("the late start", SOON, || {
        rig.engine.facts(&id("s1")).is_some_and(|facts| facts.started_at.is_some())
    })
    .await;
    wait_until_true("its end", SOON, || rig.engine.processes() == 0).await;
    rig.wait_phase("s1", Phase::Stopped).await;
}

#[actix::test]
async fn kill_overtakes_a_stop_that_hangs() {
    // P-24
    let rig = Rig::new().await;
    rig.engine.set_game(&id("s1"), Game { ignores_signals: true, ..Game::default() });
    rig.run("s1").await;
    let stopped = rig.submit_soon(panel_command(None, "s1", stop(300)));
    rig.wait_phase("s1", Phase::Stopping).await;
    assert_eq!(phase_of(rig.ask("s1", Verb::Kill).await), Phase::Stopped);
    assert_eq!(code(stopped.await.unwrap()), FailureCode::Superseded);
    assert_eq!(rig.engine.processes(), 0);
}

#[actix::test]
async fn kill_overtakes_a_pull_that_hangs() {
    // P-24: the install ends as failed.
    let rig = Rig::new().await;
    let image = "registry.example/slow:1";
    rig.engine.offer_image(image);
    rig.engine.trouble_with_image(image, Call::Pull, Trouble::Hangs);
    let wish = cap_domain::command::CreateServer { image: image.to_owned(), ..sample() };
    let created = rig.submit_soon(panel_command(None, "s1", create_of(wish)));
    wait_until_true("the pull to be asked for", SOON, || rig.engine.calls(Call::Pull) == 1).await;
    rig.ask("s1", Verb::Kill).await;
    assert_eq!(code(created.await.unwrap()), FailureCode::Superseded);
    rig.wait_phase("s1", Phase::InstallFailed).await;
    assert_ne!(image, SAMPLE_IMAGE);
}

#[actix::test]
async fn a_stop_that_is_not_obeyed_ends_in_a_kill() {
    // P-182
    let rig = Rig::new().await;
    rig.engine.set_game(&id("s1"), Game { ignores_signals: true, ..Game::default() });
    rig.run("s1").await;
    assert_eq!(phase_of(rig.ask("s1", stop(0)).await), Phase::Stopped);
    assert_eq!(rig.engine.processes(), 0);
}

#[actix::test]
async fn a_restart_is_one_operation_through_its_four_phases() {
    // P-206
    let rig = Rig::new().await;
    rig.run("s1").await;
    rig.told.take();
    assert_eq!(phase_of(rig.ask("s1", Verb::Restart(StopRequest::default())).await), Phase::Running);
    use Phase::{Restarting, Running, Starting};
    let expected = [(Running, Restarting), (Restarting, Starting), (Starting, Running)];
    assert_eq!(changes(&rig, "s1"), expected);
}

#[actix::test]
async fn a_start_that_fails_says_why() {
    // P-206
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.trouble_once(&id("s1"), Call::Start, Trouble::PortTaken(21_000));
    assert_eq!(rig.refused("s1", Verb::Start).await, FailureCode::PortConflict);
    rig.told
        .wait_for("the reason", SOON, |report| {
            matches!(report, Report::StatusChanged { change, .. }
                if change.to.phase == Phase::Stopped && change.reason == Some(Reason::StartFailed) && change.error.is_some())
        })
        .await;
}

#[actix::test]
async fn not_even_the_first_line_is_missed() {
    // The console is attached before the start.
    let rig = Rig::new().await;
    rig.run("s1").await;
    let history = rig.history("s1").await;
    assert!(history[0].contains("Starting minecraft server"), "{history:?}");
    assert!(history[1].contains("Done ("), "{history:?}");
    assert_eq!(history.len(), 2, "each line once");
}

#[actix::test]
async fn a_running_container_that_nobody_reads_gets_a_reader() {
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.start_behind_back(&id("s1")).unwrap();
    rig.wait_phase("s1", Phase::Running).await;
    let said = cap_testkit::wait_until("the console to be open", SOON, || async {
        let answer = rig.ask("s1", Verb::ConsoleCommand { line: "say hello".into() }).await;
        matches!(answer, Answer::Done { .. }).then_some(())
    });
    said.await;
    rig.wait_line("s1", "[Server] hello").await;
}

#[actix::test]
async fn a_console_cut_with_the_engine_flows_again_without_repetition() {
    let rig = Rig::new().await;
    rig.run("s1").await;
    rig.engine.go_away();
    rig.wait_phase("s1", Phase::Unknown).await;
    rig.engine.come_back();
    rig.wait_phase("s1", Phase::Running).await;
    let said = cap_testkit::wait_until("the console to be open", SOON, || async {
        let answer = rig.ask("s1", Verb::ConsoleCommand { line: "say again".into() }).await;
        matches!(answer, Answer::Done { .. }).then_some(())
    });
    said.await;
    rig.wait_line("s1", "[Server] again").await;
    let history = rig.history("s1").await;
    assert_eq!(history.iter().filter(|line| line.contains("Done (")).count(), 1, "{history:?}");
}

#[actix::test]
async fn an_adopted_server_goes_on_with_the_same_process_and_its_history() {
    // Agent SIGKILL and restart: adoption without restart of the game.
    let rig = Rig::new().await;
    rig.run("s1").await;
    let before = rig.engine.facts(&id("s1")).unwrap();
    let rig = rig.restart().await;
    rig.wait_phase("s1", Phase::Running).await;
    let after = rig.engine.facts(&id("s1")).unwrap();
    assert_eq!((after.started_at, after.pid), (before.started_at, before.pid));
    rig.wait_line("s1", "Done (").await;
    let said = cap_testkit::wait_until("the console to be open", SOON, || async {
        let answer = rig.ask("s1", Verb::ConsoleCommand { line: "say adopted".into() }).await;
        matches!(answer, Answer::Done { .. }).then_some(())
    });
    said.await;
    rig.wait_line("s1", "[Server] adopted").await;
}

#[actix::test]
async fn a_server_whose_container_was_lost_starts_and_each_line_comes_once() {
    // Nothing is read back from the log for a process that was attached from its start.
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.remove_behind_back(&id("s1"));
    let rig = rig.restart().await;
    rig.wait_phase("s1", Phase::Stopped).await;
    assert_eq!(phase_of(rig.ask("s1", Verb::Start).await), Phase::Running);
    rig.engine.set_game(&id("s1"), Game::default());
    let answer = rig.ask("s1", Verb::ConsoleCommand { line: "say once".into() }).await;
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
    rig.wait_line("s1", "[Server] once").await;
    let history = rig.history("s1").await;
    assert_eq!(history.iter().filter(|line| line.contains("Done (")).count(), 1, "{history:?}");
}

#[actix::test]
async fn a_line_for_a_server_that_does_not_run_is_refused() {
    // P-136
    let rig = Rig::new().await;
    rig.create("s1").await;
    let line = || Verb::ConsoleCommand { line: "say hello".into() };
    assert_eq!(rig.refused("s1", line()).await, FailureCode::ServerNotRunning);
    rig.carry_out("s1", Verb::Start).await;
    rig.carry_out("s1", line()).await;
    rig.carry_out("s1", Verb::Kill).await;
    assert_eq!(rig.refused("s1", line()).await, FailureCode::ServerNotRunning);
}

#[actix::test]
async fn an_older_look_never_overwrites_a_newer_one() {
    let rig = Rig::new().await;
    let ended = Probe::<OperationEnded>::start();
    let ports = Probe::<AllocatePorts>::start_answering(|_| Ok(Vec::new()));
    let spec = spec_of("s1");
    let persisted = Persisted { phase: Phase::Stopped, desired: Power::Off, ready_since: None, started_at: None };
    let limits = ConsoleLimits { lines: 100, bytes: 1 << 20 };
    let actor = ServerActor::restored(
        Arc::clone(&rig.shared),
        Owner { ended: ended.recipient(), ports: ports.recipient() },
        spec,
        persisted,
        Arc::new(Console::new(id("s1"), "c1".into(), limits)),
    )
    .start();
    let facts = ContainerFacts { container_id: "abc".into(), ..ContainerFacts::default() };
    actor.do_send(Observed { order: 1_000_002, observation: Observation::Present(facts) });
    actor.do_send(Observed { order: 1_000_001, observation: Observation::Absent });
    assert!(actor.send(Describe).await.unwrap().facts.is_some(), "the look that began later counts");
    actor.do_send(Observed { order: 1_000_003, observation: Observation::Absent });
    assert!(actor.send(Describe).await.unwrap().facts.is_none());
}

fn spec_of(server: &str) -> cap_domain::spec::ServerSpec {
    let wish = sample();
    cap_domain::spec::ServerSpec {
        id: id(server),
        name: server.to_owned(),
        image: wish.image,
        startup: None,
        environment: wish.environment,
        limits: wish.limits,
        ports: Vec::new(),
        stop: wish.stop,
        startup_done: wish.startup_done,
        tty: false,
        oom_killer: true,
        origin: cap_domain::spec::Origin::Created,
        kept: wish.kept,
    }
}

#[actix::test]
async fn what_is_told_is_on_disk_already() {
    // Invariant 10: written before it is acknowledged.
    let rig = Rig::new().await;
    let file = rig.root().join("state.db");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    *rig.spy.lock().unwrap() = Some(Box::new(move |report| {
        let Report::StatusChanged { server, change, .. } = report else { return };
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = rusqlite::Connection::open_with_flags(&file, flags).unwrap();
        let stored: String = database
            .query_row("SELECT persisted_json FROM servers WHERE id = ?1", [server.as_str()], |row| row.get(0))
            .unwrap();
        let stored: Persisted = serde_json::from_str(&stored).unwrap();
        noted.lock().unwrap().push((change.to.phase, stored.desired));
    }));
    rig.run("s1").await;
    rig.carry_out("s1", stop(30)).await;
    let told = seen.lock().unwrap().clone();
    // Desired power is on disk before the first word of the start, and off before the first of the stop.
    let desired = |phase| told.iter().find(|(told, _)| *told == phase).map(|(_, desired)| *desired);
    assert_eq!(desired(Phase::Starting), Some(Power::On), "{told:?}");
    assert_eq!(desired(Phase::Stopping), Some(Power::Off), "{told:?}");
}

#[actix::test]
async fn a_panic_in_one_server_harms_no_other_and_is_mended() {
    // Architecture: a panic in one ServerActor is rebuilt by the dispatcher.
    let rig = Rig::new().await;
    rig.run("well").await;
    rig.create("ill").await;
    rig.engine.trouble_once(&id("ill"), Call::Inspect, Trouble::Panics);
    let code = rig.refused("ill", Verb::Start).await;
    assert!(matches!(code, FailureCode::InternalError | FailureCode::Interrupted), "{code:?}");
    rig.carry_out("well", Verb::ConsoleCommand { line: "say I am well".into() }).await;
    rig.wait_line("well", "I am well").await;
    let mended = cap_testkit::wait_until("a new actor that has looked", SOON, || async {
        match rig.ask("ill", Verb::ServerStatus).await {
            Answer::Done { reply: Reply::Status(view), .. } if view.status.phase == Phase::Stopped => Some(()),
            _ => None,
        }
    });
    mended.await;
    rig.carry_out("ill", Verb::Start).await;
    assert_eq!(rig.status("ill").await.status.phase, Phase::Running);
    assert_eq!(rig.status("well").await.status.phase, Phase::Running);
}

#[actix::test]
async fn a_crash_a_kill_by_others_and_a_removal_are_told_as_they_are() {
    let rig = Rig::new().await;
    rig.run("s1").await;
    rig.engine.end_game(&id("s1"), 3);
    rig.wait_phase("s1", Phase::Crashed).await;
    rig.carry_out("s1", Verb::Start).await;
    rig.engine.run_out_of_memory(&id("s1"));
    rig.wait_phase("s1", Phase::Crashed).await;
    rig.carry_out("s1", Verb::Start).await;
    rig.engine.pause_behind_back(&id("s1"), true);
    rig.wait_phase("s1", Phase::Paused).await;
    assert_eq!(phase_of(rig.ask("s1", Verb::Kill).await), Phase::Stopped, "a frozen server can be killed");
    let reasons: Vec<_> = rig
        .told
        .seen()
        .iter()
        .filter_map(|report| match report {
            Report::StatusChanged { change, .. } if change.to.phase == Phase::Crashed => {
                Some((change.reason, change.exit_code))
            }
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [(Some(Reason::Crash), Some(3)), (Some(Reason::Oom), Some(137))]);
}
