//! wss: whom the link trusts, and that the secret goes to nobody else.

use std::{path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

use super::{fake_panel::*, *};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn write_to(&self, path: &Path) {
        std::fs::write(path, self.0.pem()).unwrap();
    }

    fn acceptor_for(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn wss(panel: &FakePanel, host: &str) -> LinkConfig {
    config_for(format!("wss://{host}:{}", panel.port()))
}

async fn next_tls(panel: &FakePanel, acceptor: &TlsAcceptor) -> std::io::Result<BoxedIo> {
    let (tcp, _) = within(panel.listener.accept()).await?;
    Ok(Box::pin(within(acceptor.accept(tcp)).await?))
}

#[actix::test]
async fn a_private_authority_in_ca_file_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    authority.write_to(&folder.path().join("ca.pem"));
    let acceptor = authority.acceptor_for("localhost", |_| {});
    let panel = FakePanel::start().await;
    let mut config = wss(&panel, "localhost");
    config.ca_file = Some(folder.path().join("ca.pem"));
    let mut running = Running::start(config);
    let knock = Knock::read(next_tls(&panel, &acceptor).await.unwrap()).await;
    assert_eq!(knock.header("Authorization"), Some("Bearer test-agent-secret"));
    let mut socket = knock.upgrade().await;
    let up = running.up().await;
    running.link.send(urgent(&up, "heartbeat")).await.unwrap().unwrap();
    assert_eq!(socket.text().await, "heartbeat");
}

/// W5: each dial fails with its reason, no byte of the request is sent, and it never falls back to plain text.
#[actix::test]
async fn bad_certificates_are_refused_before_the_secret_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    ours.write_to(&folder.path().join("ca.pem"));
    let cases = [
        (other.acceptor_for("localhost", |_| {}), "signed by nobody this machine trusts"),
        (ours.acceptor_for("elsewhere.example", |_| {}), "for another host name"),
        (ours.acceptor_for("localhost", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)), "has expired"),
    ];
    for (acceptor, reason) in cases {
        let panel = FakePanel::start().await;
        let mut config = wss(&panel, "localhost");
        config.ca_file = Some(folder.path().join("ca.pem"));
        let mut running = Running::start(config);
        for _ in 0..2 {
            assert!(next_tls(&panel, &acceptor).await.is_err(), "the agent must not finish this handshake");
        }
        let status = running.status_that(|s| s.problem.is_some()).await;
        let problem = status.problem.unwrap();
        assert!(problem.starts_with("TLS failed, nothing was sent") && problem.contains(reason), "{problem}");
    }
}

/// W5: a plain-text panel behind a wss URL sees a TLS greeting and nothing else.
#[actix::test]
async fn a_plain_text_panel_never_sees_the_secret_of_a_wss_link() {
    let panel = FakePanel::start().await;
    let mut running = Running::start(wss(&panel, "localhost"));
    let (mut tcp, _) = within(panel.listener.accept()).await.unwrap();
    let mut greeting = [0; 3];
    within(tcp.read_exact(&mut greeting)).await.unwrap();
    assert_eq!(greeting[..2], [22, 3], "a TLS handshake record");
    tokio::io::AsyncWriteExt::write_all(&mut tcp, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    // A reset in place of an end is fine as well: what counts is what came.
    within(tcp.read_to_end(&mut rest)).await.ok();
    assert!(!rest.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
    let status = running.status_that(|s| s.problem.is_some()).await;
    assert!(status.problem.unwrap().starts_with("TLS failed, nothing was sent"));
}

#[actix::test]
async fn a_useless_ca_file_is_a_configuration_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let listener = Listener(mpsc::unbounded_channel().0).start();
    let build = |ca_file| {
        let mut config = config_for("wss://panel");
        config.ca_file = Some(ca_file);
        PanelConnection::new(config, LinkListeners { up: vec![], down: vec![], inbound: listener.clone().recipient() })
            .map(|_| ())
    };
    assert!(matches!(build(path.clone()), Err(LinkConfigError::CaFile { .. })));
    std::fs::write(&path, "no certificate").unwrap();
    assert!(matches!(build(path), Err(LinkConfigError::CaFileEmpty { .. })));
}

/// S-23.
#[test]
fn the_secret_is_in_no_debug_output() {
    assert!(!format!("{:?}", config_for("ws://panel")).contains(SECRET));
}
