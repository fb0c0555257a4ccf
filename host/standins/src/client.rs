//! A client for tests that speaks to stand-ins.

use std::io;
use std::sync::Arc;

/// For servers on this machine alone: it trusts no authority. reqwest wants TLS to be prepared even where
/// nothing is encrypted.
pub fn client() -> io::Result<reqwest::ClientBuilder> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy())
}
