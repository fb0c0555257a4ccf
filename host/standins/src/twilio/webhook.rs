//! Requests to the customer's server: signed, as a form or in the query, within their time.

use super::people::Method;
use super::{Config, Tunnel};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use twilio::signature::{AuthToken, SIGNATURE_HEADER};
use url::{Url, form_urlencoded};

/// A connection is there within this time, or not at all.
const CONNECT: Duration = Duration::from_secs(10);

/// Where the customer is asked or told something.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) method: Method,
    /// More than what every request says.
    pub(super) parameters: Vec<(String, String)>,
}

impl Target {
    pub(super) fn new(url: Url, method: Method) -> Self {
        Self { url, method, parameters: Vec::new() }
    }
}

impl Method {
    pub(super) fn of(text: Option<&str>) -> Self {
        if text == Some("GET") { Self::Get } else { Self::Post }
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

pub(super) struct Client {
    http: reqwest::Client,
    token: AuthToken,
    tunnels: Vec<Tunnel>,
}

impl Client {
    pub(super) fn new(config: &Config) -> io::Result<Self> {
        let token = AuthToken::new(&config.auth_token).map_err(io::Error::other)?;
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT.min(config.webhook_timeout))
            .timeout(config.webhook_timeout)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { http, token, tunnels: config.tunnels.clone() })
    }

    /// Asks. `again`: the same for a request that is made twice. Fails where there is no answer, and
    /// says why.
    pub(super) async fn request(
        &self,
        target: &Target,
        parameters: &[(String, String)],
        again: &str,
    ) -> Result<Answer, String> {
        let mut url = target.url.clone();
        url.set_fragment(None);
        let (signature, body) = match target.method {
            Method::Get => {
                url.query_pairs_mut().extend_pairs(parameters);
                (self.token.sign(url.as_str(), &[]), None)
            }
            Method::Post => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
                (self.token.sign(url.as_str(), parameters), Some(form))
            }
        };
        let mut request = match (body, self.plain(&url)) {
            (None, (url, _)) => self.http.get(url),
            (Some(form), (url, _)) => self
                .http
                .post(url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
                .body(form),
        };
        for (name, value) in self.plain(&url).1 {
            request = request.header(name, value);
        }
        let request = request
            .header(USER_AGENT, "TwilioProxy/1.1")
            .header(ACCEPT, "*/*")
            .header("I-Twilio-Idempotency-Token", again)
            .header(SIGNATURE_HEADER, signature);
        let response = request.send().await.map_err(reason)?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = response.bytes().await.map_err(reason)?;
        Ok(Answer { status, content_type, body })
    }

    /// Of a socket; its URL exactly as the document has it.
    pub(super) fn sign_stream(&self, url: &str) -> String {
        self.token.sign(url, &[])
    }

    pub(super) fn tunnel(&self, url: &Url) -> Option<&Tunnel> {
        let host = url.host_str()?;
        self.tunnels.iter().find(|tunnel| tunnel.host == host)
    }

    /// What is requested in fact, and what a tunnel adds.
    fn plain(&self, url: &Url) -> (Url, Vec<(String, String)>) {
        let Some(tunnel) = self.tunnel(url) else { return (url.clone(), Vec::new()) };
        let mut plain = url.clone();
        let _ = plain.set_scheme("http");
        let _ = plain.set_ip_host(tunnel.to.ip());
        let _ = plain.set_port(Some(tunnel.to.port()));
        (plain, forwarded(url))
    }
}

/// The headers by which a server learns what was asked for at the other end of a tunnel.
pub(super) fn forwarded(url: &Url) -> Vec<(String, String)> {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let secure = matches!(url.scheme(), "https" | "wss");
    vec![
        (HOST.to_string(), host.clone()),
        ("x-forwarded-host".into(), host),
        ("x-forwarded-proto".into(), if secure { "https" } else { "http" }.into()),
        // an address for documentation
        ("x-forwarded-for".into(), "192.0.2.1".into()),
    ]
}

fn reason(error: reqwest::Error) -> String {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        reason = format!("{reason}: {error}");
        source = error.source();
    }
    reason
}
