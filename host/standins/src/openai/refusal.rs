//! Answers in the vendor's form that there is no answer.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    pub(super) param: Option<String>,
    pub(super) code: Option<&'static str>,
}

impl Refusal {
    /// 400, as most of them.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into(), param: None, code: None }
    }

    pub(super) fn at(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::invalid(message) }
    }

    pub(super) fn response(&self) -> Response {
        let body = json!({"error": {
            "message": self.message,
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }});
        response(self.status, &body)
    }
}

/// A response with this body, whatever the status says.
pub(super) fn response(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// What the vendor says with a status that is not about the request itself.
pub(super) fn body_of(status: u16) -> Value {
    let (kind, code, message) = match status {
        429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached for requests."),
        401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided."),
        500.. => ("server_error", None, "The server had an error while processing your request."),
        _ => ("invalid_request_error", None, "The request was refused."),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}
