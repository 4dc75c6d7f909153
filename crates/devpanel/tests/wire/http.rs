//! Section 8, the panel as an HTTP client.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use cap_devpanel::{AgentAddress, AgentHttp, DevPanel, DevPanelConfig, HttpError, OperationState};
use serde_json::{Value, json};

use super::client::{NODE, SECRET, SERVER, SOON};

/// An agent's HTTP side that answers as told and keeps what it was asked.
#[derive(Clone)]
struct FakeAgent {
    url: String,
    /// What `/api/command` answers; 0 is no answer at all.
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeAgent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let agent = Self { url, status: Arc::new(AtomicU16::new(200)), requests: Arc::default() };
        let shared = web::Data::new(agent.clone());
        let server = HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(answer)));
        actix_rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        agent
    }

    fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn answer(request: HttpRequest, body: String, agent: web::Data<FakeAgent>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let line = format!("{} {} [{}] {body}", request.method(), request.path(), header("authorization"));
    agent.requests.lock().unwrap().push(line);
    assert_eq!(header("content-type"), "application/json");
    match request.path() {
        "/health" => HttpResponse::Ok().json(json!({"status": "healthy", "nodeId": NODE, "connected": true})),
        "/api/status" => HttpResponse::Ok().json(json!({"online": true, "version": "1.0.0"})),
        _ => match agent.status.load(Ordering::SeqCst) {
            0 => std::future::pending().await,
            status => {
                let status = StatusCode::from_u16(status).unwrap();
                let body = json!({"success": true, "data": {"serverId": SERVER, "status": "running"}});
                HttpResponse::build(status).json(body)
            }
        },
    }
}

fn panel(agent: &FakeAgent) -> DevPanel {
    let mut http = AgentHttp::at(&agent.url, "test-daemon-token");
    http.command_timeout = Duration::from_millis(200);
    DevPanel::start(DevPanelConfig { agent_http: Some(http), ..DevPanelConfig::new(SECRET) }).unwrap()
}

fn online(panel: &DevPanel) -> bool {
    panel.view(|view| view.nodes[NODE].http.as_ref().unwrap().online)
}

#[actix_rt::test]
async fn requests_are_those_of_the_stock_panels() {
    let agent = FakeAgent::start();
    let panel = panel(&agent);
    panel.http_health().await.unwrap();
    panel.http_status().await.unwrap();
    let payload = json!({"signal": "SIGTERM", "timeout": 30});
    let reply = panel.http_command("stop_server", Some(SERVER), Some(payload)).await.unwrap();
    assert_eq!(reply["data"]["status"], "running");
    let expected = [
        // Discovery asks first, without credentials.
        "GET /health [] ".to_owned(),
        "GET /health [] ".to_owned(),
        "GET /api/status [Bearer test-daemon-token] ".to_owned(),
        // P-79
        format!(
            r#"POST /api/command [Bearer test-daemon-token] {{"action":"stop_server","serverId":"{SERVER}","payload":{{"signal":"SIGTERM","timeout":30}}}}"#
        ),
    ];
    assert_eq!(agent.requests(), expected);
}

#[actix_rt::test]
async fn a_non_2xx_marks_the_agent_offline_and_only_lifecycle_commands_still_go_out() {
    let agent = FakeAgent::start();
    let panel = panel(&agent);
    panel.http_health().await.unwrap();
    agent.answer_with(500);
    let failed = panel.http_command("list_files", Some(SERVER), None).await;
    assert!(matches!(failed, Err(HttpError::Status { status: 500, .. })), "{failed:?}");
    assert!(!online(&panel));

    agent.answer_with(200);
    let before = agent.requests().len();
    assert_eq!(panel.http_command("list_files", Some(SERVER), None).await, Err(HttpError::Offline));
    assert_eq!(agent.requests().len(), before, "refused inside the panel");
    assert!(panel.http_command("start_server", Some(SERVER), None).await.is_ok());
    assert!(online(&panel), "a successful lifecycle command makes it online");
    assert!(panel.http_command("list_files", Some(SERVER), None).await.is_ok());
}

#[actix_rt::test]
async fn a_timeout_marks_the_agent_offline_and_a_status_answer_brings_it_back() {
    let agent = FakeAgent::start();
    let panel = panel(&agent);
    panel.http_health().await.unwrap();
    agent.answer_with(0);
    assert_eq!(panel.http_command("start_server", Some(SERVER), None).await, Err(HttpError::Timeout));
    assert!(!online(&panel));
    let operation = panel.view(|view| view.nodes[NODE].operations.back().cloned()).unwrap();
    assert_eq!(operation.state, OperationState::Failed);
    panel.http_status().await.unwrap();
    assert!(online(&panel));
}

#[actix_rt::test]
async fn no_agent_at_the_address_is_said_and_without_an_address_nothing_is_asked() {
    let closed_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = AgentAddress::Url(format!("http://{closed_port}"));
    let http = AgentHttp { address, ..AgentHttp::at("", "t") };
    let panel = DevPanel::start(DevPanelConfig { agent_http: Some(http), ..DevPanelConfig::new(SECRET) }).unwrap();
    assert!(matches!(panel.http_health().await, Err(HttpError::NotFound(_))));

    let panel = DevPanel::start(DevPanelConfig::new(SECRET)).unwrap();
    assert_eq!(panel.http_status().await, Err(HttpError::NotConfigured));
}

#[actix_rt::test]
async fn an_http_1_panel_asks_for_the_status_again_and_again() {
    let agent = FakeAgent::start();
    let http = AgentHttp { check_every: Some(Duration::from_millis(20)), ..AgentHttp::at(&agent.url, "t") };
    let panel = DevPanel::start(DevPanelConfig { agent_http: Some(http), ..DevPanelConfig::new(SECRET) }).unwrap();
    let asked = |_: &DevPanel| {
        let is_status = |request: &&String| request.starts_with("GET /api/status");
        agent.requests().iter().filter(is_status).count() >= 3
    };
    assert!(panel.wait_for(SOON, asked).await);
    let status: Option<Value> = panel.view(|view| view.nodes[NODE].http.as_ref().unwrap().status.clone());
    assert_eq!(status.unwrap()["online"], true);
}
