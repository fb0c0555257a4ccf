//! Why a request was refused, as every route says it: `{"detail": …}`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::time::Duration;

#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub detail: String,
    retry_after: Option<Duration>,
    /// stands beside the detail
    more: Map<String, Value>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Display) -> Self {
        Self { status, detail: detail.to_string(), retry_after: None, more: Map::new() }
    }

    /// 401: nobody is known by this.
    pub fn unauthorized(detail: impl Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 403: known or not, not this.
    pub fn forbidden(detail: impl Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404
    pub fn not_found(detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409: not as things are.
    pub fn conflict(detail: impl Display) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 422: this field is wrong.
    pub fn invalid(field: &str, why: impl Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field}: {why}"))
    }

    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Map::from_iter([("detail".to_owned(), Value::from(self.detail))]);
        body.extend(self.more);
        let mut response = (self.status, Json(body)).into_response();
        if let Some(wait) = self.retry_after {
            // whole seconds; the next one, or the client comes too early
            response.headers_mut().insert(RETRY_AFTER, (wait.as_secs_f64().ceil() as u64).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}
