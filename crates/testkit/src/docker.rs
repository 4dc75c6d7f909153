//! Where the real engine of the tests is.

use std::path::PathBuf;

/// Names another engine than the machine's own, such as a private one.
const SOCKET_VARIABLE: &str = "CAP_TEST_DOCKER_SOCKET";

/// The socket of the engine that tests may use: `CAP_TEST_DOCKER_SOCKET`, else the usual one.
pub fn docker_socket() -> PathBuf {
    std::env::var_os(SOCKET_VARIABLE).map_or_else(|| PathBuf::from("/var/run/docker.sock"), PathBuf::from)
}
