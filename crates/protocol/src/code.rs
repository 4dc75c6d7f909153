//! The error codes of the contract.

use serde::{Deserialize, Serialize};

/// A stable error code (P-207). Panels may branch on it; the sentence beside it is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "each name is the contract's own word, explained in its section 18")]
pub enum Code {
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
    PathInvalid,
    FileNotFound,
    FileExists,
    FileTooLarge,
    AuthFailed,
    DuplicateId,
    Timeout,
    NotSupported,
    RateLimited,
    ShuttingDown,
    InternalError,
}

impl Code {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 33] = [
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
        Self::PathInvalid,
        Self::FileNotFound,
        Self::FileExists,
        Self::FileTooLarge,
        Self::AuthFailed,
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
            Self::PathInvalid => "PATH_INVALID",
            Self::FileNotFound => "FILE_NOT_FOUND",
            Self::FileExists => "FILE_EXISTS",
            Self::FileTooLarge => "FILE_TOO_LARGE",
            Self::AuthFailed => "AUTH_FAILED",
            Self::DuplicateId => "DUPLICATE_ID",
            Self::Timeout => "TIMEOUT",
            Self::NotSupported => "NOT_SUPPORTED",
            Self::RateLimited => "RATE_LIMITED",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }

    /// The code with this name; exact, since codes are made by programs.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_serde_agrees() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        // P-208: that one belongs to panels.
        assert_eq!(Code::from_name("AGENT_OFFLINE"), None);
    }
}
