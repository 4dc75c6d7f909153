use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cap_domain::ids::ServerId;
use cap_domain::observation::Observation;
use cap_domain::spec::Signal;
use cap_engine::port::{Attached, ConsoleStream, EngineEventKind};
use cap_engine::{ContainerEngine, EngineError};
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::*;
use crate::wait_until::wait_until_true;

const PATIENCE: Duration = Duration::from_secs(3600);

fn engine() -> SimEngine {
    SimEngine::new(NodeId::parse("n1").unwrap())
}

fn id(text: &str) -> ServerId {
    ServerId::parse(text).unwrap()
}

async fn running(engine: &SimEngine, server: &ServerId) -> Attached {
    engine.create(&engine.plan(server)).await.unwrap();
    let attached = engine.attach(server).await.unwrap();
    engine.start(server).await.unwrap();
    attached
}

async fn say(attached: &mut Attached, line: &str) {
    attached.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
}

/// Everything until the console ends.
async fn whole_console(mut attached: Attached) -> String {
    let mut text = Vec::new();
    while let Some(chunk) = attached.output.next().await {
        text.extend(chunk.unwrap().bytes);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_game_starts_obeys_and_stops() {
    let (engine, server) = (engine(), id("a"));
    let mut attached = running(&engine, &server).await;
    say(&mut attached, "say hi").await;
    say(&mut attached, "stop").await;
    let text = whole_console(attached).await;
    let told = ["Starting", "Done (1.2s)!", "[Server] hi", "All dimensions are saved"];
    assert!(told.windows(2).all(|pair| text.find(pair[0]).unwrap() < text.find(pair[1]).unwrap()), "{text}");
    let facts = engine.facts(&server).unwrap();
    assert_eq!((facts.running, facts.exit_code, facts.pid), (false, Some(0), None));
}

#[tokio::test(start_paused = true)]
async fn it_refuses_what_a_real_engine_refuses() {
    let (engine, server) = (engine(), id("a"));
    let missing = |error: &EngineError| matches!(error, EngineError::NotFound { what: "container" });
    assert!(missing(&engine.start(&server).await.unwrap_err()));
    assert!(missing(&engine.signal(&server, Signal::Kill).await.unwrap_err()));
    engine.remove(&server).await.unwrap();
    let mut plan = engine.plan(&server);
    plan.image = "nobody/has:this".to_owned();
    assert!(matches!(engine.create(&plan).await, Err(EngineError::NotFound { what: "image" })));
    engine.create(&engine.plan(&server)).await.unwrap();
    assert!(matches!(engine.create(&engine.plan(&server)).await, Err(EngineError::Conflict { .. })));
    assert!(matches!(engine.signal(&server, Signal::Kill).await, Err(EngineError::Conflict { .. })));
    engine.start(&server).await.unwrap();
    let first = engine.facts(&server);
    engine.start(&server).await.unwrap();
    assert_eq!(engine.facts(&server), first);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_ends_at_its_deadline_and_others_go_on() {
    let (engine, server) = (engine(), id("a"));
    engine.create(&engine.plan(&server)).await.unwrap();
    engine.trouble(&server, Call::Start, Trouble::Hangs);
    let begun = Instant::now();
    let error = engine.start(&server).await.unwrap_err();
    assert!(matches!(error, EngineError::TimedOut { call: "start", .. }), "{error:?}");
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    assert!(!engine.facts(&server).unwrap().running);
    assert_eq!(engine.calls_about(&server, Call::Start), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_healed_while_it_hangs_is_done() {
    let (engine, server) = (engine(), id("a"));
    engine.create(&engine.plan(&server)).await.unwrap();
    engine.trouble(&server, Call::Start, Trouble::Hangs);
    let healer = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        engine.heal(&server, Call::Start);
    };
    let (outcome, ()) = tokio::join!(engine.start(&server), healer);
    outcome.unwrap();
    assert!(engine.facts(&server).unwrap().running);
}

#[tokio::test(start_paused = true)]
async fn what_an_engine_has_begun_it_ends_though_nobody_waits() {
    let (engine, server) = (engine(), id("a"));
    engine.trouble(&server, Call::Create, Trouble::Slow(Duration::from_secs(10)));
    let plan = engine.plan(&server);
    let given_up = tokio::time::timeout(Duration::from_secs(1), engine.create(&plan)).await;
    assert!(given_up.is_err());
    assert_eq!(engine.look(&server).await.unwrap(), Observation::Absent);
    wait_until_true("the container", PATIENCE, || engine.facts(&server).is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_a_timeout_of_something_that_was_done() {
    let (engine, server) = (engine(), id("a"));
    engine.trouble_once(&server, Call::Create, Trouble::DoneWithoutAnswer);
    let error = engine.create(&engine.plan(&server)).await.unwrap_err();
    assert!(matches!(error, EngineError::TimedOut { .. }), "{error:?}");
    assert!(matches!(engine.look(&server).await.unwrap(), Observation::Present(_)));
    engine.remove(&server).await.unwrap();
    engine.create(&engine.plan(&server)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn when_the_engine_goes_consoles_end_calls_fail_and_games_go_on() {
    let (engine, server) = (engine(), id("a"));
    let mut attached = running(&engine, &server).await;
    let mut events = engine.events().await.unwrap();
    engine.go_away();
    assert!(matches!(engine.look(&server).await, Err(EngineError::Unreachable { .. })));
    assert!(events.next().await.is_none());
    assert!(attached.input.write_all(b"stop\n").await.is_err());
    whole_console(attached).await;
    let before = engine.facts(&server).unwrap();
    assert!(before.running);
    engine.come_back();
    assert_eq!(engine.look(&server).await.unwrap(), Observation::Present(before));
}

#[tokio::test(start_paused = true)]
async fn while_the_engine_hangs_every_call_ends_at_its_deadline() {
    let (engine, server) = (engine(), id("a"));
    engine.hang_calls();
    assert!(matches!(engine.list().await, Err(EngineError::TimedOut { call: "list", .. })));
    assert!(matches!(engine.signal(&server, Signal::Kill).await, Err(EngineError::TimedOut { .. })));
    let pull = engine.pull("x:1", Box::new(|_| {})).await.unwrap_err();
    assert!(matches!(pull, EngineError::PullFailed { transient: true, .. }), "{pull:?}");
    engine.come_back();
    assert!(engine.list().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_game_that_ignores_sigterm_is_ended_by_sigkill() {
    let (engine, server) = (engine(), id("a"));
    engine.set_game(&server, Game { ignores_signals: true, ..Game::default() });
    let attached = running(&engine, &server).await;
    engine.signal(&server, Signal::Term).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(engine.facts(&server).unwrap().running);
    engine.signal(&server, Signal::Kill).await.unwrap();
    whole_console(attached).await;
    assert_eq!(engine.facts(&server).unwrap().exit_code, Some(137));
}

#[tokio::test(start_paused = true)]
async fn a_game_that_crashes_does_so_at_its_time_and_tells() {
    let (engine, server) = (engine(), id("a"));
    engine.set_game(&server, Game { crashes: Some((Duration::from_secs(5), 3)), ..Game::default() });
    let events = engine.events().await.unwrap();
    running(&engine, &server).await;
    let kinds: Vec<_> = events.take(3).map(|event| event.unwrap().kind).collect().await;
    assert_eq!(kinds, [EngineEventKind::Create, EngineEventKind::Start, EngineEventKind::Die]);
    assert_eq!(engine.facts(&server).unwrap().exit_code, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_game_answers_only_when_it_is_unfrozen() {
    let (engine, server) = (engine(), id("a"));
    let mut attached = running(&engine, &server).await;
    engine.pause_behind_back(&server, true);
    say(&mut attached, "stop").await;
    engine.signal(&server, Signal::Term).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let frozen = engine.facts(&server).unwrap();
    assert!(frozen.running && frozen.paused);
    engine.unpause(&server).await.unwrap();
    whole_console(attached).await;
    assert_eq!(engine.facts(&server).unwrap().exit_code, Some(0));
}

#[tokio::test(start_paused = true)]
async fn containers_of_other_nodes_are_neither_seen_nor_touched() {
    let engine = engine();
    engine.put_container(&id("ours"), Owner::ThisNode).unwrap();
    engine.put_container(&id("go"), Owner::GoAgent).unwrap();
    engine.put_container(&id("other"), Owner::OtherNode).unwrap();
    let listed: Vec<_> = engine.list().await.unwrap().into_iter().map(|entry| (entry.server, entry.ours)).collect();
    assert_eq!(listed, [(id("go"), false), (id("ours"), true)]);
    assert_eq!(engine.look(&id("other")).await.unwrap(), Observation::Absent);
    assert!(matches!(engine.remove(&id("other")).await, Err(EngineError::Conflict { .. })));
    assert!(engine.facts(&id("other")).is_some());
}

#[tokio::test(start_paused = true)]
async fn images_come_from_a_registry_that_offers_them() {
    let engine = engine();
    assert_eq!(engine.image("x:1").await.unwrap(), None);
    let error = engine.pull("x:1", Box::new(|_| {})).await.unwrap_err();
    assert!(matches!(error, EngineError::PullFailed { transient: false, .. }), "{error:?}");
    engine.offer_image("x:1");
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let count = move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    };
    engine.pull("x:1", Box::new(count)).await.unwrap();
    assert!(told.load(Ordering::SeqCst) > 0);
    assert!(engine.image("x:1").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn one_port_is_bound_once() {
    let engine = engine();
    let port = cap_domain::spec::PortBinding {
        ip: "0.0.0.0".parse().unwrap(),
        internal: 1,
        external: 25565,
        protocol: cap_domain::spec::PortProtocol::Tcp,
        primary: true,
    };
    for server in ["a", "b"] {
        let mut plan = engine.plan(&id(server));
        plan.ports = vec![port];
        engine.create(&plan).await.unwrap();
    }
    engine.start(&id("a")).await.unwrap();
    assert!(matches!(engine.start(&id("b")).await, Err(EngineError::PortTaken { port: 25565 })));
    engine.end_game(&id("a"), 0);
    engine.start(&id("b")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn logs_are_kept_in_lines_with_a_cursor() {
    let (engine, server) = (engine(), id("a"));
    engine.create(&engine.plan(&server)).await.unwrap();
    for bytes in ["one\ntw", "o\n", "three\n"] {
        engine.write(&server, ConsoleStream::Stdout, bytes).await;
    }
    let logs = async |since: Option<String>, lines| -> Vec<_> {
        engine.logs(&server, since.as_deref(), lines).await.unwrap().try_collect::<Vec<_>>().await.unwrap()
    };
    let all = logs(None, 100).await;
    assert_eq!(all.iter().map(|line| line.bytes.as_ref()).collect::<Vec<_>>(), [&b"one"[..], b"two", b"three"]);
    assert_eq!(logs(None, 1).await, all[2..]);
    assert_eq!(logs(Some(all[1].timestamp.clone()), 100).await, all[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stalls_blocks_the_game_until_it_goes() {
    let (engine, server) = (engine(), id("a"));
    let mut attached = running(&engine, &server).await;
    let flood = async {
        for _ in 0..5_000 {
            engine.write(&server, ConsoleStream::Stdout, "x\n").await;
        }
    };
    let mut flood = std::pin::pin!(flood);
    assert!(tokio::time::timeout(PATIENCE, &mut flood).await.is_err());
    attached.output = Box::pin(futures_util::stream::empty());
    tokio::time::timeout(PATIENCE, flood).await.expect("still blocked");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_games_leave_no_task_behind() {
    let engine = engine();
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for number in 0..200 {
        let server = id(&format!("s{number}"));
        let mut attached = running(&engine, &server).await;
        say(&mut attached, "list").await;
        if number % 2 == 0 {
            engine.signal(&server, Signal::Kill).await.unwrap();
        } else {
            say(&mut attached, "stop").await;
        }
    }
    wait_until_true("all games to end", PATIENCE, || engine.processes() == 0).await;
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    wait_until_true("all tasks to end", PATIENCE, || alive() == before).await;
}

#[tokio::test(start_paused = true)]
async fn games_end_when_nobody_has_the_engine_any_more() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let engine = engine();
    let server = id("a");
    drop(running(&engine, &server).await);
    drop(engine);
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    wait_until_true("the game's task to end", PATIENCE, || alive() == before).await;
}
