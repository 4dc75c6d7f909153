//! Binds listeners and loads their certificates.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait in the kernel.
const BACKLOG: i32 = 1024;

/// Binds one address. `[::]` means IPv4 as well, and IPv4 alone on a machine without IPv6.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match listen(address) {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && is_about_ipv6(&error) => {
            log::info!("this machine has no IPv6; listening on IPv4 alone");
            listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        bound => bound,
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // The system's default differs; only the unspecified address can serve both.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restarted agent must get its port back although old connections linger.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether the error means that there is no IPv6 here, rather than that the port is taken or forbidden.
fn is_about_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let codes = [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL, Errno::PROTONOSUPPORT];
    error.raw_os_error().is_some_and(|code| codes.iter().any(|errno| errno.raw_os_error() == code))
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFilesError {
    /// The certificate chain cannot be read.
    #[error("the certificate file cannot be read as PEM")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    /// The key cannot be read.
    #[error("the key file cannot be read as PEM")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// They do not fit.
    #[error("certificate and key cannot be used together")]
    Unusable(#[source] rustls::Error),
}

/// TLS settings for a listener from a certificate chain and a key, both PEM.
pub fn tls_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsFilesError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(TlsFilesError::Certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(TlsFilesError::Key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsFilesError::Unusable)?;
    Ok(Arc::new(config))
}
