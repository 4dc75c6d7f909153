//! The page without a mouse.

use cap_acceptance::browser::keys;

use crate::stage::{SERVER, Stage};

#[actix_rt::test]
async fn everything_on_the_main_path_can_be_done_with_keys() {
    let stage = Stage::open().await;
    let browser = &stage.browser;
    browser.press("?").await.unwrap();
    browser.wait_until("document.querySelector('#help-dialog').open").await.unwrap();
    browser.press(keys::ESCAPE).await.unwrap();
    browser.wait_until("!document.querySelector('#help-dialog').open").await.unwrap();
    // Keys pressed while the focus is still on its way out of a dialog belong to the dialog.
    browser.wait_until("!document.activeElement.closest('dialog')").await.unwrap();

    browser.press("n").await.unwrap();
    browser.wait_until("document.activeElement.name === 'name'").await.unwrap();
    for key in ["a", "b", "c", keys::TAB, "i", "m", "g", keys::ENTER] {
        browser.press(key).await.unwrap();
    }
    browser.wait_for_text("#server-status", "running").await.unwrap();
    browser.wait_for_text("#server-name", "abc").await.unwrap();

    browser.press("/").await.unwrap();
    browser.wait_until("document.activeElement.id === 'console-input'").await.unwrap();
    browser.type_into("#console-input", "say one\nlist\n").await.unwrap();
    browser.wait_for_text("#console-lines", "players online").await.unwrap();
    for (key, expected) in
        [(keys::UP, "list"), (keys::UP, "say one"), (keys::UP, "say one"), (keys::DOWN, "list"), (keys::DOWN, "")]
    {
        browser.press(key).await.unwrap();
        browser.wait_until(&format!("document.querySelector('#console-input').value === '{expected}'")).await.unwrap();
    }
    browser.press(keys::ESCAPE).await.unwrap();
    browser.wait_until("document.activeElement === document.body").await.unwrap();

    stage.agent.has_server(SERVER, "stopped");
    browser.wait_for_text("#server-count", "2").await.unwrap();
    browser.press("]").await.unwrap();
    browser.wait_for_text("#server-status", "stopped").await.unwrap();
    browser.press("[").await.unwrap();
    browser.wait_for_text("#server-name", "abc").await.unwrap();
    stage.no_complaints().await;
}

#[actix_rt::test]
async fn the_focus_is_visible_and_every_control_has_a_name() {
    let stage = Stage::with_server("running").await;
    let browser = &stage.browser;
    browser.press(keys::TAB).await.unwrap();
    browser.wait_until("getComputedStyle(document.activeElement).outlineStyle !== 'none'").await.unwrap();
    let nameless = "return [...document.querySelectorAll('button, input, select, textarea, a, meter')].filter(control => \
        !(control.getAttribute('aria-label') || control.textContent.trim() || control.labels?.length)) \
        .map(control => control.outerHTML)";
    let nameless = browser.execute(nameless, serde_json::json!([])).await.unwrap();
    assert_eq!(nameless, serde_json::json!([]));
}
