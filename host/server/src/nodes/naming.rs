//! Which call a request is about: what stands in the path, in the URLs that we gave to Twilio, or in what
//! Twilio tells.

use crate::access::{CALL, Problem, body_of, target};
use crate::app::Shared;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request};
use axum::http::Method;
use axum::http::request::Parts;

/// Twilio asks or tells something about a call that has begun.
const TOLD: [&str; 12] = [
    "/call-status",
    "/outbound-twiml",
    "/voice/outbound",
    "/voice/after",
    "/voice/turn",
    "/voice/partial",
    "/voice/answered-by",
    "/voice/stream-status",
    "/voice/transferred",
    "/voice/brief",
    "/voice/operator",
    "/voice/operator-status",
];
const SID: &str = "CallSid";

/// A request, with its body, which is short here.
pub struct Named {
    pub parts: Parts,
    pub body: Bytes,
    pub about: About,
}

pub enum About {
    Nothing,
    /// somebody who sees calls or takes a hand in them
    Call(String),
    /// Twilio; what we call the call is first
    Told {
        names: Vec<String>,
        given_out: bool,
    },
    /// a stream whose token we gave out
    Stream {
        call: String,
        token: String,
    },
}

impl Named {
    pub async fn read(request: Request, app: &Shared) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let path = parts.extensions.get::<MatchedPath>().cloned();
        let path = path.as_ref().map_or("", MatchedPath::as_str);
        let parameter = parameters(&mut parts, app).await;
        let of =
            |name: &str| parameter.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        if let Some(sid) = of("sid") {
            let body = whole(&parts, body, app).await?;
            return Ok(Self { parts, body, about: About::Call(sid) });
        }
        if let Some(token) = of("token") {
            let route = path.strip_suffix("/{token}").unwrap_or(path);
            let call = app.access.tokens.call_of(&token, route);
            let about = call.map_or(About::Nothing, |call| About::Stream { call, token });
            return Ok(Self { parts, body: Bytes::new(), about });
        }
        let is_told = TOLD.contains(&path);
        let body = whole(&parts, body, app).await?;
        if !is_told {
            return Ok(Self { parts, body, about: About::Nothing });
        }
        let query = target(&parts.uri).split_once('?').map_or("", |(_, query)| query).as_bytes();
        let own = field(query, CALL);
        let given_out = own.is_some();
        let sid = field(query, SID).or_else(|| field(&body, SID)).or_else(|| member(&body));
        let names: Vec<String> = own.into_iter().chain(sid).collect();
        let about = if names.is_empty() { About::Nothing } else { About::Told { names, given_out } };
        Ok(Self { parts, body, about })
    }

    /// As it came.
    pub fn into_request(self) -> Request {
        Request::from_parts(self.parts, Body::from(self.body))
    }
}

async fn parameters(parts: &mut Parts, app: &Shared) -> Vec<(String, String)> {
    match RawPathParams::from_request_parts(parts, app).await {
        Ok(found) => found.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        // whoever answers says what is wrong with it
        Err(_) => Vec::new(),
    }
}

/// The body of what has one.
async fn whole(parts: &Parts, body: Body, app: &Shared) -> Result<Bytes, Problem> {
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return Ok(Bytes::new());
    }
    // with what limits it
    let mut request = Request::new(body);
    *request.extensions_mut() = parts.extensions.clone();
    *request.headers_mut() = parts.headers.clone();
    body_of(request, app).await
}

/// A field of a form that is not empty.
fn field(form: &[u8], wanted: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(form);
    let (_, value) = pairs.find(|(name, value)| name == wanted && !value.is_empty())?;
    Some(value.into_owned())
}

/// The same, where it is JSON.
fn member(body: &[u8]) -> Option<String> {
    let json = Some(body).filter(|body| body.trim_ascii_start().starts_with(b"{"))?;
    let json: serde_json::Value = serde_json::from_slice(json).ok()?;
    json.get(SID)?.as_str().map(str::to_owned)
}
