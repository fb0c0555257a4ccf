//! One request and its answer, over connections that are kept.
//!
//! HTTP/1.1 alone: there, a request has been sent or not, and which one of the two is known. That is
//! what the promise rests on that no call is made twice.

use super::error::RestError;
use super::patience::{Patience, Repeat};
use super::settings::Credentials;
use crate::webhook::time;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, Response};
use serde_json::Value;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Longer than any answer about one call.
const LONGEST_ANSWER: usize = 1 << 20;
/// A connection that is kept longer may be closed by the far end just when a request goes out.
const KEPT: Duration = Duration::from_secs(20);

/// What Twilio is asked.
pub(super) struct Asked {
    /// For errors: "calling +1555***0101".
    pub doing: String,
    /// Behind the account's URL.
    pub path: String,
    /// What is posted; without it, it is a GET.
    pub form: Option<String>,
    pub repeat: Repeat,
}

/// What Twilio answered to what it did.
pub(super) struct Answer {
    pub doing: String,
    pub status: u16,
    pub date: Option<Timestamp>,
    pub json: Value,
}

pub(super) fn http(patience: &Patience) -> Result<Client, reqwest::Error> {
    Client::builder()
        .tls_backend_preconfigured(tls())
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(patience.connect)
        .timeout(patience.request)
        .pool_idle_timeout(KEPT)
        .tcp_nodelay(true)
        .user_agent(concat!("cordboard/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// TLS with the roots that Mozilla trusts.
fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::DEFAULT_VERSIONS);
    // the versions are those that the provider has
    #[allow(clippy::expect_used)]
    let builder = builder.expect("ring serves TLS 1.2 and 1.3");
    builder.with_root_certificates(roots).with_no_client_auth()
}

impl Asked {
    pub(super) async fn once(
        &self,
        http: &Client,
        credentials: &Credentials,
        url: &str,
    ) -> Result<Answer, RestError> {
        let request = match &self.form {
            None => http.get(url),
            Some(form) => {
                http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone())
            }
        };
        let request = request
            .header(ACCEPT, "application/json")
            .basic_auth(credentials.user(), Some(credentials.secret()));
        let response = request.send().await.map_err(|error| self.failure(error))?;
        let status = response.status();
        let date = header(response.headers(), DATE).and_then(time);
        let retry_after = header(response.headers(), RETRY_AFTER).and_then(|text| pause(text, date));
        let body = body(response).await;
        if !status.is_success() {
            // that it was refused is certain, also without the reason
            return Err(RestError::refused(
                self.doing.clone(),
                status,
                retry_after,
                &body.unwrap_or_default(),
            ));
        }
        let json = body.and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string()));
        let (doing, status) = (self.doing.clone(), status.as_u16());
        match json {
            Ok(json) => Ok(Answer { doing, status, date, json }),
            Err(reason) => Err(RestError::Unreadable { doing, status, reason }),
        }
    }

    /// Before a connection is there, nothing of a request goes out.
    fn failure(&self, error: reqwest::Error) -> RestError {
        let unsent = error.is_connect() || error.is_builder();
        let (doing, reason) = (self.doing.clone(), reason(error));
        if unsent {
            RestError::NotSent { doing, reason }
        } else {
            RestError::OutcomeUnknown { doing, reason }
        }
    }
}

impl Answer {
    pub(super) fn unreadable(self, reason: &str) -> RestError {
        RestError::Unreadable { doing: self.doing, status: self.status, reason: reason.to_owned() }
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(reason)? {
        if body.len() + piece.len() > LONGEST_ANSWER {
            return Err(format!("it is longer than {LONGEST_ANSWER} bytes"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Seconds, or a moment by the server's clock.
pub(super) fn pause(text: &str, date: Option<Timestamp>) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = time(text)?;
    let now = date.unwrap_or_else(Timestamp::now);
    Some(until.duration_since(now).try_into().unwrap_or_default())
}

/// With all its causes, and without the URL, which may hold a number.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_said = cause.to_string();
        if !reason.ends_with(&cause_said) {
            reason = format!("{reason}: {cause_said}");
        }
        source = cause.source();
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_as_a_moment() {
        let date = time("Sun, 25 Mar 2018 09:53:19 GMT");
        assert_eq!(pause("0", None), Some(Duration::ZERO));
        assert_eq!(pause("120", date), Some(Duration::from_secs(120)));
        assert_eq!(pause("Sun, 25 Mar 2018 09:53:22 GMT", date), Some(Duration::from_secs(3)));
        assert_eq!(pause("Sun, 25 Mar 2018 09:53:00 GMT", date), Some(Duration::ZERO));
        assert_eq!(pause("Sun, 25 Mar 2018 09:53:22 GMT", None), Some(Duration::ZERO));
        assert_eq!(pause("soon", date), None);
        assert_eq!(pause("-1", date), None);
    }
}
