//! The figures, for Prometheus.

use crate::access::{Problem, Reader};
use crate::app::Shared;
use crate::config::Metrics;
use crate::figures::FORMAT;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// Figures in Prometheus' text format
///
/// Who may read them: `server.metrics`.
#[utoipa::path(
    get, path = "/metrics", tag = "host", security(("key" = [])),
    responses(
        (status = 200, description = "The figures", body = String, content_type = "text/plain"),
        (status = 404, description = "They are off", body = super::description::Refusal),
    )
)]
pub async fn metrics(
    State(app): State<Shared>,
    reader: Result<Reader, Problem>,
) -> Result<Response, Problem> {
    match app.services.config.server.metrics {
        Metrics::Open => {}
        Metrics::Key => {
            reader?;
        }
        Metrics::Off => return Err(Problem::not_found("there are no figures here (`server.metrics`)")),
    }
    let text = app.figures.text(&app).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the figures cannot be written: {error}"))
    })?;
    Ok(([(CONTENT_TYPE, FORMAT)], text).into_response())
}
