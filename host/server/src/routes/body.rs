//! A request's JSON, and what is said where it is none.

use crate::access::{Problem, body_of};
use crate::app::Shared;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

/// The body, which has to be this. A missing or wrong field is a 422 that names it.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        let body = body_of(request, app).await?;
        // an empty one has no fields, nor has null, which may be all that is needed
        let json: &[u8] = match body.trim_ascii() {
            b"" | b"null" => b"{}",
            json => json,
        };
        let wrong = |e: serde_json::Error| {
            let status = match e.classify() {
                serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::BAD_REQUEST,
            };
            Problem::new(status, format!("the body is not the JSON that is needed: {e}"))
        };
        // an array would be taken for the fields in their order
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(json).map_err(wrong)?;
        serde_json::from_value(members.into()).map(Self).map_err(wrong)
    }
}
