//! Who may use the page.

use awc::http::Method;
use cap_devpanel::{DevPanel, DevPanelConfig, StartError, WebConfig};
use serde_json::json;

use super::client::{NODE, Node, SECRET, get, panel, request};

#[actix_rt::test]
async fn every_answer_carries_a_policy_that_allows_the_pages_own_files_only() {
    let panel = panel(WebConfig::loopback());
    for path in ["/", "/devpanel.js", "/devpanel.css", "/api/state", "/no-such-page"] {
        let response = get(&panel, path).send().await.unwrap();
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
}

#[actix_rt::test]
async fn the_page_refers_to_nothing_outside_itself_and_has_no_inline_script() {
    let panel = panel(WebConfig::loopback());
    for path in ["/", "/devpanel.css", "/devpanel.js", "/views.js", "/dialogs.js", "/dom.js", "/store.js"] {
        let mut response = get(&panel, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let text = String::from_utf8(response.body().await.unwrap().to_vec()).unwrap();
        assert!(!text.contains("https://") && !text.contains("//cdn"), "{path} refers to another host");
        assert!(!text.contains("innerHTML") && !text.contains("insertAdjacentHTML"), "{path} parses HTML");
        assert!(!text.contains("onclick=") && !text.contains("style=\""), "{path} has inline code");
    }
}

#[actix_rt::test]
async fn a_foreign_name_for_this_address_is_refused() {
    // DNS rebinding: the browser believes it talks to evil.example.
    let panel = panel(WebConfig { extra_hosts: vec!["panel.example".to_owned()], ..WebConfig::loopback() });
    for (host, expected) in [("evil.example", 403), ("panel.example:80", 200), ("localhost:1", 200), ("[::1]", 200)] {
        let response = get(&panel, "/api/state").insert_header(("host", host)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{host}");
    }
}

#[actix_rt::test]
async fn requests_across_sites_are_refused_and_change_nothing() {
    let panel = panel(WebConfig::loopback());
    let _node = Node::online(&panel, NODE).await;
    let command = json!({"action": "list_servers"});
    let own = panel.url();
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[("origin", "http://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", &own), ("sec-fetch-site", "same-origin")], 202),
        // Programs send neither.
        (&[], 202),
    ];
    for (headers, expected) in cases {
        let mut sending = request(&panel, Method::POST, "/api/command");
        for (name, value) in headers {
            sending = sending.insert_header((*name, *value));
        }
        let response = sending.send_json(&command).await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{headers:?}");
    }
    // A form can be posted across sites without a preflight, but not as JSON.
    let form = request(&panel, Method::POST, "/api/command").insert_header(("content-type", "text/plain"));
    assert_eq!(form.send_body(command.to_string()).await.unwrap().status().as_u16(), 400);
    assert_eq!(panel.view(|view| view.nodes[NODE].operations.len()), 2);
}

#[actix_rt::test]
async fn with_a_token_nothing_is_shown_without_it_and_the_address_turns_it_into_a_cookie() {
    let token = "a-token;with odd=characters";
    let panel = panel(WebConfig { token: Some(token.to_owned()), ..WebConfig::loopback() });
    for path in ["/", "/devpanel.js", "/api/state", "/api/events", "/?token=wrong", "/api/state?token=a-token"] {
        assert_eq!(get(&panel, path).send().await.unwrap().status(), 401, "{path}");
    }
    let bearer = |given: &str| get(&panel, "/api/state").insert_header(("authorization", format!("Bearer {given}")));
    assert_eq!(bearer("a-token").send().await.unwrap().status(), 401);
    assert_eq!(bearer(token).send().await.unwrap().status(), 200);

    let moved = get(&panel, "/?token=a-token%3Bwith%20odd%3Dcharacters").send().await.unwrap();
    assert_eq!(moved.status(), 303);
    assert_eq!(moved.headers().get("location").unwrap(), "/");
    let cookie = moved.headers().get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let with_cookie = get(&panel, "/api/state").insert_header(("cookie", format!("other=1; {pair}")));
    assert_eq!(with_cookie.send().await.unwrap().status(), 200);
    let wrong_cookie = get(&panel, "/api/state").insert_header(("cookie", "devpanel_token=00"));
    assert_eq!(wrong_cookie.send().await.unwrap().status(), 401);
}

#[test]
fn a_page_open_to_the_network_needs_a_token_that_cannot_be_guessed() {
    for token in [None, Some(""), Some("short")] {
        let web = WebConfig {
            listen: "0.0.0.0:0".parse().unwrap(),
            token: token.map(str::to_owned),
            extra_hosts: Vec::new(),
        };
        let started = DevPanel::start(DevPanelConfig { web: Some(web), ..DevPanelConfig::new(SECRET) });
        assert!(matches!(started, Err(StartError::TokenNeeded(_))), "{token:?}");
    }
}
