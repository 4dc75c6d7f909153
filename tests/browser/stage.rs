//! What every test of the page starts with: a panel, a fake agent, a browser that shows the page.

use cap_acceptance::browser::Browser;
use cap_devpanel::{DevPanel, DevPanelConfig, WebConfig};

use crate::fake_agent::FakeAgent;

pub(crate) const NODE: &str = "node-1";
pub(crate) const SERVER: &str = "9f1c7a52-3e64-4d0b-8a77-1f2e5b90c4d3";
pub(crate) const SECRET: &str = "test-agent-secret";

pub(crate) struct Stage {
    pub(crate) panel: DevPanel,
    pub(crate) agent: FakeAgent,
    pub(crate) browser: Browser,
}

pub(crate) fn panel() -> DevPanel {
    let web = Some(WebConfig::loopback());
    DevPanel::start(DevPanelConfig { web, ..DevPanelConfig::new(SECRET) }).unwrap()
}

impl Stage {
    /// An online agent and the page open.
    pub(crate) async fn open() -> Self {
        let panel = panel();
        let agent = FakeAgent::connect(&panel).await;
        let browser = Browser::start().await.unwrap();
        browser.goto(&panel.url()).await.unwrap();
        browser.wait_for_text(".node", NODE).await.unwrap();
        Self { panel, agent, browser }
    }

    /// As [`open`](Self::open), with one server that is selected.
    pub(crate) async fn with_server(status: &str) -> Self {
        let stage = Self::open().await;
        stage.agent.has_server(SERVER, status);
        stage.browser.click(&format!("[data-server='{SERVER}']")).await.unwrap();
        stage
            .browser
            .wait_until(&format!("document.querySelector('#server-status').dataset.status == '{status}'"))
            .await
            .unwrap();
        stage
    }

    /// Fails if the page caused script errors, refused requests or policy violations.
    pub(crate) async fn no_complaints(&self) {
        let complaints = self.browser.complaints().await.unwrap();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}
