//! Where the project is and who asks. Everything is checked here, so that a typing error is found at start.

use url::{Host, Url};

/// What is wrong about the settings. The key is not shown, nor what was given in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("the URL of Supabase {0}; write the project's, like https://abcdefghijklmnopqrst.supabase.co")]
    Url(&'static str),
    #[error(
        "the key of Supabase {0}; copy the project's secret key (sb_secret_… or service_role) from \"API keys\" \
         in its settings"
    )]
    Key(&'static str),
    #[error("making the client for Supabase: {0}")]
    Client(String),
}

pub(super) fn base(text: &str) -> Result<Url, Invalid> {
    let mut url = Url::parse(text.trim()).map_err(|_| Invalid::Url("is no URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_here(&url) => {}
        "http" => return Err(Invalid::Url("is http, over which the key would be for everybody to read")),
        _ => return Err(Invalid::Url("is neither http nor https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::Url("has credentials in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Invalid::Url("has a query or a fragment"));
    }
    if matches!(url.host_str(), Some("supabase.com" | "www.supabase.com" | "app.supabase.com")) {
        return Err(Invalid::Url("is the one of its console"));
    }
    let path = url.path().trim_end_matches('/');
    let path = format!("{}/rest/v1", path.strip_suffix("/rest/v1").unwrap_or(path));
    url.set_path(&path);
    Ok(url)
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(number)) => number.is_loopback(),
        Some(Host::Ipv6(number)) => number.is_loopback(),
        None => false,
    }
}

pub(super) fn key(text: &str) -> Result<String, Invalid> {
    match text.trim() {
        "" => Err(Invalid::Key("is empty")),
        key if !key.chars().all(|c| c.is_ascii_graphic()) => {
            Err(Invalid::Key("has white space or signs in it that none has"))
        }
        key if key.starts_with("sb_publishable_") => {
            Err(Invalid::Key("is the publishable one, which may do nothing"))
        }
        key => Ok(key.to_owned()),
    }
}
