//! Legacy frames (P-32, P-46, P-49): no answer, effects as pushes, one error frame for a failure.

use cap_acceptance::fixtures;
use cap_acceptance::node::Node;
use serde_json::{Value, json};

/// The error frames and responses after a mark.
async fn answers_after(node: &Node, mark: u64) -> Vec<Value> {
    node.barrier().await;
    let frames = node.frames_after(mark);
    frames
        .iter()
        .filter(|frame| ["error", "response"].contains(&frame.kind()))
        .map(|frame| frame.json.clone())
        .collect()
}

#[tokio::test]
async fn every_power_frame_of_the_old_panels_is_carried_out() {
    let node = Node::start().await;
    let server = node.create_sample("power").await;
    let before = node.mark();
    // In the order of the fixture: what each one brings about.
    let expected = [
        ("server_start", "running"),
        ("server_stop", "stopped"),
        ("server_restart", "running"),
        ("server_power-start", "running"),
        ("server_power-stop", "stopped"),
        ("server_power-restart", "running"),
        ("server_power-kill", "stopped"),
    ];
    let frames = fixtures::items("ws/from-panel/legacy-power.list.json", "frame");
    assert_eq!(frames.len(), expected.len());
    for ((name, frame), (expected_name, status)) in frames.into_iter().zip(expected) {
        assert_eq!(name, expected_name);
        node.send_frame(&fixtures::for_server(frame, &server));
        node.wait_panel_status(&server, status).await;
        node.barrier().await;
    }
    assert_eq!(answers_after(&node, before).await, Vec::<Value>::new());
    assert!(!node.docker_runs(&server).await);
}

#[tokio::test]
async fn a_frame_for_an_unknown_server_is_one_error_frame_and_changes_nothing() {
    let node = Node::start().await;
    let known = node.create_sample("known").await;
    let unknown = node.server("unknown");
    let mut frames = fixtures::items("ws/from-panel/legacy-power.list.json", "frame");
    frames.push(("command".into(), fixtures::json("ws/from-panel/legacy-server-command.json")));
    frames.push(("delete".into(), fixtures::item("ws/from-panel/legacy-state.list.json", "server_delete", "frame")));
    for (name, frame) in frames {
        let mark = node.mark();
        node.send_frame(&fixtures::for_server(frame, &unknown));
        // P-50.
        node.wait_frame(mark, &name, |frame| frame.kind() == "error").await;
        let answers = answers_after(&node, mark).await;
        assert_eq!(answers.len(), 1, "{name}: {answers:?}");
        assert_eq!(answers[0]["data"]["code"], json!("SERVER_NOT_FOUND"), "{name}");
        assert_eq!(answers[0]["data"]["serverId"], json!(unknown), "{name}");
    }
    assert_eq!(node.listed().await, std::slice::from_ref(&known));
    assert_eq!(node.status(&known).await, "stopped");
}

#[tokio::test]
async fn a_command_for_a_server_that_does_not_run_is_one_error_frame() {
    let node = Node::start().await;
    let server = node.create_sample("quiet").await;
    let mark = node.mark();
    let frame = fixtures::json("ws/from-panel/legacy-server-command.json");
    node.send_frame(&fixtures::for_server(frame, &server));
    node.wait_frame(mark, "error", |frame| frame.kind() == "error").await;
    let answers = answers_after(&node, mark).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["data"]["code"], json!("SERVER_NOT_RUNNING"));
}

#[tokio::test]
async fn a_create_that_makes_no_sense_is_one_error_frame_and_creates_nothing() {
    let node = Node::start().await;
    let server = node.server("nonsense");
    let mark = node.mark();
    node.send_legacy("create_server", &server, Some(json!({"image": "a b", "limits": {"memory": 128}})));
    node.wait_frame(mark, "error", |frame| frame.kind() == "error").await;
    let answers = answers_after(&node, mark).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["data"]["code"], json!("CONFIG_INVALID"));
    assert_eq!(node.listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_later_version_will_do_is_refused_and_not_pretended() {
    let node = Node::start().await;
    let server = node.create_sample("later").await;
    let mut frames = fixtures::items("ws/from-panel/legacy-state.list.json", "frame");
    frames.retain(|(name, _)| name != "server_delete");
    let updates = fixtures::items("create/E-ws-server-update.list.json", "message");
    frames.extend(updates.into_iter().filter(|(name, _)| name != "bad"));
    for (name, frame) in frames {
        let mark = node.mark();
        node.send_frame(&fixtures::for_server(frame, &server));
        node.wait_frame(mark, &name, |frame| frame.kind() == "error").await;
        let answers = answers_after(&node, mark).await;
        assert_eq!(answers.len(), 1, "{name}: {answers:?}");
        assert_eq!(answers[0]["data"]["code"], json!("NOT_SUPPORTED"), "{name}");
    }
    assert_eq!(node.status(&server).await, "stopped");
}

#[tokio::test]
async fn broken_frames_are_answered_once_each_and_the_link_stays() {
    let node = Node::start().await;
    let connections = node.panel().connections().len();
    for (name, frame) in fixtures::items("hostile/wrong-frames.list.json", "frame") {
        let mark = node.mark();
        node.send_frame(&frame);
        let answers = answers_after(&node, mark).await;
        match name.as_str() {
            // P-212: a known type with broken data is answered by an error frame, or a response if it has an id.
            "command-no-action" => {
                assert_eq!(answers.len(), 1, "{name}: {answers:?}");
                assert_eq!(answers[0]["error"]["code"], json!("INVALID_REQUEST"), "{name}");
                assert_eq!(answers[0]["id"], json!("x1"));
            }
            "type-number" | "type-null" => assert_eq!(answers, Vec::<Value>::new(), "{name}"),
            "sysinfo-with-junk" => {
                node.wait_frame(mark, &name, |frame| frame.kind() == "system_info").await;
            }
            _ => {
                assert_eq!(answers.len(), 1, "{name}: {answers:?}");
                assert_eq!(answers[0]["data"]["code"], json!("INVALID_REQUEST"), "{name}");
            }
        }
    }
    assert_eq!(node.panel().connections().len(), connections, "the link stayed up");
}

#[tokio::test]
async fn unknown_frames_are_ignored_and_extra_keys_do_no_harm() {
    let node = Node::start().await;
    let server = node.create_sample("extra").await;
    let mark = node.mark();
    for (_, frame) in fixtures::items("ws/from-panel/unknown.list.json", "frame") {
        node.send_frame(&fixtures::for_server(frame, &server));
    }
    // The last one is a start with keys nobody knows (P-214).
    node.wait_panel_status(&server, "running").await;
    assert_eq!(answers_after(&node, mark).await, Vec::<Value>::new());
}
