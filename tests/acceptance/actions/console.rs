//! The console: lines in order, with their streams, and commands that reach the game.

use cap_acceptance::fixtures;
use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use cap_devpanel::RecordedFrame;
use serde_json::{Value, json};

/// One line as the link brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkLine {
    pub(super) text: String,
    pub(super) stream: String,
    pub(super) partial: bool,
    pub(super) lossy: bool,
}

/// The lines of a server as they came over the link; panics at a hole that was not announced, a line that came twice,
/// or a frame that breaks the rules for its size (P-67 to P-70). Gives the number of lines announced as lost, too.
pub(super) fn lines_on_the_link(node: &Node, server: &str) -> (Vec<LinkLine>, u64) {
    let (mut lines, mut lost, mut next) = (Vec::new(), 0, None);
    for frame in node.panel().frames() {
        let data = &frame.json["data"];
        if data["serverId"] != json!(server) {
            continue;
        }
        if frame.event() == "gap" {
            let (from, to) = (data["fromSeq"].as_u64().unwrap(), data["toSeq"].as_u64().unwrap());
            assert!(next.is_none_or(|next| next == from), "a gap at the wrong place: {data}, {next:?} is due");
            lost += to - from + 1;
            next = Some(to + 1);
        }
        if frame.kind() != "server_output" {
            continue;
        }
        let (seq, last) = (data["seq"].as_u64().unwrap(), data["lastSeq"].as_u64().unwrap());
        assert_eq!(seq, next.unwrap_or(1), "the lines before were neither sent nor announced as lost");
        next = Some(last + 1);
        let output = data["output"].as_str().unwrap();
        assert!(output.len() <= 64 * 1024, "a frame with {} bytes of output", output.len());
        assert_eq!(output.split('\n').count() as u64, last - seq + 1, "the numbers do not fit the lines: {data}");
        let partial = data["partial"] == json!(true);
        assert!(!partial || seq == last, "a part of a line is alone in its frame");
        lines.extend(output.split('\n').map(|text| LinkLine {
            text: text.to_owned(),
            stream: data["stream"].as_str().unwrap().to_owned(),
            partial,
            lossy: data["lossy"] == json!(true),
        }));
    }
    (lines, lost)
}

/// Waits until a line with this text came over the link; gives it.
pub(super) async fn wait_line(node: &Node, server: &str, text: &str) -> LinkLine {
    let has_text = |frame: &RecordedFrame| {
        frame.kind() == "server_output"
            && frame.json["data"]["serverId"] == json!(server)
            && frame.json["data"]["output"].as_str().is_some_and(|output| output.contains(text))
    };
    node.wait_frame(0, text, has_text).await;
    let (lines, _) = lines_on_the_link(node, server);
    lines.into_iter().find(|line| line.text.contains(text)).unwrap()
}

pub(super) async fn type_line(node: &Node, server: &str, line: &str) {
    node.http_ok("console:command", Some(server), Some(json!({"command": line}))).await;
}

#[tokio::test]
async fn every_line_from_the_first_comes_in_order_with_its_stream() {
    let node = Node::start().await;
    let server = node.run_sample("streams").await;
    type_line(&node, &server, "stderr it hurts").await;
    wait_line(&node, &server, "it hurts").await;
    type_line(&node, &server, "say better").await;
    wait_line(&node, &server, "[Server] better").await;
    let (lines, lost) = lines_on_the_link(&node, &server);
    assert_eq!(lost, 0);
    let expected = [
        ("Starting minecraft server version", "stdout"),
        ("Loading properties", "stdout"),
        ("Default game type", "stdout"),
        ("Starting Minecraft server on", "stdout"),
        ("Preparing level", "stdout"),
        ("Done (", "stdout"),
        ("it hurts", "stderr"),
        ("[Server] better", "stdout"),
    ];
    assert_eq!(lines.len(), expected.len(), "nothing else, and no echo (P-73): {lines:?}");
    for (line, (text, stream)) in lines.iter().zip(expected) {
        assert!(line.text.contains(text) && line.stream == stream, "{line:?} instead of {text}");
    }
    // P-72: the twin with the same text and numbers, and the level found in it.
    let is_last = |frame: &RecordedFrame| {
        frame.event() == "server_log" && frame.json["data"]["message"].to_string().contains("[Server] better")
    };
    node.wait_frame(0, "the last server_log", is_last).await;
    let frames = node.panel().frames();
    let logs: Vec<&Value> =
        frames.iter().filter(|frame| frame.event() == "server_log").map(|frame| &frame.json["data"]).collect();
    let outputs: Vec<&Value> =
        frames.iter().filter(|frame| frame.kind() == "server_output").map(|frame| &frame.json["data"]).collect();
    assert_eq!(logs.len(), outputs.len());
    for (log, output) in logs.iter().zip(&outputs) {
        assert_eq!((&log["message"], &log["seq"]), (&output["output"], &output["seq"]));
        assert_eq!(log["logLevel"], json!("INFO"));
    }
}

#[tokio::test]
async fn a_terminal_is_one_stream_and_can_be_asked_for_per_server() {
    let node = Node::start().await;
    let server = node.server("tty");
    let mut payload = Node::sample();
    payload["tty"] = json!(true);
    node.http_ok("create_server", Some(&server), Some(payload)).await;
    node.http_ok("start_server", Some(&server), None).await;
    assert_eq!(node.inspect_json(&server).await.unwrap()["Config"]["Tty"], json!(true));
    type_line(&node, &server, "stderr through the terminal").await;
    let line = wait_line(&node, &server, "through the terminal").await;
    assert_eq!(line.stream, "stdout", "a terminal has one stream");
    let (lines, _) = lines_on_the_link(&node, &server);
    assert!(lines.iter().all(|line| !line.text.ends_with('\r')), "the terminal's line ends are removed: {lines:?}");
    node.http_ok("stop_server", Some(&server), None).await;
    let other = node.run_sample("pipes").await;
    assert_eq!(node.inspect_json(&other).await.unwrap()["Config"]["Tty"], json!(false));
}

#[tokio::test]
async fn a_flood_comes_in_order_without_a_hole_or_a_double() {
    const LINES: usize = 20_000;
    let node = Node::start().await;
    let server = node.run_sample("flood").await;
    type_line(&node, &server, &format!("flood {LINES}")).await;
    type_line(&node, &server, "say dry again").await;
    wait_line(&node, &server, "[Server] dry again").await;
    let (lines, lost) = lines_on_the_link(&node, &server);
    let numbers: Vec<usize> =
        lines.iter().filter_map(|line| line.text.strip_prefix("flood ")?.split(' ').next()?.parse().ok()).collect();
    assert!(numbers.is_sorted() && numbers.windows(2).all(|pair| pair[0] != pair[1]), "order and doubles");
    assert_eq!(numbers.len() as u64 + lost, LINES as u64, "each line came or was announced as lost (P-70)");
    assert_eq!(*numbers.last().unwrap(), LINES);
}

#[tokio::test]
async fn what_is_typed_reaches_the_game_as_one_line() {
    let node = Node::start().await;
    let server = node.run_sample("typing").await;
    // P-136: one trailing newline is dropped.
    type_line(&node, &server, "say with a newline\n").await;
    wait_line(&node, &server, "[Server] with a newline").await;
    // An empty command is an empty line: the game says nothing to that, and still listens.
    type_line(&node, &server, "").await;
    type_line(&node, &server, "say ünïcode ✓").await;
    wait_line(&node, &server, "[Server] ünïcode ✓").await;
    let (lines, _) = lines_on_the_link(&node, &server);
    assert!(!lines.iter().any(|line| line.text.contains("Unknown or incomplete")), "{lines:?}");
    for wrong in [json!({"command": ["stop"]}), json!({"command": 5}), json!({"command": null}), json!({})] {
        let answer = node.http("console:command", Some(&server), Some(wrong.clone())).await;
        assert_eq!(answer["code"], json!("INVALID_REQUEST"), "{wrong}: {answer}");
    }
    // The order of the commands is kept (P-26), though nobody waits for an answer in between.
    let ids: Vec<String> = (0..50)
        .map(|number| {
            node.send("console:command", Some(&server), Some(json!({"command": format!("say no {number}.")})))
        })
        .collect();
    for id in &ids {
        assert!(node.panel().wait_for_response(id, PATIENCE).await.is_some());
    }
    wait_line(&node, &server, "[Server] no 49.").await;
    let (lines, _) = lines_on_the_link(&node, &server);
    let said: Vec<&str> = lines.iter().filter_map(|line| line.text.split("[Server] no ").nth(1)).collect();
    let expected: Vec<String> = (0..50).map(|number| format!("{number}.")).collect();
    assert_eq!(said, expected);
    node.http_ok("stop_server", Some(&server), None).await;
    let answer = node.http("console:command", Some(&server), Some(json!({"command": "list"}))).await;
    assert_eq!(answer["code"], json!("SERVER_NOT_RUNNING"));
}

#[tokio::test]
async fn history_gives_the_last_lines_and_clamps_their_number() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = node.run_sample("history").await;
    type_line(&node, &server, "flood 300").await;
    type_line(&node, &server, "say the end").await;
    node.wait_console(&server, "[Server] the end").await;
    // P-107.
    for (lines, expected) in [
        (json!(1), 1),
        (json!(25), 25),
        (json!("25"), 25),
        (json!(0), 1),
        (json!(-5), 1),
        (json!(null), 100),
        (json!(1e18), 307),
    ] {
        let data = node.http_ok("console:history", Some(&server), Some(json!({"lines": lines}))).await;
        let history = data["history"].as_array().unwrap();
        assert_eq!(history.len(), expected, "{lines}");
        assert_eq!(data["lines"], json!(expected));
        assert!(history[expected - 1].as_str().unwrap().contains("the end"), "the newest is last");
    }
    // P-112: the unreachable twin of the first panels.
    let request = fixtures::item("http/requests/console-payload.list.json", "get_server_logs", "request");
    let answer = node.post(&fixtures::for_server(request["body"].clone(), &server)).await;
    assert_eq!(answer["data"]["logs"].as_array().unwrap().len(), 50, "{answer}");
    // P-101.
    let status = node.http_ok("console:status", Some(&server), None).await;
    assert_eq!((&status["connected"], &status["bufferSize"]), (&json!(true), &json!(307)), "{status}");
    assert_eq!((&status["firstSeq"], &status["lastSeq"]), (&json!(1), &json!(307)));
}
