//! Whose account, and where: what the client is made from. Everything is checked here, so that a typing
//! error is found at start and not by the first caller.
//!
//! No environment is read here; the names of variables are the program's.

use super::patience::Patience;
use reqwest::Url;
use std::fmt;

/// Who asks. The account is always named; an API key is a second name and secret for the same account,
/// which can be withdrawn by itself.
#[derive(Clone)]
pub struct Credentials {
    account_sid: String,
    user: String,
    secret: String,
}

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    pub credentials: Credentials,
    /// In place of Twilio's own address: a proxy, or a stand-in. Region and edge then say nothing. Over
    /// `http` the credentials go in the clear, which is for this machine alone.
    pub base_url: Option<String>,
    /// Where data is processed and kept: `ie1`. A region has credentials of its own.
    pub region: Option<String>,
    /// Where Twilio's network is entered: `dublin`.
    pub edge: Option<String>,
    pub patience: Patience,
}

/// What is wrong about the settings. No secret is shown, nor what was given in a secret's place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "the account SID of Twilio is AC and 32 hexadecimal digits, and this {0}; copy it from the first \
         page of Twilio's console"
    )]
    AccountSid(Shape),
    #[error(
        "the SID of a Twilio API key is SK and 32 hexadecimal digits, and this {0}; copy it from \"API keys\" \
         in Twilio's console, or use the account's auth token"
    )]
    KeySid(Shape),
    #[error("the {0} of Twilio is empty; copy it from Twilio's console")]
    NoSecret(&'static str),
    #[error("the {0} of Twilio has white space or signs in it that none has; copy it once more")]
    Secret(&'static str),
    #[error("the {what} of Twilio is one word like {example}, and not {given:?}")]
    Place { what: &'static str, example: &'static str, given: String },
    #[error("the base URL for Twilio {0}; write one like https://api.twilio.com, or leave it out")]
    BaseUrl(&'static str),
    #[error("making the client for Twilio: {0}")]
    Client(String),
}

/// What something is that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Empty,
    AccountSid,
    KeySid,
    Other { characters: usize },
}

impl Credentials {
    /// With the auth token of the account.
    pub fn auth_token(account_sid: &str, token: &str) -> Result<Self, SettingsError> {
        let account_sid = account(account_sid)?;
        let secret = secret("auth token", token)?;
        Ok(Self { user: account_sid.clone(), account_sid, secret })
    }

    /// With an API key of the account.
    pub fn api_key(account_sid: &str, key_sid: &str, key_secret: &str) -> Result<Self, SettingsError> {
        let account_sid = account(account_sid)?;
        let user = sid("SK", key_sid).map_err(SettingsError::KeySid)?;
        let secret = secret("API key secret", key_secret)?;
        Ok(Self { account_sid, user, secret })
    }

    pub fn account_sid(&self) -> &str {
        &self.account_sid
    }

    /// The account's SID, or the key's.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account_sid, user, secret: _ } = self;
        f.debug_struct("Credentials")
            .field("account_sid", account_sid)
            .field("user", user)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Twilio's own address, and the usual patience.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, base_url: None, region: None, edge: None, patience: Patience::default() }
    }

    /// Where requests go, without a slash at the end. What is empty counts as not set.
    pub fn address(&self) -> Result<String, SettingsError> {
        if let Some(base_url) = set(self.base_url.as_deref()) {
            return base(base_url).map_err(SettingsError::BaseUrl);
        }
        let region = set(self.region.as_deref()).map(|given| place("region", "ie1", given)).transpose()?;
        let edge = set(self.edge.as_deref()).map(|given| place("edge", "dublin", given)).transpose()?;
        Ok(match (edge, region) {
            (None, None) => "https://api.twilio.com".into(),
            (None, Some(region)) => format!("https://api.{region}.twilio.com"),
            // an edge without a region is one of the first region
            (Some(edge), region) => format!("https://api.{edge}.{}.twilio.com", region.unwrap_or("us1")),
        })
    }
}

fn set(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn account(text: &str) -> Result<String, SettingsError> {
    sid("AC", text).map_err(SettingsError::AccountSid)
}

fn sid(prefix: &str, text: &str) -> Result<String, Shape> {
    let text = text.trim();
    if is_sid(prefix, text) { Ok(text.to_owned()) } else { Err(Shape::of(text)) }
}

fn is_sid(prefix: &str, text: &str) -> bool {
    let digits = text.strip_prefix(prefix);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Twilio's are hexadecimal or at least letters and digits; only what cannot be in any is refused.
fn secret(what: &'static str, text: &str) -> Result<String, SettingsError> {
    let text = text.trim();
    match text {
        "" => Err(SettingsError::NoSecret(what)),
        _ if text.chars().all(|c| c.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err(SettingsError::Secret(what)),
    }
}

fn place<'a>(what: &'static str, example: &'static str, given: &'a str) -> Result<&'a str, SettingsError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if given.bytes().all(fits) {
        Ok(given)
    } else {
        Err(SettingsError::Place { what, example, given: given.chars().take(40).collect() })
    }
}

fn base(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has credentials in it");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl Shape {
    fn of(text: &str) -> Self {
        match text {
            "" => Self::Empty,
            _ if is_sid("AC", text) => Self::AccountSid,
            _ if is_sid("SK", text) => Self::KeySid,
            _ => Self::Other { characters: text.chars().count() },
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::AccountSid => f.write_str("is the SID of an account"),
            Self::KeySid => f.write_str("is the SID of an API key"),
            Self::Other { characters } => write!(f, "has {characters} characters and another shape"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const KEY: &str = "SK0000000000000000000000000000000a";

    fn settings(base_url: Option<&str>, region: Option<&str>, edge: Option<&str>) -> Settings {
        Settings {
            base_url: base_url.map(Into::into),
            region: region.map(Into::into),
            edge: edge.map(Into::into),
            ..Settings::new(Credentials::auth_token(ACCOUNT, "t0ken").unwrap())
        }
    }

    #[test]
    fn a_region_and_an_edge_are_in_the_host() {
        let address = |region, edge| settings(None, region, edge).address().unwrap();
        assert_eq!(address(None, None), "https://api.twilio.com");
        assert_eq!(address(Some("ie1"), None), "https://api.ie1.twilio.com");
        assert_eq!(address(Some("ie1"), Some("dublin")), "https://api.dublin.ie1.twilio.com");
        assert_eq!(address(None, Some("sydney")), "https://api.sydney.us1.twilio.com");
        assert_eq!(address(Some(" "), Some("")), "https://api.twilio.com");
    }

    #[test]
    fn a_place_cannot_lead_to_another_host() {
        for given in ["ie1.example.com/", "a b", "ie1@example.com", "IE1", "é"] {
            let error = settings(None, Some(given), None).address().unwrap_err();
            assert!(matches!(error, SettingsError::Place { what: "region", .. }), "{error}");
            assert!(settings(None, None, Some(given)).address().is_err());
        }
    }

    #[test]
    fn a_base_url_takes_the_place_of_all_that() {
        let address = |url| settings(Some(url), Some("ie1"), Some("dublin")).address();
        assert_eq!(address("http://127.0.0.1:9/").unwrap(), "http://127.0.0.1:9");
        assert_eq!(
            address(" https://proxy.example.com/twilio/ ").unwrap(),
            "https://proxy.example.com/twilio"
        );
        assert_eq!(address("").unwrap(), "https://api.dublin.ie1.twilio.com");
        for wrong in [
            "api.twilio.com",
            "ftp://x.example",
            "https://a:b@x.example",
            "https://x.example/?a=1",
            "https://",
        ] {
            let error = address(wrong).unwrap_err();
            assert!(error.to_string().contains("write one like https://api.twilio.com"), "{error}");
            assert!(!error.to_string().contains("a:b"), "{error}");
        }
    }

    #[test]
    fn credentials_are_trimmed_and_what_they_are_is_checked() {
        let token = Credentials::auth_token(&format!(" {ACCOUNT}\n"), "\tt0ken ").unwrap();
        assert_eq!((token.account_sid(), token.user(), token.secret()), (ACCOUNT, ACCOUNT, "t0ken"));
        let key = Credentials::api_key(ACCOUNT, &format!("{KEY} "), "s3cret").unwrap();
        assert_eq!((key.account_sid(), key.user(), key.secret()), (ACCOUNT, KEY, "s3cret"));
    }

    #[test]
    fn what_was_mixed_up_is_said() {
        let of_key = Credentials::auth_token(KEY, "t0ken").unwrap_err();
        assert_eq!(of_key, SettingsError::AccountSid(Shape::KeySid));
        assert!(of_key.to_string().contains("this is the SID of an API key"), "{of_key}");
        let of_account = Credentials::api_key(ACCOUNT, ACCOUNT, "s3cret").unwrap_err();
        assert_eq!(of_account, SettingsError::KeySid(Shape::AccountSid));
        for (wrong, shape) in [
            ("", Shape::Empty),
            ("AC0000000000000000000000000000000", Shape::Other { characters: 33 }),
            ("AC0000000000000000000000000000000g", Shape::Other { characters: 34 }),
            ("ac00000000000000000000000000000001", Shape::Other { characters: 34 }),
        ] {
            assert_eq!(Credentials::auth_token(wrong, "x").unwrap_err(), SettingsError::AccountSid(shape));
        }
        assert_eq!(Credentials::auth_token(ACCOUNT, " ").unwrap_err(), SettingsError::NoSecret("auth token"));
        let spaced = Credentials::api_key(ACCOUNT, KEY, "s3 cret").unwrap_err();
        assert_eq!(spaced, SettingsError::Secret("API key secret"));
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let key = Credentials::api_key(ACCOUNT, KEY, "s3cret").unwrap();
        let shown = format!("{:?}", Settings::new(key));
        assert!(shown.contains(KEY) && !shown.contains("s3cret"), "{shown}");
        // the token where the SID belongs
        let mistaken = Credentials::auth_token("0123456789abcdef0123456789abcdef", ACCOUNT).unwrap_err();
        assert!(!format!("{mistaken} {mistaken:?}").contains("0123"), "{mistaken}");
    }
}
