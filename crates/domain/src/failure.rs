//! How a command fails: a stable code and a clean sentence.

use serde::{Deserialize, Serialize};

/// The stable codes of section 18 of the contract (P-207), by the name that goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each name is the contract's own word, explained in its section 18")]
pub enum FailureCode {
    UnknownAction,
    InvalidRequest,
    InvalidServerId,
    ServerNotFound,
    AmbiguousId,
    AliasConflict,
    ContainerNotFound,
    ConfigInvalid,
    PortConflict,
    ImagePullFailed,
    InstallFailed,
    InsufficientResources,
    DiskQuotaExceeded,
    PolicyDenied,
    DockerError,
    PermissionDenied,
    StartFailed,
    ServerNotRunning,
    ServerBusy,
    ServerSuspended,
    Superseded,
    Interrupted,
    DuplicateId,
    Timeout,
    NotSupported,
    RateLimited,
    ShuttingDown,
    InternalError,
}

impl FailureCode {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::UnknownAction,
        Self::InvalidRequest,
        Self::InvalidServerId,
        Self::ServerNotFound,
        Self::AmbiguousId,
        Self::AliasConflict,
        Self::ContainerNotFound,
        Self::ConfigInvalid,
        Self::PortConflict,
        Self::ImagePullFailed,
        Self::InstallFailed,
        Self::InsufficientResources,
        Self::DiskQuotaExceeded,
        Self::PolicyDenied,
        Self::DockerError,
        Self::PermissionDenied,
        Self::StartFailed,
        Self::ServerNotRunning,
        Self::ServerBusy,
        Self::ServerSuspended,
        Self::Superseded,
        Self::Interrupted,
        Self::DuplicateId,
        Self::Timeout,
        Self::NotSupported,
        Self::RateLimited,
        Self::ShuttingDown,
        Self::InternalError,
    ];

    /// The code as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAction => "UNKNOWN_ACTION",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::InvalidServerId => "INVALID_SERVER_ID",
            Self::ServerNotFound => "SERVER_NOT_FOUND",
            Self::AmbiguousId => "AMBIGUOUS_ID",
            Self::AliasConflict => "ALIAS_CONFLICT",
            Self::ContainerNotFound => "CONTAINER_NOT_FOUND",
            Self::ConfigInvalid => "CONFIG_INVALID",
            Self::PortConflict => "PORT_CONFLICT",
            Self::ImagePullFailed => "IMAGE_PULL_FAILED",
            Self::InstallFailed => "INSTALL_FAILED",
            Self::InsufficientResources => "INSUFFICIENT_RESOURCES",
            Self::DiskQuotaExceeded => "DISK_QUOTA_EXCEEDED",
            Self::PolicyDenied => "POLICY_DENIED",
            Self::DockerError => "DOCKER_ERROR",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::StartFailed => "START_FAILED",
            Self::ServerNotRunning => "SERVER_NOT_RUNNING",
            Self::ServerBusy => "SERVER_BUSY",
            Self::ServerSuspended => "SERVER_SUSPENDED",
            Self::Superseded => "SUPERSEDED",
            Self::Interrupted => "INTERRUPTED",
            Self::DuplicateId => "DUPLICATE_ID",
            Self::Timeout => "TIMEOUT",
            Self::NotSupported => "NOT_SUPPORTED",
            Self::RateLimited => "RATE_LIMITED",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

/// A failure that may leave the process: no host path, no secret, no environment value (P-208).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// A plain sentence that names the thing.
    pub message: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
