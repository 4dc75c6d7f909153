//! Whom the link trusts: the system's roots and, if configured, one more file. Never "accept invalid".

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::config::LinkConfigError;

/// TLS settings for wss.
///
/// A machine without system roots is not an error here: the agent works without a panel (P-3), and the failed dial
/// says what is missing.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, LinkConfigError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (added, unusable) = roots.add_parsable_certificates(system.certs);
    if added == 0 {
        log::warn!("no system root certificates found; only panel.ca_file is trusted");
    } else if unusable > 0 {
        log::debug!("{unusable} system root certificates cannot be used");
    }
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(LinkConfigError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A WebSocket upgrade exists in HTTP/1.1 only; offering h2 could get us a connection that cannot be upgraded.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), LinkConfigError> {
    let unreadable = |source| LinkConfigError::CaFile { path: path.to_owned(), source };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(LinkConfigError::CaFileEmpty { path: path.to_owned() }),
        _ => Ok(()),
    }
}
