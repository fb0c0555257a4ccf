//! The files of the console, with what holds the page to this server.

use crate::access::Problem;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use console::File;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The page itself
pub async fn page(headers: HeaderMap) -> Response {
    sent(console::find(""), &headers)
}

/// One of its files
pub async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    sent(console::find(&path), &headers)
}

fn sent(file: Option<File>, asked: &HeaderMap) -> Response {
    let Some(File { bytes, kind, tag }) = file else {
        return Problem::not_found("the console has no such file; it is at /console").into_response();
    };
    let known = asked.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let headers = [
        (CONTENT_TYPE, kind),
        (ETAG, tag.as_str()),
        // another version of this program has other files under the same names
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, console::POLICY),
        (PERMISSIONS_POLICY, console::PERMISSIONS),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    match known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        true => (StatusCode::NOT_MODIFIED, headers).into_response(),
        false => (headers, bytes).into_response(),
    }
}
