//! A session, told what the host would tell it.

use super::*;
use plugin::AudioFormat;

fn open(encoding: Encoding) -> Result<Ear, Failure> {
    Ear::open(Opening {
        format: AudioFormat { encoding, rate: 8000 },
        language: Some("en-US".into()),
        keyterms: vec![],
        settings: r#"{"base_url": "ws://127.0.0.1:1"}"#.into(),
    })
}

fn told(ear: &mut Ear, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    ear.handle(0, event, &mut effects);
    effects
}

fn says(ear: &mut Ear, text: &str) -> Vec<Effect> {
    let outcome = Outcome::Frame(Frame::Text(text.into()));
    told(ear, Event::Net(net::Event { connection: SOCKET, outcome }))
}

#[test]
fn the_socket_is_opened_once_and_the_sound_follows() {
    let mut ear = open(Encoding::Mulaw).unwrap();
    let url = "ws://127.0.0.1:1/listen?language=en-US&rate=8000".to_owned();
    let open = on_socket(Action::Open(Websocket { url, headers: vec![], protocols: vec![] }));
    let sound = |byte: u8| on_socket(Action::Send(Frame::Binary(vec![byte; 160])));
    assert_eq!(told(&mut ear, Event::Audio(vec![1; 160])), [open, sound(1)]);
    assert_eq!(told(&mut ear, Event::Audio(vec![2; 160])), [sound(2)]);
}

#[test]
fn words_come_as_they_are_recognised() {
    let mut ear = open(Encoding::Mulaw).unwrap();
    told(&mut ear, Event::Audio(vec![0; 160]));
    let partial = says(&mut ear, r#"{"type":"partial","text":"my soup"}"#);
    assert_eq!(partial, [Effect::Partial(transcript("my soup".into(), None))]);
    let last = says(&mut ear, r#"{"type":"final","text":"My soup.","confidence":0.5}"#);
    assert_eq!(last, [Effect::Final(transcript("My soup.".into(), Some(0.5)))]);
    assert_eq!(says(&mut ear, r#"{"type":"weather"}"#), []);
}

#[test]
fn a_socket_that_closes_is_a_failure_unless_that_was_wanted() {
    let closed = |ear: &mut Ear| {
        let outcome = Outcome::Closed(net::Closure { code: 1000, reason: "bye".into() });
        told(ear, Event::Net(net::Event { connection: SOCKET, outcome }))
    };
    let mut ear = open(Encoding::Mulaw).unwrap();
    told(&mut ear, Event::Audio(vec![0; 160]));
    assert!(matches!(&closed(&mut ear)[..], [Effect::Failed(failure)] if failure.message.contains("bye")));
    let mut ear = open(Encoding::Mulaw).unwrap();
    told(&mut ear, Event::Finish);
    assert_eq!(closed(&mut ear), [Effect::Finished]);
}

#[test]
fn a_sound_that_it_cannot_take_is_refused_at_once() {
    assert!(open(Encoding::Pcm16).is_err());
}
