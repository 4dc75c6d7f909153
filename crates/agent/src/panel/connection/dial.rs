//! One dial: name lookup, TCP, TLS, upgrade; each anew, under one deadline.

use std::{error::Error, io, sync::Arc, time::Duration};

use actix_codec::Framed;
use awc::{
    BoxedSocket,
    error::{ConnectError, SendRequestError, WsClientError},
    http::{
        StatusCode,
        header::{AUTHORIZATION, HeaderValue, USER_AGENT},
    },
};
use rustls::{CertificateError, ClientConfig};

use super::{
    codec::BoundedCodec,
    config::{LinkConfig, LinkConfigError},
    tls,
    url::DialUrl,
};

/// An upgraded socket.
pub(super) type LinkSocket = Framed<BoxedSocket, BoundedCodec>;

/// All that a dial needs, checked.
pub(super) struct Dialer {
    url: DialUrl,
    node_id: String,
    authorization: HeaderValue,
    tls: Option<Arc<ClientConfig>>,
    deadline: Duration,
    max_message: usize,
}

/// Why a dial gave no link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DialFailure {
    /// 401 or 403 at the upgrade (P-10).
    SecretRefused(u16),
    /// Another status than 101, or an upgrade that is not one.
    NotAPanel(String),
    /// The host's name gave no address.
    Name(String),
    /// Nobody listens there.
    ConnectionRefused,
    /// TLS failed; nothing was sent over it.
    Tls(String),
    /// Too slow.
    Deadline,
    /// Any other trouble on the way.
    Network(String),
}

impl Dialer {
    /// Checks URL, secret and certificates.
    pub(super) fn new(config: &LinkConfig) -> Result<Self, LinkConfigError> {
        let url = DialUrl::build(&config.url, &config.node_id)?;
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", config.secret.expose())).map_err(|_| LinkConfigError::Secret)?;
        authorization.set_sensitive(true);
        let tls = if url.tls { Some(tls::client_config(config.ca_file.as_deref())?) } else { None };
        Ok(Self {
            url,
            node_id: config.node_id.as_str().to_owned(),
            authorization,
            tls,
            deadline: config.timings.dial_deadline,
            max_message: config.ws_max_message,
        })
    }

    /// Scheme, host, port and path, for logs.
    pub(super) fn shown_url(&self) -> &str {
        &self.url.shown
    }

    /// Dials. A client of its own for each dial: no pool, so the name is looked up anew and nothing is reused.
    pub(super) fn dial(&self) -> impl Future<Output = Result<LinkSocket, DialFailure>> + 'static {
        let mut connector = awc::Connector::new().timeout(self.deadline).handshake_timeout(self.deadline);
        if let Some(tls) = &self.tls {
            connector = connector.rustls_0_23(Arc::clone(tls));
        }
        let client = awc::Client::builder()
            .connector(connector)
            .timeout(self.deadline)
            // A redirect could carry the secret elsewhere.
            .disable_redirects()
            .finish();
        let upgrade = client
            .ws(self.url.uri.clone())
            .max_frame_size(self.max_message)
            .set_header(AUTHORIZATION, self.authorization.clone())
            .set_header("X-Node-Id", self.node_id.as_str())
            .set_header("X-Agent-ID", self.node_id.as_str())
            .set_header(USER_AGENT, concat!("ctrl-alt-play-agent/", env!("CARGO_PKG_VERSION")))
            .connect();
        let (deadline, max_message) = (self.deadline, self.max_message);
        async move {
            let upgraded = tokio::time::timeout(deadline, upgrade).await.map_err(|_| DialFailure::Deadline)?;
            let (_response, socket) = upgraded.map_err(DialFailure::from)?;
            Ok(socket.into_map_codec(|_| BoundedCodec::client(max_message)))
        }
    }
}

impl From<WsClientError> for DialFailure {
    fn from(error: WsClientError) -> Self {
        match error {
            WsClientError::InvalidResponseStatus(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                Self::SecretRefused(status.as_u16())
            }
            WsClientError::InvalidResponseStatus(status) => Self::NotAPanel(format!("HTTP {}", status.as_u16())),
            WsClientError::SendRequest(SendRequestError::Connect(error)) => Self::from(error),
            WsClientError::SendRequest(SendRequestError::Timeout) => Self::Deadline,
            WsClientError::SendRequest(SendRequestError::Send(error)) => Self::from(error),
            WsClientError::SendRequest(error) => Self::Network(error.to_string()),
            other => Self::NotAPanel(other.to_string().to_lowercase()),
        }
    }
}

impl From<ConnectError> for DialFailure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Resolver(error) => Self::Name(error.to_string()),
            ConnectError::NoRecords | ConnectError::Unresolved => Self::Name("no address found".to_owned()),
            ConnectError::Timeout => Self::Deadline,
            ConnectError::Disconnected => Self::Network("the connection was closed during the upgrade".to_owned()),
            ConnectError::Io(error) => Self::from(error),
            other => Self::Network(other.to_string()),
        }
    }
}

impl From<io::Error> for DialFailure {
    fn from(error: io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::Tls(explain_tls(tls));
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::TimedOut => Self::Deadline,
            io::ErrorKind::InvalidInput => Self::Tls("the host in the URL cannot be a certificate's name".to_owned()),
            _ => Self::Network(chain(&error)),
        }
    }
}

fn explain_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(certificate) = error else { return error.to_string() };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the panel's certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the panel's certificate is not valid yet; is this machine's clock right?"
        }
        // A signature that does not fit is an authority of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the panel's certificate is signed by nobody this machine trusts; for a private authority set panel.ca_file"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the panel's certificate is for another host name than the one in panel.url"
        }
        CertificateError::Revoked => "the panel's certificate was revoked",
        _ => return error.to_string(),
    }
    .to_owned()
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
