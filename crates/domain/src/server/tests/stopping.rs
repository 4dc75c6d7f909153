//! Going down: stop, kill, delete.

use super::bench::{
    Bench, KILL_DEADLINE, KILL_RETRY, config, delete, exited, failure, made, paused, restart, running, stop_within,
    survivors,
};
use crate::failure::FailureCode;
use crate::observation::Observation;
use crate::phase::{Phase, Reason};
use crate::server::{Action, MachineConfig, Power, RequestKind, ServerMachine, Verdict};
use crate::spec::{Signal, StopMethod, StopRequest};

fn stop_line() -> Action {
    Action::WriteLine("stop".to_owned())
}

#[test]
fn a_stop_asks_in_its_own_way_and_says_which_it_was() {
    // P-181, P-183.
    let term = Action::Signal(Signal::Term);
    let int = Action::Signal(Signal::Int);
    for (method, signal, asked, note) in [
        (StopMethod::Command("stop".to_owned()), None, stop_line(), "stopped by its stop command"),
        (StopMethod::Terminate, None, term, "stopped by SIGTERM"),
        (StopMethod::Signal(Signal::Int), None, int.clone(), "stopped by SIGINT"),
        (StopMethod::Command("stop".to_owned()), Some(Signal::Int), int, "stopped by SIGINT"),
        (StopMethod::Signal(Signal::Kill), None, Action::Kill, "killed"),
    ] {
        let mut bench = Bench::running();
        bench.machine.set_config(MachineConfig { stop: method, ..config() });
        let stop = bench.accepted(RequestKind::Stop(StopRequest { signal, grace_seconds: 30 }));
        bench.done(&asked);
        assert!(!bench.is_finished(&stop) && bench.asked_to_look(), "only a look shows the end of a process");
        bench.look(exited("one", 0));
        assert_eq!(bench.note(&stop), note);
        assert_eq!(bench.phases(), [Phase::Stopping, Phase::Stopped]);
        assert_eq!(bench.last_reason(), Some(Reason::Command));
        assert_eq!(bench.machine.persisted().desired, Power::Off);
    }
}

#[test]
fn a_process_that_outlives_its_grace_is_killed_and_the_note_says_so() {
    // P-182, P-183.
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(30));
    bench.done(&stop_line());
    bench.pass(29_999);
    assert!(bench.in_flight.is_empty());
    bench.pass(1);
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.note(&stop), "killed after 30 s");
}

#[test]
fn no_grace_kills_right_after_the_signal() {
    // P-182.
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(0));
    bench.done(&stop_line());
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.note(&stop), "killed after 0 s");
}

#[test]
fn a_process_that_cannot_be_asked_is_signalled_and_then_killed_without_waiting() {
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(300));
    bench.end(&stop_line(), Err(failure(FailureCode::DockerError)));
    bench.end(&Action::Signal(Signal::Term), Err(failure(FailureCode::DockerError)));
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.note(&stop), "killed, because it could not be asked to stop");
    assert_eq!(bench.now, 1_000, "no time has passed");
}

#[test]
fn a_stop_command_that_cannot_be_written_gives_way_to_sigterm() {
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(30));
    bench.end(&stop_line(), Err(failure(FailureCode::DockerError)));
    bench.done(&Action::Signal(Signal::Term));
    bench.look(exited("one", 143));
    assert_eq!(bench.note(&stop), "stopped by SIGTERM");
}

#[test]
fn a_frozen_process_is_thawed_before_it_is_asked_but_not_before_it_is_killed() {
    let mut bench = Bench::running();
    bench.look(paused("one"));
    bench.accepted(stop_within(30));
    bench.done(&Action::Unpause);
    assert_eq!(bench.actions_in_flight(), [stop_line()]);
    let mut bench = Bench::running();
    bench.look(paused("one"));
    bench.accepted(RequestKind::Kill);
    assert_eq!(bench.actions_in_flight(), [Action::Kill]);
}

#[test]
fn kill_overtakes_a_stop_that_hangs() {
    // P-24.
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(300));
    let kill = bench.accepted(RequestKind::Kill);
    assert_eq!(bench.outcome_code(&stop), FailureCode::Superseded);
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.note(&kill), "killed");
    assert_eq!(bench.phases(), [Phase::Stopping, Phase::Stopped]);
}

#[test]
fn a_stop_takes_over_the_stop_half_of_the_restart_it_replaces() {
    let mut bench = Bench::running();
    let restarted = bench.accepted(restart());
    bench.done(&stop_line());
    let stop = bench.accepted(stop_within(10));
    assert_eq!(bench.outcome_code(&restarted), FailureCode::Superseded);
    assert!(bench.in_flight.is_empty(), "it has been asked already");
    bench.pass(10_000);
    assert_eq!(bench.actions_in_flight(), [Action::Kill], "the shorter grace holds");
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert!(bench.is_finished(&stop));
    assert_eq!(bench.phases(), [Phase::Restarting, Phase::Stopping, Phase::Stopped]);
}

#[test]
fn a_kill_is_tried_again_while_the_process_is_seen() {
    let mut bench = Bench::running();
    let kill = bench.accepted(RequestKind::Kill);
    bench.done(&Action::Kill);
    bench.look(running("one"));
    assert!(bench.in_flight.is_empty());
    bench.pass(KILL_RETRY);
    bench.end(&Action::Kill, Err(failure(FailureCode::DockerError)));
    bench.pass(KILL_RETRY);
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.note(&kill), "killed");
}

#[test]
fn a_kill_gives_up_by_its_deadline_and_leaves_the_phase_as_observed() {
    let mut bench = Bench::running();
    let kill = bench.accepted(RequestKind::Kill);
    bench.look(running("one"));
    bench.pass(KILL_DEADLINE);
    assert_eq!(bench.outcome_code(&kill), FailureCode::DockerError);
    assert_eq!(bench.phases(), [Phase::Stopping, Phase::Running]);
    assert_eq!(bench.last_reason(), Some(Reason::StopFailed));
    assert_eq!(bench.ask(RequestKind::Kill), Verdict::Accepted, "it can be asked again");
}

#[test]
fn a_stop_ends_even_if_the_engine_never_answers() {
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(30));
    bench.look(Observation::EngineUnreachable);
    bench.pass(30_000 + KILL_DEADLINE);
    assert_eq!(bench.outcome_code(&stop), FailureCode::DockerError);
    assert_eq!(bench.phase(), Phase::Unknown);
    bench.look(exited("one", 0));
    assert_eq!(bench.phase(), Phase::Stopped);
}

#[test]
fn a_look_from_before_the_kill_does_not_end_it() {
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    let kill = bench.accepted(RequestKind::Kill);
    bench.look(made());
    assert!(!bench.is_finished(&kill));
}

#[test]
fn a_look_does_not_end_a_kill_that_failed() {
    // The look began before the start took effect, and is told after the kill has failed.
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    bench.done(&Action::Start);
    let kill = bench.accepted(RequestKind::Kill);
    bench.end(&Action::Kill, Err(failure(FailureCode::DockerError)));
    bench.look(made());
    assert!(!bench.is_finished(&kill), "nobody has ended what the start brought");
    bench.pass(KILL_RETRY);
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.note(&kill), "killed");
}

#[test]
fn a_kill_whose_step_never_ends_does_not_succeed_by_its_deadline() {
    // Seen gone at first; but a start that was given up may have brought a process since, and no kill has ended.
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    bench.end(&Action::Start, Err(failure(FailureCode::DockerError)));
    let kill = bench.accepted(RequestKind::Kill);
    bench.look(made());
    bench.pass(KILL_DEADLINE);
    assert_eq!(bench.outcome_code(&kill), FailureCode::DockerError);
}

#[test]
fn a_start_that_ends_during_a_kill_is_killed_again() {
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    bench.done(&Action::EnsureImage);
    bench.done(&Action::EnsureContainer);
    let kill = bench.accepted(RequestKind::Kill);
    bench.done(&Action::Kill);
    bench.done(&Action::Start);
    assert_eq!(bench.actions_in_flight(), [Action::Kill], "the first kill came before the process");
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert_eq!(bench.note(&kill), "killed");
    assert_eq!(bench.phase(), Phase::Stopped);
}

#[test]
fn a_kill_in_an_outage_is_carried_out_when_the_engine_is_back() {
    let mut bench = Bench::running();
    bench.look(Observation::EngineUnreachable);
    let kill = bench.accepted(RequestKind::Kill);
    bench.end(&Action::Kill, Err(failure(FailureCode::DockerError)));
    bench.look(Observation::EngineUnreachable);
    bench.pass(KILL_RETRY);
    bench.done(&Action::Kill);
    bench.look(exited("one", 137));
    assert!(bench.outcome(&kill).is_ok());
    assert_eq!(bench.phases(), [Phase::Unknown, Phase::Stopping, Phase::Stopped]);
}

#[test]
fn a_delete_ends_process_container_and_data_in_this_order() {
    // P-19.
    let mut bench = Bench::running();
    let deleted = bench.accepted(delete());
    for action in [Action::Kill, Action::RemoveContainer, Action::TrashData] {
        assert_eq!(bench.actions_in_flight(), std::slice::from_ref(&action));
        bench.done(&action);
        if action == Action::Kill {
            bench.look(exited("one", 137));
        }
    }
    assert_eq!(bench.outcome(&deleted), Ok(None));
    assert_eq!(bench.phases(), [Phase::Stopping, Phase::Stopped, Phase::Deleted]);
}

#[test]
fn a_delete_that_keeps_files_does_not_touch_the_data() {
    let mut bench = Bench::stopped();
    let deleted = bench.accepted(RequestKind::Delete { keep_files: true });
    bench.done(&Action::RemoveContainer);
    assert_eq!(bench.outcome(&deleted), Ok(None));
    assert!(bench.in_flight.is_empty());
}

#[test]
fn a_delete_that_fails_can_be_asked_again() {
    let mut bench = Bench::stopped();
    let first = bench.accepted(delete());
    bench.done(&Action::RemoveContainer);
    bench.end(&Action::TrashData, Err(failure(FailureCode::InternalError)));
    assert_eq!(bench.outcome_code(&first), FailureCode::InternalError);
    assert_eq!(bench.phase(), Phase::Stopped);
    bench.accepted(delete());
    bench.done(&Action::RemoveContainer);
    bench.done(&Action::TrashData);
    assert_eq!(bench.phase(), Phase::Deleted);
}

#[test]
fn a_delete_waits_for_a_container_in_the_making_so_that_none_appears_afterwards() {
    let mut bench = Bench::new(ServerMachine::created(config()));
    bench.accepted(RequestKind::Install);
    bench.done(&Action::EnsureImage);
    bench.accepted(delete());
    assert_eq!(bench.actions_in_flight(), [Action::EnsureContainer]);
    bench.done(&Action::EnsureContainer);
    assert_eq!(bench.actions_in_flight(), [Action::RemoveContainer]);
}

#[test]
fn a_delete_takes_the_place_of_a_kill_and_a_kill_joins_a_delete() {
    let mut bench = Bench::running();
    let kill = bench.accepted(RequestKind::Kill);
    let deleted = bench.accepted(delete());
    assert_eq!(bench.outcome(&kill).unwrap_err().message, "replaced by delete_server");
    assert_eq!(bench.ask(RequestKind::Kill), Verdict::Joined(deleted));
}

#[test]
fn a_crashed_or_failed_server_keeps_its_phase_through_a_blind_kill() {
    for phase in [Phase::Crashed, Phase::InstallFailed, Phase::Suspended] {
        let mut bench = Bench::new(ServerMachine::restored(config(), survivors(phase, Power::Off, None, false)));
        let kill = bench.accepted(RequestKind::Kill);
        bench.done(&Action::Kill);
        bench.look(made());
        assert!(bench.outcome(&kill).is_ok());
        assert_eq!(bench.phases(), [phase]);
    }
}
