//! 200 simulated servers, 1,000 random commands a round, while calls hang and fail, games crash, and the engine goes away.
//!
//! A test binary of its own, because it measures the memory of the whole process. The seed is printed; set it in
//! [`SEED`] to run the same commands again.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../sim"]
mod sim {
    pub(super) mod rig;
}

mod account;
mod chaos;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cap_agent::reply::Reply;
use cap_agent::server::MachineDeadlines;
use cap_domain::command::{Answer, Verb};
use cap_domain::failure::FailureCode;
use cap_domain::phase::Phase;
use cap_engine::port::Deadlines;
use cap_testkit::wait_until;
use cap_testkit::wait_until::wait_until_true;

use account::Account;
use chaos::{Chaos, SERVERS};
use sim::rig::{Panel, Rig, SOON, Settings, panel_command};

/// The commands are the same in each run; which of them meet depends on time.
const SEED: u64 = 0x50AC;

/// Commands in a round.
const COMMANDS: usize = 1000;

/// Commands without their answer at any time.
const AT_ONCE: usize = 100;

/// What a round may leave behind, in bytes: the answers and operations that the contract wants remembered (P-21, P-29)
/// are under 1 KiB each, and the allocator keeps some air. A console that stayed for each server would be far more.
const GROWTH_BOUND: u64 = 8 << 20;

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.pace.ack_deadline = Duration::from_millis(100);
    settings.deadlines = MachineDeadlines { start: 2000, kill_retry: 100, kill: 10_000 };
    let ms = Duration::from_millis;
    settings.engine_deadlines = Deadlines { read: ms(300), write: ms(400), pull_idle: ms(400) };
    settings.watch.relist = ms(1000);
    settings.watch.probe = ms(200);
    settings
}

#[actix::test]
async fn nothing_is_lost_and_nothing_leaks() {
    // Says nothing unless RUST_LOG asks for it.
    let _ = env_logger::builder().is_test(true).try_init();
    println!("seed {SEED:#x}");
    let rig = Rc::new(Rig::with(settings()).await);
    let panel = Panel::connect(&rig.outbox, 1);
    rig.wait_engine().await;
    let tasks_before = tasks();
    let holders_before = holders(&rig);
    let mut resident = Vec::new();
    let mut account = Account::default();
    for round in 0..4 {
        play(&rig, &mut account, SEED + round).await;
        settle(&rig, &mut account).await;
        account.check(&rig.told.take());
        panel.clear();

        // Everything is deleted: nothing may be left of 200 servers but what the contract wants remembered.
        wait_until("all tasks to end", SOON, || async { (tasks() <= tasks_before).then_some(()) }).await;
        wait_until_true("all actors and their work to end", SOON, || holders(&rig) <= holders_before).await;
        resident.push(resident_bytes());
    }
    println!("answers: {account:?}, resident after each round: {resident:?}");
    // The first rounds fill what has a bound of its own (caches of the allocator, of the store, of the runtime).
    let growth = resident[3].saturating_sub(resident[2]);
    assert!(growth <= GROWTH_BOUND, "memory grew by {growth} bytes in a round: {resident:?}");
}

/// One round of random commands; comes back when each has its answer.
async fn play(rig: &Rc<Rig>, account: &mut Account, seed: u64) {
    let mut chaos = Chaos::new(seed);
    let mut open = Vec::new();
    for number in 0..COMMANDS {
        let (server, verb) = chaos.command(number);
        let command = panel_command(Some(&format!("{seed}-{number}")), &server, verb);
        open.push(rig.submit_soon(command));
        if open.len() >= AT_ONCE {
            for answer in open.drain(..AT_ONCE / 2) {
                account.take(answer.await.expect("each command has an answer"));
            }
        }
        chaos.trouble(&rig.engine);
        tokio::task::yield_now().await;
    }
    for answer in open {
        account.take(answer.await.expect("each command has an answer"));
    }
}

/// All troubles end; every server is killed, and then deleted.
async fn settle(rig: &Rc<Rig>, account: &mut Account) {
    Chaos::heal(&rig.engine);
    rig.wait_engine().await;
    let kill = |server: String| async move {
        match account_of(rig.ask(&server, Verb::Kill).await) {
            Ok(()) | Err(FailureCode::ServerNotFound | FailureCode::Superseded) => {}
            Err(other) => panic!("kill of {server}: {other:?}"),
        }
    };
    futures_util::future::join_all((0..SERVERS).map(chaos::name).map(kill)).await;
    wait_until_true("all games to end", SOON, || rig.engine.processes() == 0).await;
    let settled = || async {
        let busy = [Phase::Starting, Phase::Running, Phase::Stopping, Phase::Restarting, Phase::Unknown];
        (!phases(rig).await.iter().any(|phase| busy.contains(phase))).then_some(())
    };
    wait_until("all servers to be settled", SOON, settled).await;
    assert_eq!(rig.engine.processes(), 0, "a kill leaves nothing running");

    let delete = |server: String| async move { rig.ask(&server, Verb::Delete { keep_files: false }).await };
    for answer in futures_util::future::join_all((0..SERVERS).map(chaos::name).map(delete)).await {
        if let Answer::InProgress { .. } = &answer {
            account.take(answer);
        }
    }
    wait_until("all servers to be deleted", SOON, || async { phases(rig).await.is_empty().then_some(()) }).await;
    let all_told = wait_until("the ends to be told", SOON, || async {
        let missing = account.missing(&rig.told.seen());
        if !missing.is_empty() {
            log::debug!("acknowledged, and not told of yet: {missing:?}");
        }
        missing.is_empty().then_some(())
    });
    all_told.await;
}

fn account_of(answer: cap_agent::reply::CommandAnswer) -> Result<(), FailureCode> {
    match answer {
        Answer::Failed { failure } => Err(failure.code),
        _ => Ok(()),
    }
}

async fn phases(rig: &Rig) -> Vec<Phase> {
    let list = sim::rig::panel_command(None, "-", Verb::ListServers { status: None });
    match rig.submit(cap_domain::command::Command { target: None, ..list }).await {
        Answer::Done { reply: Reply::Servers(views), .. } => views.iter().map(|view| view.status.phase).collect(),
        other => panic!("no list: {other:?}"),
    }
}

/// Tasks of the runtime: pumps, games, calls of the engine.
fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Actors and their work are tasks of the actor system, which does not count them; but each holds what it works with.
fn holders(rig: &Rig) -> (usize, usize) {
    (Arc::strong_count(&rig.shared), Arc::strong_count(&rig.shared.engine))
}

/// What the process has in memory.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
