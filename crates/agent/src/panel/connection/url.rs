//! The URL that is dialled (P-6), and the part of it that may be shown.

use awc::http::Uri;
use cap_domain::ids::NodeId;

use super::config::LinkConfigError;

/// The URL to dial and its harmless short form.
#[derive(Clone, Debug)]
pub(super) struct DialUrl {
    /// What is dialled, node id included.
    pub(super) uri: Uri,
    /// Scheme, host, port and path for logs: never user info or query, which may hold secrets.
    pub(super) shown: String,
    /// Whether it is wss.
    pub(super) tls: bool,
}

impl DialUrl {
    /// Builds the URL as P-6 says: `http(s)` read as `ws(s)`, the path kept, the node id appended unless it is there.
    pub(super) fn build(configured: &str, node_id: &NodeId) -> Result<Self, LinkConfigError> {
        let bad = |problem| LinkConfigError::Url { problem };
        let (scheme, rest) = configured.split_once("://").ok_or(bad("has no scheme such as wss://"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => "ws",
            "wss" | "https" => "wss",
            _ => return Err(bad("must start with ws://, wss://, http:// or https://")),
        };
        if rest.contains('#') {
            return Err(bad("must not contain a fragment (#...)"));
        }
        let (before_query, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match before_query.find('/') {
            Some(slash) => before_query.split_at(slash),
            None => (before_query, "/"),
        };
        if authority.contains('@') {
            return Err(bad("must not contain a user or password"));
        }
        let query = match query {
            Some(query) if query.contains("nodeId=") => query.to_owned(),
            Some("") | None => format!("nodeId={node_id}"),
            Some(query) => format!("{query}&nodeId={node_id}"),
        };
        let shown = format!("{scheme}://{authority}{path}");
        let uri: Uri = format!("{shown}?{query}").parse().map_err(|_| bad("is not a valid URL"))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(bad("has no host"));
        }
        Ok(Self { uri, shown, tls: scheme == "wss" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn dialled(configured: &str) -> String {
        let node_id = NodeId::parse("node-1").unwrap();
        DialUrl::build(configured, &node_id).unwrap().uri.to_string()
    }

    #[track_caller]
    fn refused(configured: &str) {
        let node_id = NodeId::parse("node-1").unwrap();
        let error = DialUrl::build(configured, &node_id).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    /// P-6.
    #[test]
    fn node_id_is_appended_once_and_the_rest_is_kept() {
        assert_eq!(dialled("ws://panel:8080"), "ws://panel:8080/?nodeId=node-1");
        assert_eq!(dialled("ws://panel:8080?"), "ws://panel:8080/?nodeId=node-1");
        assert_eq!(dialled("https://panel/agents/ws"), "wss://panel/agents/ws?nodeId=node-1");
        assert_eq!(dialled("HTTP://panel/"), "ws://panel/?nodeId=node-1");
        assert_eq!(dialled("wss://panel/p?a=b"), "wss://panel/p?a=b&nodeId=node-1");
        assert_eq!(dialled("ws://panel/?nodeId=other&x=1"), "ws://panel/?nodeId=other&x=1");
        assert_eq!(dialled("ws://[::1]:8080/x"), "ws://[::1]:8080/x?nodeId=node-1");
    }

    #[test]
    fn unusable_urls_are_refused_without_repeating_them() {
        refused("panel:8080");
        refused("ftp://panel");
        refused("ws://");
        refused("ws:///path");
        refused("ws://user:hunter2@panel");
        refused("ws://panel/?a=b#hunter2");
        refused("ws://pa nel/?hunter2");
    }

    #[test]
    fn the_shown_form_has_no_query() {
        let node_id = NodeId::parse("node-1").unwrap();
        let url = DialUrl::build("wss://panel:1/p?token=hunter2", &node_id).unwrap();
        assert_eq!(url.shown, "wss://panel:1/p");
        assert!(url.tls);
    }
}
