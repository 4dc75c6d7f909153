//! Output that is no clean text: bytes that are not UTF-8, escape sequences, lines without an end (P-67).

use cap_acceptance::node::Node;

use super::console::{LinkLine, lines_on_the_link, type_line, wait_line};

#[tokio::test]
async fn bytes_that_are_not_utf8_are_replaced_and_marked() {
    let node = Node::start().await;
    let server = node.run_sample("bytes").await;
    type_line(&node, &server, r"raw broken \xff\xfe here\n").await;
    let line = wait_line(&node, &server, "broken").await;
    assert_eq!(line.text, "broken \u{fffd}\u{fffd} here");
    assert!(line.lossy);
    type_line(&node, &server, "say whole").await;
    assert!(!wait_line(&node, &server, "[Server] whole").await.lossy);
}

#[tokio::test]
async fn a_character_that_comes_in_two_pieces_is_whole() {
    let node = Node::start().await;
    let server = node.run_sample("pieces").await;
    type_line(&node, &server, r"raw euro \xe2\x82").await;
    type_line(&node, &server, r"raw \xac!\n").await;
    let line = wait_line(&node, &server, "euro").await;
    assert_eq!((line.text.as_str(), line.lossy), ("euro €!", false));
}

#[tokio::test]
async fn escape_sequences_stay_and_only_the_carriage_return_before_the_end_goes() {
    let node = Node::start().await;
    let server = node.run_sample("escapes").await;
    type_line(&node, &server, r"raw \e[31mred\e[0m\r\n").await;
    type_line(&node, &server, r"raw 50 %\r100 %\r\n").await;
    type_line(&node, &server, r"raw a nul \0 inside\n").await;
    assert_eq!(wait_line(&node, &server, "red").await.text, "\u{1b}[31mred\u{1b}[0m");
    assert_eq!(wait_line(&node, &server, "100 %").await.text, "50 %\r100 %");
    assert_eq!(wait_line(&node, &server, "a nul").await.text, "a nul \0 inside");
}

#[tokio::test]
async fn a_mebibyte_without_a_line_end_comes_in_parts_and_nothing_of_it_is_lost() {
    const PIECE: usize = 32 * 1024;
    let node = Node::start().await;
    let server = node.run_sample("long").await;
    let pieces: Vec<String> = (0..32).map(|number| format!("<{number:02}>{}", "x".repeat(PIECE - 4))).collect();
    for piece in &pieces {
        type_line(&node, &server, &format!("raw {piece}")).await;
    }
    type_line(&node, &server, r"raw \nafterwards\n").await;
    wait_line(&node, &server, "afterwards").await;
    let (lines, lost) = lines_on_the_link(&node, &server);
    assert_eq!(lost, 0);
    let is_of_it = |line: &&LinkLine| line.text.starts_with('<') || line.text.starts_with('x');
    let parts: Vec<&LinkLine> = lines.iter().filter(is_of_it).collect();
    let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
    assert_eq!(whole.len(), 1024 * 1024);
    assert!(whole == pieces.concat(), "in order and complete");
    let (last, others) = parts.split_last().unwrap();
    assert!(others.iter().all(|part| part.partial) && !last.partial, "all but the last part go on");
}
