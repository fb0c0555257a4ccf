//! Signatures as Twilio's own validators judge them (`data/signature_vectors.json`, made with
//! twilio-python 9.13.0), and what becomes of requests that somebody changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use twilio::signature::{
    AuthToken, Body, Keys, Request, SharedKey, SignatureError, UnusableKey, body_sha256, verify,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const VOICE: &str = "https://agent.example.com/twilio/voice";
const SHARED: &str = "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256";

type Parameters = Vec<(String, String)>;

fn keys() -> Keys {
    AuthToken::new(TOKEN).unwrap().into()
}

fn sign(url: &str, parameters: &[(String, String)]) -> String {
    AuthToken::new(TOKEN).unwrap().sign(url, parameters)
}

fn pairs(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// The parameters of a call that comes in.
fn incoming() -> Parameters {
    pairs(&[
        ("CallSid", "CA00000000000000000000000000000001"),
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("From", "+15555550100"),
        ("To", "+15555550101"),
        ("CallStatus", "ringing"),
        ("ApiVersion", "2010-04-01"),
        ("Direction", "inbound"),
    ])
}

fn check(url: &str, body: Body<'_>, signature: &str) -> Result<(), SignatureError> {
    verify(&keys(), &Request { url, body, signature: Some(signature), settings: None })
}

fn is_mismatch(checked: Result<(), SignatureError>) -> bool {
    matches!(checked, Err(SignatureError::Mismatch { .. }))
}

// What Twilio's validators say.

#[test]
fn every_vector_is_judged_as_twilio_judges_it() {
    let vectors: Value = serde_json::from_str(include_str!("data/signature_vectors.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 32);
    for case in cases {
        let checked = check_vector(case);
        assert_eq!(Some(checked.is_ok()), case["expected_valid"].as_bool(), "{}: {checked:?}", case["name"]);
    }
}

#[test]
fn a_vector_that_is_refused_is_refused_for_the_right_reason() {
    let vectors: Value = serde_json::from_str(include_str!("data/signature_vectors.json")).unwrap();
    let why: BTreeMap<_, _> = vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|case| Some((case["name"].as_str().unwrap(), check_vector(case).err()?)))
        .collect();
    let malformed = SignatureError::Malformed { algorithm: "HMAC_SHA1", bytes: 20 };
    for (name, why) in why {
        match name {
            "empty_signature" => assert_eq!(why, SignatureError::Missing),
            "json_body_sha256_tampered_body" | "json_body_sha256_uppercase_hash" => {
                assert_eq!(why, SignatureError::OtherBody, "{name}");
            }
            "hmac_sha256_signature_checked_as_sha1" | "signature_case_changed" => {
                assert_eq!(why, malformed, "{name}");
            }
            _ => assert!(is_mismatch(Err(why)), "{name}"),
        }
    }
}

fn check_vector(case: &Value) -> Result<(), SignatureError> {
    let text = |field: &str| case[field].as_str().unwrap();
    let parameters: Parameters = case["params"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(name, value)| match value {
            Value::Array(values) => values.iter().map(|value| (name, value)).collect(),
            value => vec![(name, value)],
        })
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let body = match case["body"].as_str() {
        Some(body) => Body::Raw(body.as_bytes()),
        None if parameters.is_empty() => Body::None,
        None => Body::Form(&parameters),
    };
    let settings = case["algorithm"]
        .as_str()
        .map(|algorithm| format!("key=webhooks_sharedkey_01,algorithm={algorithm}"));
    let keys = Keys {
        auth_token: AuthToken::new(text("auth_token")).unwrap(),
        shared_key: Some(SharedKey::new(text("auth_token")).unwrap()),
    };
    let signature = Some(text("signature"));
    verify(&keys, &Request { url: text("url"), body, signature, settings: settings.as_deref() })
}

#[test]
fn what_we_sign_is_what_twilio_signs() {
    assert_eq!(sign(VOICE, &incoming()), "Cmtq0Y134L3iUxB5FgPe3sNOvXU=");
    let by_code_point = pairs(&[("b", "2"), ("B", "1"), ("a", "3"), ("AA", "4"), ("_x", "5"), ("A1", "6")]);
    assert_eq!(sign(VOICE, &by_code_point), "aC3lLeVe3Vmn76HUbNWxCBDs3ho=");
    assert_eq!(sign("wss://agent.example.com:443/media", &[]), "r9yMv+CcI5zq0Sdoi4anxy4UtpQ=");
    let shared = SharedKey::new(TOKEN).unwrap().sign(VOICE, &incoming());
    assert_eq!(shared, "is8OZElXy7+1n7uoZdlX+CnTa/x/wA0aYJoW0w4l0Q8=");
}

// Ports.

#[test]
fn the_port_may_be_signed_or_not_but_no_other_port() {
    let accepted = |seen: &str, signed: &str| {
        let [seen, signed] = [seen, signed].map(|origin| format!("{origin}/media?a=b:80&c=http://d:1/"));
        let checked = check(&seen, Body::Form(&[]), &sign(&signed, &[]));
        assert!(checked.is_ok() || is_mismatch(checked.clone()), "{checked:?}");
        checked.is_ok()
    };
    let hosts = ["agent.example.com", "127.0.0.1", "[2001:db8::1]", "user:1234@agent.example.com"];
    for host in hosts {
        for (scheme, own) in
            [("http", vec![80]), ("https", vec![443]), ("ws", vec![80]), ("wss", vec![443, 80])]
        {
            let bare = format!("{scheme}://{host}");
            assert!(accepted(&bare, &bare), "{bare}");
            for port in [80, 443, 8080, 8443, 4430, 1] {
                let with = format!("{bare}:{port}");
                assert_eq!(accepted(&bare, &with), own.contains(&port), "{with} seen as {bare}");
                assert!(accepted(&with, &with), "{with}");
                assert!(accepted(&with, &bare), "{bare} seen as {with}");
                for other in [80, 443, 8080, 8443, 4430, 1].into_iter().filter(|other| *other != port) {
                    assert!(!accepted(&with, &format!("{bare}:{other}")), "{other} seen as {with}");
                }
            }
        }
    }
}

#[test]
fn a_url_without_a_path_has_its_port_at_the_end() {
    let accepted = |seen: &str, signed: &str| check(seen, Body::None, &sign(signed, &[])).is_ok();
    assert!(accepted("https://a.example", "https://a.example:443"));
    assert!(accepted("https://a.example?b=c", "https://a.example:443?b=c"));
    assert!(!accepted("https://a.example", "https://a.example/"));
    assert!(!accepted("https://a.example/", "https://a.example"));
}

#[test]
fn a_scheme_is_not_taken_for_another() {
    let schemes = ["http", "https", "ws", "wss"];
    for seen in schemes {
        for signed in schemes {
            let signature = sign(&format!("{signed}://a.example/media"), &[]);
            let checked = check(&format!("{seen}://a.example/media"), Body::None, &signature);
            assert_eq!(checked.is_ok(), seen == signed, "{signed} seen as {seen}");
        }
    }
}

#[test]
fn what_is_no_url_of_ours_is_not_checked() {
    for url in
        ["", "/twilio/voice", "agent.example.com/x", "https://", "https:///x", "wss://:443/x", "ftp://a/b"]
    {
        let checked = check(url, Body::None, &sign(url, &[]));
        assert_eq!(checked, Err(SignatureError::Url(url.to_owned())));
    }
}

// Parameters.

#[test]
fn one_name_with_several_values_counts_each_value_once_in_order() {
    let signature = sign(VOICE, &pairs(&[("Media", "a"), ("Media", "b"), ("N", "")]));
    let same = pairs(&[("Media", "b"), ("N", ""), ("Media", "a"), ("Media", "b")]);
    assert_eq!(check(VOICE, Body::Form(&same), &signature), Ok(()));
    // the text that is signed, written out
    assert_eq!(signature, sign(&format!("{VOICE}MediaaMediabN"), &[]));
    let fewer = pairs(&[("Media", "b"), ("N", "")]);
    assert!(is_mismatch(check(VOICE, Body::Form(&fewer), &signature)));
}

#[test]
fn the_query_of_a_socket_may_be_signed_as_parameters_that_of_a_webhook_may_not() {
    let parameters = pairs(&[("token", "abc123"), ("foo", "b r")]);
    let check = |scheme: &str, body: Body<'_>| {
        let signature = sign(&format!("{scheme}://agent.example.com/relay"), &parameters);
        check(&format!("{scheme}://agent.example.com/relay?token=abc123&foo=b%20r"), body, &signature)
    };
    assert_eq!(check("wss", Body::None), Ok(()));
    assert!(is_mismatch(check("wss", Body::Form(&[]))));
    assert!(is_mismatch(check("https", Body::None)));
}

// Tampering.

#[test]
fn a_request_of_which_any_part_was_changed_is_not_twilios() {
    let url = "https://agent.example.com:8443/twilio/voice?call=abc&tag=a%20b";
    let signature = sign(url, &incoming());
    assert_eq!(check(url, Body::Form(&incoming()), &signature), Ok(()));

    // the scheme has a test of its own
    for at in "https://".len()..url.len() {
        let changed = replaced(url, at);
        assert!(is_mismatch(check(&changed, Body::Form(&incoming()), &signature)), "{changed}");
    }
    for (index, (name, value)) in incoming().into_iter().enumerate() {
        let with = |pair: Option<(String, String)>| {
            let mut parameters = incoming();
            parameters.splice(index..=index, pair);
            is_mismatch(check(url, Body::Form(&parameters), &signature))
        };
        assert!(with(None), "without {name}");
        for at in 0..name.len() {
            assert!(with(Some((replaced(&name, at), value.clone()))), "{name} changed at {at}");
        }
        for at in 0..value.len() {
            assert!(with(Some((name.clone(), replaced(&value, at)))), "{name}={value} changed at {at}");
        }
        assert!(with(Some((name.clone(), format!("{value} ")))), "{name} with a space");
        assert!(with(Some((name.to_lowercase(), value))), "{name} in small letters");
    }
    let extra: Parameters = incoming().into_iter().chain(pairs(&[("Extra", "")])).collect();
    assert!(is_mismatch(check(url, Body::Form(&extra), &signature)));
    assert!(is_mismatch(check(url, Body::None, &signature)));
}

#[test]
fn a_signature_of_which_any_bit_was_changed_is_none() {
    let signature = sign(VOICE, &incoming());
    let bytes = STANDARD.decode(&signature).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(is_mismatch(check(VOICE, Body::Form(&incoming()), &STANDARD.encode(changed))), "bit {bit}");
    }
    let malformed = Err(SignatureError::Malformed { algorithm: "HMAC_SHA1", bytes: 20 });
    let unpadded = signature.trim_end_matches('=');
    let shorter = STANDARD.encode(&bytes[..19]);
    let longer = STANDARD.encode([&bytes[..], &[0]].concat());
    // the last digit has two bits that no byte has
    let spare_bits = signature.replace("U=", "V=");
    assert_ne!(spare_bits, signature);
    for text in
        [unpadded, &shorter, &longer, &spare_bits, "=", "?", "é", &format!("{signature}, {signature}")]
    {
        assert_eq!(check(VOICE, Body::Form(&incoming()), text), malformed, "{text}");
    }
}

#[test]
fn a_request_without_a_signature_is_not_twilios() {
    for signature in [None, Some("")] {
        let request = Request { url: VOICE, body: Body::None, signature, settings: None };
        assert_eq!(verify(&keys(), &request), Err(SignatureError::Missing));
    }
}

fn replaced(text: &str, at: usize) -> String {
    let other = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

// Bodies that are no form.

#[test]
fn a_body_is_vouched_for_by_the_hash_in_the_url_that_was_signed() {
    let body = br#"{"event":"stream-started","n":1}"#;
    let hash = body_sha256(body);
    let url = format!("https://agent.example.com/events?a=b&bodySHA256={hash}&c=d");
    let signature = sign(&url, &[]);
    assert_eq!(check(&url, Body::Raw(body), &signature), Ok(()));

    for at in 0..body.len() {
        let mut changed = body.to_vec();
        changed[at] ^= 1;
        assert_eq!(check(&url, Body::Raw(&changed), &signature), Err(SignatureError::OtherBody));
    }
    assert_eq!(check(&url, Body::Raw(b""), &signature), Err(SignatureError::OtherBody));

    // a body with its right hash in a URL that nobody signed
    let forged = url.replace(&hash, &body_sha256(b"forged"));
    assert!(is_mismatch(check(&forged, Body::Raw(b"forged"), &signature)));
}

#[test]
fn a_body_that_nothing_vouches_for_is_refused() {
    for url in [VOICE, "https://a.example/?bodysha256=00", "https://a.example/bodySHA256=00"] {
        let checked = check(url, Body::Raw(b"{}"), &sign(url, &[]));
        assert_eq!(checked, Err(SignatureError::NoBodyHash), "{url}");
    }
}

// Shared keys.

#[test]
fn the_settings_decide_which_key_signs() {
    let shared = SharedKey::new("another-secret").unwrap();
    let keys = Keys { auth_token: AuthToken::new(TOKEN).unwrap(), shared_key: Some(shared.clone()) };
    let by_token = sign(VOICE, &incoming());
    let by_shared = shared.sign(VOICE, &incoming());
    let check = |settings, signature: &str| {
        let body = &incoming();
        verify(&keys, &Request { url: VOICE, body: Body::Form(body), signature: Some(signature), settings })
    };
    for settings in [None, Some(""), Some("key=k"), Some("algorithm="), Some("key=k, algorithm = hmac_sha1")]
    {
        assert_eq!(check(settings, &by_token), Ok(()), "{settings:?}");
        assert!(check(settings, &by_shared).is_err(), "{settings:?}");
    }
    for settings in [SHARED, "algorithm=hmac_sha256", "algorithm = HMAC_SHA256 , key=k"] {
        assert_eq!(check(Some(settings), &by_shared), Ok(()), "{settings}");
        let malformed = SignatureError::Malformed { algorithm: "HMAC_SHA256", bytes: 32 };
        assert_eq!(check(Some(settings), &by_token), Err(malformed), "{settings}");
    }
    // the same algorithm with the other key
    let token_as_shared = SharedKey::new(TOKEN).unwrap().sign(VOICE, &incoming());
    assert!(is_mismatch(check(Some(SHARED), &token_as_shared)));
    let unknown = Err(SignatureError::UnknownAlgorithm("HMAC_MD5".into()));
    assert_eq!(check(Some("key=k,algorithm=HMAC_MD5"), &by_token), unknown);
}

#[test]
fn without_a_shared_key_nothing_that_is_signed_with_one_is_believed() {
    let signature = SharedKey::new(TOKEN).unwrap().sign(VOICE, &[]);
    let request =
        Request { url: VOICE, body: Body::None, signature: Some(&signature), settings: Some(SHARED) };
    assert_eq!(verify(&keys(), &request), Err(SignatureError::NoSharedKey));
}

// Secrets.

#[test]
fn a_key_with_which_everybody_could_sign_is_refused() {
    for key in ["", " ", "\n", "0123 4567", "01234567\n"] {
        assert_eq!(AuthToken::new(key).unwrap_err(), UnusableKey, "{key:?}");
        assert_eq!(SharedKey::new(key).unwrap_err(), UnusableKey, "{key:?}");
    }
}

#[test]
fn no_key_is_printed() {
    let keys = Keys { shared_key: Some(SharedKey::new(TOKEN).unwrap()), ..keys() };
    assert_eq!(format!("{keys:?}"), "Keys { auth_token: AuthToken(…), shared_key: Some(SharedKey(…)) }");
}

#[test]
fn an_error_says_what_was_checked_and_neither_the_right_signature_nor_what_was_sent() {
    let url = "https://user:secret@agent.example.com:8443/twilio/voice?From=%2B15555550100";
    let right = sign(url, &incoming());
    let error = check(url, Body::Form(&incoming()), &sign(VOICE, &[])).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("\"https://agent.example.com:8443/twilio/voice\" with 7 parameters"),
        "{message}"
    );
    assert!(message.contains("auth token"), "{message}");
    for private in [right.as_str(), "5555550", "secret", TOKEN] {
        assert!(!format!("{error:?} {message}").contains(private), "{message}");
    }
    let no_url =
        check("gopher://user:secret@a.example/?From=%2B15555550100", Body::None, &right).unwrap_err();
    assert_eq!(no_url, SignatureError::Url("a.example/".into()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is signed is believed, in any order, with every port that is its own; and by no other key.
    #[test]
    fn what_was_signed_is_believed_in_any_order(
        target in "(/[!-~é]{0,20}){0,3}(\\?[!-~]{0,20})?",
        parameters in proptest::collection::vec((".{0,8}", ".{0,8}"), 0..8),
        port in proptest::option::of(1u16..),
        turned in 0usize..8,
    ) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let url = format!("https://agent.example.com{port}{target}");
        let mut other_order: Parameters = parameters.clone();
        other_order.rotate_left(turned.min(parameters.len()));
        other_order.reverse();
        let signature = sign(&url, &parameters);
        prop_assert_eq!(check(&url, Body::Form(&other_order), &signature), Ok(()));
        let other_key = AuthToken::new("f123456789abcdef0123456789abcdef").unwrap();
        let forged = other_key.sign(&url, &parameters);
        prop_assert!(is_mismatch(check(&url, Body::Form(&other_order), &forged)));
    }

    /// Anything at all is refused, and nothing panics.
    #[test]
    fn nothing_is_believed_by_chance(
        url in "((https?|wss?)://)?\\PC{0,40}",
        signature in "[A-Za-z0-9+/]{27}=|\\PC{0,40}",
        settings in proptest::option::of("(algorithm=)?\\PC{0,20}"),
        raw in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        for body in [Body::None, Body::Form(&[]), Body::Raw(&raw)] {
            let (signature, settings) = (Some(signature.as_str()), settings.as_deref());
            let checked = verify(&keys(), &Request { url: &url, body, signature, settings });
            prop_assert!(checked.is_err());
        }
    }
}
