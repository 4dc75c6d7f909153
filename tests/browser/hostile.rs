//! What the game prints is text and stays text.

use crate::stage::{SERVER, Stage};

#[actix_rt::test]
async fn nothing_a_game_prints_becomes_part_of_the_page() {
    let stage = Stage::with_server("running").await;
    let browser = &stage.browser;
    stage.agent.prints(
        SERVER,
        &[
            "<img src=x onerror=\"window.broken = true\"><script>window.broken = true</script>",
            "\u{1b}[31mred\u{1b}[0m \u{1b}[1;38;5;208morange\u{1b}[0m \u{1b}[38;2;1;2;3mrgb\u{1b}[m plain",
            "\u{1b}]0;a title\u{7}\u{1b}[2J\u{1b}[1;1Hcleared?",
            "bell\u{7} back\u{8} nul\0 escape at the end\u{1b}",
            "right\u{202e}to left",
            "javascript:alert(1) &amp; &lt;b&gt;",
        ],
    );
    let text = browser.wait_for_text("#console-lines", "javascript:alert(1) &amp; &lt;b&gt;").await.unwrap();
    assert!(text.contains("<img src=x onerror=\"window.broken = true\">"), "{text}");
    assert!(text.contains("red orange rgb plain"), "{text}");
    assert!(text.contains("cleared?") && !text.contains("a title"), "{text}");
    assert!(text.contains("bell␇ back␈ nul␀"), "{text}");
    assert!(text.contains("right‹U+202E›to left"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    let inside = "document.querySelectorAll('#console-lines img, #console-lines script').length";
    assert_eq!(browser.execute(&format!("return {inside}"), serde_json::json!([])).await.unwrap(), 0);
    browser.wait_until("window.broken === undefined").await.unwrap();
    browser.wait_until("document.querySelector('#console-lines .ansi-1').textContent === 'red'").await.unwrap();
    stage.no_complaints().await;
}

#[actix_rt::test]
async fn a_flood_of_lines_leaves_5000_and_the_last_one_is_there() {
    let stage = Stage::with_server("running").await;
    for block in 0..60 {
        let lines: Vec<String> = (0..200).map(|line| format!("flood {}", block * 200 + line)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        stage.agent.prints(SERVER, &lines);
    }
    let long = "x".repeat(60_000);
    stage.agent.prints(SERVER, &[&long, "the end"]);
    let browser = &stage.browser;
    browser
        .wait_until("document.querySelector('#console-lines').lastChild?.textContent.includes('the end')")
        .await
        .unwrap();
    // A page that fell behind got a snapshot instead, which is shorter.
    browser.wait_until("document.querySelectorAll('#console-lines .line').length <= 5000").await.unwrap();
    browser.wait_for_text("#console-lines", "51808 more characters").await.unwrap();
    let box_at_end = "(() => { const box = document.querySelector('#console-lines'); \
        return box.scrollHeight - box.scrollTop - box.clientHeight < 24; })()";
    browser.wait_until(box_at_end).await.unwrap();
    stage.no_complaints().await;
}

#[actix_rt::test]
async fn the_page_has_a_policy_that_refuses_inline_script() {
    let stage = Stage::open().await;
    let script = "const script = document.createElement('script'); script.textContent = 'window.broken = true'; \
        document.body.append(script); return window.broken === undefined";
    assert_eq!(stage.browser.execute(script, serde_json::json!([])).await.unwrap(), true);
    let complaints = stage.browser.complaints().await.unwrap();
    assert!(complaints.iter().any(|complaint| complaint.contains("Content Security Policy")), "{complaints:?}");
}
