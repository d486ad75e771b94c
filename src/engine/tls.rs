//! TLS connections to an engine, with certificates in the layout of Docker's client.
//!
//! The cryptography provider is passed explicitly: a process-wide default would be ambiguous with
//! two providers compiled in.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connect::Tls;
use super::connector::ConnectFailure;
use super::{EngineError, ErrorKind, Result};
use crate::base::say;

/// Makes TLS handshakes with one engine.
#[derive(Clone)]
pub struct Client {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Client {
    /// Reads the certificates.
    pub fn new(host: &str, tls: &Tls) -> Result<Self> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| wrong(format!("`{}` is no name for a certificate", say::short(host))))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?;
        let builder = if tls.verify {
            builder.with_root_certificates(roots(tls.ca.as_deref())?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
        };
        let config = match &tls.client {
            Some((cert, key)) => {
                let chain = certificates(cert)?;
                let key_der = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unread(key, "a private key", &error))?;
                builder
                    .with_client_auth_cert(chain, key_der)
                    .map_err(|error| wrong(format!("{}: {error}", shown(cert))))?
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Opens TLS over a connection.
    pub(super) async fn handshake(
        self,
        stream: TcpStream,
    ) -> std::result::Result<TlsStream<TcpStream>, ConnectFailure> {
        self.connector.connect(self.name, stream).await.map_err(|error| {
            failure(&error).unwrap_or_else(|| {
                ConnectFailure::new(
                    format!("TLS failed: {}", say::safe(&error.to_string())),
                    NO_TLS,
                )
            })
        })
    }
}

const NO_TLS: &str = "does the engine speak TLS on that port? if not, leave out --tlsverify, --tls \
                      and DOCKER_TLS_VERIFY";

/// The TLS error of a connection, if TLS broke the connection. With TLS 1.3, an engine refuses a
/// client certificate only after the handshake, in place of its first answer.
pub(super) fn failure(error: &io::Error) -> Option<ConnectFailure> {
    use rustls::CertificateError as Cert;
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let told = say::safe(&error.to_string());
    Some(match error {
        rustls::Error::InvalidCertificate(
            Cert::NotValidForName | Cert::NotValidForNameContext { .. },
        ) => ConnectFailure::new(
            format!("the engine's certificate is for another name ({told})"),
            "address the engine by a name that is in its certificate",
        ),
        rustls::Error::InvalidCertificate(_) => ConnectFailure::new(
            format!("the engine's certificate cannot be trusted ({told})"),
            "is it signed by the authority in ca.pem? see --tlscacert and DOCKER_CERT_PATH",
        ),
        rustls::Error::AlertReceived(_) => ConnectFailure::new(
            format!("the engine wants a client certificate that it trusts ({told})"),
            "see --tlscert, --tlskey and DOCKER_CERT_PATH; the engine's own authority must have \
             signed it",
        ),
        rustls::Error::InvalidMessage(_) => ConnectFailure::new(
            format!("expected TLS, but whoever listens there speaks something else ({told})"),
            NO_TLS,
        ),
        _ => ConnectFailure::new(format!("TLS failed: {told}"), NO_TLS),
    })
}

fn wrong(message: String) -> EngineError {
    EngineError {
        kind: ErrorKind::Unreachable,
        doing: "preparing TLS".into(),
        message,
        hint: Some("see DOCKER_CERT_PATH, --tlscacert, --tlscert and --tlskey".into()),
    }
}

fn shown(path: &Path) -> String {
    say::safe(&path.display().to_string())
}

fn unread(path: &Path, what: &str, error: &rustls::pki_types::pem::Error) -> EngineError {
    use rustls::pki_types::pem::Error;
    // Only errors about the file itself are quoted; the text of the file may be a key.
    let why = match error {
        Error::Io(error) => error.to_string(),
        _ => "it holds none that could be read".into(),
    };
    wrong(format!("expected {what} in {}, but {why}", shown(path)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let all = all.map_err(|error| unread(path, "certificates", &error))?;
    if all.is_empty() {
        return Err(wrong(format!("expected certificates in {}, but found none", shown(path))));
    }
    Ok(all)
}

/// The trusted authorities. The system's authorities are read only without a `ca` file, because an
/// image from scratch has none.
fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = ca else {
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            return Err(wrong(
                "expected the system's certificate authorities, but found none".into(),
            ));
        }
        return Ok(roots);
    };
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| wrong(format!("{}: {error}", shown(ca))))?;
    }
    Ok(roots)
}

/// The verifier for `--tls` without `--tlsverify`: every certificate is accepted, as in Docker's
/// client.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
