//! The address of a tool. Its server stands on the page, letter by letter: nothing that a model or a
//! caller says leads elsewhere.

use super::template::{Place, Scope, Template};
use serde_json::Value;
use std::cell::Cell;

#[derive(Clone, Debug)]
pub(crate) struct Url {
    /// scheme and server
    server: String,
    path: Template,
    /// with its question mark
    query: Option<Template>,
}

impl Url {
    pub(super) fn parse(text: &str, scope: Scope<'_>) -> Result<Self, String> {
        let shape = "it is no URL, as https://api.example.com/orders/{number}";
        let (scheme, rest) = text.split_once("://").ok_or(shape)?;
        if !matches!(scheme, "http" | "https") {
            return Err("it has to begin with https:// or http://".into());
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        if host.contains(['{', '}']) {
            return Err(
                "its server has to be written out: places are possible behind it, in path and query \
                        only"
                    .into(),
            );
        }
        let proper = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if host.is_empty() || !host.chars().all(proper) {
            return Err(format!("{host:?} is no server"));
        }
        if let Some(wrong) = rest.chars().find(|c| !c.is_ascii_graphic() && c.is_ascii() || *c == '\\') {
            return Err(format!("{wrong:?} cannot stand in a URL: write it percent-encoded"));
        }
        if rest.contains('#') {
            return Err("a server never sees what stands behind #: take it out".into());
        }
        let (path, query) = match rest.find('?') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let query = Some(query).filter(|query| !query.is_empty());
        Ok(Self {
            server: format!("{scheme}://{host}"),
            path: Template::parse(if path.is_empty() { "/" } else { path }, scope)?,
            query: query.map(|query| Template::parse(query, scope)).transpose()?,
        })
    }

    /// Of the path, which is another one if one of them is empty.
    pub(super) fn path_places(&self) -> impl Iterator<Item = &Place> {
        self.path.places()
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.path.places().chain(self.query.iter().flat_map(Template::places))
    }

    /// Values are percent-encoded. Fails, in words for the model, where the path would be another one.
    pub(crate) fn filled(&self, value: &dyn Fn(&Place) -> Option<Value>) -> Result<String, String> {
        let encoded = |text: String| persona::encoded(&text);
        let empty = Cell::new(false);
        let path = self.path.filled(value, |text| {
            empty.set(empty.get() || text.is_empty());
            encoded(text)
        });
        if empty.get() {
            return Err("a value of its address is not known".into());
        }
        // servers disagree about them
        let leads_elsewhere = path.split('/').any(|part| part == "." || part.starts_with(".."));
        if leads_elsewhere || path.contains("%2F") || path.contains("%5C") {
            return Err("a value of its address may not hold slashes, or be only dots".into());
        }
        let query = self.query.as_ref().map(|query| query.filled(value, encoded)).unwrap_or_default();
        Ok(format!("{}{path}{query}", self.server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Vec<String> {
        vec!["x".into()]
    }

    fn filled(url: &str, x: &str) -> Result<String, String> {
        let arguments = scope();
        let url = Url::parse(url, Scope { arguments: &arguments, ..Scope::default() })?;
        url.filled(&|_| Some(json!(x)))
    }

    #[test]
    fn whatever_is_said_the_server_stays_the_same() {
        let url = "https://api.example.com/orders/{x}?q={x}";
        let orders = |x: &str| filled(url, x);
        assert_eq!(orders("12").unwrap(), "https://api.example.com/orders/12?q=12");
        let odd = "https://api.example.com/orders/a%20b%26c%40d%3Fe%23f?q=a%20b%26c%40d%3Fe%23f";
        assert_eq!(orders("a b&c@d?e#f").unwrap(), odd);
        for x in ["../admin", "..", ".", "..;x", "a/b", "a\\b"] {
            assert!(orders(x).is_err(), "{x}");
        }
        assert_eq!(
            filled("https://api.example.com?q={x}", "../a").unwrap(),
            "https://api.example.com/?q=..%2Fa"
        );
    }

    #[test]
    fn a_server_is_written_out() {
        for url in ["https://{x}.example.com/", "https://api.example.com{x}", "https://{x}"] {
            assert!(filled(url, "1").unwrap_err().contains("written out"), "{url}");
        }
        for (url, why) in [
            ("api.example.com", "no URL"),
            ("ftp://api.example.com", "https://"),
            ("{x}://api.example.com", "https://"),
            ("https:///path", "no server"),
            ("https://me@api.example.com/", "no server"),
            ("https://api.example.com\\@evil.example/", "no server"),
            ("https://api.example.com/a b", "percent-encoded"),
            ("https://api.example.com/a\\b", "percent-encoded"),
            ("https://api.example.com/#{x}", "behind #"),
        ] {
            let said = filled(url, "1").unwrap_err();
            assert!(said.contains(why), "{url}: {said}");
        }
    }
}
