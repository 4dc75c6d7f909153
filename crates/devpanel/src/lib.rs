//! A small real panel for demos, development and tests of the Ctrl-Alt-Play Agent.
//!
//! On the wire it behaves as the stock panels do (the "Fact" lines of the contract): byte-equal secret, node id from the
//! URL alone, first frame, heartbeat timeout, a second connection that replaces the first, HTTP client rules. It knows
//! nothing of the agent's own code, so that a mistake there cannot hide behind the same mistake here.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use cap_devpanel::{DevPanel, DevPanelConfig};
//!
//! let panel = DevPanel::start(DevPanelConfig::new("test-agent-secret"))?;
//! // ... start an agent with `panel.url` = `panel.ws_url()` ...
//! assert!(panel.wait_for(Duration::from_secs(10), |panel| panel.is_online("node-1")).await);
//! let id = panel.send_command("node-1", "start_server", Some("my-server"), None)?;
//! let outcome = panel.wait_for_outcome(&id, Duration::from_secs(60)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # The web side
//!
//! With [`WebConfig`] the panel also serves a page for people, and the JSON API under it, on a listener of its own. If a
//! token is set, every request needs it: as `Authorization: Bearer <token>`, or as the cookie that opening
//! `/?token=<token>` sets. Errors are `{"error": text}` with a 4xx or 5xx status.
//!
//! - `GET /api/state`: the whole view, `{"kind": "snapshot", "panel": {"wsUrl", "http"}, "nodes": [...]}`; the nodes are
//!   [`NodeView`]s with camel-case keys, each server with its status, last figures, samples and console end.
//! - `POST /api/command` with `Content-Type: application/json` and
//!   `{"node"?, "action", "serverId"?, "payload"?, "via"?: "ws" | "legacy" | "http", "quiet"?}`: sends a command and
//!   answers 202 `{"id"}` at once; what becomes of it shows as an operation with that id. `node` may be left out while
//!   there is only one. 404 for an unknown node, 409 for an agent that is offline, 400 for a request that makes no sense.
//! - `GET /api/events`: server-sent events. Each message is a JSON list of events in the order in which things happened:
//!   first one `snapshot` as above, then
//!   `{"kind": "node", "node"}` (without servers and operations),
//!   `{"kind": "server", "nodeId", "server"}` (without console and samples), `{"kind": "removed", "nodeId", "serverId"}`,
//!   `{"kind": "sample", "nodeId", "serverId", "stats"}`, `{"kind": "console", "nodeId", "serverId", "lines"}`,
//!   `{"kind": "operation", "nodeId", "operation"}`. A reader that falls behind gets another `snapshot` in place of what
//!   it missed. 64 readers at a time.

mod agent_http;
mod clock;
mod config;
mod feed;
mod hub;
mod link;
mod panel;
mod record;
mod view;
mod web;
mod wire;

pub use agent_http::HttpError;
pub use config::{AgentAddress, AgentHttp, DevPanelConfig, HeartbeatRules, Misbehave, WebConfig};
pub use hub::{AgentState, Refused};
pub use panel::{DevPanel, StartError};
pub use record::{ConnectionEnd, RecordedConnection, RecordedFrame};
pub use view::{
    ConsoleLine, HttpView, LineSource, NodeView, Operation, OperationState, PanelView, ServerView, Stats, StatusChange,
    Transport,
};
