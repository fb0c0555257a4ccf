//! A page: a persona as a TOML document that the operator writes. The component that plays it reads all
//! of it. Here is only what has to be known outside: which servers its tools ask, and with which secrets.
//! Both are granted as they stand there, since it is the operator who wrote them.
//!
//! A URL may have placeholders (`https://crm.example.com/orders/{id}`): what is granted is everything
//! below the last whole part of its path before the first of them.

use anyhow::{Context, anyhow};
use components::manifest::{Egress, Secret, may_hold_a_secret};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use url::Url;

#[derive(Debug, Default)]
pub struct Page {
    pub text: String,
    pub egress: Vec<Egress>,
    pub secrets: Vec<Secret>,
    /// the names of its tools
    pub tools: Vec<String>,
}

/// Fails where there is no such file, and where it is no page: with its line.
pub fn read(path: &Path) -> anyhow::Result<Page> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("the page {} cannot be read", path.display()))?;
    parse(text).map_err(|wrong| anyhow!("{}, line {}: {}", path.display(), wrong.line, wrong.what))
}

#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    line: usize,
    what: String,
}

/// As much of it as is read here.
#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    tool: BTreeMap<String, Tool>,
}

#[derive(Deserialize)]
struct Tool {
    url: Option<Spanned<String>>,
    secret: Option<Spanned<String>>,
    secret_header: Option<Spanned<String>>,
    secret_format: Option<Spanned<String>>,
}

fn parse(text: String) -> Result<Page, Wrong> {
    let wrong = |at: usize, what: String| {
        let before = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        Wrong { line: before + 1, what }
    };
    let read: Read = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(at, error.message().to_owned())
    })?;
    let mut page = Page::default();
    for (name, tool) in &read.tool {
        let at = |spanned: &Spanned<String>| spanned.span().start;
        let url = match &tool.url {
            Some(url) => {
                let granted = granted(url.get_ref());
                Some(granted.map_err(|what| wrong(at(url), format!("the url of the tool {name:?} {what}")))?)
            }
            None => None,
        };
        page.egress.extend(url.clone().map(|url| Egress { url }));
        let Some(secret) = &tool.secret else { continue };
        let url = url.ok_or_else(|| {
            wrong(at(secret), format!("the tool {name:?} has a secret and no url that it could go to"))
        })?;
        if secret.get_ref().trim().is_empty() {
            let what = format!("the secret of the tool {name:?} names no variable");
            return Err(wrong(at(secret), what));
        }
        let header = tool.secret_header.as_ref();
        if let Some(header) = header.filter(|header| !may_hold_a_secret(header.get_ref())) {
            let what = format!(
                "the tool {name:?} puts its secret into {:?}, which is no header that may be set",
                header.get_ref()
            );
            return Err(wrong(at(header), what));
        }
        let format = tool.secret_format.as_ref();
        if let Some(format) = format.filter(|format| !format.get_ref().contains("{}")) {
            let what =
                format!("the secret_format of the tool {name:?} has no {{}}, where the secret is to stand");
            return Err(wrong(at(format), what));
        }
        let held = header.map_or("authorization", |header| header.get_ref());
        let mut others = page.secrets.iter().filter(|s| s.url == url && s.header.eq_ignore_ascii_case(held));
        if let Some(other) = others.find(|other| other.name != secret.get_ref().trim()) {
            let what = format!(
                "the secret of the tool {name:?} goes to the same addresses ({url}) as {:?}, and only one of \
                 them can",
                other.name
            );
            return Err(wrong(at(secret), what));
        }
        page.secrets.push(Secret {
            name: secret.get_ref().trim().to_owned(),
            url,
            header: header.map_or("authorization", |header| header.get_ref()).to_owned(),
            format: format.map_or("Bearer {}", |format| format.get_ref()).to_owned(),
        });
    }
    page.tools = read.tool.into_keys().collect();
    page.text = text;
    Ok(page)
}

/// Everything below what stands fast in this URL; if there is no such thing, why.
fn granted(url: &str) -> Result<String, String> {
    let address = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = address.split_once("://").ok_or("is none with http or https")?;
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    if server.contains('{') {
        return Err("has a placeholder in the name of its server, which has to stand fast".into());
    }
    let path = match path.split_once('{') {
        // a part of a name is no folder
        Some((fast, _)) => fast.rsplit_once('/').map_or("", |(folder, _)| folder),
        None => path,
    };
    let granted = format!("{scheme}://{server}/{path}");
    let parsed = Url::parse(&granted).map_err(|e| format!("is none: {e}"))?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err("is none with http or https".into());
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("has a name or a password in it; name the variable that holds it as `secret`".into());
    }
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        parse(text.to_owned()).unwrap()
    }

    fn wrong(text: &str) -> (usize, String) {
        let wrong = parse(text.to_owned()).unwrap_err();
        (wrong.line, wrong.what)
    }

    #[test]
    fn what_its_tools_ask_is_granted_and_their_secrets_go_there() {
        let page = page(
            "role = \"You take orders.\"\n\
             [tool.order]\nurl = \"https://crm.example.com/orders/{id}?full=1\"\nsecret = \"CRM_KEY\"\n\
             [tool.menu]\nurl = \"https://menu.example.com/today\"\n\
             [tool.stock]\nurl = \"http://10.0.0.7:8000/\"\nsecret = \"STOCK\"\n\
             secret_header = \"x-api-key\"\nsecret_format = \"{}\"\n\
             [tool.note]\ndescription = \"asks nobody\"\n",
        );
        let urls: Vec<&str> = page.egress.iter().map(|egress| egress.url.as_str()).collect();
        assert_eq!(
            urls,
            ["https://menu.example.com/today", "https://crm.example.com/orders", "http://10.0.0.7:8000/"]
        );
        let secrets: Vec<[&str; 4]> =
            page.secrets.iter().map(|s| [s.name.as_str(), &s.url, &s.header, &s.format]).collect();
        assert_eq!(
            secrets,
            [
                ["CRM_KEY", "https://crm.example.com/orders", "authorization", "Bearer {}"],
                ["STOCK", "http://10.0.0.7:8000/", "x-api-key", "{}"],
            ]
        );
        assert!(page.text.starts_with("role ="), "the component is given all of it");
    }

    #[test]
    fn a_placeholder_ends_what_is_granted_at_the_part_of_the_path_before_it() {
        for (url, fast) in [
            ("https://a.example/x/y/{id}/z", "https://a.example/x/y"),
            ("https://a.example/x/order-{id}", "https://a.example/x"),
            ("https://a.example/{id}", "https://a.example/"),
            ("https://a.example/x?of={id}", "https://a.example/x"),
            ("https://a.example?to=/b/{id}", "https://a.example/"),
            ("https://a.example", "https://a.example/"),
        ] {
            assert_eq!(granted(url).as_deref(), Ok(fast), "{url}");
        }
        for (url, why) in [
            ("https://{region}.example/x", "placeholder"),
            ("https://a.example:{port}/x", "placeholder"),
            ("{base}/x", "http or https"),
            ("ftp://a.example/x", "http or https"),
            ("a.example/x", "http or https"),
            ("https:///x{y}", "is none"),
            ("https://me:pw@a.example/x", "password"),
        ] {
            assert!(granted(url).is_err_and(|told| told.contains(why)), "{url}: {:?}", granted(url));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let (line, what) = wrong("role = \"x\"\n[tool.order\n");
        assert_eq!(line, 2, "{what}");
        let (line, what) = wrong("[tool.a]\nurl = 7\n");
        assert!(line == 2 && what.contains("string"), "{line}: {what}");
        let (line, what) = wrong("[tool.a]\n\nurl = \"https://{x}/\"\n");
        assert!(line == 3 && what.contains("\"a\"") && what.contains("placeholder"), "{line}: {what}");
        let (line, what) = wrong("[tool.a]\nsecret = \"KEY\"\n");
        assert!(line == 2 && what.contains("no url"), "{line}: {what}");
        let tool = "[tool.a]\nurl = \"https://a.example/\"\n";
        let (line, what) = wrong(&format!("{tool}secret = \" \"\n"));
        assert!(line == 3 && what.contains("names no variable"), "{line}: {what}");
        let (line, what) = wrong(&format!("{tool}secret = \"KEY\"\nsecret_header = \"host\"\n"));
        assert!(line == 4 && what.contains("\"host\""), "{line}: {what}");
        let (line, what) = wrong(&format!("{tool}secret = \"KEY\"\nsecret_format = \"Bearer\"\n"));
        assert!(line == 4 && what.contains("{}"), "{line}: {what}");
    }
}
