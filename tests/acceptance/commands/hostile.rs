//! Input that is wrong, malformed or huge: a clean refusal or nothing at all, and never an effect (section 20).

use cap_acceptance::fixtures;
use cap_acceptance::node::{Node, NodeSetup, PATIENCE};
use serde_json::json;

/// A server whose id the fixtures use: only one test per node may have it.
const FIXTURE_SERVER: &str = "4b25f2173d6b78e70f57373618a68540";

/// Runs a sample server with an id and an alias that stand for those of the fixtures.
async fn run_fixture_server(node: &Node) -> String {
    let server = node.run_sample("target").await;
    node.http_ok("bind_alias", Some(&server), Some(json!({"alias": FIXTURE_SERVER}))).await;
    node.http_ok("bind_alias", Some(&server), Some(json!({"alias": "cmwovsctw000708l5h2k9q3xz"}))).await;
    server
}

#[tokio::test]
async fn wrong_types_are_refused_with_their_code_and_have_no_effect() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = run_fixture_server(&node).await;
    let started_at = node.started_at(&server).await;
    let codes = fixtures::items("hostile/wrong-types.list.json", "code");
    let bodies = fixtures::items("hostile/wrong-types.list.json", "body");
    let of_later_versions =
        ["list_files", "read_file", "write_file", "upload_file", "set_file_permissions", "create_archive"];
    for ((name, body), (_, code)) in bodies.into_iter().zip(codes) {
        let answer = node.post(&body).await;
        let code =
            if of_later_versions.contains(&body["action"].as_str().unwrap()) { json!("NOT_SUPPORTED") } else { code };
        assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &code), "{name}: {answer}");
    }
    for (name, body) in fixtures::items("hostile/top-level.list.json", "body") {
        let answer = node.post(&body).await;
        assert_eq!(
            (&answer["success"], &answer["code"]),
            (&json!(false), &json!("INVALID_REQUEST")),
            "{name}: {answer}"
        );
    }
    assert_eq!(node.status(&server).await, "running");
    assert_eq!(node.started_at(&server).await, started_at);
}

#[tokio::test]
async fn huge_values_are_clamped_or_refused() {
    let node = NodeSetup::default().without_panel().start().await;
    let server = run_fixture_server(&node).await;
    for (name, body) in fixtures::items("hostile/huge-values.list.json", "body") {
        if body["action"] == json!("stop_server") {
            node.http_ok("start_server", Some(&server), None).await;
        }
        let answer = node.post(&body).await;
        match name.as_str() {
            "long-action" => {
                assert_eq!(answer["code"], json!("UNKNOWN_ACTION"));
                let shown = answer["error"].as_str().unwrap().matches('x').count();
                assert_eq!(shown, 100, "P-213: {answer}");
            }
            "long-id" => assert_eq!(answer["code"], json!("INVALID_REQUEST"), "{answer}"),
            "lines-1e18" => assert!(answer["data"]["lines"].as_u64().unwrap() > 0, "{answer}"),
            "from-seq-2^53" => assert_eq!(answer["code"], json!("NOT_SUPPORTED"), "{answer}"),
            _ => {
                assert_eq!(answer["success"], json!(true), "{name}: {answer}");
                node.wait_status(&server, "stopped").await;
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_json_is_400_over_http_and_ignored_on_the_link() {
    let node = Node::start().await;
    let server = run_fixture_server(&node).await;
    let links = node.panel().connections().len();
    for name in ["truncated", "not-json", "empty", "trailing-bytes", "nan", "number-overflow", "deep-nesting"] {
        let bytes = fixtures::bytes(&format!("hostile/{name}.txt"));
        let (code, answer) = node.post_bytes(&bytes).await;
        if name == "deep-nesting" {
            // P-215: JSON, but too deep to be looked at.
            assert_eq!((code, &answer["code"]), (200, &json!("INVALID_REQUEST")), "{name}: {answer}");
        } else {
            assert_eq!(code, 400, "{name}: {answer}");
        }
        let mark = node.mark();
        node.panel().send_raw(&node.name, String::from_utf8(bytes).unwrap()).unwrap();
        node.barrier().await;
        let answers = node.frames_after(mark);
        assert!(
            answers.iter().all(|frame| !["response", "error", "system_info"].contains(&frame.kind())),
            "{name}: {answers:?}"
        );
    }
    let duplicate = fixtures::bytes("hostile/duplicate-keys.json");
    let (code, answer) = node.post_bytes(&duplicate).await;
    assert_eq!((code, &answer["data"]["status"]), (200, &json!("running")), "P-214: the last of each counts: {answer}");
    assert_eq!(node.status(&server).await, "running");
    assert_eq!(node.panel().connections().len(), links, "the link stayed up");
}

#[tokio::test]
async fn bad_utf8_closes_the_link_with_1007_and_it_comes_back() {
    let node = Node::start().await;
    let digits = String::from_utf8(fixtures::bytes("hostile/invalid-utf8.hex.txt")).unwrap();
    let digits: Vec<char> = digits.chars().filter(char::is_ascii_hexdigit).collect();
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect();
    assert_eq!(node.post_bytes(&bytes).await.0, 400);
    let links = node.panel().connections().len();
    node.panel().send_binary(&node.name, bytes).unwrap();
    let back = node.panel().wait_for(PATIENCE, |panel| panel.connections().len() > links).await;
    assert!(back, "no new connection; log:\n{}", node.log());
    let end = node.panel().connections()[links - 1].end.clone();
    assert_eq!(end, Some(cap_devpanel::ConnectionEnd::ClosedByAgent(Some(1007))), "P-212");
}
