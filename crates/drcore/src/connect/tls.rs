//! TLS by rustls, verified as `sslmode` asks.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dsn::{Dsn, RootCert, SslMode, TlsSettings};
use crate::error::{Error, ErrorKind, Result};

/// How to speak TLS to these servers.
pub(super) fn connector(dsn: &Dsn) -> Result<MakeRustlsConnect> {
    let settings = &dsn.tls;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = match (settings.only_1_2, settings.only_1_3) {
        (true, true) => {
            return Err(Error::new(
                ErrorKind::Usage,
                "ssl_min_protocol_version is above ssl_max_protocol_version",
            ));
        }
        (true, false) => vec![&TLS12],
        (false, true) => vec![&TLS13],
        (false, false) => vec![&TLS12, &TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| failed(&error))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier(
        settings,
        dsn.is_supabase(),
        provider,
    )?);
    let mut config = match &settings.client_cert {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| failed(&error))?
        }
    };
    config.enable_sni = settings.sni;
    if settings.direct {
        // The server insists on it, so that it is not mistaken for another protocol's.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(
    settings: &TlsSettings,
    supabase: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    // As libpq: with a root certificate at hand, `require` verifies like `verify-ca`.
    let full = match (settings.mode, &settings.root_cert) {
        (SslMode::VerifyFull, _) => true,
        (SslMode::VerifyCa, _) | (SslMode::Require, RootCert::File(_)) => false,
        _ => return Ok(Arc::new(Lenient { authority: None, provider })),
    };
    let roots = roots(settings, supabase)?;
    let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    if let Some(path) = &settings.crl {
        let lists: std::result::Result<Vec<_>, pem::Error> =
            CertificateRevocationListDer::pem_file_iter(path).and_then(Iterator::collect);
        // As libpq: a list that does not cover an authority says nothing about it.
        builder = builder
            .with_crls(lists.map_err(|error| unreadable(path, &error))?)
            .allow_unknown_revocation_status();
    }
    let verifier = builder.build().map_err(|error| failed(&error))?;
    Ok(if full { verifier } else { Arc::new(Lenient { authority: Some(verifier), provider }) })
}

fn roots(settings: &TlsSettings, supabase: bool) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match &settings.root_cert {
        RootCert::File(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| unreadable(path, &error))?;
            }
        }
        RootCert::Missing if supabase => {
            return Err(Error::new(ErrorKind::Tls, "Supabase's certificates are not signed by an authority of the system")
                .hint("Download the certificate under Database → Settings → SSL Configuration, and give it with sslrootcert=FILE."));
        }
        // libpq would refuse without its default file; the system's authorities verify as much.
        RootCert::Missing | RootCert::System => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(Error::new(ErrorKind::Tls, "there is no root certificate to verify the server with")
            .hint("Give one with sslrootcert=FILE."));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: std::result::Result<Vec<_>, pem::Error> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates = certificates.map_err(|error| unreadable(path, &error))?;
    if certificates.is_empty() { Err(unreadable(path, &"it holds no certificate")) } else { Ok(certificates) }
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Tls, format!("cannot set up TLS: {error}"))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Tls, format!("cannot read a certificate or key: {error}"))
        .context("file", path.display().to_string())
}

/// Verifies less than rustls would: the authority but not the name, or nothing.
#[derive(Debug)]
struct Lenient {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The chain is checked before the name.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
