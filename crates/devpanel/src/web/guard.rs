//! Who may use the page: the right host name, the same origin, the token if there is one.
//!
//! A panel on loopback without a token is open to every program of its user, so what must be kept out is other people's
//! web sites in the user's browser. They come in two ways: through a name of their own that resolves to 127.0.0.1 (DNS
//! rebinding: the `Host` header gives them away) and by requests across sites (`Origin` and `Sec-Fetch-Site` do).

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
    ORIGIN, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use serde_json::json;

use crate::config::WebConfig;
use crate::hub::Hub;

/// The page's own files and nothing else; no inline script or style, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TOKEN_COOKIE: &str = "devpanel_token";

/// Lets a request pass, or answers it; adds the security headers either way.
pub(super) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let verdict = match request.app_data::<web::Data<Hub>>().and_then(|hub| hub.config.web.as_ref()) {
        Some(config) => judge(&request, config),
        // There is no page without its configuration; should there be, it is closed.
        None => Some(refuse(HttpResponse::Forbidden(), "the page is not configured")),
    };
    let mut response = match verdict {
        Some(answer) => request.into_response(answer).map_into_boxed_body(),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    add_security_headers(response.headers_mut());
    Ok(response)
}

/// The answer for a request that may not pass.
fn judge(request: &ServiceRequest, config: &WebConfig) -> Option<HttpResponse> {
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(host) = header(HOST).filter(|host| host_allowed(host, &config.extra_hosts)) else {
        return Some(refuse(HttpResponse::Forbidden(), "this host name is not allowed, see --web-host"));
    };
    let same_origin = |origin: &str| origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host));
    if header(ORIGIN).is_some_and(|origin| !same_origin(origin)) {
        return Some(refuse(HttpResponse::Forbidden(), "requests from other sites are refused"));
    }
    let from = header(HeaderName::from_static("sec-fetch-site"));
    if request.method() != Method::GET && from.is_some_and(|from| from != "same-origin") {
        return Some(refuse(HttpResponse::Forbidden(), "requests from other sites are refused"));
    }
    judge_token(request, config.token.as_deref()?)
}

fn judge_token(request: &ServiceRequest, token: &str) -> Option<HttpResponse> {
    let bearer = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let in_cookie = request.headers().get(COOKIE).and_then(|value| value.to_str().ok()).and_then(cookie_value);
    let expected_in_cookie = hex(token);
    if bearer.is_some_and(|given| equal(given, token))
        || in_cookie.is_some_and(|given| equal(given, &expected_in_cookie))
    {
        return None;
    }
    // The address the program printed: the token moves from the address into a cookie and out of sight.
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok();
    let in_address = query.and_then(|query| query.iter().find(|(name, _)| name == "token").map(|(_, of)| of.clone()));
    if request.path() == "/" && in_address.is_some_and(|given| equal(&given, token)) {
        let cookie = format!("{TOKEN_COOKIE}={expected_in_cookie}; Path=/; HttpOnly; SameSite=Strict");
        let mut moved = HttpResponse::SeeOther();
        return Some(moved.insert_header((LOCATION, "/")).insert_header((SET_COOKIE, cookie)).finish());
    }
    let hint = "a token is needed: open the address that the dev panel printed when it started";
    Some(refuse(HttpResponse::Unauthorized(), hint))
}

/// The panel's cookie in a `Cookie` header.
fn cookie_value(header: &str) -> Option<&str> {
    header.split(';').find_map(|cookie| cookie.trim().strip_prefix(TOKEN_COOKIE)?.strip_prefix('='))
}

/// Cookies cannot hold every character that a token can.
fn hex(token: &str) -> String {
    token.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// In constant time, but for the length.
fn equal(given: &str, token: &str) -> bool {
    subtle::ConstantTimeEq::ct_eq(given.as_bytes(), token.as_bytes()).into()
}

/// Names that no foreign DNS can point here: `localhost`, plain addresses, and those that were configured. The port is
/// not looked at, since it changes behind a tunnel.
fn host_allowed(host: &str, extra_hosts: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || extra_hosts.iter().any(|extra| extra.eq_ignore_ascii_case(name))
}

fn refuse(mut status: actix_web::HttpResponseBuilder, reason: &str) -> HttpResponse {
    status.json(json!({"error": reason}))
}

fn add_security_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::host_allowed;

    #[test]
    fn only_names_that_foreign_dns_cannot_point_here_are_allowed() {
        for allowed in ["localhost", "LOCALHOST:8090", "127.0.0.1", "127.0.0.1:8090", "[::1]:8090", "192.0.2.7:80"] {
            assert!(host_allowed(allowed, &[]), "{allowed}");
        }
        for refused in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", ":80", "[::1"] {
            assert!(!host_allowed(refused, &[]), "{refused}");
        }
        assert!(host_allowed("Panel.example:8090", &["panel.example".to_owned()]));
    }
}
