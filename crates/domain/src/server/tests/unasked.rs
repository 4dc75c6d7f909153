//! What happens without being asked, and what is true after an outage or a restart of the agent.

use super::bench::{Bench, config, exited, made, paused, running, survivors};
use crate::observation::{ContainerFacts, Observation};
use crate::phase::{Phase, Reason};
use crate::server::{MachineConfig, Power, RequestKind, ServerMachine};

fn killed_for_memory() -> Observation {
    let Observation::Present(facts) = exited("one", 137) else { unreachable!("it is a container") };
    Observation::Present(ContainerFacts { oom_killed: true, ..facts })
}

#[test]
fn a_process_that_ends_unasked_is_reported_with_how_it_ended() {
    for (observation, phase, reason, exit_code) in [
        (exited("one", 0), Phase::Stopped, Reason::CleanExit, Some(0)),
        (exited("one", 137), Phase::Crashed, Reason::Crash, Some(137)),
        (killed_for_memory(), Phase::Crashed, Reason::Oom, Some(137)),
        (Observation::Absent, Phase::Crashed, Reason::ContainerRemoved, None),
    ] {
        let mut bench = Bench::running();
        bench.look(observation.clone());
        let change = bench.changes().next().expect("it is reported").clone();
        assert_eq!((change.to.phase, change.reason, change.exit_code), (phase, Some(reason), exit_code));
        assert_eq!(change.error.is_some(), phase == Phase::Crashed);
        // P-206: the same look again tells nothing.
        bench.look(observation);
        assert_eq!(bench.changes().count(), 1);
        assert_eq!(bench.machine.persisted().desired, Power::On, "what is wanted has not changed");
    }
}

#[test]
fn freezing_and_thawing_from_outside_is_followed() {
    let mut bench = Bench::running();
    bench.look(paused("one"));
    bench.look(running("one"));
    assert_eq!(bench.phases(), [Phase::Paused, Phase::Running]);
    assert!(bench.changes().all(|change| change.reason == Some(Reason::ChangedOutside)));
}

#[test]
fn a_process_nobody_asked_for_is_adopted() {
    for phase in [Phase::Stopped, Phase::Crashed] {
        let mut bench = Bench::seen(survivors(phase, Power::Off, None, false), made());
        bench.look(running("theirs"));
        assert_eq!(bench.machine.persisted().desired, Power::On);
        bench.ready();
        assert_eq!(bench.phases(), [Phase::Starting, Phase::Running]);
        assert!(bench.changes().all(|change| change.reason == Some(Reason::ChangedOutside)));
    }
}

#[test]
fn a_process_replaced_from_outside_has_to_prove_itself_again() {
    let mut bench = Bench::running();
    bench.look(running("two"));
    bench.ready();
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Running]);
    let mut bench = Bench::running();
    bench.machine.set_config(MachineConfig { detects_readiness: false, ..config() });
    bench.look(running("two"));
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Running], "told also where nothing is detected");
}

#[test]
fn an_outage_is_unknown_and_then_what_is_true() {
    for (observation, phase) in [
        (running("one"), Phase::Running),
        (running("two"), Phase::Starting),
        (paused("one"), Phase::Paused),
        (exited("one", 0), Phase::Stopped),
        (exited("one", 1), Phase::Crashed),
        (Observation::Absent, Phase::Crashed),
    ] {
        let mut bench = Bench::running();
        bench.look(Observation::EngineUnreachable);
        bench.look(Observation::EngineUnreachable);
        let status = bench.machine.status();
        assert_eq!((status.phase, status.last_known), (Phase::Unknown, Phase::Running));
        assert_eq!(bench.last_reason(), Some(Reason::DockerUnreachable));
        assert_eq!(bench.machine.persisted().phase, Phase::Running, "never unknown");
        bench.look(observation);
        assert_eq!(bench.phases(), [Phase::Unknown, phase]);
        assert_eq!(bench.last_reason(), Some(Reason::Reconciled));
    }
}

#[test]
fn an_operation_goes_on_through_an_outage() {
    let mut bench = Bench::stopped();
    let start = bench.accepted(RequestKind::Start);
    bench.bring_up("one");
    bench.look(Observation::EngineUnreachable);
    bench.ready();
    assert_eq!(bench.outcome(&start), Ok(None));
    bench.look(running("one"));
    assert_eq!(bench.phases(), [Phase::Starting, Phase::Unknown, Phase::Running]);
}

// What was written before the agent ended, what is seen when it is back, and what that makes.
#[test]
fn a_restored_server_is_unknown_until_the_first_look_says_what_it_is() {
    use Phase::{Crashed, InstallFailed, Paused, Restarting, Running, Starting, Stopped, Stopping, Suspended};
    let table = [
        (Running, running("one"), Running),
        (Running, running("two"), Starting),
        (Running, exited("one", 0), Stopped),
        (Running, exited("one", 9), Crashed),
        (Running, Observation::Absent, Crashed),
        (Starting, running("one"), Running),
        (Starting, made(), Stopped),
        (Stopping, exited("one", 143), Stopped),
        (Stopping, running("one"), Running),
        (Restarting, exited("one", 143), Stopped),
        (Paused, running("one"), Running),
        (Paused, paused("one"), Paused),
        (Stopped, made(), Stopped),
        (Stopped, Observation::Absent, Stopped),
        (Stopped, running("two"), Starting),
        (Crashed, exited("one", 1), Crashed),
        (InstallFailed, Observation::Absent, InstallFailed),
        (Suspended, made(), Suspended),
    ];
    for (before, observation, after) in table {
        let mut bench = Bench::new(ServerMachine::restored(config(), survivors(before, Power::On, Some("one"), true)));
        assert_eq!((bench.phase(), bench.machine.status().last_known), (Phase::Unknown, before));
        assert!(bench.said.is_empty(), "nothing is told before the first look");
        bench.look(observation.clone());
        assert_eq!(bench.phases(), [after], "{before:?} and {observation:?}");
        assert_eq!(bench.last_reason(), Some(Reason::Reconciled));
    }
}

#[test]
fn a_restored_process_that_was_never_ready_starts_over_unless_nothing_is_detected() {
    for (detects_readiness, phase) in [(true, Phase::Starting), (false, Phase::Running)] {
        let config = MachineConfig { detects_readiness, ..config() };
        let persisted = survivors(Phase::Starting, Power::On, Some("one"), false);
        let mut bench = Bench::new(ServerMachine::restored(config, persisted));
        bench.look(running("one"));
        assert_eq!(bench.phases(), [phase]);
    }
}

#[test]
fn an_install_that_was_cut_off_has_failed() {
    let persisted = survivors(Phase::Installing, Power::Off, None, false);
    let mut bench = Bench::new(ServerMachine::restored(config(), persisted));
    assert_eq!(bench.machine.persisted().phase, Phase::InstallFailed);
    bench.look(Observation::Absent);
    let change = bench.changes().next().expect("it is told");
    assert_eq!(change.to.phase, Phase::InstallFailed);
    assert!(change.error.as_deref().is_some_and(|error| error.contains("interrupted")));
}

#[test]
fn looks_and_outages_change_nothing_about_a_deleted_server() {
    let persisted = survivors(Phase::Deleted, Power::Off, None, false);
    let mut bench = Bench::new(ServerMachine::restored(config(), persisted));
    for observation in [running("one"), Observation::EngineUnreachable, Observation::Absent] {
        bench.look(observation);
    }
    assert!(bench.said.is_empty());
    assert_eq!(bench.phase(), Phase::Deleted);
}
