//! The figures of the last hours, for plots.

use super::description::Refusal;
use crate::access::{Problem, Reader};
use crate::app::Shared;
use crate::figures::history::{self, Figures};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// so far back: 1 to 360, and 60 where it is not said
    #[param(minimum = 1, maximum = 360)]
    minutes: Option<u64>,
}

/// The figures of the last hours, of this host
///
/// They begin with the program. For longer, and for several hosts, there is `/metrics`.
#[utoipa::path(
    get, path = "/figures", tag = "host", security(("key" = [])), params(Asked),
    responses(
        (status = 200, body = Figures),
        (status = 422, description = "Not so far back", body = Refusal),
    )
)]
pub async fn figures(
    State(app): State<Shared>,
    _: Reader,
    Query(asked): Query<Asked>,
) -> Result<Json<Figures>, Problem> {
    let most = history::KEPT / 60;
    let minutes = asked.minutes.unwrap_or(60);
    if !(1..=most).contains(&minutes) {
        return Err(Problem::invalid("minutes", format!("1 to {most}")));
    }
    let prices = &app.services.config.prices;
    let currency = (!prices.providers.is_empty()).then(|| prices.currency.clone());
    // sorting takes its time, and nobody else's
    let counting = app.clone();
    let counted = tokio::task::spawn_blocking(move || counting.figures.history.figures(minutes * 60)).await;
    let mut figures = counted.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("it was given up: {error}"))
    })?;
    (figures.currency, figures.live) = (currency, app.registry.live());
    Ok(Json(figures))
}
