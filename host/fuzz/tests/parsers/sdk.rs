//! What vendors' protocols have in common: `plugins/sdk`.

use super::{fuzz, lines, pieces};
use fuzz::Target;
use plugin::refusal::Refusal;
use plugin::samples::Samples;
use plugin::url::Url;
use plugin::{Head, Header, sse};

#[test]
fn events_are_the_same_wherever_their_pieces_end() {
    let dictionary =
        &["data: ", "data:", "event: ", "id: ", "retry: ", ": ", "\n\n", "\r\n\r\n", "\r", "[DONE]"];
    fuzz(&Target::new("sse").dictionary(dictionary), |input| {
        let mut parser = sse::Parser::default();
        let whole = parser.push(input);
        let mut parser = sse::Parser::default();
        let pieces: Vec<sse::Event> =
            pieces(input).into_iter().flat_map(|piece| parser.push(piece)).collect();
        assert_eq!(pieces, whole);
        let length: usize = whole.iter().map(|event| event.data.len()).sum();
        // what is not UTF-8 becomes a character of three bytes
        assert!(length <= 3 * input.len());
        assert!(whole.iter().all(|event| !event.name.iter().any(|name| name.contains(['\n', '\r']))));
        // what was understood is understood as the same, if it is sent again
        let again: String = whole.iter().map(written).collect();
        let events = sse::Parser::default().push(again.as_bytes());
        assert_eq!(events, whole);
        whole
            .iter()
            .map(|event| (event.name.is_some(), event.data.is_empty(), event.data.contains('\n')))
            .collect::<Vec<_>>()
    });
}

fn written(event: &sse::Event) -> String {
    let name = event.name.iter().map(|name| format!("event: {name}\n"));
    let data = event.data.split('\n').map(|line| format!("data: {line}\n"));
    name.chain(data).chain(["\n".to_owned()]).collect()
}

/// Lines: the status, the two headers that say when to come back, and then the body.
#[test]
fn a_refusal_says_no_more_than_came() {
    let dictionary =
        &["\"error\":", "\"message\":", "\"code\":", "insufficient_quota", "429", "503", "1e999"];
    fuzz(&Target::new("refusal").dictionary(dictionary), |input| {
        let mut parts = input.splitn(4, |byte| *byte == b'\n');
        let mut next = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let (status, seconds, milliseconds, body) = (next(), next(), next(), next());
        let header = |name: &str, value: String| Header { name: name.into(), value };
        let headers = vec![header("retry-after", seconds), header("Retry-After-Ms", milliseconds)];
        let status = status.trim().parse().unwrap_or_default();
        let mut refusal = match Refusal::new(Head { status, headers }) {
            Ok(refusal) => refusal,
            Err(head) => {
                assert!((200..300).contains(&head.status));
                return [String::new()];
            }
        };
        for piece in pieces(body.as_bytes()) {
            refusal.push(piece);
        }
        let failure = refusal.failure();
        assert!(failure.message.len() <= 3 * 16 * 1024 + 20, "{} bytes", failure.message.len());
        [format!("{:?} {} {}", failure.cause, failure.retry_after.is_some(), failure.message.len() > 212)]
    });
}

/// Lines: the base, the path, and then parameters, name and value in turn.
#[test]
fn a_url_that_is_put_together_has_the_parameters_it_was_given() {
    fuzz(&Target::new("url").dictionary(&["https://", "/v1/", "?", "#", "%"]).longest(8192), |input| {
        let lines: Vec<_> = lines(input).collect();
        let line = |n: usize| lines.get(n).map(|line| line.as_ref()).unwrap_or_default();
        let parameters: Vec<_> = lines.get(2..).unwrap_or_default().chunks_exact(2).collect();
        let mut url = Url::new(line(0), line(1));
        for pair in &parameters {
            url = url.query(&pair[0], &pair[1]);
        }
        let written = url.into_string();
        let Ok(read) = url::Url::parse(&written) else { return ["no URL"] };
        // the operator's own, which is checked elsewhere
        if line(0).contains(['?', '#']) || line(1).contains(['?', '#']) {
            return ["a query in the base"];
        }
        let pairs: Vec<_> = read.query_pairs().collect();
        assert_eq!(pairs.len(), parameters.len(), "{written}");
        for ((name, value), given) in pairs.iter().zip(parameters) {
            assert_eq!((name, value), (&given[0], &given[1]), "{written}");
        }
        ["a URL"]
    });
}

#[test]
fn samples_are_whole_wherever_their_pieces_end() {
    fuzz(&Target::new("samples").longest(4096), |input| {
        let mut samples = Samples::default();
        let whole: Vec<Vec<u8>> =
            pieces(input).into_iter().map(|piece| samples.whole(piece.to_vec())).collect();
        assert!(whole.iter().all(|piece| piece.len() % 2 == 0));
        assert_eq!(whole.concat(), input[..input.len() / 2 * 2]);
        let text = String::from_utf8_lossy(input);
        let language = plugin::primary_language(&text);
        assert!(language.iter().all(|code| matches!(code.len(), 2 | 3)));
        [language.map(|code| code.len())]
    });
}
