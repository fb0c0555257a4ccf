//! What vendors send, and what the components that ship make of it: natively, as their sessions.
//!
//! A line that begins with a dot is something that happens (`.speech-ended`, `.closed 1006 gone`); any
//! other line is what the vendor sends: a text frame, or a line of a response's body.

use super::{fuzz, gist, lines};
use cartesia_tts::Cartesia;
use deepgram_stt::Deepgram;
use fuzz::{Limits, Target};
use openai_llm::Completion;
use openai_stt::Transcriber;
use openai_tts::Speech;
use plugin::net::{Closure, Fault};
use plugin::{
    Action, AudioFormat, Encoding, Frame, Head, Header, Outcome, Request, Usage, Websocket, llm, net, stt,
    tts,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::mem::discriminant;

const BASE: &str = "https://vendor.example/v1";
const HAPPENINGS: &[&str] = &[
    "\n.opened\n",
    "\n.closed 1000 bye\n",
    "\n.closed 1011 NET-0001 DATA-0000\n",
    "\n.head 200\n",
    "\n.head 429\n",
    "\n.head 200 content-type=audio/mpeg\n",
    "\n.head 401\n",
    "\n.failed unreachable\n",
    "\n.failed refused 401\n",
    "\n.failed timeout\n",
    "\n.on 1\n",
    "\n.on 2\n",
    "\n.on 3\n",
    "\n.timer 1\n",
    "\n.timer 2\n",
    "\n.binary 00ff\n",
];

/// What happens on the network.
enum Network {
    /// on this connection from now on
    On(u32),
    Came(Outcome),
}

/// `words`: of a line without its dot; or the vendor's line. None: it is about something else.
fn network(line: &str, by_frames: bool) -> Option<Network> {
    let Some(happening) = line.strip_prefix('.') else {
        let body = || format!("{line}\n").into_bytes();
        let sent = if by_frames { Outcome::Frame(Frame::Text(line.into())) } else { Outcome::Body(body()) };
        return Some(Network::Came(sent));
    };
    let (name, rest) = happening.split_once(' ').unwrap_or((happening, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let header =
        second.split_once('=').map(|(name, value)| Header { name: name.into(), value: value.into() });
    let headers: Vec<_> = header.into_iter().collect();
    Some(Network::Came(match name {
        "on" => return first.parse().ok().map(Network::On),
        "opened" => Outcome::Opened,
        "head" => Outcome::Head(Head { status: first.parse().ok()?, headers }),
        "closed" => Outcome::Closed(Closure { code: first.parse().unwrap_or(1005), reason: second.into() }),
        "binary" => Outcome::Frame(Frame::Binary(rest.into())),
        "failed" => {
            let fault = match first {
                "forbidden" => Fault::Forbidden,
                "refused" => Fault::Refused,
                "timeout" => Fault::Timeout,
                "protocol" => Fault::Protocol,
                _ => Fault::Unreachable,
            };
            let code = second.parse().unwrap_or_default();
            Outcome::Failed(net::Failure { fault, code, message: "it went".into(), headers })
        }
        _ => return None,
    }))
}

/// What a session asks of the network is what may go out.
fn check(effect: &net::Effect) -> String {
    let url = |url: &str| {
        let parsed = url::Url::parse(url).unwrap();
        assert!(url.starts_with(BASE) && parsed.fragment().is_none(), "{url}");
    };
    let json =
        |text: &[u8]| assert!(serde_json::from_slice::<Value>(text).is_ok_and(|value| value.is_object()));
    let headers =
        |headers: &[Header]| assert!(headers.iter().all(|h| !h.name.is_empty() && !h.value.contains('\n')));
    match &effect.action {
        Action::Open(Websocket { url: to, headers: set, protocols }) => {
            url(to);
            headers(set);
            assert!(protocols.is_empty());
        }
        Action::Request(Request { method, url: to, headers: set, body }) => {
            assert_eq!(method, "POST");
            url(to);
            headers(set);
            if set.iter().any(|header| header.value == "application/json") {
                json(body);
            }
        }
        Action::Send(Frame::Text(text)) => json(text.as_bytes()),
        Action::Send(Frame::Binary(bytes)) => assert!(!bytes.is_empty()),
        Action::Close => {}
    }
    format!("{:?}", discriminant(&effect.action))
}

/// What a failure is about, without what the vendor says of it.
fn about(message: &str) -> String {
    gist(message.split(':').next().unwrap_or_default())
}

/// Nobody is told more than he said, by far: an effect is a piece of memory that the host has to hold.
fn few(effects: usize, input: &[u8]) {
    assert!(effects <= 16 + 2 * input.len(), "{effects} effects of {} bytes", input.len());
}

// -- speech to text

fn hearing<P: stt::Provider>(open: impl Fn() -> P, by_frames: bool, input: &[u8]) -> Vec<String> {
    let (mut session, mut connection) = (open(), 1);
    let (mut effects, mut kinds, mut finished, mut failed) = (Vec::new(), Vec::new(), 0, 0);
    for line in lines(input) {
        let (name, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let event = match name {
            // so many milliseconds of 16 kHz; nobody who sends it on at once looks into it
            ".audio" if by_frames => stt::Event::Audio(vec![0x55; 160]),
            ".audio" => {
                stt::Event::Audio(vec![0x55; rest.parse::<usize>().unwrap_or(1).clamp(1, 1_000) * 32])
            }
            ".speech-started" => stt::Event::SpeechStarted,
            ".speech-ended" => stt::Event::SpeechEnded,
            ".finalize" => stt::Event::Finalize,
            ".finish" => stt::Event::Finish,
            ".timer" => stt::Event::Timer(rest.parse().unwrap_or(1)),
            ".retune" => stt::Event::Retune(stt::Tuning {
                language: rest.split(' ').next().map(str::to_owned),
                keyterms: Some(rest.split(' ').skip(1).map(str::to_owned).collect()),
            }),
            _ => match network(&line, by_frames) {
                Some(Network::On(other)) => {
                    connection = other;
                    continue;
                }
                Some(Network::Came(outcome)) => stt::Event::Net(net::Event { connection, outcome }),
                None => continue,
            },
        };
        let from = effects.len();
        session.handle(0, event, &mut effects);
        for effect in &effects[from..] {
            kinds.push(match effect {
                stt::Effect::Net(effect) => check(effect),
                stt::Effect::Partial(heard) | stt::Effect::Final(heard) => {
                    let length: usize = heard.words.iter().map(|word| word.text.len()).sum();
                    assert!(heard.text.len() + length <= 4 * input.len());
                    assert!((0.0..=1.0).contains(&heard.confidence), "a confidence of {}", heard.confidence);
                    format!(
                        "{:?} {} {}",
                        discriminant(effect),
                        heard.text.is_empty(),
                        heard.words.len().min(2)
                    )
                }
                stt::Effect::Failed(failure) => {
                    failed += 1;
                    assert!(failure.message.len() <= 4 * input.len() + 500);
                    format!("{:?} {}", failure.cause, about(&failure.message))
                }
                stt::Effect::Finished => {
                    finished += 1;
                    "finished".into()
                }
                other => format!("{:?}", discriminant(other)),
            });
        }
        few(effects.len(), input);
        if finished + failed > 0 {
            // the last effect of a session: the host does not call it again
            break;
        }
    }
    assert!(finished <= 1);
    kinds
}

#[test]
fn deepgram_says_anything() {
    let dictionary = &[
        "\"type\":\"Results\"",
        "\"is_final\":true",
        "\"speech_final\":true",
        "UtteranceEnd",
        "SpeechStarted",
        "\"start\":",
        "\"duration\":1e308",
        "\"words\":[]",
        "\"alternatives\":[]",
        "\n.speech-ended\n",
        "\n.speech-started\n",
        "\n.finish\n",
        "\n.timer 2\n",
        "\n.audio 1\n",
        "\n.closed 1000\n",
    ];
    fuzz(&Target::new("deepgram-stt").dictionary(dictionary), |input| {
        let settings = serde_json::json!({
            "base_url": BASE, "model": "nova-3", "endpointing_ms": 300, "finalize_after_ms": 50, "turns": true,
            "utterance_end_ms": 1000, "smart_format": true,
        });
        let format = AudioFormat { encoding: Encoding::Mulaw, rate: 8000 };
        let open = || {
            <Deepgram as stt::Provider>::open(stt::Opening {
                format,
                language: Some("en-US".into()),
                keyterms: vec!["tomato soup".into()],
                settings: settings.to_string(),
            })
            .unwrap()
        };
        hearing(open, true, input)
    });
}

#[test]
fn a_transcription_is_anything() {
    let dictionary = &[
        "{\"text\":\"",
        "\n.audio 300\n",
        "\n.speech-started\n",
        "\n.speech-ended\n",
        "\n.finish\n",
        "\n.finalize\n",
        "\n.timer 1\n",
        "\n.closed 0\n",
        "\n.head 500\n",
        "\n.failed unreachable\n",
        "\n.retune de a b\n",
    ];
    // a second of sound for a line of it; half a minute may wait, several times over
    let limits = Limits { memory: 32 << 20, memory_per_byte: 16 * 1024, ..Limits::default() };
    let target = Target::new("openai-stt").dictionary(dictionary).longest(4096).limits(limits);
    fuzz(&target, |input| {
        let settings = serde_json::json!({ "base_url": BASE, "model": "whisper-1" }).to_string();
        let format = AudioFormat { encoding: Encoding::Pcm16, rate: 16_000 };
        let open = || {
            let (language, keyterms) = (Some("en-US".into()), vec!["tomato soup".into()]);
            let opening = stt::Opening { format, language, keyterms, settings: settings.clone() };
            <Transcriber as stt::Provider>::open(opening).unwrap()
        };
        hearing(open, false, input)
    });
}

// -- language models

#[test]
fn a_completion_is_anything() {
    let dictionary = &[
        "data: {\"choices\":[{\"delta\":{\"content\":\"",
        "\"tool_calls\":[{\"index\":0,",
        "\"function\":{\"name\":",
        "\"arguments\":",
        "\"finish_reason\":\"stop\"",
        "\"finish_reason\":\"tool_calls\"",
        "data: [DONE]\n\n",
        "\"usage\":{\"prompt_tokens\":",
        "\"error\":{",
        "\"id\":\"call_0\"",
        "\"id\":\"call_1\"",
        "\n.closed 0\n",
        "\n.head 500\n",
    ];
    fuzz(&Target::new("openai-llm").dictionary(HAPPENINGS).dictionary(dictionary), |input| {
        let settings = serde_json::json!({
            "base_url": BASE, "model": "m", "max_tokens_field": "max_tokens", "stream_usage": true,
        });
        let opening = llm::Opening { settings: settings.to_string() };
        let mut session = <Completion as llm::Provider>::open(opening).unwrap();
        let prompt = llm::Prompt {
            messages: vec![llm::Message::Caller("My soup is cold.".into())],
            tools: vec![],
            tool_choice: llm::ToolChoice::Auto,
            max_tokens: None,
            temperature: None,
            schema: None,
        };
        let (mut effects, mut cancelled) = (Vec::new(), false);
        llm::Provider::handle(&mut session, 0, llm::Event::Generate(prompt), &mut effects);
        for line in lines(input) {
            let event = match line.as_ref() {
                ".cancel" => {
                    cancelled = true;
                    llm::Event::Cancel
                }
                _ => match network(&line, false) {
                    Some(Network::Came(outcome)) => llm::Event::Net(net::Event { connection: 1, outcome }),
                    _ => continue,
                },
            };
            llm::Provider::handle(&mut session, 0, event, &mut effects);
            if cancelled {
                break;
            }
        }
        few(effects.len(), input);
        let ends = |effect: &llm::Effect| matches!(effect, llm::Effect::Finished(_) | llm::Effect::Failed(_));
        let end = effects.iter().position(ends);
        assert!(
            end.is_none_or(|end| end + 1 == effects.len() || cancelled && end + 2 == effects.len()),
            "{effects:?}"
        );
        let calls = effects.iter().filter_map(|effect| match effect {
            llm::Effect::ToolCall(call) => Some(call),
            _ => None,
        });
        let ids: BTreeSet<&str> = calls.clone().map(|call| call.id.as_str()).collect();
        assert_eq!(ids.len(), calls.clone().count(), "ids are unique within a reply: {effects:?}");
        if let Some(llm::Effect::Finished(stop)) = end.map(|end| &effects[end]) {
            assert_eq!(*stop == llm::Stop::Tools, calls.count() > 0, "{effects:?}");
        }
        effects
            .iter()
            .map(|effect| match effect {
                llm::Effect::Net(effect) => check(effect),
                llm::Effect::Delta(text) => {
                    assert!(!text.is_empty());
                    "delta".into()
                }
                llm::Effect::ToolCall(call) => {
                    assert!(!call.id.is_empty() && !call.arguments.trim().is_empty(), "{call:?}");
                    format!("call {} {}", call.name.is_empty(), call.arguments.len().min(3))
                }
                llm::Effect::Usage(Usage { unit, amount }) => format!("{unit} {}", *amount > 0),
                llm::Effect::Finished(stop) => format!("{stop:?}"),
                llm::Effect::Failed(failure) => format!("{:?} {}", failure.cause, about(&failure.message)),
                other => format!("{:?}", discriminant(other)),
            })
            .collect::<Vec<_>>()
    });
}

// -- text to speech

fn speaking<P: tts::Provider>(mut session: P, by_frames: bool, input: &[u8]) -> Vec<String> {
    let (mut connection, mut last_begun) = (1, None);
    // as the host does it: one after the other, each of them whole before the next
    let (mut begun, mut whole, mut cancelled) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut effects, mut kinds, mut finished) = (Vec::new(), Vec::new(), BTreeSet::new());
    for line in lines(input) {
        let (name, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let event = match name {
            ".prepare" => tts::Event::Prepare,
            ".begin" => {
                if last_begun.is_some_and(|id| !whole.contains(&id) && !cancelled.contains(&id)) {
                    continue;
                }
                let id = begun.len() as u32 + 1;
                begun.insert(id);
                last_begun = Some(id);
                let voice = (!rest.is_empty()).then(|| rest.to_owned());
                tts::Event::Begin(tts::Utterance { id, voice, language: Some("de-DE".into()) })
            }
            ".speak" | ".last" => {
                let Some(utterance) = last_begun.filter(|id| !whole.contains(id) && !cancelled.contains(id))
                else {
                    continue;
                };
                let last = name == ".last";
                if last {
                    whole.insert(utterance);
                }
                tts::Event::Speak(tts::Piece { utterance, text: rest.into(), last })
            }
            ".cancel" => {
                let Some(id) = rest.parse().ok().filter(|id| begun.contains(id) && !finished.contains(id))
                else {
                    continue;
                };
                cancelled.insert(id);
                tts::Event::Cancel(id)
            }
            ".timer" => tts::Event::Timer(rest.parse().unwrap_or(1)),
            _ => match network(&line, by_frames) {
                Some(Network::On(other)) => {
                    connection = other;
                    continue;
                }
                Some(Network::Came(outcome)) => tts::Event::Net(net::Event { connection, outcome }),
                None => continue,
            },
        };
        let from = effects.len();
        session.handle(0, event, &mut effects);
        let mut failed = false;
        for effect in &effects[from..] {
            kinds.push(match effect {
                tts::Effect::Net(effect) => check(effect),
                tts::Effect::Audio(tts::Audio { utterance, data }) => {
                    assert!(!data.is_empty() && data.len() % 2 == 0, "{} bytes", data.len());
                    assert!(begun.contains(utterance) && !cancelled.contains(utterance), "{utterance}");
                    assert!(!finished.contains(utterance), "sound of {utterance} after its end");
                    "audio".into()
                }
                tts::Effect::Timing(tts::Timing { utterance, word }) => {
                    assert!(begun.contains(utterance) && !cancelled.contains(utterance), "{utterance}");
                    format!("word {}", word.text.is_empty())
                }
                tts::Effect::Finished(utterance) => {
                    assert!(whole.contains(utterance) && !cancelled.contains(utterance), "{utterance}");
                    assert!(finished.insert(*utterance), "{utterance} is finished twice");
                    "finished".into()
                }
                tts::Effect::Failed(failure) => {
                    failed = true;
                    assert!(failure.message.len() <= 4 * input.len() + 500);
                    format!("{:?} {}", failure.cause, about(&failure.message))
                }
                other => format!("{:?}", discriminant(other)),
            });
        }
        few(effects.len(), input);
        if failed {
            break;
        }
    }
    kinds
}

const SPEAKING: &[&str] = &[
    "\n.prepare\n",
    "\n.begin\n",
    "\n.speak Good day. \n",
    "\n.last \n",
    "\n.last Bye!\n",
    "\n.cancel 1\n",
    "\n.cancel 2\n",
    "\n.timer 1\n",
    "\n.opened\n",
    "\n.closed 1000 bye\n",
    "\n.closed 0\n",
    "\n.failed unreachable\n",
    "\n.on 2\n",
    "\n.head 200\n",
    "\n.head 200 content-type=audio/mpeg\n",
    "\n.head 500\n",
    "\"type\":\"chunk\"",
    "\"type\":\"done\"",
    "\"type\":\"timestamps\"",
    "\"type\":\"error\"",
    "\"context_id\":\"u1.1\"",
    "\"context_id\":\"u1.2\"",
    "\"context_id\":\"u2.2\"",
    "\"data\":\"AAAA\"",
    "\"data\":\"AA==\"",
    "\"start\":[1e308]",
    "\"status_code\":400",
];

#[test]
fn cartesia_says_anything() {
    fuzz(&Target::new("cartesia-tts").dictionary(SPEAKING), |input| {
        let settings = serde_json::json!({
            "base_url": BASE, "version": "2026-03-01", "voice": "kind-voice", "model": "sonic-3",
            "max_buffer_delay_ms": 0, "speed": 1.0, "volume": 1.0, "emotion": "",
        });
        let session = <Cartesia as tts::Provider>::open(tts::Opening {
            format: AudioFormat { encoding: Encoding::Pcm16, rate: 24_000 },
            language: Some("en-US".into()),
            voice: None,
            settings: settings.to_string(),
        });
        speaking(session.unwrap(), true, input)
    });
}

#[test]
fn the_body_of_speech_is_anything() {
    fuzz(&Target::new("openai-tts").dictionary(SPEAKING), |input| {
        let settings = serde_json::json!({
            "base_url": BASE, "model": "m", "voice": "alloy", "speed": 1.0, "instructions": "",
        });
        let session = <Speech as tts::Provider>::open(tts::Opening {
            format: AudioFormat { encoding: Encoding::Pcm16, rate: 24_000 },
            language: Some("en-US".into()),
            voice: None,
            settings: settings.to_string(),
        });
        speaking(session.unwrap(), false, input)
    });
}
