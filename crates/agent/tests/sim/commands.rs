//! Each command has one answer, and each operation one outcome (P-17 to P-31).

use std::time::Duration;

use cap_agent::dispatcher::{RateLimit, Settle};
use cap_agent::reply::Reply;
use cap_domain::command::{Answer, Caller, Command, Verb};
use cap_domain::failure::FailureCode;
use cap_domain::ids::{CommandId, OperationId};
use cap_domain::phase::Phase;
use cap_domain::spec::StopRequest;
use cap_testkit::sim_engine::{Call, Game, Trouble};
use cap_testkit::wait_until::wait_until_true;

use crate::rig::{Rig, SOON, Settings, create_of, id, panel_command, sample};

fn stop() -> Verb {
    Verb::Stop(StopRequest::default())
}

/// The operation an in-progress answer names.
#[track_caller]
fn in_progress(answer: &cap_agent::reply::CommandAnswer) -> OperationId {
    match answer {
        Answer::InProgress { operation, .. } => operation.clone(),
        other => panic!("not in progress: {other:?}"),
    }
}

#[track_caller]
fn phase_of(answer: &cap_agent::reply::CommandAnswer) -> Phase {
    match answer {
        Answer::Done { reply: Reply::Power { status, .. } | Reply::Created { status, .. }, .. } => status.phase,
        other => panic!("no outcome: {other:?}"),
    }
}

#[actix::test]
async fn an_outcome_within_the_deadline_is_the_answer_and_no_event_follows() {
    // P-17, P-20
    let rig = Rig::new().await;
    rig.create("s1").await;
    assert_eq!(phase_of(&rig.ask("s1", Verb::Start).await), Phase::Running);
    assert_eq!(phase_of(&rig.ask("s1", stop()).await), Phase::Stopped);
    // Whatever would be told is told before the answer to this: the probe is behind the same thread's mailboxes.
    rig.status("s1").await;
    let told = rig.told.seen();
    assert!(!told.iter().any(|report| matches!(report, cap_agent::report::Report::OperationCompleted { .. })));
}

#[actix::test]
async fn an_outcome_after_the_deadline_is_told_once_and_kept() {
    // P-17, P-20, P-21
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let answer = rig.submit(panel_command(Some("c1"), "s1", Verb::Start)).await;
    let operation = in_progress(&answer);
    let running = rig.status("s1").await.last_operation.expect("an operation");
    assert_eq!((running.operation.clone(), running.ended_unix_ms), (operation.clone(), None));

    rig.engine.heal(&id("s1"), Call::Start);
    assert_eq!(rig.wait_completed(&operation).await, None, "the start succeeded");
    rig.wait_phase("s1", Phase::Running).await;
    assert_eq!(rig.completed(&operation), [None], "told exactly once");
    let last = rig.status("s1").await.last_operation.expect("an operation");
    assert_eq!(last.command, Some(CommandId::Text("c1".into())));
    assert!(last.ended_unix_ms.is_some());
    let asked = Verb::GetOperation { operation: operation.clone() };
    let command = Command { target: None, ..panel_command(None, "s1", asked) };
    assert!(matches!(rig.submit(command).await, Answer::Done { reply: Reply::Operation(view), .. } if view == last));
}

#[actix::test]
async fn with_a_deadline_of_zero_a_refusal_is_still_a_refusal() {
    // P-17: `ack_deadline` 0 acknowledges operations at once, and a refused command is none.
    let mut settings = Settings::default();
    settings.pace.ack_deadline = Duration::ZERO;
    let rig = Rig::with(settings).await;
    rig.engine.trouble(&id("s1"), Call::Create, Trouble::Hangs);
    in_progress(&rig.ask("s1", create_of(sample())).await);
    assert_eq!(rig.refused("s1", Verb::Start).await, FailureCode::ServerBusy);
}

#[actix::test]
async fn the_same_operation_asked_twice_runs_once() {
    // P-22: one operation id for both.
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let first = rig.submit_soon(panel_command(Some("a"), "s1", Verb::Start));
    let second = rig.submit_soon(panel_command(Some("b"), "s1", Verb::Start));
    let operation = in_progress(&first.await.unwrap());
    assert_eq!(in_progress(&second.await.unwrap()), operation);
    let late = rig.submit(panel_command(Some("c"), "s1", Verb::Start)).await;
    assert_eq!(in_progress(&late), operation, "also after the acknowledgement");
    rig.engine.heal(&id("s1"), Call::Start);
    rig.wait_completed(&operation).await;
    rig.wait_phase("s1", Phase::Running).await;
    assert_eq!(rig.completed(&operation).len(), 1);
    assert_eq!(rig.engine.calls_about(&id("s1"), Call::Start), 1);
}

#[actix::test]
async fn asking_for_what_holds_succeeds_and_leaves_the_last_operation_alone() {
    // P-23, P-21
    let rig = Rig::new().await;
    rig.run("s1").await;
    let started = rig.status("s1").await.last_operation.expect("the start");
    assert_eq!(phase_of(&rig.ask("s1", Verb::Start).await), Phase::Running);
    assert_eq!(rig.status("s1").await.last_operation, Some(started), "nothing began, so the last one is the start");
    rig.ask("s1", stop()).await;
    assert_eq!(phase_of(&rig.ask("s1", stop()).await), Phase::Stopped);
    assert_eq!(phase_of(&rig.ask("s1", Verb::Kill).await), Phase::Stopped);
    for _ in 0..2 {
        let deleted = rig.ask("s1", Verb::Delete { keep_files: false }).await;
        assert!(matches!(deleted, Answer::Done { reply: Reply::Deleted, .. }), "{deleted:?}");
    }
    assert_eq!(rig.refused("s1", Verb::Start).await, FailureCode::ServerNotFound);
}

#[actix::test]
async fn a_kill_ends_a_hanging_install_as_failed() {
    // P-24, P-25
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    rig.engine.trouble(&id("s1"), Call::Create, Trouble::Hangs);
    let install = in_progress(&rig.ask("s1", create_of(sample())).await);
    assert_eq!(rig.refused("s1", Verb::Start).await, FailureCode::ServerBusy);
    assert_eq!(rig.refused("s1", stop()).await, FailureCode::ServerBusy);
    rig.submit(panel_command(None, "s1", Verb::Kill)).await;
    assert_eq!(rig.wait_completed(&install).await, Some(FailureCode::Superseded));
    rig.engine.heal(&id("s1"), Call::Create);
    rig.wait_phase("s1", Phase::InstallFailed).await;
    assert_eq!(rig.completed(&install).len(), 1);
    // Created again, it works.
    rig.ask("s1", create_of(sample())).await;
    rig.wait_phase("s1", Phase::Stopped).await;
}

#[actix::test]
async fn a_delete_ends_a_hanging_stop_and_leaves_nothing() {
    // P-24
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    let game = Game { ignores_signals: true, ..Game::default() };
    rig.engine.set_game(&id("s1"), game);
    rig.create("s1").await;
    rig.ask("s1", Verb::Start).await;
    rig.wait_phase("s1", Phase::Running).await;
    let stopping = in_progress(&rig.ask("s1", stop()).await);
    let deleted = rig.ask("s1", Verb::Delete { keep_files: false }).await;
    assert_eq!(rig.wait_completed(&stopping).await, Some(FailureCode::Superseded));
    if let Answer::InProgress { operation, .. } = &deleted {
        assert_eq!(rig.wait_completed(operation).await, None);
    }
    wait_until_true("the server to be gone", SOON, || rig.engine.facts(&id("s1")).is_none()).await;
    assert_eq!(rig.refused("s1", Verb::ServerStatus).await, FailureCode::ServerNotFound);
}

#[actix::test]
async fn a_repeated_id_in_flight_gets_the_one_answer() {
    // P-27
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let first = rig.submit_soon(panel_command(Some("x"), "s1", Verb::Start));
    let second = rig.submit_soon(panel_command(Some("x"), "s1", Verb::Start));
    wait_until_true("the start to be asked for", SOON, || rig.engine.calls_about(&id("s1"), Call::Start) == 1).await;
    rig.engine.heal(&id("s1"), Call::Start);
    let first = first.await.unwrap();
    assert_eq!(phase_of(&first), Phase::Running);
    assert_eq!(second.await.unwrap(), first);
    rig.ask("s1", stop()).await;
    // Answered: the recorded answer, and no second start.
    assert_eq!(rig.submit(panel_command(Some("x"), "s1", Verb::Start)).await, first);
    assert_eq!(rig.status("s1").await.status.phase, Phase::Stopped);
}

#[actix::test]
async fn a_repeated_id_is_known_after_a_restart_of_the_agent() {
    // P-29; P-27 for one that was cut off before its answer
    let rig = Rig::new().await;
    rig.create("s1").await;
    let started = rig.submit(panel_command(Some("x"), "s1", Verb::Start)).await;
    rig.ask("s1", stop()).await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let cut_off = rig.submit_soon(panel_command(Some("y"), "s1", Verb::Start));
    wait_until_true("the start to be asked for", SOON, || rig.engine.calls_about(&id("s1"), Call::Start) == 2).await;
    let rig = rig.restart().await;
    rig.engine.heal(&id("s1"), Call::Start);
    rig.wait_phase("s1", Phase::Stopped).await;
    assert_eq!(rig.submit(panel_command(Some("x"), "s1", Verb::Start)).await, started);
    assert_eq!(rig.code_of(panel_command(Some("y"), "s1", Verb::Start)).await, FailureCode::Interrupted);
    assert_eq!(rig.status("s1").await.status.phase, Phase::Stopped, "neither ran again");
    cut_off.abort();
}

#[actix::test]
async fn an_operation_cut_off_by_a_restart_ends_interrupted_and_is_told_once() {
    // P-20
    let rig = Rig::with(Settings::default().acknowledging_soon()).await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let operation = in_progress(&rig.submit(panel_command(Some("x"), "s1", Verb::Start)).await);
    let rig = rig.restart().await;
    assert_eq!(rig.wait_completed(&operation).await, Some(FailureCode::Interrupted));
    let rig = rig.restart().await;
    rig.wait_phase("s1", Phase::Stopped).await;
    assert!(rig.completed(&operation).is_empty(), "not told again in the next life");
}

#[actix::test]
async fn a_delete_cut_off_by_a_restart_is_resumed_as_it_was_asked_for() {
    // P-20: half a deletion is resumed; files that were to be kept are kept.
    for keep_files in [true, false] {
        let rig = Rig::with(Settings::default().acknowledging_soon()).await;
        rig.create("s1").await;
        let world = rig.root().join("servers/s1/world");
        std::fs::write(&world, "blocks").unwrap();
        rig.engine.trouble(&id("s1"), Call::Remove, Trouble::Hangs);
        let operation = in_progress(&rig.ask("s1", Verb::Delete { keep_files }).await);
        let rig = rig.restart().await;
        rig.engine.heal(&id("s1"), Call::Remove);
        assert_eq!(rig.wait_completed(&operation).await, None);
        assert_eq!(world.exists(), keep_files, "keep_files: {keep_files}");
        assert_eq!(rig.refused("s1", Verb::Start).await, FailureCode::ServerNotFound);
    }
}

#[actix::test]
async fn a_deletion_cut_off_after_its_last_step_is_finished_by_the_next_life() {
    // The store knows the server as deleted, but not yet as gone.
    let rig = Rig::new().await;
    rig.create("s1").await;
    let mut persisted = rig.store.persisted_of(id("s1")).await.unwrap().expect("stored");
    persisted.phase = Phase::Deleted;
    rig.store.set_persisted(id("s1"), persisted).await.unwrap();
    rig.engine.remove_behind_back(&id("s1"));
    let rig = rig.restart().await;
    assert_eq!(rig.refused("s1", Verb::ServerStatus).await, FailureCode::ServerNotFound);
    rig.create("s1").await;
    let rig = rig.restart().await;
    rig.wait_phase("s1", Phase::Stopped).await;
}

#[actix::test]
async fn an_id_of_another_command_is_refused_also_for_queries() {
    // P-28
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.create("s2").await;
    rig.submit(panel_command(Some("x"), "s1", Verb::Start)).await;
    assert_eq!(rig.code_of(panel_command(Some("x"), "s1", Verb::Kill)).await, FailureCode::DuplicateId);
    assert_eq!(rig.code_of(panel_command(Some("x"), "s2", Verb::Start)).await, FailureCode::DuplicateId);
    assert_eq!(rig.code_of(panel_command(Some("x"), "s1", Verb::ServerStatus)).await, FailureCode::DuplicateId);
    assert_eq!(rig.status("s1").await.status.phase, Phase::Running);
    assert_eq!(rig.status("s2").await.status.phase, Phase::Stopped);
}

#[actix::test]
async fn one_id_of_two_callers_is_two_commands() {
    // P-29: answers are remembered per panel identity.
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.submit(panel_command(Some("x"), "s1", Verb::Start)).await;
    let other = Command { caller: Caller::Http(0), ..panel_command(Some("x"), "s1", stop()) };
    assert_eq!(phase_of(&rig.submit(other).await), Phase::Stopped);
}

#[actix::test]
async fn a_caller_over_the_rate_is_refused_but_never_its_kill() {
    // P-30
    let mut settings = Settings::default();
    settings.pace.rate = RateLimit { per_second: 1, burst: 3 };
    let rig = Rig::with(settings).await;
    rig.create("s1").await;
    let ping = || Command { target: None, ..panel_command(None, "s1", Verb::Ping) };
    let codes: Vec<_> = {
        let mut codes = Vec::new();
        for _ in 0..5 {
            codes.push(matches!(rig.submit(ping()).await, Answer::Failed { .. }));
        }
        codes
    };
    assert!(codes.contains(&true), "nothing was refused: {codes:?}");
    assert_eq!(rig.code_of(panel_command(Some("x"), "s1", Verb::Start)).await, FailureCode::RateLimited);
    assert_eq!(phase_of(&rig.ask("s1", Verb::Kill).await), Phase::Stopped);
    let other = Command { caller: Caller::Http(0), ..ping() };
    assert!(matches!(rig.submit(other).await, Answer::Done { .. }), "another caller has a rate of its own");
}

#[actix::test]
async fn a_command_refused_for_too_many_waiting_can_be_tried_again_with_its_id() {
    // P-30: more than 32 waiting is SERVER_BUSY, and a refused command is not remembered.
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let mut waiting = vec![rig.submit_soon(panel_command(None, "s1", Verb::Start))];
    // Starts and restarts in turn: the same one after itself would join.
    for number in 0..32 {
        let verb = if number % 2 == 0 { Verb::Restart(StopRequest::default()) } else { Verb::Start };
        waiting.push(rig.submit_soon(panel_command(None, "s1", verb)));
    }
    let one_more = || panel_command(Some("x"), "s1", Verb::Restart(StopRequest::default()));
    assert_eq!(rig.code_of(one_more()).await, FailureCode::ServerBusy);
    assert_eq!(phase_of(&rig.ask("s1", Verb::Kill).await), Phase::Stopped, "a kill is never refused for that");
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert!(matches!(&answer, Answer::Failed { failure } if failure.code == FailureCode::Superseded), "{answer:?}");
    }
    rig.engine.heal(&id("s1"), Call::Start);
    assert_eq!(phase_of(&rig.submit(one_more()).await), Phase::Running);
}

#[actix::test]
async fn a_caller_that_goes_away_cancels_nothing() {
    // P-26
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let gone = rig.submit_soon(panel_command(Some("x"), "s1", Verb::Start));
    wait_until_true("the start to be asked for", SOON, || rig.engine.calls_about(&id("s1"), Call::Start) == 1).await;
    gone.abort();
    rig.engine.heal(&id("s1"), Call::Start);
    rig.wait_phase("s1", Phase::Running).await;
    let again = rig.submit(panel_command(Some("x"), "s1", Verb::Start)).await;
    assert_eq!(phase_of(&again), Phase::Running, "its answer was recorded");
}

#[actix::test]
async fn an_agent_that_shuts_down_refuses_and_lets_what_runs_end() {
    // P-207 SHUTTING_DOWN
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.trouble(&id("s1"), Call::Start, Trouble::Hangs);
    let started = rig.submit_soon(panel_command(Some("x"), "s1", Verb::Start));
    wait_until_true("the start to be asked for", SOON, || rig.engine.calls_about(&id("s1"), Call::Start) == 1).await;
    let settled = rig.dispatcher.send(Settle { within: SOON });
    let settled = actix_rt::spawn(settled);
    wait_until_true("refusals", SOON, || !settled.is_finished()).await;
    assert_eq!(rig.refused("s1", Verb::Kill).await, FailureCode::ShuttingDown);
    assert!(!settled.is_finished(), "it waits for the start");
    rig.engine.heal(&id("s1"), Call::Start);
    settled.await.unwrap().unwrap();
    assert_eq!(phase_of(&started.await.unwrap()), Phase::Running);
}
