//! A request and its response, over connections that all sessions of a component share.

use super::headers::{headers, seen};
use super::resolve::{Refused, Resolver, resolve};
use super::scrub::Scrubber;
use super::{CONNECT, Egress, Events, Outcome, RESPONSE, tls};
use call::net::{Failure, Fault, Fetched, Head, Request};
use reqwest::{Client, Method, Response};
use std::error::Error;
use std::time::Duration;
use url::Host;

/// The whole body of a script's `fetch`.
const LONGEST_FETCH: usize = 1024 * 1024;

/// The pooled clients of one component. The client asks for addresses by name alone: whether private
/// ones may be reached depends on scheme, port and path too, so there is one for each case.
#[derive(Debug)]
pub(super) struct Requests {
    public: Client,
    private: Client,
}

impl Requests {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { public: client(false)?, private: client(true)? })
    }
}

fn client(private: bool) -> Result<Client, reqwest::Error> {
    Client::builder()
        .tls_backend_preconfigured(tls(&[b"h2", b"http/1.1"]))
        .dns_resolver(Resolver { private })
        // a redirect would carry the secrets elsewhere
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_nodelay(true)
        .build()
}

/// Sends it, tells of the response as it comes, and gives how it ended.
pub(super) async fn run(egress: &Egress, request: Request, events: &Events) -> Result<Outcome, Failure> {
    let (mut response, scrubber) = send(egress, request).await?;
    events.tell(Outcome::Head(head(&response, &scrubber))).await?;
    let mut stream = scrubber.stream();
    while let Some(piece) = next(&mut response).await? {
        let seen = stream.push(&piece);
        for part in seen.chunks(egress.limits.frame()) {
            events.tell(Outcome::Body(part.to_vec())).await?;
        }
    }
    let rest = stream.finish();
    if !rest.is_empty() {
        events.tell(Outcome::Body(rest)).await?;
    }
    Ok(Outcome::Closed { code: 0, reason: String::new() })
}

/// The whole response.
pub(super) async fn fetch(egress: &Egress, request: Request) -> Result<Fetched, Failure> {
    let (mut response, scrubber) = send(egress, request).await?;
    let head = head(&response, &scrubber);
    let mut body = Vec::new();
    while let Some(piece) = next(&mut response).await? {
        if body.len() + piece.len() > LONGEST_FETCH {
            let message = format!("the body is longer than {LONGEST_FETCH} bytes");
            return Err(Failure::new(Fault::TooLarge, message));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Fetched { head, body: scrubber.bytes(body) })
}

async fn send(egress: &Egress, request: Request) -> Result<(Response, Scrubber), Failure> {
    let allowed = egress.rules.check(&request.url).map_err(|why| Failure::new(Fault::Forbidden, why))?;
    // a number is not resolved by the client's resolver
    if !matches!(allowed.host, Host::Domain(_)) {
        resolve(&allowed.host, allowed.port, allowed.private).await?;
    }
    let method = method(&request.method)?;
    let headers = headers(&request.headers, &allowed.headers)?;
    let scrubber = Scrubber::new(egress.rules.secrets());
    let client = if allowed.private { &egress.requests.private } else { &egress.requests.public };
    let sending = client.request(method, allowed.url).headers(headers).body(request.body).send();
    let response = tokio::time::timeout(RESPONSE, sending).await.map_err(|_| silent())?;
    Ok((response.map_err(failure)?, scrubber))
}

fn method(name: &str) -> Result<Method, Failure> {
    // a tunnel leads elsewhere; a trace gives the secrets back
    if ["CONNECT", "TRACE"].iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) {
        return Err(Failure::new(Fault::Forbidden, format!("{name} is a method that no component may use")));
    }
    Method::from_bytes(name.as_bytes())
        .map_err(|_| Failure::new(Fault::Protocol, format!("{name:?} is no method")))
}

fn head(response: &Response, scrubber: &Scrubber) -> Head {
    Head { status: response.status().as_u16(), headers: seen(response.headers(), scrubber) }
}

async fn next(response: &mut Response) -> Result<Option<bytes::Bytes>, Failure> {
    let piece = tokio::time::timeout(RESPONSE, response.chunk()).await.map_err(|_| silent())?;
    piece.map_err(failure)
}

fn silent() -> Failure {
    Failure::new(Fault::Timeout, format!("the server said nothing for {} s", RESPONSE.as_secs()))
}

fn failure(error: reqwest::Error) -> Failure {
    // the address may hold what the caller said
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(Refused(failure)) = cause.downcast_ref() {
            return failure.clone();
        }
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    let fault = if error.is_timeout() {
        Fault::Timeout
    } else if error.is_builder() {
        Fault::Protocol
    } else {
        Fault::Unreachable
    };
    Failure::new(fault, reason)
}
