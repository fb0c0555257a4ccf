//! URLs, put together: a base that the operator may have replaced, a path, and a query.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Unreserved characters (RFC 3986, 2.3) stay as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as a part of a path or of a query.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A URL that is being put together.
#[derive(Clone, Debug)]
pub struct Url(String);

impl Url {
    /// `path` below `base`, whether or not the base ends with a slash. A path that the base has is
    /// kept.
    pub fn new(base: &str, path: &str) -> Self {
        Self(format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/')))
    }

    /// One more parameter.
    pub fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let mark = if self.0.contains('?') { '&' } else { '?' };
        let value = value.to_string();
        self.0.push(mark);
        self.0.extend(utf8_percent_encode(name, ENCODED));
        self.0.push('=');
        self.0.extend(utf8_percent_encode(&value, ENCODED));
        self
    }

    /// One more parameter, if there is a value for it.
    pub fn query_if(self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_query_join_any_base() {
        for base in ["http://127.0.0.1:9/prefix", "http://127.0.0.1:9/prefix/"] {
            let url = Url::new(base, "/v1/listen").query("model", "nova-3").query("keyterm", "crème & co");
            let url = url.query_if("language", None::<&str>).into_string();
            assert_eq!(url, "http://127.0.0.1:9/prefix/v1/listen?model=nova-3&keyterm=cr%C3%A8me%20%26%20co");
        }
    }
}
