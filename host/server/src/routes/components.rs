//! What is plugged in, and how to exchange it while calls run.

use super::description::Refusal;
use crate::access::{Exchanger, Problem, Reader};
use crate::app::Shared;
use crate::slots::{self, Component, Loader, Share, Swapped, Unswapped};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use components::Artifact;
use serde::{Deserialize, Serialize};
use std::path::{Path as FilePath, PathBuf};
use twilio::number::Number;
use utoipa::{IntoParams, ToSchema};

/// A component of Python has twenty megabytes.
pub const LONGEST_COMPONENT: usize = 64 << 20;

#[derive(Serialize, ToSchema)]
pub struct Components {
    components: Vec<Component>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub struct Exchanged {
    component: String,
    version: String,
    /// the beginning of its SHA-256
    hash: String,
    /// of its builds, counted from 1; 0: nothing uses it so far
    generation: u32,
    /// this build was in use already
    unchanged: bool,
    /// where it was put, so that it is there after a restart; null: it lasts until this server stops
    kept: Option<String>,
}

/// For which calls
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// So many of a hundred calls try it; without this and `numbers`, all get it
    #[param(minimum = 1, maximum = 99)]
    share: Option<u8>,
    /// Calls from or to one of these numbers try it: E.164, with commas between them
    numbers: Option<String>,
}

/// Which components there are, which calls use them, and how they do
#[utoipa::path(
    get, path = "/components", tag = "components", security(("key" = [])),
    responses((status = 200, body = Components))
)]
pub async fn components(State(app): State<Shared>, _: Reader) -> Json<Components> {
    Json(Components { components: slots::report(app.services.loader()) })
}

/// Exchanges a component while calls run
///
/// The body is the `.wasm` file, with its manifest in it. It is compiled, checked and opened on trial before
/// anything changes. New calls get it at once; live ones move to it where they lose nothing by it. If it fails
/// too often, the build before it comes back.
#[utoipa::path(
    post, path = "/components/{id}", tag = "components", security(("key" = [])),
    params(("id" = String, Path), Asked),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses(
        (status = 200, body = Exchanged),
        (status = 415, description = "The body is not `application/wasm`", body = Refusal),
        (status = 422, description = "It cannot be used; nothing has changed, and `detail` says why", body = Refusal),
    )
)]
pub async fn exchange(
    State(app): State<Shared>,
    _: Exchanger,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Exchanged>, Problem> {
    // also what a page of anybody's in a browser of ours cannot send unasked
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/wasm") {
        let why = "the body is a .wasm file, and says so: `Content-Type: application/wasm`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let share = asked.share()?;
    let folder = app.services.config.components.clone().filter(|_| share.is_none());
    change(&app, move |loader| {
        let artifact = Artifact::uploaded(body.to_vec())?;
        if artifact.manifest.id != id {
            return Err(Unswapped::Other { found: artifact.manifest.id, wanted: id });
        }
        let swapped = loader.swap(artifact, share)?;
        let kept = folder.and_then(|folder| keep(&folder, &id, &body));
        Ok((swapped, kept))
    })
    .await
}

/// Gives all calls what some of them have tried
#[utoipa::path(
    post, path = "/components/{id}/promote", tag = "components", security(("key" = [])),
    params(("id" = String, Path)),
    responses(
        (status = 200, body = Exchanged),
        (status = 404, description = "Nothing uses it", body = Refusal),
        (status = 409, description = "No calls try another build", body = Refusal),
    )
)]
pub async fn promote(
    State(app): State<Shared>,
    _: Exchanger,
    Path(id): Path<String>,
) -> Result<Json<Exchanged>, Problem> {
    let folder = app.services.config.components.clone();
    change(&app, move |loader| {
        let swapped = loader.promote(&id)?;
        let wasm = loader.catalogue().get(&id).map(|artifact| artifact.wasm().to_vec());
        let kept = folder.zip(wasm).and_then(|(folder, wasm)| keep(&folder, &id, &wasm));
        Ok((swapped, kept))
    })
    .await
}

/// Takes out what some calls try; else brings back the build before the current one
#[utoipa::path(
    post, path = "/components/{id}/rollback", tag = "components", security(("key" = [])),
    params(("id" = String, Path)),
    responses(
        (status = 200, body = Exchanged),
        (status = 404, description = "Nothing uses it", body = Refusal),
        (status = 409, description = "There is no other build", body = Refusal),
    )
)]
pub async fn roll_back(
    State(app): State<Shared>,
    _: Exchanger,
    Path(id): Path<String>,
) -> Result<Json<Exchanged>, Problem> {
    change(&app, move |loader| Ok((loader.roll_back(&id, "an operator wanted it")?, None))).await
}

impl Asked {
    fn share(&self) -> Result<Option<Share>, Problem> {
        let numbers = self.numbers.as_deref().map(|numbers| {
            let numbers = numbers.split(',').map(|number| number.trim().parse::<Number>());
            numbers.collect::<Result<Vec<_>, _>>().map_err(|wrong| Problem::invalid("numbers", wrong))
        });
        match (self.share, numbers.transpose()?) {
            (None, None) => Ok(None),
            (Some(percent @ 1..=99), None) => Ok(Some(Share::Percent(percent))),
            (Some(_), None) => {
                Err(Problem::invalid("share", "it is a number from 1 to 99; without it all calls get it"))
            }
            (None, Some(numbers)) => Ok(Some(Share::Numbers(numbers))),
            (Some(_), Some(_)) => Err(Problem::invalid("share", "either a share or numbers, not both")),
        }
    }
}

/// Puts it into the folder of components, whole or not at all; none: that did not go well.
fn keep(folder: &FilePath, id: &str, wasm: &[u8]) -> Option<PathBuf> {
    // two files with one component would be none
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let path = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .find(|path| slots::read(path).is_ok_and(|there| there.manifest.id == id))
        .unwrap_or_else(|| folder.join(format!("{id}.wasm")));
    let new = folder.join(format!(".{id}.new"));
    let written = std::fs::write(&new, wasm).and_then(|()| std::fs::rename(&new, &path));
    match written {
        Ok(()) => Some(path),
        Err(error) => {
            tracing::warn!(
                component = id,
                "it is plugged in, but cannot be kept as {}: {error}",
                path.display()
            );
            None
        }
    }
}

fn done(swapped: Swapped, kept: Option<PathBuf>) -> Exchanged {
    let Swapped { component, version, hash, generation, unchanged } = swapped;
    let kept = kept.map(|path| path.display().to_string());
    Exchanged { component, version, hash, generation, unchanged, kept }
}

fn refused(error: &Unswapped) -> Problem {
    let status = match error {
        Unswapped::Unknown { .. } => StatusCode::NOT_FOUND,
        Unswapped::NoWayBack { .. } | Unswapped::NoCanary { .. } | Unswapped::Changing { .. } => {
            StatusCode::CONFLICT
        }
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, error)
}

/// Changes what is plugged in, and says what was done: what, and where it is kept if it is. Compiling takes
/// its time, and nobody else's.
async fn change(
    app: &Shared,
    change: impl FnOnce(&Loader) -> Result<(Swapped, Option<PathBuf>), Unswapped> + Send + 'static,
) -> Result<Json<Exchanged>, Problem> {
    let loader = app.services.loader().clone();
    let given_up =
        |error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("it was given up: {error}"));
    let changed = tokio::task::spawn_blocking(move || change(&loader)).await.map_err(given_up)?;
    let (swapped, kept) = changed.map_err(|error| refused(&error))?;
    Ok(Json(done(swapped, kept)))
}
