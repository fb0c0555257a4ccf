//! The console: the page, and what only it asks.
//!
//! - `page.rs`: its files
//! - `calls.rs`: calls that are held from it
//!
//! Everything else that it shows and does is the interface that anybody may use.

mod calls;
mod page;

pub use calls::{__path_begin, __path_choices, __path_return_to, begin, choices, return_to};
pub use page::{asset, page};

use crate::access::{KeyHolder, Problem};
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Access {
    /// `read`, `control`, `call`, `components`
    roles: Vec<&'static str>,
}

/// What this key may do here
#[utoipa::path(
    get, path = "/access", tag = "host", security(("key" = [])),
    responses((status = 200, body = Access))
)]
pub async fn access(KeyHolder(roles): KeyHolder) -> Result<Json<Access>, Problem> {
    Ok(Json(Access { roles: roles.into_iter().map(|role| role.name()).collect() }))
}
