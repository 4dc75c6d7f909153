//! What a newcomer does, from an empty page to a stopped server.

use std::time::Duration;

use crate::stage::{NODE, Stage};

#[actix_rt::test]
async fn a_server_is_created_started_talked_to_and_stopped_from_the_page() {
    let stage = Stage::open().await;
    let browser = &stage.browser;
    browser.wait_for_text("#feed", "live").await.unwrap();
    browser.wait_for_text(".node", "AMD EPYC 7443P").await.unwrap();

    browser.click("#new-server").await.unwrap();
    browser.type_into("#create-form [name=name]", "My world").await.unwrap();
    browser.fill("#create-form [name=image]", "sample:latest").await.unwrap();
    browser.fill("#create-form [name=environment]", "EULA=TRUE\nMOTD=a=b").await.unwrap();
    browser.fill("#create-form [name=ports]", "25570:25565/tcp").await.unwrap();
    browser.fill("#create-form [name=stop]", "stop").await.unwrap();
    browser.click("#create-submit").await.unwrap();

    // "Start it when it is ready" is ticked.
    browser.wait_for_text("#console-lines", "Done (1.2s)!").await.unwrap();
    browser.wait_for_text("#server-status", "running").await.unwrap();
    assert_eq!(browser.text("#server-name").await.unwrap().as_deref(), Some("My world"));
    let sent = stage.panel.view(|view| {
        let operations: Vec<String> =
            view.nodes[NODE].operations.iter().map(|operation| operation.action.clone()).collect();
        operations
    });
    assert!(sent.contains(&"create_server".to_owned()) && sent.contains(&"start_server".to_owned()), "{sent:?}");

    browser.type_into("#console-input", "list\n").await.unwrap();
    browser.wait_for_text("#console-lines", "There are 2 of a max of 20 players online").await.unwrap();
    browser.wait_for_text("#console-lines [data-source=input]", "list").await.unwrap();
    browser.wait_for_text("#chart-memory .chart-value", "MiB").await.unwrap();
    browser.wait_for_text("#server-facts", "25570→25565/tcp").await.unwrap();

    browser.click("#action-stop").await.unwrap();
    browser.wait_for_text("#server-status", "stopped").await.unwrap();
    browser.wait_for_text("#activity-list", "done in").await.unwrap();
    browser.wait_until("document.querySelector('#action-stop').disabled").await.unwrap();
    stage.no_complaints().await;
}

#[actix_rt::test]
async fn what_is_filled_in_is_what_the_agent_gets() {
    let stage = Stage::open().await;
    let browser = &stage.browser;
    browser.click("#new-server").await.unwrap();
    // Nothing leaves the page while something is missing.
    browser.click("#create-submit").await.unwrap();
    browser.wait_for_text("#create-error", "needs a name").await.unwrap();
    for (field, text) in [
        ("name", "Ünïcode <b>"),
        ("image", "sample:latest"),
        ("memory", "1024"),
        ("cpu", "150"),
        ("startup", "/server --port {{SERVER_PORT}}"),
        ("stop", "stop"),
        ("ports", "25565, 8080:80/udp"),
        ("environment", "EULA=TRUE\nMOTD=a=b"),
        ("serverId", "my-server"),
    ] {
        browser.fill(&format!("#create-form [name={field}]"), text).await.unwrap();
    }
    browser.click("#create-form [name=start]").await.unwrap();
    browser.click("#create-submit").await.unwrap();
    browser.wait_for_text("#server-status", "stopped").await.unwrap();

    let created = |panel: &cap_devpanel::DevPanel| panel.status("my-server").is_some();
    assert!(stage.panel.wait_for(Duration::from_secs(20), created).await);
    assert_eq!(browser.text("#server-name").await.unwrap().as_deref(), Some("Ünïcode <b>"));
    let payload = stage.agent.last_payload("create_server");
    let expected = serde_json::json!({
        "name": "Ünïcode <b>", "image": "sample:latest", "startup": "/server --port {{SERVER_PORT}}", "stop": "stop",
        "limits": {"memory": 1024, "cpu": 150}, "ports": ["25565:25565", "8080:80/udp"],
        "environment": {"EULA": "TRUE", "MOTD": "a=b"},
    });
    assert_eq!(payload, expected);
    stage.no_complaints().await;
}

#[actix_rt::test]
async fn deleting_asks_first_and_failures_are_told() {
    let stage = Stage::with_server("stopped").await;
    let browser = &stage.browser;
    browser.click("#action-delete").await.unwrap();
    browser.wait_until("document.querySelector('#confirm-dialog').open").await.unwrap();
    browser.click("#confirm-dialog button[value=no]").await.unwrap();
    browser.wait_until("!document.querySelector('#confirm-dialog').open").await.unwrap();

    stage.agent.fails_with("PERMISSION_DENIED", "not today");
    browser.click("#action-delete").await.unwrap();
    browser.click("#confirm-yes").await.unwrap();
    browser.wait_for_text(".toast[data-kind=error]", "PERMISSION_DENIED: not today").await.unwrap();
    browser.wait_for_text("#activity-list [data-state=failed]", "not today").await.unwrap();

    stage.agent.works_again();
    browser.click("#action-delete").await.unwrap();
    browser.click("#confirm-yes").await.unwrap();
    browser.wait_for_text("#server-count", "0").await.unwrap();
    let deletes = stage.agent.commands().iter().filter(|command| command["action"] == "delete_server").count();
    assert_eq!(deletes, 2, "the first question was answered with no");
    stage.no_complaints().await;
}
