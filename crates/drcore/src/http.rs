//! HTTP over rustls with ring, as everywhere else.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// A client that trusts what this machine trusts, and follows no redirect: a signature is for one host, and a key is
/// not for everybody who is named in an answer.
///
/// # Errors
/// [`ErrorKind::Tls`] where TLS cannot be set up.
pub(crate) fn client(
    configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client> {
    let failed =
        |error: &dyn std::fmt::Display| Error::new(ErrorKind::Tls, format!("cannot set up TLS: {error}"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("drcore/", env!("CARGO_PKG_VERSION")));
    configure(builder).build().map_err(|error| failed(&error))
}
