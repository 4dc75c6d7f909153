//! Words on the wire between the Ctrl-Alt-Play Panel and its agent.
//!
//! The agent reads panels with [`inbound`] and [`http`], which both end in a [`request::Request`]; [`params`] and
//! [`create`] turn its parameters into typed ones. It answers with [`outbound`] frames and [`http_reply`] bodies.
//! The dev panel goes the other way: it builds with [`to_agent`] and reads with [`outbound::Frame::read`].
//!
//! Nothing here does IO, knows the domain, or trusts its input: every function takes arbitrary bytes and answers with a
//! value or a refusal. Rule numbers (P-n) are those of the panel contract.

pub mod action;
pub mod code;
pub mod create;
pub mod http;
pub mod http_reply;
pub mod inbound;
pub mod json;
mod number;
pub mod outbound;
pub mod params;
pub mod request;
pub mod status;
#[cfg(test)]
mod testing;
pub mod timestamp;
pub mod to_agent;

/// A JSON object, in the order its keys came.
pub type Object = serde_json::Map<String, serde_json::Value>;
