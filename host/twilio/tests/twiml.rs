//! TwiML as Twilio's own library writes it (`data/twiml.json`, made by `data/twiml.py`), as a parser of
//! somebody else's reads it, and text that tries to become markup.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use roxmltree::{Document, Node};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use twilio::number::Number;
use twilio::twiml::{
    Address, Beep, Callee, Conference, ConferenceEvent, Connect, Dial, Gather, LONGEST_PARAMETER, Parameter,
    ParameterError, Prompt, Reason, Relay, Response, Say, SpeechTimeout, Stream,
};

const AGENT: &str = "https://agent.example.com";

fn at(path: &str) -> String {
    format!("{AGENT}{path}")
}

fn parameter(name: &str, value: &str) -> Parameter {
    Parameter::new(name, value).unwrap()
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

/// What an element says, without the order of attributes and the ways to write the same character.
#[derive(Debug, PartialEq)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Element>,
}

fn read(xml: &str) -> Element {
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response"), "{xml}");
    let document = Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    element(document.root_element())
}

fn element(node: Node<'_, '_>) -> Element {
    Element {
        name: node.tag_name().name().to_owned(),
        attributes: node.attributes().map(|a| (a.name().to_owned(), a.value().to_owned())).collect(),
        text: node.children().filter(Node::is_text).filter_map(|child| child.text()).collect(),
        children: node.children().filter(Node::is_element).map(element).collect(),
    }
}

/// The same documents, by us.
fn ours(name: &str) -> Response {
    match name {
        "nothing" => Response::new(),
        "stream_with_parameters" => Response::new().connect(Stream {
            parameters: vec![
                parameter("direction", "inbound"),
                parameter("n\"&<>", "a\nb\t'"),
                parameter("empty", ""),
            ],
            ..Stream::new("wss://agent.example.com/ws")
        }),
        "stream_with_everything" => {
            let stream = Stream {
                name: Some("line".into()),
                status_callback: Some(Address::get(at("/stream"))),
                ..Stream::new("wss://agent.example.com/ws")
            };
            Response::new()
                .connect(Connect { action: Some(Address::post(at("/after?a=1&b=2"))), ..stream.into() })
                .redirect(Address::get(at("/elsewhere?a=1&b=2")))
                .say("Sorry.")
        }
        "words" => Response::new()
            .say(Say {
                text: "Tom & \"Jerry\" <b> é 世界".into(),
                voice: Some("Polly.Amy".into()),
                language: Some("en-GB".into()),
            })
            .play(at("/chime.wav?a=1&b=2"))
            .pause(Duration::from_millis(2001))
            .redirect("/again")
            .hangup(),
        "gather_plain" => Response::new().gather(Gather::new("/turn?step=1")),
        "gather_with_everything" => {
            let words = Say {
                text: "Tom & Jerry".into(),
                voice: Some("Polly.Amy".into()),
                language: Some("en-GB".into()),
            };
            let gather = Gather {
                keys: false,
                prompt: vec![Prompt::Say(words), Prompt::Pause(Duration::from_secs(1))],
                timeout: Some(Duration::from_secs(5)),
                speech_timeout: Some(SpeechTimeout::Auto),
                max_speech: Some(Duration::from_secs(30)),
                speech_model: Some("phone_call".into()),
                language: Some("en-GB".into()),
                hints: vec!["guest".into(), "room <7>".into()],
                profanity_filter: Some(false),
                digits: Some(4),
                finish_on_key: Some(String::new()),
                partial: Some(Address::post(at("/partial"))),
                ..Gather::new(Address::post(at("/turn?call=1&step=2")))
            };
            Response::new().gather(gather).press("1w#")
        }
        "relay_plain" => {
            Response::new().connect(Relay { url: "wss://agent.example.com/relay".into(), ..Relay::default() })
        }
        "relay_with_everything" => {
            let attributes = [
                ("language", "en-GB"),
                ("ttsProvider", "Amazon"),
                ("voice", "Amy-Neural"),
                ("transcriptionProvider", "Deepgram"),
                ("dtmfDetection", "true"),
                ("interruptible", "any"),
                ("partialPrompts", "true"),
                ("hints", "guest, room <7>"),
                ("events", "speaker-events"),
            ];
            let relay = Relay {
                url: "wss://agent.example.com/relay".into(),
                attributes: attributes.map(|(name, value)| (name.into(), value.into())).into(),
                parameters: vec![parameter("direction", "inbound")],
            };
            Response::new()
                .connect(Connect { action: Some(Address::post(at("/after?call=1"))), ..relay.into() })
        }
        "rejected" => Response::new().reject(Reason::Rejected),
        "busy" => Response::new().reject(Reason::Busy),
        "dial_plain" => Response::new().dial(number("+1 555 555 0101")),
        "dial_with_everything" => Response::new().dial(Dial {
            caller_id: Some(number("+15555550100")),
            action: Some(Address::get(at("/dialled"))),
            timeout: Some(Duration::from_secs(20)),
            time_limit: Some(Duration::from_secs(600)),
            answer_on_bridge: true,
            ..Dial::new(Callee {
                whisper: Some(Address::post(at("/whisper"))),
                send_digits: Some("wwww1#".into()),
                status_callback: Some(Address::post(at("/leg"))),
                ..number("+15555550101").into()
            })
        }),
        "conference_plain" => Response::new().dial(Conference::new("claim 7")),
        "conference_with_everything" => {
            use ConferenceEvent::{End, Hold, Join, Leave, Mute, Start};
            Response::new().dial(Conference {
                start_on_enter: Some(false),
                end_on_exit: Some(true),
                beep: Some(Beep::OnEnter),
                wait: Some("".into()),
                most_participants: Some(3),
                participant: Some("desk".into()),
                status_callback: Some(Address::post(at("/room"))),
                events: vec![Start, End, Join, Leave, Mute, Hold],
                ..Conference::new("claim & <7>")
            })
        }
        other => panic!("twiml.json has the case {other}, and nobody writes it here"),
    }
}

#[test]
fn every_document_says_what_twilios_own_library_says() {
    let reference: Value = serde_json::from_str(include_str!("data/twiml.json")).unwrap();
    let cases = reference["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 14);
    for (name, theirs) in cases {
        let ours = ours(name).to_string();
        assert_eq!(read(&ours), read(theirs.as_str().unwrap()), "{name}: {ours}");
    }
}

#[test]
fn a_document_letter_for_letter() {
    let twiml = ours("stream_with_parameters").redirect(at("/after?a=1&b=2")).to_string();
    assert_eq!(
        twiml,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect>\
         <Stream url=\"wss://agent.example.com/ws\"><Parameter name=\"direction\" value=\"inbound\"/>\
         <Parameter name=\"n&quot;&amp;&lt;&gt;\" value=\"a&#10;b&#9;&apos;\"/>\
         <Parameter name=\"empty\" value=\"\"/></Stream></Connect>\
         <Redirect>https://agent.example.com/after?a=1&amp;b=2</Redirect></Response>"
    );
    assert_eq!(Response::new().to_string(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>");
}

#[test]
fn the_beep_of_a_room_has_four_ways() {
    let beeps = [Beep::Always, Beep::OnEnter, Beep::OnExit, Beep::Never];
    let written = beeps.map(|beep| {
        let room = Conference { beep: Some(beep), ..Conference::new("room") };
        let dial = read(&Response::new().dial(room).to_string()).children.remove(0);
        dial.children[0].attributes["beep"].clone()
    });
    assert_eq!(written, ["true", "onEnter", "onExit", "false"]);
}

#[test]
fn times_are_whole_seconds_and_never_cut_short() {
    let length = |length| {
        let pause = read(&Response::new().pause(length).to_string()).children.remove(0);
        pause.attributes["length"].clone()
    };
    assert_eq!(length(Duration::from_secs(2)), "2");
    assert_eq!(length(Duration::from_nanos(1)), "1");
    assert_eq!(length(Duration::ZERO), "0");
    assert_eq!(length(Duration::MAX), u64::MAX.to_string());
}

#[test]
fn a_parameter_that_twilio_would_not_take_is_refused() {
    let fits = "é".repeat(LONGEST_PARAMETER - 4);
    assert!(Parameter::new("text", &fits).is_ok());
    let error = Parameter::new("text", format!("{fits}!")).unwrap_err();
    assert_eq!(error, ParameterError::TooLong { name: "text".into(), length: LONGEST_PARAMETER + 1 });
    assert!(error.to_string().contains("shorten it"), "{error}");
    assert_eq!(Parameter::new("", "x").unwrap_err(), ParameterError::NoName);
}

#[test]
fn what_xml_cannot_hold_is_left_out() {
    let twiml = Response::new()
        .say("a\u{0}b\u{1b}[2Jc\u{FFFE}\u{FFFF}\u{7f}\u{85}d\te")
        .connect(Stream { parameters: vec![parameter("n\u{8}", "v\u{c}\r\n")], ..Stream::new("wss://x") });
    let read = read(&twiml.to_string());
    assert_eq!(read.children[0].text, "ab[2Jcd\te");
    let parameter = &read.children[1].children[0].children[0];
    assert_eq!(
        (parameter.attributes["name"].as_str(), parameter.attributes["value"].as_str()),
        ("n", "v\r\n")
    );
}

fn is_kept(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || !(c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
}

proptest! {
    /// Nothing that a caller or an operator writes becomes markup, and nothing of it is lost.
    #[test]
    fn any_text_comes_out_as_it_went_in(
        text in r#"(?s)([<>&"';\]\[\r\n\t #x]|.){0,40}"#,
        value in r#"(?s)([<>&"';\]\[\r\n\t #x]|.){0,40}"#,
    ) {
        let stream = Stream { parameters: vec![parameter("p", &value)], ..Stream::new(text.as_str()) };
        let twiml = Response::new().say(text.as_str()).connect(stream).dial(Conference::new(&text)).to_string();
        let read = read(&twiml);
        let kept = |text: &str| text.chars().filter(|c| is_kept(*c)).collect::<String>();
        prop_assert_eq!(read.children.len(), 3);
        prop_assert_eq!(&read.children[0].text, &kept(&text));
        let stream = &read.children[1].children[0];
        prop_assert_eq!(&stream.attributes["url"], &kept(&text));
        prop_assert_eq!(&stream.children[0].attributes["value"], &kept(&value));
        prop_assert_eq!(&read.children[2].children[0].text, &kept(&text));
    }
}
