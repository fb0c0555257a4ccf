//! What Twilio sends, or whoever says that he is Twilio.

use super::{fuzz, gist, lines};
use ::twilio::number::{Number, masked};
use ::twilio::progress::Progress;
use ::twilio::receiving::{Received, Receiving};
use ::twilio::relay;
use ::twilio::signature::{AuthToken, Body, Keys, Request, SharedKey, SignatureError, body_sha256, verify};
use ::twilio::stream::{Incoming, Outgoing, Own, to_text};
use ::twilio::twiml::{Address, Conference, Dial, LONGEST_PARAMETER, Parameter, Response, Stream};
use ::twilio::webhook::Webhook;
use fuzz::{Limits, Target};
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::mem::discriminant;
use std::time::Duration;

const MESSAGES: &[&str] = &[
    "\"event\":\"media\"",
    "\"event\":\"start\"",
    "\"event\":\"dtmf\"",
    "\"event\":\"mark\"",
    "\"event\":\"stop\"",
    "\"event\":\"cordboard.said\"",
    "\"streamSid\":null",
    "\"track\":\"outbound\"",
    "\"payload\":\"\"",
    "audio/x-mulaw",
    "\"mediaFormat\":null",
    "!160",
];

#[test]
fn a_message_that_is_understood_is_written_as_what_it_was() {
    fuzz(&Target::new("stream").dictionary(MESSAGES), |input| {
        let text = String::from_utf8_lossy(input);
        let incoming = serde_json::from_str::<Incoming<'_>>(&text);
        if let Ok(message) = &incoming {
            let written = to_text(message);
            assert_eq!(serde_json::from_str::<Incoming<'_>>(&written).unwrap(), *message, "{written}");
        }
        let incoming = incoming.map(|message| discriminant(&message)).map_err(gist);
        [
            format!("{incoming:?}"),
            format!("to: {}", same::<Outgoing>(&text)),
            format!("own: {}", same::<Own>(&text)),
        ]
    });
}

/// Whether it is such a message; if so it is written as what it was.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) -> String {
    match serde_json::from_str::<T>(text) {
        Ok(message) => {
            assert_eq!(serde_json::from_str::<T>(&to_text(&message)).unwrap(), message);
            format!("{:?}", discriminant(&message))
        }
        Err(e) => gist(e),
    }
}

/// A line is a text frame; one of `!` and a number, a binary frame of that length.
#[test]
fn a_stream_of_anything_begins_once_ends_once_and_brings_no_more_audio_than_came() {
    // what a lost message leaves is filled: 5 s of silence for each, and 5 s it may have brought itself
    let mut target = Target::new("receiving").dictionary(MESSAGES);
    target.limits.memory_per_byte = 2_048;
    fuzz(&target, |input| {
        let mut receiving = Receiving::default();
        let (mut started, mut stopped, mut kinds) = (false, false, Vec::new());
        for line in lines(input) {
            let received = match line.strip_prefix('!').and_then(|length| length.parse().ok()) {
                Some(length) => vec![receiving.binary(length)],
                None => receiving.text(&line),
            };
            for received in received {
                match &received {
                    Received::Started(start) => {
                        assert!(!started, "a second start");
                        assert!(start.stream_sid.as_ref().is_some_and(|sid| !sid.is_empty()));
                        started = true;
                    }
                    Received::Wrong(wrong) => {
                        let said = wrong.to_string();
                        assert!(said.len() <= 300 + line.len() * 4, "it says more than came: {said}");
                        kinds.push(format!("{:?}", discriminant(wrong)));
                    }
                    Received::Audio(audio) => {
                        assert!(
                            started && !audio.is_empty() && audio.len() <= 80_000,
                            "{} bytes",
                            audio.len()
                        );
                    }
                    Received::Key(key) => assert!("0123456789*#ABCD".contains(*key)),
                    Received::Mark(_) | Received::Said { .. } => {}
                    Received::Stopped => assert!(!std::mem::replace(&mut stopped, true), "a second stop"),
                }
                let passes = started || matches!(received, Received::Wrong(_));
                assert!(passes, "before the start: {received:?}");
                kinds.push(format!("{:?}", discriminant(&received)));
            }
            assert_eq!(receiving.is_started(), started);
        }
        kinds
    });
}

const RELAY: &[&str] = &[
    "\"type\":\"setup\"",
    "\"type\":\"prompt\"",
    "\"type\":\"dtmf\"",
    "\"type\":\"interrupt\"",
    "\"type\":\"error\"",
    "\"type\":\"info\"",
    "\"callSid\":\"CA1\"",
    "\"voicePrompt\":\"\"",
    "\"digit\":\"1\"",
    "\"agentSpeaking\"",
    "\"last\":false",
];

/// A line is a text frame.
#[test]
fn a_relay_of_anything_begins_once_and_what_is_wrong_is_said_in_few_words() {
    fuzz(&Target::new("relay").dictionary(RELAY), |input| {
        let mut receiving = relay::Receiving::default();
        let (mut started, mut kinds) = (false, Vec::new());
        for line in lines(input) {
            kinds.push(format!("to: {}", same::<relay::Outgoing>(&line)));
            match receiving.text(&line) {
                Ok(relay::Received::Started(setup)) => {
                    assert!(!std::mem::replace(&mut started, true), "a second setup");
                    assert!(setup.call_sid.is_some_and(|sid| !sid.is_empty()));
                }
                Ok(received) => {
                    assert!(started, "before the setup: {received:?}");
                    if let relay::Received::Key(key) = &received {
                        assert!("0123456789*#ABCD".contains(*key));
                    }
                    kinds.push(format!("{:?}", discriminant(&received)));
                }
                Err(wrong) => {
                    let said = wrong.to_string();
                    assert!(said.len() <= 300 + line.len() * 4, "it says more than came: {said}");
                    kinds.push(format!("{:?}", discriminant(&wrong)));
                }
            }
        }
        kinds
    });
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Lines: the URL, the settings, the signature, a body or nothing, and then the parameters, name and
/// value in turn.
#[test]
fn a_signature_is_taken_for_the_url_it_was_made_for_and_for_no_other() {
    let dictionary =
        &["wss://", "https://", ":443", ":80", "bodySHA256=", "HMAC_SHA256", "algorithm=", "key=", "@"];
    // it is verified six times, each time with the parameters sorted for each spelling of the URL
    let limits = Limits { time: Duration::from_secs(2), memory_per_byte: 256, ..Limits::default() };
    fuzz(&Target::new("signature").longest(16 * 1024).dictionary(dictionary).limits(limits), |input| {
        let lines: Vec<_> = lines(input).collect();
        let line = |n: usize| lines.get(n).map(|line| line.as_ref()).filter(|line| !line.is_empty());
        let rest = lines.get(4..).unwrap_or_default().chunks_exact(2);
        let form: Vec<(String, String)> =
            rest.map(|pair| (pair[0].to_string(), pair[1].to_string())).collect();
        let url = line(0).unwrap_or_default();
        let raw = line(3).map(str::as_bytes);
        let body = match raw {
            Some(raw) => Body::Raw(raw),
            None if form.is_empty() => Body::None,
            None => Body::Form(&form),
        };

        let keys = |shared: bool| Keys {
            auth_token: AuthToken::new(TOKEN).unwrap(),
            shared_key: shared.then(|| SharedKey::new(TOKEN).unwrap()),
        };
        let asked = Request { url, body, signature: line(2), settings: line(1) };
        let kinds: Vec<_> = [false, true].map(|shared| verify(&keys(shared), &asked)).into_iter().collect();

        // what is made with our key is believed, and nothing that differs from it in a bit
        let parameters = if raw.is_some() { &[][..] } else { &form[..] };
        let signed = AuthToken::new(TOKEN).unwrap().sign(url, parameters);
        let own = Request { signature: Some(&signed), settings: None, ..asked };
        match (verify(&keys(false), &own), raw) {
            (Ok(()), None) => {}
            (Ok(()), Some(raw)) => {
                assert!(url.contains(&body_sha256(raw)) || url.contains('%') || url.contains('+'))
            }
            (Err(SignatureError::Url(_)), _) => {}
            (Err(SignatureError::NoBodyHash | SignatureError::OtherBody), Some(_)) => {}
            (Err(other), _) => panic!("what was signed is refused: {other}"),
        }
        let other = format!("{}{}", if signed.starts_with('A') { 'B' } else { 'A' }, &signed[1..]);
        assert!(verify(&keys(false), &Request { signature: Some(&other), ..own }).is_err());
        let elsewhere = format!("{url}x");
        assert!(
            verify(&keys(false), &Request { url: &elsewhere, body: Body::Form(parameters), ..own }).is_err()
        );
        kinds.into_iter().map(|result| result.map_err(|e| gist(e.to_string())))
    });
}

/// A line is a pair of a form: its name, `=`, its value.
#[test]
fn a_webhook_of_anything_is_read() {
    let dictionary = &[
        "CallSid=",
        "CallStatus=completed",
        "CallStatus=in-progress",
        "SequenceNumber=",
        "Timestamp=",
        "CallDuration=",
        "MachineDetectionDuration=",
        "SipResponseCode=",
        "DialBridged=TRUE",
        "StreamEvent=stream-error",
        "Sun, 25 Mar 2018 09:53:19 +0000",
        "2026-03-25T09:53:19.123Z",
        "9999-12-31T23:59:60Z",
        "[America/New_York]",
    ];
    fuzz(&Target::new("webhook").dictionary(dictionary), |input| {
        let lines: Vec<_> = lines(input).collect();
        let pairs = || lines.iter().filter_map(|line| line.split_once('='));
        let webhook = Webhook::parse(pairs());
        let again = Webhook::parse(pairs().chain([("CallSid", "another"), ("From", "another")]));
        if webhook.call_sid.is_some() && webhook.from.is_some() {
            assert_eq!(again, webhook, "the first counts");
        }
        let mut progress = Progress::default();
        let news = progress.take_webhook(&webhook);
        assert_eq!(news, webhook.status.is_some());
        assert!(!progress.take_webhook(&webhook), "it is no news twice");
        let Webhook { stream, dial, direction, answered_by, .. } = &webhook;
        [
            format!("{:?} {}", webhook.status.as_ref().map(discriminant), webhook.sequence_number.is_some()),
            format!(
                "{:?} {:?}",
                direction.as_ref().map(discriminant),
                answered_by.as_ref().map(discriminant)
            ),
            format!("{:?}", stream.as_ref().map(|stream| stream.event.as_ref().map(discriminant))),
            format!("{:?}", dial.as_ref().map(|dial| (dial.status.as_ref().map(discriminant), dial.bridged))),
            format!("{} {}", webhook.timestamp.is_some(), webhook.sip_response_code.is_some()),
            format!("{} {}", webhook.call_duration.is_some(), webhook.machine_detection_duration.is_some()),
        ]
    });
}

#[test]
fn a_number_is_e164_or_none_and_hides_its_middle() {
    fuzz(&Target::new("number").longest(4096), |input| {
        let text = String::from_utf8_lossy(input);
        let shown = masked(&text);
        assert!(shown.chars().count() <= 12, "{shown:?}");
        [text
            .parse::<Number>()
            .map(|number| {
                let digits = number.as_str().strip_prefix('+').unwrap();
                assert!(digits.bytes().all(|byte| byte.is_ascii_digit()) && (2..=15).contains(&digits.len()));
                assert_eq!(number.as_str().parse(), Ok(number.clone()));
                assert_eq!(
                    serde_json::from_str::<Number>(&serde_json::to_string(&number).unwrap()).unwrap(),
                    number
                );
                assert!(!format!("{number:?}").contains(digits), "{number:?}");
                digits.len()
            })
            .map_err(gist)]
    });
}

/// Lines: what is said, a URL, a name, and then parameters, name and value in turn.
#[test]
fn twiml_of_any_text_is_xml_that_says_the_same() {
    let dictionary = &["]]>", "<!--", "-->", "&#10;", "&#x0;", "<?xml?>", "\u{b}", "\u{1f}", "\u{9f}"];
    // an element for each parameter
    let limits = Limits { memory_per_byte: 512, ..Limits::default() };
    fuzz(&Target::new("twiml").longest(32 * 1024).dictionary(dictionary).limits(limits), |input| {
        // a line may end with a carriage return, and a text may hold a line feed, as this writes it
        let lines: Vec<String> = lines(input).map(|line| line.replace("\\n", "\n")).collect();
        let line = |n: usize| lines.get(n).cloned().unwrap_or_default();
        let (said, url, name) = (line(0), line(1), line(2));
        let mut stream = Stream::new(&url);
        stream.name = Some(name.clone());
        let given = lines.get(3..).unwrap_or_default().chunks_exact(2);
        let (parameters, refused): (Vec<_>, Vec<_>) =
            given.map(|pair| Parameter::new(&pair[0], &pair[1]).map(|p| (p, pair))).partition(Result::is_ok);
        let parameters: Vec<_> = parameters.into_iter().flatten().collect();
        stream.parameters = parameters.iter().map(|(parameter, _)| parameter.clone()).collect();
        for (_, pair) in &parameters {
            assert!(!pair[0].is_empty() && pair.concat().chars().count() <= LONGEST_PARAMETER);
        }
        let twiml = Response::new()
            .say(said.as_str())
            .connect(stream)
            .dial(Dial {
                action: Some(Address::get(url.as_str())),
                ..Dial::new(Conference::new(name.as_str()))
            })
            .to_string();

        let mut expected = vec![said, url.clone(), name.clone()];
        expected.extend(parameters.iter().flat_map(|(_, pair)| pair.to_vec()));
        expected.extend([url, "GET".into(), name]);
        let expected: Vec<String> = expected.iter().map(|text| of_xml(text)).collect();
        let expected: Vec<&String> = expected.iter().filter(|text| !text.is_empty()).collect();
        let read = read_xml(&twiml);
        assert_eq!(read.iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), expected, "{twiml}");
        let refused = refused.into_iter().filter_map(Result::err).map(gist);
        refused.chain([format!("{} parameters", parameters.len().min(4))]).collect::<Vec<_>>()
    });
}

/// What XML 1.0 can hold of a text, without what it discourages.
fn of_xml(text: &str) -> String {
    let fits = |c: &char| {
        matches!(c, '\t' | '\n' | '\r') || !(c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
    };
    text.chars().filter(fits).collect()
}

/// All attributes and texts, as a reader of XML gives them; what is not well-formed is a panic.
fn read_xml(text: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.expand_empty_elements = true;
    let (mut found, mut content, mut depth) = (Vec::new(), None::<String>, 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                depth += 1;
                for attribute in start.attributes() {
                    found.push(
                        attribute.unwrap().normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned(),
                    );
                }
            }
            Event::End(_) => {
                found.extend(content.take());
                depth -= 1;
            }
            Event::Text(text) => content.get_or_insert_default().push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let name = reference.to_string();
                let entity = reference.resolve_char_ref().unwrap().map(String::from);
                let entity =
                    entity.or_else(|| quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned));
                content.get_or_insert_default().push_str(&entity.unwrap());
            }
            Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(depth, 0);
    found
}
