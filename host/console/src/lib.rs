//! The console's page: its files, as they are embedded in the program.
//!
//! The page is plain modules without a build step; it asks no other host for anything, and
//! [`POLICY`] holds it to that. It uses the server's interface like anybody else: what stands here
//! are the files, and how they may be used.

#![forbid(unsafe_code)]

use rust_embed::Embed;
use std::borrow::Cow;

/// What the page may do, as `Content-Security-Policy`: its own files, its own server, and nothing else.
/// The recordings that it plays, and the plots that it saves, are made in the page (`blob:`, `data:`).
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What it may use of the browser, as `Permissions-Policy`: the microphone.
pub const PERMISSIONS: &str = "microphone=(self), camera=(), geolocation=()";

/// One file of the page.
#[derive(Clone, Debug)]
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    /// as `Content-Type`
    pub kind: &'static str,
    /// another one for other bytes, as `ETag`
    pub tag: String,
}

#[derive(Embed)]
#[folder = "page"]
struct Page;

/// The file at this path below `/console/`; an empty one is the page itself. None: there is none.
pub fn find(path: &str) -> Option<File> {
    let path = if path.is_empty() { "index.html" } else { path };
    let file = Page::get(path)?;
    let tag: String = file.metadata.sha256_hash().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    Some(File { bytes: file.data, kind: kind(path)?, tag: format!("\"{tag}\"") })
}

/// The paths of all files.
pub fn paths() -> impl Iterator<Item = Cow<'static, str>> {
    Page::iter()
}

/// None: nothing of this sort belongs to the page.
fn kind(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest;

    #[test]
    fn what_others_wrote_is_as_they_published_it() {
        let sums = String::from_utf8(find("vendor/checksums.txt").unwrap().bytes.into()).unwrap();
        let mut named = Vec::new();
        for line in sums.lines() {
            let (sum, name) = line.split_once("  ").unwrap();
            let found = sha2::Sha256::digest(&find(&format!("vendor/{name}")).unwrap().bytes);
            assert_eq!(found.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), sum, "{name}");
            named.push(format!("vendor/{name}"));
        }
        let licences = find("vendor/LICENSES.txt").unwrap().bytes;
        for path in paths().filter(|path| path.starts_with("vendor/") && !path.ends_with(".txt")) {
            assert!(named.contains(&path.to_string()), "{path} has no checksum");
            let name = path.trim_start_matches("vendor/");
            assert!(String::from_utf8_lossy(&licences).contains(name), "{path} has no licence");
        }
    }

    #[test]
    fn every_file_of_the_page_can_be_served_and_none_of_ours_is_long() {
        for path in paths() {
            let file = find(&path).unwrap_or_else(|| panic!("{path} is of no kind that is served"));
            let lines = file.bytes.iter().filter(|byte| **byte == b'\n').count();
            assert!(path.starts_with("vendor/") || lines < 500, "{path} has {lines} lines");
        }
    }

    #[test]
    fn the_page_is_there_and_what_is_not_of_it_is_not() {
        let page = find("").unwrap();
        assert_eq!(page.kind, "text/html; charset=utf-8");
        assert!(String::from_utf8_lossy(&page.bytes).contains("\"console/main.js\""));
        assert_ne!(page.tag, find("main.js").unwrap().tag);
        for nowhere in ["../Cargo.toml", "/etc/passwd", "nothing.js", "call", "call/"] {
            assert!(find(nowhere).is_none(), "{nowhere}");
        }
    }
}
