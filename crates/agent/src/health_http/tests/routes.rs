//! Routes, codes and credentials.

use super::*;

/// P-77, P-209: open, and the same whatever Docker and the link do.
#[actix::test]
async fn health_is_open_and_always_healthy() {
    let running = Running::start(settings(), FakePort::reading());
    let expected: serde_json::Value = serde_json::from_str::<serde_json::Value>(include_str!(
        "../../../../../tests/fixtures/http/responses/health.json"
    ))
    .unwrap();
    for (docker_ok, link_up, docker) in [(true, true, "ok"), (false, false, "unreachable")] {
        running.agent.send_modify(|agent| (agent.docker_ok, agent.link_up) = (docker_ok, link_up));
        for (_, request) in requests(include_str!("../../../../../tests/fixtures/http/requests/health.json")) {
            let answer = running.ask_fixture(&request).await;
            assert_eq!(answer.status, expected["status"]);
            let body = answer.json();
            same_shape(&body, &expected["body"]);
            assert_eq!((&body["status"], &body["connected"]), (&"healthy".into(), &true.into()));
            assert_eq!((&body["docker"], &body["wsConnected"]), (&docker.into(), &link_up.into()));
            assert_eq!(body["nodeId"], "node-1");
        }
    }
}

/// P-78: unwrapped, and only with a token.
#[actix::test]
async fn status_is_unwrapped_and_needs_a_token() {
    let running = Running::start(settings(), FakePort::reading());
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/fixtures/http/responses/status.json")).unwrap();
    for (_, request) in requests(include_str!("../../../../../tests/fixtures/http/requests/status.json")) {
        let answer = running.ask_fixture(&request).await;
        assert_eq!(answer.status, expected["status"]);
        same_shape(&answer.json(), &expected["body"]);
        assert_eq!(answer.json()["online"], true);
        assert_eq!(answer.json()["serverCount"], 3);
    }
    assert_eq!(running.ask("GET", "/api/status", &[], b"").await.status, 401);
}

/// P-81, P-209, P-210, P-211: the first six are refused, the last four are served.
#[actix::test]
async fn credentials_are_taken_as_the_fixtures_say() {
    let running = Running::start(settings(), FakePort::reading());
    let all = requests(include_str!("../../../../../tests/fixtures/http/requests/auth.list.json"));
    assert_eq!(all.len(), 10);
    for (number, (name, request)) in all.iter().enumerate() {
        let answer = running.ask_fixture(request).await;
        if number < 6 {
            assert_eq!(answer.status, 401, "{name}");
            let expected = serde_json::json!({"success": false, "error": "unauthorized", "code": "AUTH_FAILED"});
            assert_eq!(answer.json(), expected, "{name}");
        } else {
            assert_eq!(answer.status, 200, "{name}");
        }
    }
    let tokens: Vec<u8> = running.port.given().iter().map(|(token, _)| *token).collect();
    assert_eq!(tokens, [0, 0, 1, 1], "who called is told to the port");
}

/// P-209: without a configured token everything but `/health` is refused, empty credentials included.
#[actix::test]
async fn without_tokens_everything_but_health_is_refused() {
    let running = Running::start(HttpSettings::new(Vec::new()), FakePort::reading());
    assert_eq!(running.ask("GET", "/health", &[], b"").await.status, 200);
    for path in ["/api/status", "/livez", "/readyz", "/api/command", "/nowhere", "/"] {
        for headers in [&[][..], &[("X-API-Key", "")], &[("Authorization", "Bearer ")]] {
            assert_eq!(running.ask("GET", path, headers, b"").await.status, 401, "{path}");
        }
    }
}

/// S-23: a URL ends up in logs.
#[actix::test]
async fn a_token_in_the_url_is_no_credential() {
    let running = Running::start(settings(), FakePort::reading());
    for query in ["token=test-daemon-token", "api_key=test-daemon-token", "access_token=test-daemon-token"] {
        assert_eq!(running.ask("GET", &format!("/api/status?{query}"), &[], b"").await.status, 401);
    }
}

/// No spelling of a path gets around the token.
#[actix::test]
async fn other_spellings_of_the_open_path_are_not_open() {
    let running = Running::start(settings(), FakePort::reading());
    for path in ["/health/", "//health", "/health/../api/status", "/HEALTH", "/health;x", "/api/status/../health"] {
        assert_eq!(running.ask("GET", path, &[], b"").await.status, 401, "{path}");
    }
}

/// P-81.
#[actix::test]
async fn unknown_routes_and_wrong_methods_are_json_too() {
    let running = Running::start(settings(), FakePort::reading());
    let token = [("X-API-Key", DAEMON_TOKEN)];
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("GET", "/api/command", 405),
        ("PUT", "/api/command", 405),
        ("POST", "/api/status", 405),
        ("POST", "/health", 405),
        ("DELETE", "/livez", 405),
    ] {
        let answer = running.ask(method, path, &token, b"").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.json()["success"], false);
        assert!(answer.json()["error"].is_string() && answer.json()["code"].is_string());
        assert_eq!(answer.header("allow").is_some(), status == 405);
    }
}

#[actix::test]
async fn readiness_names_what_is_missing() {
    let running = Running::start(settings(), FakePort::reading());
    let token = [("X-API-Key", AGENT_SECRET)];
    let answer = running.ask("GET", "/readyz", &token, b"").await;
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({"ready": true, "problems": []})));
    running.agent.send_modify(|agent| {
        agent.problems = vec![ReadyProblem { part: "docker", why: "the engine does not answer".to_owned() }];
    });
    let answer = running.ask("GET", "/readyz", &token, b"").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["problems"][0]["part"], "docker");
}

/// A dispatcher that hangs or says no makes the process not live, and `/health` answers all the same.
#[actix::test]
async fn liveness_asks_and_does_not_wait_for_ever() {
    let mut settings = settings();
    settings.limits.alive = Duration::from_millis(20);
    let mut hanging = FakePort::reading();
    hanging.alive = Box::new(|| std::future::pending().boxed());
    let mut dead = FakePort::reading();
    dead.alive = Box::new(|| std::future::ready(false).boxed());
    for (port, status) in [(FakePort::reading(), 200), (hanging, 503), (dead, 503)] {
        let running = Running::start(settings.clone(), port);
        let answer = running.ask("GET", "/livez", &[("X-API-Key", DAEMON_TOKEN)], b"").await;
        assert_eq!((answer.status, answer.json()), (status, serde_json::json!({"live": status == 200})));
        assert_eq!(running.ask("GET", "/health", &[], b"").await.status, 200);
    }
}
