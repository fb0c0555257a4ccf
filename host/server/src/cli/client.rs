//! How commands reach a server: ours, or one that they are told of.

use crate::access::API_KEY;
use crate::config::{Config, Loaded};
use anyhow::{Context, bail};
use components::grant::Operator;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);

/// Where a server with this configuration is, from this machine.
pub fn here(config: &Config) -> String {
    let (host, port) = config.server.address();
    let host = match host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "[::1]",
        host => host,
    };
    let bare = host.contains(':') && !host.starts_with('[');
    if bare { format!("http://[{host}]:{port}") } else { format!("http://{host}:{port}") }
}

/// One server, asked with our key.
pub struct Server {
    pub base: String,
    http: reqwest::Client,
    key: Option<String>,
}

impl Server {
    /// `url`: where it is; none: where the configuration says.
    pub fn new(url: Option<String>, loaded: &Loaded) -> anyhow::Result<Self> {
        let base = url.unwrap_or_else(|| here(&loaded.config)).trim_end_matches('/').to_owned();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            bail!("{base:?} is not the address of a server; it looks like http://127.0.0.1:8765");
        }
        let names = [API_KEY, "CORDBOARD_API_KEY_CALL", "CORDBOARD_API_KEY_COMPONENTS"];
        let key = names.iter().find_map(|name| loaded.variable(name));
        // of several, the first
        let key = key.map(|keys| keys.split(',').next().unwrap_or_default().trim().to_owned());
        Ok(Self { base, http: http()?, key })
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub fn post(&self, path: &str, json: &Value) -> RequestBuilder {
        self.request(Method::POST, path).header(CONTENT_TYPE, "application/json").body(json.to_string())
    }

    /// Without the key.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let sent = request.send().await;
        sent.with_context(|| {
            format!("no answer from {}; is the server running? (`cordboard serve`)", self.base)
        })
    }

    /// The JSON of a good answer; an error is what the server says is wrong.
    pub async fn json(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let response = self.send(request).await?;
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(json);
        }
        let detail = json.get("detail").and_then(Value::as_str).unwrap_or(text.trim());
        bail!("the server says {status}: {detail}")
    }
}

/// Knows the authorities that browsers know, too.
pub fn http() -> anyhow::Result<reqwest::Client> {
    let builder = builder()?.connect_timeout(CONNECT).redirect(reqwest::redirect::Policy::none());
    Ok(builder.build()?)
}

/// The same, for others to finish.
pub fn builder() -> anyhow::Result<reqwest::ClientBuilder> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls))
}
