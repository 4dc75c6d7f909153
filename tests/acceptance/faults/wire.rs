//! A panel that sends what no WebSocket library sends (W7). The link may end; the agent does not.

use cap_acceptance::node::{Node, NodeSetup};
use cap_acceptance::raw_panel::{RawLink, RawPanel};

/// First bytes of frames: FIN bit and opcode.
const TEXT: u8 = 0x81;
const TEXT_TO_BE_CONTINUED: u8 = 0x01;
const CONTINUATION: u8 = 0x00;
const LAST_CONTINUATION: u8 = 0x80;
const PING: u8 = 0x89;

/// How much the agent's memory may grow by all of this, in KiB; a leak of the floods would be tens of MiB.
const GROWTH_KIB: u64 = 16 * 1024;

async fn answers(link: &mut RawLink, id: &str) {
    link.text(&format!(r#"{{"id":"{id}","type":"ping"}}"#)).await;
    let pong = link.text_with(id).await;
    assert!(pong.contains(r#""type":"pong""#), "{pong}");
}

fn memory_kib(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.agent_pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// W7; P-14, P-15, P-212, P-215.
#[tokio::test]
async fn floods_and_broken_frames_end_links_and_never_the_agent() {
    let panel = RawPanel::start().await;
    let node = NodeSetup::default().link_to(panel.url()).quick_reconnect().start().await;
    let mut link = panel.accept().await;
    answers(&mut link, "before").await;
    let before_kib = memory_kib(&node);

    // Nonsense in whole frames is passed over.
    let deep = format!(r#"{{"type":"command","id":"deep","payload":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for text in [&deep, "{", "[]", "null", r#"{"type":"warp"}"#, r#"{"data":{}}"#, ""] {
        link.text(text).await;
    }
    answers(&mut link, "after-nonsense").await;

    // One message in 10,000 pieces is one message.
    link.send(TEXT_TO_BE_CONTINUED, br#"{"id":"pieces","#).await.unwrap();
    for _ in 0..10_000 {
        link.send(CONTINUATION, b" ").await.unwrap();
    }
    link.send(LAST_CONTINUATION, br#""type":"ping"}"#).await.unwrap();
    link.text_with("pieces").await;

    for _ in 0..10_000 {
        link.send(PING, b"x").await.unwrap();
    }
    answers(&mut link, "after-pings").await;

    // Bytes that are no text close the link with 1007; the agent dials again.
    link.send(TEXT, b"{\"type\":\"\xff\xfe\"}").await.unwrap();
    assert_eq!(link.close_code().await, Some(1007));
    let mut link = panel.accept().await;
    answers(&mut link, "after-1007").await;

    // A giant is refused by its header alone.
    link.announce(TEXT, 9 * 1024 * 1024).await;
    assert_eq!(link.close_code().await, Some(1009));
    let mut link = panel.accept().await;
    answers(&mut link, "after-1009").await;

    // A giant in pieces, too: 9 MiB in 64 KiB.
    link.send(TEXT_TO_BE_CONTINUED, b"\"").await.unwrap();
    let piece = vec![b' '; 64 * 1024];
    for _ in 0..144 {
        // The agent may hang up in the middle; that is what is wanted.
        if link.send(CONTINUATION, &piece).await.is_err() {
            break;
        }
    }
    let mut link = panel.accept().await;
    answers(&mut link, "after-pieces").await;

    let server = node.run_sample("a").await;
    node.wait_console(&server, "Done (").await;
    let after_kib = memory_kib(&node);
    assert!(after_kib < before_kib + GROWTH_KIB, "{before_kib} KiB before, {after_kib} KiB after");
}
