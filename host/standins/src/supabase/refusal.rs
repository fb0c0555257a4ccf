//! PostgREST's errors, and PostgreSQL's behind it, in their shape.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Empty: the answer has no body.
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) details: Option<String>,
    pub(super) hint: Option<String>,
}

impl Refusal {
    /// 400, as most of them.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into(), details: None, hint: None }
    }

    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn detailed(self, details: impl Into<String>) -> Self {
        Self { details: Some(details.into()), ..self }
    }

    /// The gateway's, in front of PostgREST.
    pub(super) fn key(message: &str) -> Self {
        Self::new("", message).with_status(StatusCode::UNAUTHORIZED)
    }

    pub(super) fn forbidden(table: &str) -> Self {
        let message = format!("permission denied for table {table}");
        Self::new("42501", message).with_status(StatusCode::FORBIDDEN)
    }

    pub(super) fn unknown_table(name: &str) -> Self {
        let message = format!("Could not find the table 'public.{name}' in the schema cache");
        Self::new("PGRST205", message).with_status(StatusCode::NOT_FOUND)
    }

    /// Of a column that is to be written.
    pub(super) fn unknown_column(table: &str, column: &str) -> Self {
        let message = format!("Could not find the '{column}' column of '{table}' in the schema cache");
        Self::new("PGRST204", message)
    }

    /// Of a column that is to be read.
    pub(super) fn undefined_column(table: &str, column: &str) -> Self {
        Self::new("42703", format!("column {table}.{column} does not exist"))
    }

    pub(super) fn unparsable(what: &str, text: &str) -> Self {
        let message = format!("\"failed to parse {what} ({text})\" (line 1, column 1)");
        Self::new("PGRST100", message)
    }

    /// The same row twice in one statement: PostgREST calls that its own fault.
    pub(super) fn second_time() -> Self {
        let message = "ON CONFLICT DO UPDATE command cannot affect row a second time";
        Self::new("21000", message).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn of_status(status: u16) -> Self {
        let (code, message) = match status {
            401 => ("PGRST301", "JWT cryptographic operation failed"),
            403 => ("42501", "permission denied"),
            429 => ("", "Too many requests"),
            503 => ("PGRST002", "Could not query the database for the schema cache. Retrying."),
            504 => ("PGRST003", "Timed out acquiring connection from connection pool."),
            500.. => ("XX000", "An internal error has occurred"),
            _ => ("PGRST100", "The request was refused"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(code, message).with_status(status)
    }

    pub(super) fn response(&self) -> Response {
        let Self { status, code, message, details, hint } = self;
        let body = match *code {
            "" if message.is_empty() => return status.into_response(),
            "" => json!({ "message": message, "hint": hint }),
            code => json!({ "code": code, "details": details, "hint": hint, "message": message }),
        };
        (*status, [(CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
    }
}
