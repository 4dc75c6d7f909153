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
