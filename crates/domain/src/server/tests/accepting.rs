//! Which requests are taken: a table over what is under way, what waits and what is known; and what pre-empts what.

use std::collections::VecDeque;

use super::bench::{Bench, KILL_DEADLINE, config, delete, failure, made, restart, running, stop_within, survivors};
use crate::failure::FailureCode;
use crate::ids::OperationId;
use crate::observation::Observation;
use crate::phase::Phase;
use crate::server::acceptance::{Decision, MOST_WAITING, PreEmption, Situation};
use crate::server::{Action, Effect, Power, Request, RequestKind, ServerMachine, Verdict};
use crate::spec::{Signal, StopRequest};

/// An answer, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accept(PreEmption),
    Join(&'static str),
    Holds,
    Refuse(FailureCode),
}

use Answer::{Accept, Holds, Join, Refuse};

/// What is under way and what waits; the last one waiting has the id `last`, the one under way `now`.
fn line(
    under_way: Option<RequestKind>,
    waiting: &[RequestKind],
) -> (Option<(OperationId, RequestKind)>, VecDeque<Request>) {
    let count = waiting.len();
    let waiting = waiting.iter().enumerate().map(|(place, kind)| Request {
        operation: OperationId::new(if place + 1 == count { "last" } else { "middle" }),
        kind: *kind,
    });
    (under_way.map(|kind| (OperationId::new("now"), kind)), waiting.collect())
}

#[track_caller]
fn check(phase: Phase, under_way: Option<RequestKind>, waiting: &[RequestKind], asked: RequestKind, expected: Answer) {
    let (under_way, waiting) = line(under_way, waiting);
    let situation = Situation {
        phase,
        engine_answers: phase != Phase::Unknown,
        process: phase.has_process(),
        shutting_down: false,
        under_way: under_way.as_ref().map(|(id, kind)| (id, kind)),
        waiting: &waiting,
    };
    let answer = match situation.decide(&asked) {
        Decision::Accept(pre_emption) => Accept(pre_emption),
        Decision::Join(id, _) if id.as_str() == "now" => Join("now"),
        Decision::Join(id, _) if id.as_str() == "last" => Join("last"),
        Decision::Join(id, _) => panic!("joined {id}, which others wait behind"),
        Decision::Holds => Holds,
        Decision::Refuse(failure) => Refuse(failure.code),
    };
    assert_eq!(answer, expected, "{asked:?} in {phase:?} with {under_way:?} under way and {waiting:?} waiting");
}

const ALONE: PreEmption = PreEmption::Nothing;
const OVER_ALL: PreEmption = PreEmption::Everything;

// P-23, P-25: judged by the phase alone, with nothing under way.
#[test]
fn with_nothing_under_way_the_phase_decides() {
    use Phase::{Crashed, Deleted, InstallFailed, Installing, Paused, Running, Starting, Stopped, Suspended};
    let (start, stop, kill, install) = (RequestKind::Start, stop_within(30), RequestKind::Kill, RequestKind::Install);
    let busy = Refuse(FailureCode::ServerBusy);
    let failed = Refuse(FailureCode::InstallFailed);
    let suspended = Refuse(FailureCode::ServerSuspended);
    let gone = Refuse(FailureCode::ServerNotFound);
    let (yes, over) = (Accept(ALONE), Accept(OVER_ALL));
    let table = [
        // phase         start      stop   restart    kill   install  delete
        (Installing, [busy, busy, busy, over, yes, over]),
        (InstallFailed, [failed, Holds, failed, Holds, yes, over]),
        (Stopped, [yes, Holds, yes, Holds, Holds, over]),
        (Crashed, [yes, Holds, yes, Holds, Holds, over]),
        (Starting, [yes, over, yes, over, Holds, over]),
        (Running, [Holds, over, yes, over, Holds, over]),
        (Paused, [yes, over, yes, over, Holds, over]),
        (Suspended, [suspended, Holds, suspended, Holds, Holds, over]),
        (Deleted, [gone, gone, gone, gone, gone, Holds]),
    ];
    for (phase, answers) in table {
        for (asked, expected) in [start, stop, restart(), kill, install, delete()].into_iter().zip(answers) {
            check(phase, None, &[], asked, expected);
        }
    }
}

// P-22, P-24, P-26: judged against the operation under way.
#[test]
fn what_is_under_way_decides_who_joins_waits_or_pre_empts() {
    let (start, stop, kill) = (RequestKind::Start, stop_within(30), RequestKind::Kill);
    let (yes, over, join) = (Accept(ALONE), Accept(OVER_ALL), Join("now"));
    let table = [
        // under way  phase           start  stop  restart kill  delete
        (start, Phase::Starting, [join, over, yes, over, over]),
        (restart(), Phase::Restarting, [yes, over, join, over, over]),
        (stop, Phase::Stopping, [yes, join, yes, over, over]),
        (kill, Phase::Stopping, [yes, join, yes, join, over]),
        (delete(), Phase::Stopping, [yes, join, yes, join, join]),
    ];
    for (under_way, phase, answers) in table {
        for (asked, expected) in [start, stop, restart(), kill, delete()].into_iter().zip(answers) {
            check(phase, Some(under_way), &[], asked, expected);
        }
    }
}

// P-25.
#[test]
fn during_an_install_only_kill_and_delete_get_through() {
    for (under_way, waiting, phase) in [
        (RequestKind::Install, vec![], Phase::Installing),
        (RequestKind::Kill, vec![RequestKind::Install], Phase::InstallFailed),
    ] {
        for asked in [RequestKind::Start, stop_within(30), restart()] {
            check(phase, Some(under_way), &waiting, asked, Refuse(FailureCode::ServerBusy));
        }
        check(phase, Some(under_way), &waiting, delete(), Accept(OVER_ALL));
    }
    check(Phase::Installing, Some(RequestKind::Install), &[], RequestKind::Kill, Accept(OVER_ALL));
    check(Phase::Installing, Some(RequestKind::Install), &[], RequestKind::Install, Join("now"));
}

// P-22: the same again joins, but only the last in line: behind another operation it is another wish.
#[test]
fn only_the_last_in_line_is_joined() {
    let start = RequestKind::Start;
    check(Phase::Restarting, Some(restart()), &[start], start, Join("last"));
    check(Phase::Starting, Some(start), &[restart()], start, Accept(ALONE));
    check(Phase::Stopping, Some(stop_within(30)), &[start], restart(), Accept(ALONE));
}

// P-30: the line has a bound, and those who overtake do not stand in it.
#[test]
fn the_line_has_a_bound_that_does_not_hold_back_kill_stop_and_delete() {
    let full: Vec<_> = [RequestKind::Start, restart()].into_iter().cycle().take(MOST_WAITING).collect();
    let (phase, under_way) = (Phase::Restarting, Some(restart()));
    check(phase, under_way, &full, RequestKind::Start, Refuse(FailureCode::ServerBusy));
    check(phase, under_way, &full, restart(), Join("last"));
    for asked in [RequestKind::Kill, delete(), stop_within(30)] {
        check(phase, under_way, &full, asked, Accept(OVER_ALL));
    }
    check(phase, under_way, &full[1..], RequestKind::Start, Accept(ALONE));
}

#[test]
fn while_the_engine_is_out_of_reach_nothing_holds() {
    for (phase, asked) in
        [(Phase::Running, RequestKind::Start), (Phase::Stopped, stop_within(30)), (Phase::Stopped, RequestKind::Kill)]
    {
        let mut bench = Bench::new(ServerMachine::restored(config(), survivors(phase, Power::On, None, false)));
        assert_eq!(bench.ask(asked), Verdict::Accepted, "{asked:?}");
    }
}

#[test]
fn a_stop_by_sigkill_is_a_kill() {
    // P-184.
    let mut bench = Bench::running();
    let by_force = StopRequest { signal: Some(Signal::Kill), grace_seconds: 300 };
    bench.accepted(RequestKind::Stop(by_force));
    assert_eq!(bench.machine.current_operation().map(|(_, kind)| *kind), Some(RequestKind::Kill));
    assert_eq!(bench.actions_in_flight(), [Action::Kill]);
}

// P-24: each one that is replaced says by what.
#[test]
fn a_kill_ends_all_that_is_under_way_and_waits_and_names_itself() {
    let mut bench = Bench::running();
    let replaced = [restart(), RequestKind::Start, restart()].map(|kind| bench.accepted(kind));
    bench.accepted(RequestKind::Kill);
    for operation in replaced {
        let failure = bench.outcome(&operation).unwrap_err();
        assert_eq!((failure.code, failure.message.as_str()), (FailureCode::Superseded, "replaced by kill_server"));
    }
}

#[test]
fn a_stop_replaces_a_waiting_start_and_joins_the_stop_under_way() {
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(30));
    let start = bench.accepted(RequestKind::Start);
    assert_eq!(bench.machine.persisted().desired, Power::On);
    assert_eq!(bench.ask(stop_within(10)), Verdict::Joined(stop));
    assert_eq!(bench.outcome_code(&start), FailureCode::Superseded);
    assert_eq!(bench.machine.persisted().desired, Power::Off, "the last wish counts, also when it joins");
}

#[test]
fn waiting_operations_have_their_turn_in_order_of_arrival() {
    // P-26.
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(30));
    let start = bench.accepted(RequestKind::Start);
    let restarted = bench.accepted(restart());
    bench.done(&Action::WriteLine("stop".to_owned()));
    bench.look(super::bench::exited("one", 0));
    assert!(bench.is_finished(&stop));
    bench.bring_up("two");
    assert!(!bench.is_finished(&start));
    bench.ready();
    assert_eq!(bench.outcome(&start), Ok(None));
    assert_eq!(bench.phase(), Phase::Restarting);
    assert!(!bench.is_finished(&restarted));
}

#[test]
fn wishes_are_written_before_anything_else_is_said() {
    let mut bench = Bench::stopped();
    bench.accepted(RequestKind::Start);
    let Some(Effect::Persist(persisted)) = bench.said.first() else { panic!("{:?}", bench.said) };
    assert_eq!((persisted.phase, persisted.desired), (Phase::Starting, Power::On));
    // Nothing to do, but a wish all the same: a supervisor must not start what was asked to be stopped.
    let mut bench = Bench::seen(survivors(Phase::Crashed, Power::On, None, false), made());
    assert_eq!(bench.ask(stop_within(30)), Verdict::AlreadyHolds);
    assert_eq!(bench.machine.persisted().desired, Power::Off);
    assert!(matches!(bench.said.first(), Some(Effect::Persist(_))));
}

#[test]
fn a_server_that_is_shutting_down_refuses_and_lets_go_on_what_it_has_begun() {
    let mut bench = Bench::running();
    let stop = bench.accepted(stop_within(30));
    bench.machine.shut_down();
    for asked in [RequestKind::Kill, delete(), RequestKind::Start, stop_within(1)] {
        assert_eq!(bench.refused(asked), FailureCode::ShuttingDown);
    }
    bench.look(super::bench::exited("one", 0));
    assert_eq!(bench.note(&stop), "stopped by its stop command");
}

#[test]
fn an_operation_accepted_blindly_waits_for_a_look_or_fails_by_its_deadline() {
    let blind =
        || Bench::new(ServerMachine::restored(config(), survivors(Phase::Running, Power::On, Some("one"), true)));
    let mut bench = blind();
    let start = bench.accepted(RequestKind::Start);
    assert!(bench.in_flight.is_empty() && bench.asked_to_look());
    bench.look(running("one"));
    assert_eq!(bench.note(&start), "it was running already");

    let mut bench = blind();
    let stop = bench.accepted(stop_within(30));
    bench.look(Observation::EngineUnreachable);
    bench.pass(30_000 + KILL_DEADLINE - 1);
    assert!(!bench.is_finished(&stop));
    bench.pass(1);
    assert_eq!(bench.outcome_code(&stop), FailureCode::DockerError);
    assert_eq!(bench.phase(), Phase::Unknown);
}

#[test]
fn after_a_delete_those_who_waited_are_told_that_the_server_is_gone() {
    let mut bench = Bench::stopped();
    let deleted = bench.accepted(delete());
    let start = bench.accepted(RequestKind::Start);
    bench.done(&Action::RemoveContainer);
    bench.done(&Action::TrashData);
    assert_eq!(bench.outcome(&deleted), Ok(None));
    assert_eq!(bench.outcome_code(&start), FailureCode::ServerNotFound);
    assert_eq!(bench.ask(delete()), Verdict::AlreadyHolds);
}

#[test]
fn a_delete_that_fails_leaves_the_server_and_those_who_wait() {
    let mut bench = Bench::stopped();
    let deleted = bench.accepted(delete());
    bench.accepted(RequestKind::Start);
    bench.end(&Action::RemoveContainer, Err(failure(FailureCode::DockerError)));
    assert_eq!(bench.outcome_code(&deleted), FailureCode::DockerError);
    assert_eq!(bench.phase(), Phase::Starting);
}
