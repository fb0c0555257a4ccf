//! Where a component may go, what it may say of itself there, and what it is shown of the answer.

use super::{fuzz, gist, lines, pieces};
use ::components::fuzzing::{headers, reaches, scrubbed};
use call::net::Header;
use fuzz::Target;
use url::Url;

/// The last line is where a component wants to go, the others are what is granted.
#[test]
fn nothing_is_reached_that_does_not_lie_below_what_is_granted() {
    let dictionary = &[
        "https://",
        "wss://",
        "ws://",
        "http://",
        "file:///",
        "%2e%2e",
        "%2f",
        "%5c",
        "\\",
        "/../",
        "/./",
        "..;/",
        "//",
        "@",
        ":443",
        ":80",
        ":0",
        "[::1]",
        "127.1",
        "0x7f.1",
        "xn--",
        "api.example.com",
        "api.example.com.",
        "。",
        "\u{ff0e}",
        "ﬀ",
        "#",
        "?",
        "\t",
        "a:b@",
    ];
    fuzz(&Target::new("egress").dictionary(dictionary).longest(8192), |input| {
        let lines: Vec<_> = lines(input).collect();
        let (url, allowed) = lines.split_last().unwrap();
        let allowed: Vec<&str> = allowed.iter().map(AsRef::as_ref).collect();
        let reached = match reaches(&allowed, url) {
            None => return ["no such grant".to_owned()],
            Some(Err(why)) => {
                assert!(!why.contains('?'), "a query may hold what the caller said: {why}");
                // what is quoted is not in quotation marks everywhere
                return [why.rsplit_once(" is not ").map(|(_, end)| end.to_owned()).unwrap_or_default()];
            }
            Some(Ok(reached)) => Url::parse(&reached).unwrap(),
        };
        assert!(reached.username().is_empty() && reached.password().is_none(), "{reached}");
        let below = |granted: &&&str| {
            let granted = as_http(granted);
            let same = |of: &Url| {
                (of.scheme().to_owned(), of.host_str().map(str::to_owned), of.port_or_known_default())
            };
            same(&granted) == same(&reached) && is_below(granted.path(), reached.path())
        };
        assert!(allowed.iter().any(|granted| below(&granted)), "{reached} is reached");
        // where it begins is where it ends: what is sent is what was checked
        let again = reaches(&allowed, reached.as_str()).unwrap().unwrap();
        assert_eq!(again, reached.as_str());
        [format!("{} {}", reached.scheme(), reached.path().len().min(2))]
    });
}

fn as_http(url: &str) -> Url {
    let Some((scheme, rest)) = url.split_once("://") else { return Url::parse(url).unwrap() };
    let scheme = scheme.to_ascii_lowercase();
    let scheme = scheme.strip_prefix("ws").map_or(scheme.clone(), |s| format!("http{s}"));
    Url::parse(&format!("{scheme}://{rest}")).unwrap()
}

/// As the most obliging server reads it: everything that may be a separator is one, and what may be a
/// way up is one.
fn is_below(granted: &str, path: &str) -> bool {
    let parts = |path: &str| {
        let mut parts = Vec::new();
        let path = path
            .to_ascii_lowercase()
            .replace("%2e", ".")
            .replace("%2f", "/")
            .replace(['\\'], "/")
            .replace("%5c", "/");
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match part.split(';').next().unwrap() {
                ".." => drop(parts.pop()),
                "." => {}
                _ => parts.push(part.to_owned()),
            }
        }
        parts
    };
    parts(path).starts_with(&parts(granted))
}

/// Lines: name and value of headers in turn.
#[test]
fn a_component_does_not_set_the_headers_that_steer() {
    let dictionary = &[
        "Host",
        "connection",
        "Transfer-Encoding",
        "content-length",
        "Sec-WebSocket-Key",
        "proxy-authorization",
        "authorization",
        "x-key",
        "\u{7f}",
        "é",
    ];
    fuzz(&Target::new("headers").dictionary(dictionary).longest(16 * 1024), |input| {
        let lines: Vec<_> = lines(input).collect();
        let header = |pair: &[std::borrow::Cow<'_, str>]| Header {
            name: pair[0].to_string(),
            value: pair[1].to_string(),
        };
        let given: Vec<Header> = lines.chunks_exact(2).map(header).collect();
        match headers(&given, ("Authorization", "Bearer ours")) {
            Ok(sent) => {
                assert!(sent.len() <= given.len() + 2);
                for (name, value) in &sent {
                    let steers = [
                        "host",
                        "connection",
                        "upgrade",
                        "content-length",
                        "transfer-encoding",
                        "te",
                        "expect",
                    ];
                    assert!(!steers.contains(&name.as_str()), "{name}");
                    assert!(!name.starts_with("sec-websocket-") && !name.starts_with("proxy-"), "{name}");
                    assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{value:?}");
                }
                let ours = sent.iter().filter(|(name, _)| name == "authorization");
                assert_eq!(ours.map(|(_, value)| value.as_slice()).collect::<Vec<_>>(), [b"Bearer ours"]);
                [format!("{} sent", sent.len().min(4))]
            }
            Err(why) => [gist(why)],
        }
    });
}

/// Two lines are secrets, the rest is a body.
#[test]
fn a_secret_is_taken_out_wherever_the_pieces_end() {
    fuzz(&Target::new("scrub").longest(8192), |input| {
        let mut parts = input.splitn(3, |byte| *byte == b'\n');
        let mut part = || parts.next().unwrap_or_default();
        let (first, second, body) = (part(), part(), part());
        let (first, second) = (String::from_utf8_lossy(first), String::from_utf8_lossy(second));
        let secrets = [first.as_ref(), second.as_ref()];
        let whole = scrubbed(&secrets, &[body]).concat();
        let in_pieces = scrubbed(&secrets, &pieces(body)).concat();
        assert_eq!(in_pieces, whole);
        assert!(whole.len() <= body.len());
        for secret in secrets.iter().filter(|secret| secret.len() >= 6 && !secret.contains('*')) {
            let shown = whole.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!shown, "{secret:?} is shown");
        }
        [whole.len() == body.len()]
    });
}
