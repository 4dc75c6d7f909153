//! What the stock panels look at when an agent connects (contract, section 2).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::record::RecordedConnection;

/// Whether `Authorization` is byte-equal to `Bearer <secret>`. `X-API-Key` and the like are never read.
pub(super) fn authorized(request: &HttpRequest, secret: &str) -> bool {
    let Some(given) = request.headers().get(AUTHORIZATION) else { return false };
    let expected = format!("Bearer {secret}");
    subtle::ConstantTimeEq::ct_eq(given.as_bytes(), expected.as_bytes()).into()
}

/// The attempt as it is recorded; the node id comes from the URL alone, never from a header.
pub(super) fn attempt(request: &HttpRequest) -> RecordedConnection {
    let url = request.uri().path_and_query().map_or_else(String::new, |url| url.as_str().to_owned());
    let headers = request
        .headers()
        .iter()
        .filter(|(name, _)| **name != AUTHORIZATION)
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let node_id = node_id(&url).to_owned();
    RecordedConnection { id: 0, node_id, url, headers, accepted: false, pings: 0, end: None }
}

/// The text after the first `nodeId=` up to the next `&`, not decoded; empty if there is none.
fn node_id(url: &str) -> &str {
    let Some((_, after)) = url.split_once("nodeId=") else { return "" };
    after.split('&').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::node_id;

    #[test]
    fn node_id_is_the_raw_text_after_the_first_mark() {
        for (url, expected) in [
            ("/?nodeId=node-1", "node-1"),
            ("/some/path?a=b&nodeId=node-1&c=d", "node-1"),
            ("/?nodeId=first&nodeId=second", "first"),
            ("/?nodeId=not%20decoded", "not%20decoded"),
            ("/?otherNodeId=x", ""),
            ("/?xnodeId=anywhere", "anywhere"),
            ("/nodeId=in-the-path?x=y", "in-the-path?x=y"),
            ("/?nodeId=&a=b", ""),
            ("/", ""),
        ] {
            assert_eq!(node_id(url), expected, "{url}");
        }
    }
}
