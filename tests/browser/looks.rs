//! How the page looks: nothing may stick out sideways, on any screen. The pictures are for people.

use std::path::Path;

use cap_acceptance::browser::Browser;

use crate::stage::{SERVER, Stage, panel};

async fn picture(browser: &Browser, name: &str) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("devpanel-pictures");
    std::fs::create_dir_all(&directory).unwrap();
    browser.screenshot(&directory.join(format!("{name}.png"))).await.unwrap();
    let sideways = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    browser.wait_until(sideways).await.unwrap_or_else(|error| panic!("{name} scrolls sideways: {error}"));
}

#[actix_rt::test]
async fn no_screen_scrolls_sideways_in_light_or_dark() {
    let panel_alone = panel();
    let stage = Stage::open().await;
    let browser = &stage.browser;
    browser.goto(&panel_alone.url()).await.unwrap();
    browser.wait_for_text("#welcome-title", "Waiting for an agent").await.unwrap();
    browser.wait_for_text("#feed", "live").await.unwrap();
    picture(browser, "waiting").await;

    browser.goto(&stage.panel.url()).await.unwrap();
    for (server_id, status) in [
        ("a-stopped-one", "stopped"),
        ("crashed-with-a-very-long-name-that-does-not-fit-into-the-list", "crashed"),
        ("just-starting", "starting"),
        (SERVER, "running"),
    ] {
        stage.agent.has_server(server_id, status);
    }
    browser.click(&format!("[data-server='{SERVER}']")).await.unwrap();
    for line in [
        "[11:14:00 INFO]: Starting minecraft server version 1.21.4",
        "[11:14:00 \u{1b}[33mWARN\u{1b}[0m]: **** SERVER IS RUNNING IN OFFLINE/INSECURE MODE!",
        "[11:14:01 INFO]: Preparing level \"world\"",
        "[11:14:02 INFO]: \u{1b}[32mDone (1.204s)!\u{1b}[0m For help, type \"help\"",
        "[11:14:05 INFO]: \u{1b}[36mada\u{1b}[0m joined the game",
    ] {
        stage.agent.prints(SERVER, &[line]);
    }
    let long = format!("[11:14:06 ERROR]: {}", "a_long_word_without_blanks_".repeat(20));
    stage.agent.complains(SERVER, &[&long]);
    browser.type_into("#console-input", "list\n").await.unwrap();
    browser.wait_for_text("#console-lines", "players online").await.unwrap();
    browser
        .wait_until("document.querySelector('#chart-cpu .chart-line').getAttribute('d').length > 400")
        .await
        .unwrap();
    browser.wait_for_text(".node", "CPU").await.unwrap();

    // Some activity, good and bad.
    browser.click("#action-restart").await.unwrap();
    browser.wait_for_text("#activity-list", "Restart").await.unwrap();
    stage.agent.fails_with("PORT_CONFLICT", "port 25565 is already in use");
    browser.click("[data-server='just-starting']").await.unwrap();
    browser.click("#action-kill").await.unwrap();
    browser.wait_for_text(".toast[data-kind=error]", "PORT_CONFLICT").await.unwrap();
    stage.agent.works_again();
    browser.click(&format!("[data-server='{SERVER}']")).await.unwrap();
    browser.wait_for_text("#console-lines", "players online").await.unwrap();

    for (name, scheme, width, height) in [
        ("desktop-light", "light", 1440, 1000),
        ("desktop-dark", "dark", 1440, 1000),
        ("laptop-light", "light", 1100, 800),
        ("phone-light", "light", 390, 844),
        ("phone-dark", "dark", 390, 844),
    ] {
        browser.prefer(scheme).await.unwrap();
        browser.screen(width, height).await.unwrap();
        picture(browser, name).await;
    }
    browser.click(".back").await.unwrap();
    browser.wait_until("document.body.dataset.view === 'list'").await.unwrap();
    picture(browser, "list-phone").await;
    browser.click("#new-server").await.unwrap();
    picture(browser, "create-phone").await;
    browser.screen(1440, 1000).await.unwrap();
    picture(browser, "create-desktop").await;
}
