//! Going up: install, start, the start half of a restart.

use super::bench::{
    Bench, KILL_DEADLINE, KILL_RETRY, START_DEADLINE, config, exited, failure, made, paused, restart, running,
    stop_within, survivors,
};
use crate::failure::FailureCode;
use crate::observation::Observation;
use crate::phase::{Phase, Reason};
use crate::server::{Action, Effect, MachineConfig, Power, RequestKind, ServerMachine};

#[test]
fn an_install_brings_image_and_container_and_nothing_that_runs() {
    // P-19.
    let mut bench = Bench::new(ServerMachine::created(config()));
    let install = bench.accepted(RequestKind::Install);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    assert_eq!(bench.outcome(&install), Ok(None));
    assert_eq!(bench.phases(), [Phase::Stopped]);
    assert_eq!(bench.last_reason(), Some(Reason::Install));
    assert!(bench.in_flight.is_empty());
}

#[test]
fn an_install_that_fails_can_be_asked_again() {
    let mut bench = Bench::new(ServerMachine::created(config()));
    let first = bench.accepted(RequestKind::Install);
    bench.end(&Action::EnsureImage, Err(failure(FailureCode::ImagePullFailed)));
    assert_eq!(bench.outcome_code(&first), FailureCode::ImagePullFailed);
    assert_eq!(bench.phase(), Phase::InstallFailed);
    assert_eq!(bench.changes().next().unwrap().error.as_deref(), Some("it did not work"));
    assert_eq!(bench.refused(RequestKind::Start), FailureCode::InstallFailed);
    bench.accepted(RequestKind::Install);
    assert_eq!(bench.phase(), Phase::Installing);
}

#[test]
fn a_kill_ends_an_install_as_failed_and_does_not_wait_for_the_pull() {
    // P-24.
    let mut bench = Bench::new(ServerMachine::created(config()));
    let install = bench.accepted(RequestKind::Install);
    let kill = bench.accepted(RequestKind::Kill);
    assert_eq!(bench.outcome_code(&install), FailureCode::Superseded);
    assert_eq!(bench.actions_in_flight(), [Action::Kill], "the pull is abandoned");
    bench.done(&Action::Kill);
    bench.look(Observation::Absent);
    assert!(bench.is_finished(&kill));
    assert_eq!(bench.phases(), [Phase::InstallFailed]);
}

#[test]
fn an_install_after_a_killed_one_waits_for_the_container_that_is_still_being_made() {
    let mut bench = Bench::new(ServerMachine::created(config()));
    bench.accepted(RequestKind::Install);
    bench.done(&Action::EnsureImage);
    bench.accepted(RequestKind::Kill);
    bench.done(&Action::Kill);
    bench.look(Observation::Absent);
    bench.accepted(RequestKind::Install);
    assert_eq!(bench.actions_in_flight(), [Action::EnsureContainer], "the old one, and no second");
    bench.done(&Action::EnsureContainer);
    assert_eq!(bench.actions_in_flight(), [Action::EnsureImage]);
}

#[test]
fn a_start_is_starting_from_the_request_on_and_running_when_the_output_says_so() {
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    assert_eq!(bench.phases(), [Phase::Starting]);
    bench.bring_up("one");
    assert!(!bench.is_finished(&start));
    bench.ready();
    assert_eq!(bench.outcome(&start), Ok(None));
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Running]);
    assert_eq!(bench.machine.persisted(), survivors(Phase::Running, Power::On, Some("one"), true));
}

#[test]
fn without_detection_a_process_is_ready_as_soon_as_it_is_seen() {
    let mut bench = Bench::stopped();
    bench.machine.set_config(MachineConfig { detects_readiness: false, ..config() });
    let start = bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    bench.done(&Action::Start);
    assert!(!bench.is_finished(&start), "a start that succeeded is not yet a process that was seen");
    assert!(bench.asked_to_look());
    bench.look(running("one"));
    assert_eq!(bench.outcome(&start), Ok(None));
}

#[test]
fn output_that_says_ready_before_the_first_look_counts() {
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    bench.ready();
    bench.done(&Action::Start);
    bench.look(running("one"));
    assert_eq!(bench.outcome(&start), Ok(None));
}

#[test]
fn readiness_of_the_old_process_does_not_count_for_the_new_one() {
    let mut bench = Bench::running();
    bench.accepted(restart());
    bench.ready();
    bench.look(exited("one", 0));
    bench.ready();
    bench.bring_up("two");
    assert_eq!(bench.phase(), Phase::Starting);
}

#[test]
fn a_process_that_ends_before_it_is_ready_fails_the_start_with_its_exit_code() {
    // P-19, P-206.
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    bench.bring_up("one");
    bench.look(exited("one", 3));
    let failed = bench.outcome(&start).unwrap_err();
    assert_eq!(failed.code, FailureCode::StartFailed);
    assert!(failed.message.contains("exit code 3"), "{}", failed.message);
    let change = bench.changes().next_back().unwrap();
    assert_eq!(
        (change.to.phase, change.reason, change.exit_code),
        (Phase::Stopped, Some(Reason::StartFailed), Some(3))
    );
    assert_eq!(change.error.as_deref(), Some(failed.message.as_str()));
}

#[test]
fn a_step_that_fails_fails_the_start_with_its_own_code() {
    for (steps, code) in [
        (&[][..], FailureCode::ImagePullFailed),
        (&[Action::EnsureImage][..], FailureCode::PortConflict),
        (&[Action::EnsureImage, Action::EnsureContainer][..], FailureCode::PortConflict),
    ] {
        let mut bench = Bench::stopped();
        let start = bench.accepted(RequestKind::Start);
        for step in steps {
            bench.done(step);
        }
        let (_, next) = bench.in_flight[0].clone();
        bench.end(&next, Err(failure(code)));
        bench.look(made());
        assert_eq!(bench.outcome_code(&start), code);
        assert_eq!(bench.phase(), Phase::Stopped);
        assert_eq!(bench.last_reason(), Some(Reason::StartFailed));
    }
}

#[test]
fn a_start_that_failed_and_runs_all_the_same_is_killed() {
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    bench.end(&Action::Start, Err(failure(FailureCode::DockerError)));
    bench.look(running("one"));
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.outcome_code(&start), FailureCode::DockerError);
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Stopped]);
}

#[test]
fn a_start_that_does_not_come_to_ready_in_time_fails_and_leaves_nothing_running() {
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    bench.bring_up("one");
    bench.pass(START_DEADLINE - 1);
    assert!(bench.in_flight.is_empty());
    bench.pass(1);
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.outcome_code(&start), FailureCode::StartFailed);
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Stopped]);
    assert_eq!(bench.last_reason(), Some(Reason::StartFailed));
}

#[test]
fn every_stage_of_a_start_ends_even_if_nothing_ever_answers() {
    for steps in [&[][..], &[Action::EnsureImage], &[Action::EnsureImage, Action::EnsureContainer]] {
        let mut bench = Bench::stopped();
        let start = bench.accepted(RequestKind::Start);
        for step in steps {
            bench.done(step);
        }
        bench.look(Observation::EngineUnreachable);
        bench.pass(START_DEADLINE + KILL_DEADLINE);
        assert_eq!(bench.outcome_code(&start), FailureCode::StartFailed);
    }
}

#[test]
fn two_starts_start_once() {
    // P-22.
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.ask(RequestKind::Start);
    bench.bring_up("one");
    bench.ready();
    let starts = bench.said.iter().filter(|effect| matches!(effect, Effect::Perform { action: Action::Start, .. }));
    assert_eq!(starts.count(), 1);
}

#[test]
fn a_look_from_before_the_start_does_not_fail_it() {
    let mut bench = Bench::seen(survivors(Phase::Stopped, Power::Off, Some("one"), false), exited("one", 0));
    let start = bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    bench.done(&Action::Start);
    bench.forget();
    bench.look(exited("one", 0));
    assert!(!bench.is_finished(&start) && bench.asked_to_look());
    bench.look(exited("one", 0));
    assert_eq!(bench.outcome_code(&start), FailureCode::StartFailed, "but the same look twice is believed");
}

#[test]
fn a_start_of_a_frozen_server_thaws_it() {
    let mut bench = Bench::running();
    bench.look(paused("one"));
    let start = bench.accepted(RequestKind::Start);
    bench.done(&Action::Unpause);
    bench.look(running("one"));
    assert_eq!(bench.outcome(&start), Ok(None), "it was ready before it was frozen");
    assert_eq!(bench.phases(), [Phase::Paused, Phase::Starting, Phase::Running]);
}

#[test]
fn a_server_that_somebody_else_starts_during_the_pull_is_not_started_again() {
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    bench.look(running("theirs"));
    assert!(bench.in_flight.is_empty(), "neither pull nor container: making one could replace what runs");
    bench.ready();
    assert_eq!(bench.outcome(&start), Ok(None));
}

#[test]
fn a_restart_is_one_operation_through_restarting_starting_and_running() {
    // P-206.
    let mut bench = Bench::running();
    let restarted = bench.accepted(restart());
    bench.done(&Action::WriteLine("stop".to_owned()));
    bench.look(exited("one", 0));
    bench.bring_up("two");
    bench.ready();
    assert_eq!(bench.outcome(&restarted), Ok(None));
    assert_eq!(bench.phases(), [Phase::Restarting, Phase::Starting, Phase::Running]);
}

#[test]
fn a_restart_of_a_stopped_server_is_just_a_start() {
    let mut bench = Bench::stopped();
    let restarted = bench.accepted(restart());
    bench.bring_up("one");
    bench.ready();
    assert_eq!(bench.outcome(&restarted), Ok(None));
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Running]);
}

#[test]
fn a_start_waits_for_a_kill_of_an_earlier_operation_that_is_still_in_flight() {
    let mut bench = Bench::running();
    let kill = bench.accepted(RequestKind::Kill);
    bench.pass(KILL_DEADLINE);
    assert_eq!(bench.outcome_code(&kill), FailureCode::DockerError);
    bench.look(exited("one", 1));
    bench.accepted(RequestKind::Start);
    assert_eq!(bench.actions_in_flight(), [Action::Kill], "it could hit the new process");
    bench.done(&Action::Kill);
    bench.look(exited("one", 1));
    assert_eq!(bench.actions_in_flight(), [Action::EnsureImage]);
}

#[test]
fn a_stop_calls_off_a_start_that_has_no_process_yet() {
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    let stop = bench.accepted(stop_within(30));
    assert_eq!(bench.outcome(&start).unwrap_err().message, "replaced by stop_server");
    assert!(bench.is_finished(&stop));
    assert!(bench.in_flight.is_empty());
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Stopped]);
}

#[test]
fn a_stop_waits_for_a_start_in_flight_and_then_asks_its_process() {
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    let stop = bench.accepted(stop_within(30));
    bench.look(made());
    assert!(!bench.is_finished(&stop), "the start may still bring a process");
    bench.done(&Action::Start);
    bench.look(running("one"));
    bench.done(&Action::WriteLine("stop".to_owned()));
    bench.look(exited("one", 0));
    assert_eq!(bench.note(&stop), "stopped by its stop command");
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Stopping, Phase::Stopped]);
}

#[test]
fn a_start_given_up_that_comes_true_later_is_killed_without_a_word() {
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    let kill = bench.accepted(RequestKind::Kill);
    bench.done(&Action::Kill);
    bench.look(made());
    assert!(!bench.is_finished(&kill), "the start gets a little patience");
    bench.pass(KILL_RETRY);
    bench.done(&Action::Kill);
    bench.look(made());
    assert_eq!(bench.note(&kill), "killed");
    assert!(bench.in_flight.is_empty(), "the start is abandoned");
    bench.forget();
    bench.look(running("late"));
    bench.done(&Action::Kill);
    bench.look(exited("late", 137));
    bench.pass(KILL_DEADLINE);
    assert_eq!(bench.phases(), []);
    // Long after it, a process is somebody else's.
    bench.look(running("theirs"));
    assert_eq!(bench.phase(), Phase::Starting);
    assert!(bench.in_flight.is_empty());
}

#[test]
fn a_start_that_waited_for_an_older_start_looks_before_it_makes_a_container() {
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    let kill = bench.accepted(RequestKind::Kill);
    bench.pass(KILL_DEADLINE);
    assert_eq!(bench.outcome_code(&kill), FailureCode::DockerError);
    let start = bench.accepted(RequestKind::Start);
    bench.done(&Action::Kill);
    bench.done(&Action::Start);
    assert!(bench.in_flight.is_empty(), "making a container blindly could replace the one that runs");
    bench.look(running("one"));
    bench.ready();
    assert_eq!(bench.outcome(&start), Ok(None));
}
