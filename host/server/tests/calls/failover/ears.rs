//! Recognisers that fail, in every way and at every moment of a call; another one goes on, and what the caller
//! says meanwhile is understood once.
//!
//! | | when it is opened | in the greeting | before the first word | in the middle of speech | between turns |
//! |---|---|---|---|---|---|
//! | refused: no connection, 401, 429, 500 | × | – | – | – | – |
//! | closed | × | × | × | × | × |
//! | silent | × | – | × | × | – |
//! | says that it cannot | × | × | × | × | × |
//! | says nonsense | × | × | × | × | × |
//! | traps | × | × | × | × | – |
//! | computes without end | – | – | × | – | – |
//!
//! – : a stream is one connection, which nobody can refuse once it is there; a recogniser owes nothing while
//! nobody speaks; and how a component is ended for what it did is the same at all times.

use super::table::*;
use crate::house::Server;
use standins::deepgram::{self, Ear, ScriptedLine};
use standins::{Blow, Fault, Turn, openai};
use std::time::Duration;

const ANSWER: &str = "Noted.";

/// A recogniser that understands the same sentence whenever somebody speaks: what was heard twice is
/// understood twice, and what was not heard is not understood.
async fn recogniser() -> deepgram::Server {
    let ear = Ear::Script { lines: vec![ScriptedLine::new(SAID)], gap: Duration::from_millis(350) };
    let config = deepgram::Config { ear, ..deepgram::Config::scripted(KEY, vec![]) };
    deepgram::Server::start(config).await.unwrap()
}

async fn model() -> openai::Server {
    let script = openai::Script::always(ANSWER);
    openai::Server::start(openai::Config { script, ..openai::Config::new(KEY) }).await.unwrap()
}

fn settings(model: &openai::Server, second: &deepgram::Server) -> Cast {
    let toml = format!(
        "[route]\nllm = \"openai-llm\"\ntts = \"flite-tts\"\n\
         [component.guest-relations.settings]\ngreeting = \"Hello there!\"\n\
         [component.openai-llm.settings]\nbase_url = \"{}\"\n",
        model.base_url()
    );
    Cast::new(&toml).provider("second-stt", "deepgram-stt", &second.base_url())
}

/// When it fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Opening,
    Greeting,
    BeforeWords,
    MidSpeech,
    Idle,
}

/// What one of them does, and when; each is a call. Between two that fail from the start is one in which it
/// hears the first turn: none of them is known to be failing.
type Row = (&'static str, &'static [(When, Way)]);

#[derive(Clone, Copy, Debug)]
enum Way {
    Fault(fn() -> Fault),
    Blow(Blow),
}

use When::{BeforeWords, Greeting, Idle, MidSpeech, Opening};
const ROWS: [Row; 5] = [
    (
        "closed",
        &[
            (BeforeWords, Way::Blow(Blow::Break)),
            (Opening, Way::Blow(Blow::Close)),
            (MidSpeech, Way::Fault(|| Fault::CloseMidWord)),
            (Greeting, Way::Blow(Blow::Break)),
            (Idle, Way::Blow(Blow::Close)),
        ],
    ),
    (
        "silent",
        &[
            (BeforeWords, Way::Fault(|| Fault::Silent)),
            (Opening, Way::Fault(|| Fault::Silent)),
            (MidSpeech, Way::Fault(|| Fault::MidWord(Turn::Silent))),
        ],
    ),
    (
        "error",
        &[
            (BeforeWords, Way::Blow(Blow::Error)),
            (Opening, Way::Blow(Blow::Error)),
            (MidSpeech, Way::Fault(|| Fault::MidWord(Turn::Error))),
            (Greeting, Way::Blow(Blow::Error)),
            (Idle, Way::Blow(Blow::Error)),
        ],
    ),
    (
        "garbage",
        &[
            (BeforeWords, Way::Blow(Blow::Garbage)),
            (Opening, Way::Fault(|| Fault::Garbage)),
            (MidSpeech, Way::Fault(|| Fault::MidWord(Turn::Garbage))),
            (Greeting, Way::Blow(Blow::Garbage)),
            (Idle, Way::Blow(Blow::Garbage)),
        ],
    ),
    ("broken", &[(Opening, Way::Fault(|| Fault::Refuse { status: 500, retry_after: None }))]),
];

/// One call of a row.
async fn cell(server: &Server, row: &str, vendor: &deepgram::Server, (when, way): (When, Way)) {
    let strike = || match way {
        Way::Fault(fault) => vendor.set_fault(Some(fault())),
        Way::Blow(blow) => vendor.strike(blow),
    };
    if let (Opening, Way::Fault(_)) = (when, way) {
        strike();
    }
    let late = !matches!(when, Opening | Greeting);
    let said: &[&str] = if late { &[SAID, SAID] } else { &[SAID] };
    let name = format!("{row}-{when:?}");
    let (heard, connections) = (vendor.audio_bytes(), vendor.connections());
    let calling = call(server, row, &name, said, Leaves::AtOnce, |finished, begun| {
        // the greeting and the first answer are over; the second thing is being said
        let now = match when {
            Idle => finished == 2 && begun == 1,
            BeforeWords | MidSpeech => finished == 2 && begun == 2,
            Opening | Greeting => false,
        };
        if now {
            strike();
        }
    });
    let early = async {
        match (when, way) {
            (Opening, Way::Blow(_)) => vendor.until(|seen| seen.connections > connections).await,
            (Greeting, _) => vendor.until(|seen| seen.audio_bytes > heard + 800).await,
            _ => return,
        }
        strike();
    };
    let (went, ()) = tokio::join!(calling, early);
    vendor.set_fault(None);
    assert_eq!(went.understood, said, "{went}\n{}", server.log());
    assert_eq!(went.agent[1..], vec![ANSWER; said.len()], "{went}");
    went.passed(server, &[(row, "second-stt")]);
}

#[tokio::test]
async fn whenever_a_recogniser_fails_what_is_said_is_understood_once() {
    let (second, model) = (recogniser().await, model().await);
    let mut cast = settings(&model, &second);
    let mut vendors = Vec::new();
    for (row, cells) in ROWS {
        let vendor = recogniser().await;
        cast = cast.provider(row, "deepgram-stt", &vendor.base_url());
        cast = cast.route(row, &format!("stt = [{row:?}, \"second-stt\"]"));
        vendors.push((row, vendor, cells));
    }
    cast = cast.provider("nowhere", "deepgram-stt", &nowhere().await);
    // each at the moment that its name tells
    let villains = ["trap-at-open", "trap-at-handle", "trap-at-tenth", "trap-at-speech", "trap-at-silence"];
    let villains = [&villains[..], &["loop-at-speech"]].concat();
    for row in &villains {
        cast = cast.villain("stt", row);
    }
    let alone = [&villains[..], &["nowhere"]].concat();
    for row in &alone {
        cast = cast.route(row, &format!("stt = [{row:?}, \"second-stt\"]"));
    }
    let server = cast.start().await;
    let rows = vendors.iter().map(async |(row, vendor, cells)| {
        for at in *cells {
            cell(&server, row, vendor, *at).await;
        }
    });
    let alone_rows = alone.iter().map(async |row| {
        let went = call(&server, row, row, &[SAID], Leaves::AtOnce, |_, _| {}).await;
        assert_eq!(went.understood, [SAID], "{went}\n{}", server.log());
        went.passed(&server, &[(*row, "second-stt")]);
    });
    tokio::join!(futures_util::future::join_all(rows), futures_util::future::join_all(alone_rows));

    // each failure is counted where it happened, and nowhere else
    let figures = figures(&server).await;
    let counted = |row: &str| {
        let over = figure(&figures, "failovers_total", &[("from", row), ("to", "second-stt")]);
        (over, figure(&figures, "failures_total", &[("stage", "stt"), ("provider", row)]))
    };
    for (row, _, cells) in &vendors {
        assert_eq!(counted(row), (cells.len() as f64, cells.len() as f64), "{row}\n{figures}");
    }
    for row in &alone {
        assert_eq!(counted(row), (1.0, 1.0), "{row}\n{figures}");
    }
    assert_eq!(counted("second-stt").1, 0.0);
    assert_eq!(second.violations(), [""; 0]);
}

#[tokio::test]
async fn a_recogniser_that_refuses_us_is_left_alone_and_tried_again_when_it_may_be() {
    let (second, model) = (recogniser().await, model().await);
    let (busy, denied) = (recogniser().await, recogniser().await);
    busy.set_fault(Some(Fault::Refuse { status: 429, retry_after: Some(Duration::from_secs(5)) }));
    denied.set_fault(Some(Fault::Refuse { status: 401, retry_after: None }));
    let mut cast = settings(&model, &second);
    for (row, vendor) in [("busy", &busy), ("denied", &denied)] {
        cast = cast.provider(row, "deepgram-stt", &vendor.base_url());
        cast = cast.route(row, &format!("stt = [{row:?}, \"second-stt\"]"));
    }
    let server = cast.start().await;
    let say = async |row: &str, n: usize, passed: &[(&str, &str)]| {
        let went = call(&server, row, &format!("{row}{n}"), &[SAID], Leaves::AtOnce, |_, _| {}).await;
        assert_eq!(went.understood, [SAID], "{went}\n{}", server.log());
        went.passed(&server, passed);
    };
    let meanwhile = async |row: &str| {
        until_state(&server, row, "resting").await;
        say(row, 1, &[]).await;
    };
    tokio::join!(
        say("busy", 0, &[("busy", "second-stt")]),
        say("denied", 0, &[("denied", "second-stt")]),
        meanwhile("busy"),
        meanwhile("denied"),
    );
    assert_eq!([busy.seen().refused, denied.seen().refused], [1, 1]);
    busy.set_fault(None);
    rested(&server, "busy").await;
    say("busy", 2, &[]).await;
    assert_eq!(busy.finals(), ["my soup was cold today"]);
    until_state(&server, "busy", "ok").await;
    assert_eq!(denied.connections(), 0);
}

#[tokio::test]
async fn every_word_that_was_said_while_a_recogniser_failed_is_recognised_by_the_next() {
    if !crate::speech::is_possible() {
        return;
    }
    let first = recogniser().await;
    first.set_fault(Some(Fault::MidWord(Turn::Silent)));
    let grammar =
        deepgram::Grammar::phrases(&["my soup was cold today", "my soup was cold", "cold today", "soup"]);
    let ear = openai::Ear::Recogniser(grammar.clone());
    let script = openai::Script::always(ANSWER);
    let model =
        openai::Server::start(openai::Config { script, ear, ..openai::Config::new(KEY) }).await.unwrap();
    let second = deepgram::Server::start(deepgram::Config::new(KEY, grammar)).await.unwrap();
    // one that hears a stream, and one that hears an utterance at a time
    let cast = settings(&model, &second)
        .provider("first-stt", "deepgram-stt", &first.base_url())
        .provider("whole-stt", "openai-stt", &model.base_url())
        .route("stream", "stt = [\"first-stt\", \"second-stt\"]")
        .route("whole", "stt = [\"first-stt\", \"whole-stt\"]");
    let server = cast.start().await;
    let say = async |row: &str, to: &str| {
        let went = call(&server, row, row, &[SAID], Leaves::AtOnce, |_, _| {}).await;
        let words: Vec<String> = went.understood.iter().map(|text| letters(&[text])).collect();
        assert_eq!(words, [letters(&[SAID])], "{went}\n{}", server.log());
        went.passed(&server, &[("first-stt", to)]);
    };
    tokio::join!(say("stream", "second-stt"), say("whole", "whole-stt"));
    assert_eq!(second.violations(), [""; 0]);
}
