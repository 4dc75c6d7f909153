//! Listeners: families, TLS, connections that stay open, shutdown.

use std::net::SocketAddr;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::ServerName;

use super::*;

/// P-75: `[::]` serves IPv4 and IPv6, or IPv4 alone where there is no IPv6.
#[actix::test]
async fn the_unspecified_address_serves_both_families() {
    let socket = bind("[::]:0".parse().unwrap()).unwrap();
    let has_ipv6 = socket.local_addr().unwrap().is_ipv6();
    let running = Running::on(HttpListener { socket, tls: None }, settings(), FakePort::reading());
    let port = running.address.port();
    let mut addresses = vec![SocketAddr::from(([127, 0, 0, 1], port))];
    if has_ipv6 {
        addresses.push(format!("[::1]:{port}").parse().unwrap());
    }
    for address in addresses {
        let answer = Caller::connect(address).await.ask("GET", "/health", &[], b"").await;
        assert_eq!(answer.status, 200, "{address}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_and_not_a_fallback() {
    let first = bind("[::]:0".parse().unwrap()).unwrap();
    let error = bind(first.local_addr().unwrap()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

/// P-76: an idle connection is used again.
#[actix::test]
async fn a_connection_serves_many_requests() {
    let running = Running::start(settings(), FakePort::reading());
    let mut caller = running.caller().await;
    for _ in 0..3 {
        let answer = caller.ask("GET", "/health", &[], b"").await;
        assert_eq!(answer.status, 200);
        assert_ne!(answer.header("connection"), Some("close"));
        let body = br#"{"action":"ping"}"#;
        assert_eq!(caller.ask("POST", "/api/command", &[("X-API-Key", DAEMON_TOKEN)], body).await.status, 200);
    }
}

/// P-75: TLS, per listener.
#[actix::test]
async fn a_listener_with_tls_serves_https() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate_file, cert.pem()).unwrap();
    std::fs::write(&key_file, signing_key.serialize_pem()).unwrap();
    let tls = tls_config(&certificate_file, &key_file).unwrap();
    let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let running = Running::on(HttpListener { socket, tls: Some(tls) }, settings(), FakePort::reading());

    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let tls = within(connector.connect(ServerName::try_from("localhost").unwrap(), tcp)).await.unwrap();
    let answer = Caller::over(Box::new(tls)).ask("GET", "/health", &[], b"").await;
    assert_eq!(answer.status, 200);

    assert!(matches!(tls_config(&key_file, &key_file), Err(TlsFilesError::Unusable(_))));
    assert!(matches!(tls_config(&folder.path().join("none"), &key_file), Err(TlsFilesError::Certificate(_))));
    assert!(matches!(tls_config(&certificate_file, &certificate_file), Err(TlsFilesError::Key(_))));
}

/// Shutdown: the request under way is answered, then the port is free.
#[actix::test]
async fn shutdown_answers_what_is_under_way_and_frees_the_port() {
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let (release, released) = watch::channel(false);
    let running = Running::start(
        settings(),
        FakePort::answering(move |_| {
            begun.send(()).unwrap();
            let mut released = released.clone();
            async move {
                released.wait_for(|released| *released).await.unwrap();
                HttpReply { status: 200, body: "{}".to_owned() }
            }
            .boxed()
        }),
    );
    let mut caller = running.caller().await;
    let request =
        "POST /api/command HTTP/1.1\r\nHost: a\r\nX-API-Key: test-daemon-token\r\nContent-Length: 2\r\n\r\n{}";
    caller.write(request.as_bytes()).await;
    within(has_begun.recv()).await.unwrap();
    let mut stop = std::pin::pin!(running.http.stop());
    assert!(futures_util::poll!(stop.as_mut()).is_pending());
    release.send(true).unwrap();
    assert_eq!(caller.answer().await.status, 200);
    drop(caller);
    within(stop).await;
    bind(running.address).unwrap();
}

/// S-23.
#[test]
fn settings_print_no_token() {
    let printed = format!("{:?}", settings());
    assert!(!printed.contains(DAEMON_TOKEN) && !printed.contains(AGENT_SECRET));
}
