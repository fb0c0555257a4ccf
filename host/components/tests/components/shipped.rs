//! The shipped providers, as built, against servers that speak the vendors' protocols over real
//! sockets.

use crate::desk::*;
use call::line::UtteranceId;
use call::llm::{self, Effect};
use call::persona::{self, Action, Answerer, Departure, Direction, Ending, Event, Report, Turn, Utterance};
use call::{Cause, Moment, chat, stt, tts};
use components::manifest::Kind;
use components::{Arrival, Generation, LineAbilities, Listening, Scene, Speaking, TtsSession};
use standins::openai::{self, Reply, Rule, Script, When};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEY: &str = "sk-for-the-stand-in";

fn openai_desk(server: &openai::Server, key: &str) -> Desk {
    Desk::default().variable("OPENAI_BASE_URL", &server.base_url()).variable("OPENAI_API_KEY", key)
}

#[tokio::test]
async fn openai_answers_with_the_key_that_the_component_never_sees() {
    let server = openai::Server::start(openai::Config::new(KEY)).await.unwrap();
    let model = shipped("openai-llm", Kind::Llm, &openai_desk(&server, KEY));
    let effects = reply(&model, "CA1", "Is the soup warm?").await;
    assert_eq!(text(&effects), "You said: Is the soup warm?");
    assert!(matches!(effects.last(), Some(Effect::Finished(chat::Stop::Complete))), "{effects:?}");
    assert!(effects.iter().any(|e| matches!(e, Effect::Usage(_))), "{effects:?}");
    assert_eq!(server.violations(), [""; 0]);
    let asked = &server.requests()[0];
    assert_eq!(asked["messages"][0]["content"], "Be kind.");
}

#[tokio::test]
async fn openai_calls_tools_and_refuses_with_a_reason() {
    let rules = vec![
        Rule::new(When::said("book"), Reply::tool_call("book", serde_json::json!({ "seats": 4 }))),
        Rule::new(When::said("quota"), Reply::rate_limited(7)),
        Rule::new(When::said("cut"), Reply::TextThenDrop("Well".into())),
    ];
    let config = openai::Config { script: Script::new(rules), ..openai::Config::new(KEY) };
    let server = openai::Server::start(config).await.unwrap();
    let model = shipped("openai-llm", Kind::Llm, &openai_desk(&server, KEY));
    let booked = reply(&model, "CA1", "book a table").await;
    let called = booked.iter().find_map(|effect| match effect {
        Effect::ToolCall(call) => Some(call.clone()),
        _ => None,
    });
    let called = called.unwrap();
    assert_eq!((called.name.as_str(), called.arguments.replace(' ', "")), ("book", "{\"seats\":4}".into()));
    assert!(matches!(booked.last(), Some(Effect::Finished(chat::Stop::Tools))), "{booked:?}");

    let limited = reply(&model, "CA1", "quota").await;
    let Some(Effect::Failed(failure)) = limited.last() else { panic!("{limited:?}") };
    assert_eq!((failure.cause, failure.retry_after), (Cause::Busy, Some(Duration::from_secs(7))));
    let cut = reply(&model, "CA1", "cut").await;
    assert_eq!(text(&cut).trim(), "Well");
    assert!(failure_is(&cut, Cause::Unreachable), "{cut:?}");

    let stranger = shipped("openai-llm", Kind::Llm, &openai_desk(&server, "wrong"));
    assert!(failure_is(&reply(&stranger, "CA1", "hello").await, Cause::Denied));
}

fn failure_is(effects: &[Effect], cause: Cause) -> bool {
    matches!(effects.last(), Some(Effect::Failed(failure)) if failure.cause == cause)
}

#[tokio::test]
async fn a_reply_that_is_not_wanted_any_more_ends_its_request() {
    let config = openai::Config {
        script: Script::always("one two three four five six seven eight nine ten"),
        token_delay: Duration::from_millis(200),
        ..openai::Config::new(KEY)
    };
    let server = openai::Server::start(config).await.unwrap();
    let model = shipped("openai-llm", Kind::Llm, &openai_desk(&server, KEY));
    let (surroundings, mut arrivals) = surroundings("CA1");
    let began = Instant::now();
    let now = || Moment::since_start(began.elapsed());
    let (mut session, _) = model.open_llm(&surroundings, now()).unwrap();
    session.handle(now(), llm::Event::Generate(prompt("count")));
    while text(&step(&mut session, &mut arrivals, &now).await).is_empty() {}
    session.handle(now(), llm::Event::Cancel);
    drop(session);
    let seen = server.until(|seen| seen.cancelled == 1);
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the server sees it go");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure_and_not_a_wait() {
    let desk = Desk::default().variable("OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
    let model = shipped("openai-llm", Kind::Llm, &desk);
    assert!(failure_is(&reply(&model, "CA1", "hello").await, Cause::Unreachable));
}

/// Everything that the voice says to a text, asked for as fast as it can give it.
fn spoken(session: &mut TtsSession, text: String) -> Vec<tts::Effect> {
    let utterance = UtteranceId(1);
    session.handle(Moment::START, tts::Event::Begin { utterance, voice: None, language: None });
    let mut effects = session.handle(Moment::START, tts::Event::Speak { utterance, text, last: true });
    while effects.last() == Some(&tts::Effect::More) {
        effects.pop();
        effects.extend(session.handle(Moment::START, tts::Event::More));
    }
    effects
}

fn audio_bytes(effects: &[tts::Effect]) -> usize {
    let size = |effect: &tts::Effect| match effect {
        tts::Effect::Audio { data, .. } => data.len(),
        _ => 0,
    };
    effects.iter().map(size).sum()
}

#[tokio::test]
async fn flite_speaks_as_much_as_it_is_asked_for() {
    let voice = shipped("flite-tts", Kind::Tts, &Desk::default());
    let (surroundings, _arrivals) = surroundings("CA1");
    let opening = Speaking { language: Some("en-US".into()), voice: None };
    let (mut session, refused) = voice.open_tts(&surroundings, Moment::START, opening).unwrap();
    assert_eq!(refused, []);
    let utterance = UtteranceId(1);
    let effects = spoken(&mut session, "I am sorry to hear that, and I will tell the kitchen.".into());
    assert_eq!(effects.last(), Some(&tts::Effect::Finished(utterance)));
    let words = effects.iter().filter(|e| matches!(e, tts::Effect::Timing { .. })).count();
    assert_eq!(words, 12);
    let bytes = audio_bytes(&effects);
    assert!((16_000..40_000).contains(&bytes), "{bytes} bytes");

    let german = Speaking { language: Some("de-DE".into()), voice: None };
    let (_, refused) = voice.open_tts(&surroundings, Moment::START, german).unwrap();
    assert!(matches!(&refused[..], [tts::Effect::Failed(f)] if f.cause == Cause::Unsupported), "{refused:?}");
}

#[tokio::test]
async fn a_voice_that_speaks_for_long_is_no_trouble() {
    let voice = shipped("flite-tts", Kind::Tts, &Desk::default());
    let (surroundings, _arrivals) = surroundings("CA1");
    let (mut session, _) = voice.open_tts(&surroundings, Moment::START, Speaking::default()).unwrap();
    // a minute at once, where a call asks for less than a second ahead
    let text = "I am sorry to hear that, and I will tell the kitchen. ".repeat(20);
    let effects = spoken(&mut session, text);
    assert!(matches!(effects.last(), Some(tts::Effect::Finished(_))), "{:?}", effects.last());
    assert!(audio_bytes(&effects) > 50 * 8000);
}

/// Plays silence to a recogniser at `base`; what it says until it has finished or failed.
async fn listened(base: &str, key: &str) -> Vec<stt::Effect> {
    let desk = Desk::default().variable("DEEPGRAM_BASE_URL", base).variable("DEEPGRAM_API_KEY", key);
    let recogniser = shipped("deepgram-stt", Kind::Stt, &desk);
    let (surroundings, mut arrivals) = surroundings("CA1");
    let began = Instant::now();
    let now = || Moment::since_start(began.elapsed());
    let (mut session, mut effects) = recogniser.open_stt(&surroundings, now(), Listening::default()).unwrap();
    for _ in 0..50 {
        effects.extend(session.handle(now(), stt::Event::Audio(vec![0xFF; 160])));
    }
    effects.extend(session.handle(now(), stt::Event::Finish));
    let over = |e: &stt::Effect| matches!(e, stt::Effect::Finished | stt::Effect::Failed(_));
    while !effects.iter().any(over) {
        let arrival = tokio::time::timeout(Duration::from_secs(20), arrivals.recv()).await.unwrap();
        let Some(Arrival::Net { event, .. }) = arrival else { panic!("{arrival:?}") };
        effects.extend(session.arrived(now(), event));
    }
    effects
}

#[tokio::test]
async fn deepgram_hears_a_stream_to_its_end_and_is_refused_with_a_reason() {
    if let Err(missing) = standins::deepgram::recogniser_available() {
        assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
        return eprintln!("skipped: {missing}");
    }
    let grammar = standins::deepgram::Grammar::phrases(&["hello"]);
    let server =
        standins::deepgram::Server::start(standins::deepgram::Config::new(KEY, grammar)).await.unwrap();
    let heard = listened(&server.base_url(), KEY).await;
    assert!(matches!(heard.last(), Some(stt::Effect::Finished)), "{heard:?}");
    assert_eq!(server.violations(), [""; 0]);
    assert_eq!(server.seen().audio_bytes, 8000);
    let refused = listened(&server.base_url(), "wrong").await;
    let [stt::Effect::Failed(failure)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(failure.cause, Cause::Denied, "{failure}");
}

#[tokio::test]
async fn a_session_without_a_recogniser_to_reach_fails() {
    let heard = listened("http://127.0.0.1:9", KEY).await;
    let [stt::Effect::Failed(failure)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(failure.cause, Cause::Unreachable, "{failure}");
}

fn outbound(answered_by: Answerer) -> Scene {
    Scene {
        seed: 7,
        timezone: "UTC".into(),
        language: "en-US".into(),
        call: "CA1".into(),
        direction: Direction::Outbound,
        caller: None,
        called: None,
        parameters: vec![],
        initial_message: None,
        answered_by,
        line: LineAbilities {
            hears_audio: true,
            speaks_audio: true,
            can_speak_unasked: true,
            can_send_digits: true,
        },
    }
}

/// What a persona does about these, one after the other.
fn does(persona: &Arc<Generation>, scene: &Scene, events: Vec<Event>) -> Vec<Action> {
    let (surroundings, _arrivals) = surroundings("CA1");
    let mut session = persona.open_persona(&surroundings, Moment::START, scene).unwrap().unwrap();
    events.into_iter().flat_map(|event| session.handle(Moment::START, event).unwrap()).collect()
}

fn done(id: u32) -> Event {
    Event::Done(Report { id, ending: Ending::Complete, heard: String::new(), answer: String::new() })
}

#[tokio::test]
async fn guest_relations_leaves_a_message_on_a_machine() {
    let persona = shipped("guest-relations", Kind::Persona, &Desk::default());
    let told = vec![Event::Started, Event::AnsweredBy(Answerer::MachineBeep), done(2)];
    let actions = does(&persona, &outbound(Answerer::Unknown), told);
    let said: Vec<&str> = actions.iter().filter_map(text_of).collect();
    let [greeting, message] = said[..] else { panic!("{actions:?}") };
    assert!(greeting.starts_with("Hello, this is Compass Group guest relations. I am calling"), "{greeting}");
    assert!(message.starts_with("Hello, this is Compass Group guest relations. We called"), "{message}");
    // one that was known before hears the message only, and a fax nothing
    let actions = does(&persona, &outbound(Answerer::MachineBeep), vec![Event::Started]);
    assert_eq!(actions.iter().filter_map(text_of).collect::<Vec<_>>(), [message]);
    let actions = does(&persona, &outbound(Answerer::Fax), vec![Event::Started]);
    assert_eq!(actions.last(), Some(&Action::HangUp), "{actions:?}");
}

fn text_of(action: &Action) -> Option<&str> {
    match action {
        Action::Say { text, .. } => Some(text),
        _ => None,
    }
}

#[tokio::test]
async fn guest_relations_puts_a_guest_through_and_keeps_who_ended_the_call() {
    let desk = Desk::default().entry("guest-relations", "settings = { transfer_to = \"+15550100\" }");
    let persona = shipped("guest-relations", Kind::Persona, &desk);
    let said = Utterance { text: "A person, please.".into(), confidence: 1.0, language: None };
    let turn = Event::Turn(Turn { number: 1, revision: 0, said });
    let call = chat::ToolCall {
        id: "call00001".into(),
        name: "transfer".into(),
        arguments: r#"{"brief":"Her soup was cold."}"#.into(),
    };
    let called = Event::ToolCall { question: 2, call };
    let told = vec![Event::Started, done(1), turn, called, done(2), Event::Ended(Departure::Operator)];
    let actions = does(&persona, &outbound(Answerer::Human), told);
    let brief = Some("Her soup was cold.".to_owned());
    let transfer = Action::Transfer { id: 3, to: "+15550100".into(), brief };
    assert!(actions.contains(&transfer), "{actions:?}");
    let ended = persona::Field { name: "ended_by".into(), value: "\"operator\"".into() };
    assert_eq!(actions.last(), Some(&Action::Keep(vec![ended])));
}
