//! The port to containers, [`ContainerEngine`], and its Docker adapter.
//!
//! Only `docker*` modules name the client library. Every call has a deadline of its own and ends in a value or in an
//! [`EngineError`] whose text may leave the process.

pub mod docker;
pub mod error;
pub mod port;

pub use docker::DockerEngine;
pub use error::EngineError;
pub use port::ContainerEngine;
