//! What the panel learns, over good links and bad ones (P-33, P-57, P-68 to P-71).

use cap_agent::console::ConsoleLimits;
use cap_agent::figures::ServerFigures;
use cap_agent::outbox::{Flush, SendAnswer};
use cap_agent::report::Report;
use cap_domain::command::Verb;
use cap_domain::phase::Phase;
use cap_domain::spec::StopRequest;
use cap_engine::port::ConsoleStream;
use cap_protocol::outbound::{Body, Frame};
use cap_protocol::request::RequestId;
use cap_protocol::timestamp::Timestamp;
use serde_json::Value;

use crate::rig::{Panel, Rig, SOON, Settings, create_of, id, sample};

/// Writes numbered lines to a server's console.
async fn write_lines(rig: &Rig, server: &str, numbers: std::ops::RangeInclusive<u32>) {
    let last = *numbers.end();
    let text: String = numbers.map(|number| format!("line {number}\n")).collect();
    rig.engine.write(&id(server), ConsoleStream::Stdout, text).await;
    rig.wait_line(server, &format!("line {last}")).await;
}

/// The numbers of all lines in frames of output and in gaps, in order: `(first, last, whether a gap)`.
fn spans(frames: &[Value], server: &str) -> Vec<(u64, u64, bool)> {
    let of_server = frames.iter().filter(|frame| frame["data"]["serverId"] == server);
    of_server
        .filter_map(|frame| {
            let data = &frame["data"];
            match (frame["type"].as_str(), frame["event"].as_str()) {
                (Some("server_output"), _) => Some((data["seq"].as_u64()?, data["lastSeq"].as_u64()?, false)),
                (_, Some("gap")) => Some((data["fromSeq"].as_u64()?, data["toSeq"].as_u64()?, true)),
                _ => None,
            }
        })
        .collect()
}

/// P-70: on one link, each frame of a server goes on where the last one ended; a hole is announced before.
#[track_caller]
fn assert_contiguous(spans: &[(u64, u64, bool)]) {
    for pair in spans.windows(2) {
        assert_eq!(pair[1].0, pair[0].1 + 1, "a hole or a repetition: {spans:?}");
    }
}

fn statuses(frames: &[Value]) -> Vec<(String, String)> {
    let status = frames.iter().filter(|frame| frame["type"] == "server_status");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    status.map(|frame| (text(&frame["data"]["serverId"]), text(&frame["data"]["status"]))).collect()
}

#[actix::test]
async fn a_new_link_is_told_what_every_server_is() {
    let rig = Rig::new().await;
    let first = Panel::connect(&rig.outbox, 1);
    rig.run("s1").await;
    rig.create("s2").await;
    first.disconnect();
    rig.ask("s1", Verb::Stop(StopRequest::default())).await;
    rig.ask("s2", Verb::Start).await;
    let second = Panel::connect(&rig.outbox, 2);
    second.wait("the status of s2", |frame| frame["data"]["serverId"] == "s2").await;
    let told = statuses(&second.frames());
    assert_eq!(told, [("s1".into(), "stopped".into()), ("s2".into(), "running".into())]);
    // P-57: nothing old is sent.
    assert!(!second.frames().iter().any(|frame| frame["event"] == "server_status_changed"));
}

#[actix::test]
async fn a_server_that_nobody_could_look_at_yet_is_told_as_unknown() {
    // The state of every server is told to a new link, also of those restored while the engine is away.
    let rig = Rig::new().await;
    rig.create("s1").await;
    rig.engine.go_away();
    let rig = rig.restart().await;
    let panel = Panel::connect(&rig.outbox, 1);
    panel.wait("the status of s1", |frame| frame["data"]["serverId"] == "s1").await;
    assert_eq!(statuses(&panel.frames()), [("s1".to_owned(), "unknown".to_owned())]);
    rig.engine.come_back();
    rig.wait_phase("s1", Phase::Stopped).await;
}

#[actix::test]
async fn each_change_is_pushed_twice_back_to_back_and_numbered() {
    // P-33, P-55, P-56
    let rig = Rig::new().await;
    let panel = Panel::connect(&rig.outbox, 1);
    rig.run("s1").await;
    let running = |frame: &Value| frame["event"] == "server_status_changed" && frame["data"]["status"] == "running";
    panel.wait("running", running).await;
    let frames = panel.frames();
    let mut expected_seq = 1;
    for (at, frame) in frames.iter().enumerate().filter(|(_, frame)| frame["event"] == "server_status_changed") {
        assert_eq!(frames[at - 1]["type"], "server_status");
        assert_eq!(frames[at - 1]["data"]["status"], frame["data"]["status"]);
        assert_eq!(frame["seq"], expected_seq);
        expected_seq += 1;
    }
    assert!(expected_seq > 2, "changes were told: {frames:?}");
}

#[actix::test]
async fn last_words_come_before_the_status_they_led_to() {
    let rig = Rig::new().await;
    let panel = Panel::connect(&rig.outbox, 1);
    rig.run("s1").await;
    rig.ask("s1", Verb::Stop(StopRequest::default())).await;
    panel
        .wait("stopped", |frame| frame["event"] == "server_status_changed" && frame["data"]["status"] == "stopped")
        .await;
    let frames = panel.frames();
    let at = |what: &str, fits: &dyn Fn(&Value) -> bool| {
        frames.iter().position(fits).unwrap_or_else(|| panic!("no {what}: {frames:?}"))
    };
    let last_words = at("last words", &|frame| {
        frame["data"]["output"].as_str().is_some_and(|output| output.contains("All dimensions are saved"))
    });
    let changed = at("the change", &|frame| {
        frame["event"] == "server_status_changed" && frame["data"]["previousStatus"] == "stopping"
    });
    assert!(last_words < changed, "the game spoke before it stopped");
}

#[actix::test]
async fn a_new_link_goes_on_after_the_last_line_of_the_one_before() {
    // P-71
    let rig = Rig::new().await;
    let first = Panel::connect(&rig.outbox, 1);
    rig.run("s1").await;
    write_lines(&rig, "s1", 1..=5).await;
    first.wait_output("line 5").await;
    first.disconnect();
    write_lines(&rig, "s1", 6..=9).await;
    let second = Panel::connect(&rig.outbox, 2);
    second.wait_output("line 9").await;
    let (before, after) = (spans(&first.frames(), "s1"), spans(&second.frames(), "s1"));
    assert_contiguous(&[before, after].concat());
}

#[actix::test]
async fn lines_a_dying_link_did_not_take_come_over_the_next_one() {
    // P-71: it goes on after the last line written, not after the last one that was handed over.
    let rig = Rig::new().await;
    rig.run("s1").await;
    let first = Panel::connect_stalled(&rig.outbox, 1);
    write_lines(&rig, "s1", 1..=5).await;
    first.wait_handed_over(2).await; // the status, and the first lines
    first.disconnect();
    let second = Panel::connect(&rig.outbox, 2);
    second.wait_output("line 5").await;
    let spans = spans(&second.frames(), "s1");
    assert_eq!(spans[0].0, 1, "from the first line on: {spans:?}");
    assert!(spans.iter().all(|(_, _, gap)| !gap), "nothing was lost: {spans:?}");
    assert_contiguous(&spans);
}

#[actix::test]
async fn what_lies_further_back_than_the_replay_reaches_is_announced() {
    // P-71, also for the first link of this run
    let settings = Settings { replay_lines: 10, ..Settings::default() };
    let rig = Rig::with(settings).await;
    rig.run("s1").await;
    write_lines(&rig, "s1", 1..=50).await;
    let first = Panel::connect(&rig.outbox, 1);
    first.wait_output("line 50").await;
    first.disconnect();
    write_lines(&rig, "s1", 51..=100).await;
    let second = Panel::connect(&rig.outbox, 2);
    second.wait_output("line 100").await;
    for panel in [&first, &second] {
        let spans = spans(&panel.frames(), "s1");
        assert!(spans[0].2, "a gap comes first: {spans:?}");
        let lines: u64 = spans.iter().filter(|(_, _, gap)| !gap).map(|(from, to, _)| to - from + 1).sum();
        assert_eq!(lines, 10, "{spans:?}");
    }
    let all = [spans(&first.frames(), "s1"), spans(&second.frames(), "s1")].concat();
    assert_eq!(all[0].0, 1);
    assert_contiguous(&all);
}

#[actix::test]
async fn a_slow_panel_holds_little_and_is_told_what_it_missed() {
    // P-70: a slow link loses lines; it never slows the game.
    let settings = Settings { console: ConsoleLimits { lines: 500, bytes: 1 << 20 }, ..Settings::default() };
    let rig = Rig::with(settings).await;
    rig.run("s1").await;
    let panel = Panel::connect_stalled(&rig.outbox, 1);
    for hundred in 0..50 {
        write_lines(&rig, "s1", hundred * 100 + 1..=hundred * 100 + 100).await;
    }
    panel.takes(true);
    panel.wait_output("line 5000").await;
    let spans = spans(&panel.frames(), "s1");
    assert_eq!(spans[0].0, 1);
    assert_contiguous(&spans);
    assert!(spans.iter().any(|(_, _, gap)| *gap), "5000 lines do not fit: {spans:?}");
    // 16 frames under way of at most 500 lines each, and what the ring keeps.
    let lines: u64 = spans.iter().filter(|(_, _, gap)| !gap).map(|(from, to, _)| to - from + 1).sum();
    assert!(lines <= 16 * 500 + 500, "{lines}");
}

#[actix::test]
async fn no_frame_is_longer_than_the_panel_takes() {
    // P-10: after a close with 1009 messages are kept shorter.
    const LIMIT: usize = 2000;
    let rig = Rig::new().await;
    rig.run("s1").await;
    let panel = Panel::connect_limited(&rig.outbox, 1, LIMIT);
    // Escapes grow in JSON: their size counts, not that of the text.
    let coloured: String = (1..=100).map(|number| format!("\u{1b}[31mline {number}\u{1b}[0m\n")).collect();
    rig.engine.write(&id("s1"), ConsoleStream::Stdout, coloured).await;
    rig.engine.write(&id("s1"), ConsoleStream::Stdout, format!("{}\nafter\n", "x".repeat(3 * LIMIT))).await;
    let huge = Frame::response_ok(
        RequestId::Null,
        Timestamp::from_unix_ms(0),
        Some("y".repeat(LIMIT)),
        &serde_json::Map::new(),
    );
    rig.outbox.do_send(SendAnswer(vec![huge]));
    panel.wait_output("after").await;
    let frames = panel.frames();
    assert!(frames.iter().all(|frame| frame.to_string().len() <= LIMIT));
    assert!(!frames.iter().any(|frame| frame["type"] == "response"), "too long for any frame");
    let spans = spans(&frames, "s1");
    assert_contiguous(&spans);
    let gaps: Vec<u64> = spans.iter().filter(|(_, _, gap)| *gap).map(|(from, to, _)| to - from + 1).collect();
    assert_eq!(gaps, [1], "only the long line is missing, and announced: {spans:?}");
    let text: String = frames.iter().filter_map(|frame| frame["data"]["output"].as_str()).collect();
    assert!((1..=100).all(|number| text.contains(&format!("line {number}\u{1b}"))));
}

#[actix::test]
async fn figures_are_replaced_and_never_queued() {
    let rig = Rig::new().await;
    let panel = Panel::connect_stalled(&rig.outbox, 1);
    // The window of the socket fills up first.
    for _ in 0..16 {
        rig.outbox.do_send(SendAnswer(vec![Frame::new(Timestamp::from_unix_ms(0), pong())]));
    }
    for memory_bytes in 1..=100 {
        let figures = ServerFigures { memory_bytes, ..ServerFigures::default() };
        rig.outbox.do_send(Report::Figures { server: id("s1"), figures });
    }
    rig.outbox.send(SendAnswer(Vec::new())).await.unwrap();
    panel.takes(true);
    panel.wait("figures", |frame| frame["event"] == "resource_update").await;
    rig.outbox.send(Flush { within: SOON }).await.unwrap();
    let figures: Vec<_> = panel.frames().into_iter().filter(|frame| frame["event"] == "resource_update").collect();
    assert_eq!(figures.len(), 1);
    assert_eq!(figures[0]["data"]["memoryBytes"], 100, "the newest");
}

fn pong() -> Body {
    let system_load = cap_protocol::outbound::AgentLoad { cpu: 0.0, memory: 0.0, disk: 0.0 };
    Body::Pong(cap_protocol::outbound::Pong { id: RequestId::Absent, active_servers: 0, system_load })
}

#[actix::test]
async fn a_flush_waits_until_the_panel_has_taken_everything() {
    let rig = Rig::new().await;
    rig.run("s1").await;
    let panel = Panel::connect_stalled(&rig.outbox, 1);
    write_lines(&rig, "s1", 1..=3).await;
    let flushed = actix_rt::spawn(rig.outbox.send(Flush { within: SOON }));
    rig.status("s1").await;
    assert!(!flushed.is_finished());
    panel.takes(true);
    flushed.await.unwrap().unwrap();
    let frames = panel.frames();
    assert!(frames.iter().any(|frame| frame["data"]["output"].as_str().is_some_and(|text| text.contains("line 3"))));
}

#[actix::test]
async fn a_server_created_again_under_its_old_id_is_heard_again() {
    // P-69: its lines begin at 1 again, under another name of the numbering.
    let rig = Rig::new().await;
    let panel = Panel::connect(&rig.outbox, 1);
    rig.run("s1").await;
    write_lines(&rig, "s1", 1..=5).await;
    panel.wait_output("line 5").await;
    rig.ask("s1", Verb::Delete { keep_files: false }).await;
    rig.run("s1").await;
    rig.engine.write(&id("s1"), ConsoleStream::Stdout, "second life\n").await;
    panel.wait_output("second life").await;
    let frames = panel.frames();
    let epochs: std::collections::BTreeSet<_> =
        frames.iter().filter_map(|frame| frame["data"]["consoleEpoch"].as_str()).collect();
    assert_eq!(epochs.len(), 2);
}

/// P-38: an install is minutes of silence otherwise.
#[actix::test]
async fn a_pull_tells_the_panel_how_far_it_is() {
    let rig = Rig::new().await;
    let panel = Panel::connect(&rig.outbox, 1);
    let image = "registry.example/large:1";
    rig.engine.offer_image(image);
    let wish = cap_domain::command::CreateServer { image: image.to_owned(), ..sample() };
    rig.ask("s1", create_of(wish)).await;
    for percent in [0, 100] {
        let words = format!("pulling image {image}: {percent} %");
        panel
            .wait(&words, |frame| {
                let data = &frame["data"];
                frame["type"] == "server_status"
                    && (&data["serverId"], &data["status"]) == (&"s1".into(), &"installing".into())
                    && data.to_string().contains(&words)
            })
            .await;
    }
}
