//! Agents and panels that go away and come back.

use std::time::Duration;

use cap_devpanel::{DevPanel, DevPanelConfig, WebConfig};

use crate::fake_agent::FakeAgent;
use crate::stage::{NODE, SECRET, SERVER, Stage};

#[actix_rt::test]
async fn an_agent_that_leaves_is_shown_offline_and_nothing_can_be_asked_of_it() {
    let stage = Stage::with_server("running").await;
    let browser = &stage.browser;
    browser.wait_until("!document.querySelector('#action-stop').disabled").await.unwrap();
    stage.agent.leaves();
    browser.wait_for_text(&format!("[data-node='{NODE}']"), "offline").await.unwrap();
    browser.wait_until("document.querySelector('#action-stop').disabled").await.unwrap();
    browser.wait_until("document.querySelector('#console-input').disabled").await.unwrap();
    let _agent = FakeAgent::connect(&stage.panel).await;
    browser.wait_for_text(&format!("[data-node='{NODE}']"), "online").await.unwrap();
}

#[actix_rt::test]
async fn the_page_survives_a_restart_of_the_panel_and_shows_the_new_truth() {
    let stage = Stage::with_server("running").await;
    let Stage { panel, agent, browser } = stage;
    let (listen, url) = (panel.address(), panel.url());
    agent.prints(SERVER, &["before the restart"]);
    browser.wait_for_text("#console-lines", "before the restart").await.unwrap();
    panel.stop();
    browser.wait_for_text("#feed", "not reachable").await.unwrap();

    let web = WebConfig { listen: url.trim_start_matches("http://").parse().unwrap(), ..WebConfig::loopback() };
    let config = DevPanelConfig { listen, web: Some(web), ..DevPanelConfig::new(SECRET) };
    let panel = DevPanel::start(config).unwrap();
    browser.wait_for_text("#feed", "live").await.unwrap();
    let agent = FakeAgent::connect(&panel).await;
    agent.has_server(SERVER, "stopped");
    browser.wait_for_text("#server-status", "stopped").await.unwrap();
    agent.prints(SERVER, &["after the restart"]);
    let text = browser.wait_for_text("#console-lines", "after the restart").await.unwrap();
    assert!(!text.contains("before the restart"), "the new panel does not know it");
    let told = panel.wait_for(Duration::from_secs(20), |panel| panel.is_online(NODE)).await;
    assert!(told);
}
