//! Twilio's errors, in its shape.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    /// 400, as most of them.
    pub(super) fn invalid(code: u32, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    pub(super) fn unauthorised() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::invalid(20003, "Authenticate") }
    }

    pub(super) fn not_found(path: &str) -> Self {
        let message = format!("The requested resource {path} was not found");
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(20404, message) }
    }

    /// What Twilio says with a status that is not about the request itself.
    pub(super) fn of_status(status: u16) -> Self {
        let (code, message) = match status {
            401 => (20003, "Authenticate"),
            403 => (20403, "Forbidden"),
            404 => (20404, "The requested resource was not found"),
            429 => (20429, "Too Many Requests"),
            500.. => (20500, "An internal server error has occurred"),
            _ => (20001, "The request was refused"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.to_owned() }
    }

    /// A call that is over is no breach of anything: it may have ended just now.
    pub(super) fn is_breach(&self) -> bool {
        self.code != 21220
    }

    pub(super) fn response(&self) -> Response {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status.as_u16(),
        });
        respond(self.status, &body)
    }
}

pub(super) fn respond(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
