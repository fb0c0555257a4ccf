//! Voices that fail, in every way and at every moment of a call; another one goes on, and every letter of the
//! greeting and of the answer is heard once.
//!
//! | | before the greeting | in it | before the answer | in it | between turns |
//! |---|---|---|---|---|---|
//! | refused: no connection, 401, 429, 500 | × | – | 429 | – | – |
//! | closed | – | × | × | × | × |
//! | silent, or done without a sound | × | × | × | × | – |
//! | says that it cannot | × | × | × | × | × |
//! | says nonsense | × | × | × | × | × |
//! | gives too much | – | – | – | – | – |
//! | traps, computes without end | × | × | – | – | – |
//!
//! – : a voice is one connection, so that of a call which goes on only a context can be refused; the socket is
//! opened with the first words; a voice owes nothing between turns; of one that gives too much, what came
//! before the limit is heard, and is not what was to be said; and how a component is ended for what it did is
//! the same for each utterance.

use super::table::*;
use crate::house::Server;
use standins::{Blow, Fault, Turn, cartesia, openai};
use std::time::Duration;

/// Every call has sentences of its own: none is known by heart.
fn said(call: &str) -> String {
    format!("My soup was cold in {call}.")
}

fn answer(call: &str) -> String {
    format!("I apologise sincerely, and the kitchen shall hear: {}", said(call))
}

fn greeting(call: &str) -> String {
    format!("Welcome everybody, number {}, whatever brings you here.", letters(&[call]))
}

async fn voice() -> cartesia::Server {
    cartesia::Server::start(cartesia::Config { spells: true, ..cartesia::Config::new(KEY) }).await.unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    /// it is so when the call begins: before the greeting, or in it, as the fault has it
    Beginning,
    /// when the caller speaks
    Answer,
    /// when the greeting is over
    Idle,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Fault(fn() -> Fault),
    Blow(Blow),
    /// it gets the text, and is gone
    Vanishes,
}

use Way::Vanishes;
use When::{Answer, Beginning, Idle};

/// What one of them does, when, and whether another has to go on: each is a call.
type Row = (&'static str, &'static [(When, Way, bool)]);

const ROWS: [Row; 6] = [
    (
        "closed",
        &[
            (Answer, Way::Fault(|| Fault::CloseMidWord), true),
            (Beginning, Way::Fault(|| Fault::CloseMidWord), true),
            // it is opened again, and is given the same once more
            (Answer, Vanishes, false),
            (Idle, Way::Blow(Blow::Close), false),
            (Idle, Way::Blow(Blow::Break), false),
        ],
    ),
    (
        "silent",
        &[
            (Answer, Way::Fault(|| Fault::Silent), true),
            (Beginning, Way::Fault(|| Fault::Silent), true),
            (Answer, Way::Fault(|| Fault::MidWord(Turn::Silent)), true),
            (Beginning, Way::Fault(|| Fault::MidWord(Turn::Silent)), true),
        ],
    ),
    (
        "nothing",
        &[(Answer, Way::Fault(|| Fault::Nothing), true), (Beginning, Way::Fault(|| Fault::Nothing), true)],
    ),
    (
        "error",
        &[
            (Answer, Way::Fault(|| Fault::Error), true),
            (Beginning, Way::Fault(|| Fault::Error), true),
            (Answer, Way::Fault(|| Fault::MidWord(Turn::Error)), true),
            (Beginning, Way::Fault(|| Fault::MidWord(Turn::Error)), true),
            // it is about nothing that is spoken
            (Idle, Way::Blow(Blow::Error), false),
        ],
    ),
    (
        "garbage",
        &[
            (Answer, Way::Fault(|| Fault::Garbage), true),
            (Beginning, Way::Fault(|| Fault::Garbage), true),
            (Answer, Way::Fault(|| Fault::MidWord(Turn::Garbage)), true),
            (Beginning, Way::Fault(|| Fault::MidWord(Turn::Garbage)), true),
            (Idle, Way::Blow(Blow::Garbage), true),
        ],
    ),
    (
        "broken",
        &[(Answer, Way::Fault(|| refused(500)), true), (Beginning, Way::Fault(|| refused(500)), true)],
    ),
];

fn refused(status: u16) -> Fault {
    Fault::Refuse { status, retry_after: None }
}

/// One call of a row.
async fn cell(server: &Server, row: &str, name: &str, vendor: &cartesia::Server, cell: (When, Way, bool)) {
    let (when, way, fails) = cell;
    let strike = || match way {
        Way::Fault(fault) => vendor.set_fault(Some(fault())),
        Way::Blow(blow) => vendor.strike(blow),
        Vanishes => vendor.set_fault(Some(Fault::Silent)),
    };
    if when == Beginning {
        strike();
    }
    let halts = matches!(way, Way::Fault(fault) if fault() == Fault::MidWord(Turn::Silent));
    let leaves = if halts { Leaves::Patiently } else { Leaves::AtOnce };
    // while the greeting has halted the caller would think that it is over
    let words = said(name);
    let said: &[&str] = if halts && when == Beginning { &[] } else { &[&words] };
    let contexts = vendor.contexts().len();
    let calling = call(server, name, name, said, leaves, |finished, begun| {
        if when == Idle && (finished, begun) == (1, 0) || when == Answer && begun == 1 {
            strike();
        }
    });
    let vanishing = async {
        if let Vanishes = way {
            vendor.until(|seen| seen.contexts.len() > contexts + 1).await;
            vendor.set_fault(None);
            vendor.strike(Blow::Break);
        }
    };
    let (went, ()) = tokio::join!(calling, vanishing);
    vendor.set_fault(None);
    let (greeting, answer) = (greeting(name), answer(name));
    let all: &[&str] = if said.is_empty() { &[&greeting] } else { &[&greeting, &answer] };
    assert!(went.was_heard_once(all), "{when:?} {way:?}: {went}: {}", went.letters());
    assert_eq!(went.agent, all, "{when:?} {way:?}");
    let passed = [(row, "second-tts")];
    went.passed(server, if fails { &passed[..] } else { &[] });
}

fn cast(model: &openai::Server, second: &cartesia::Server) -> Cast {
    let toml = format!(
        "[route]\nstt = \"none\"\nllm = \"openai-llm\"\ntts = \"second-tts\"\n\
         [component.openai-llm.settings]\nbase_url = \"{}\"\n",
        model.base_url()
    );
    Cast::new(&toml).provider("second-tts", "cartesia-tts", &second.base_url())
}

/// A route for one call of this voice.
fn route(cast: Cast, call: &str, voice: &str) -> Cast {
    let greeting = greeting(call);
    cast.route(call, &format!("tts = [{voice:?}, \"second-tts\"]\nsettings = {{ greeting = {greeting:?} }}"))
}

async fn model() -> openai::Server {
    let script = openai::Script::always("I apologise sincerely, and the kitchen shall hear: {said}");
    openai::Server::start(openai::Config { script, ..openai::Config::new(KEY) }).await.unwrap()
}

#[tokio::test]
async fn whenever_a_voice_fails_every_letter_is_heard_once() {
    let (second, model) = (voice().await, model().await);
    let mut cast = cast(&model, &second);
    let mut vendors = Vec::new();
    for (row, cells) in ROWS {
        let vendor = voice().await;
        cast = cast.provider(row, "cartesia-tts", &vendor.base_url());
        for n in 0..cells.len() {
            cast = route(cast, &format!("{row}{n}"), row);
        }
        vendors.push((row, vendor, cells));
    }
    cast = cast.provider("nowhere", "cartesia-tts", &nowhere().await);
    let villains = ["trap-at-open", "trap-at-handle", "trap-at-word", "loop-at-handle", "loop-at-word"];
    for row in villains {
        cast = cast.villain("tts", row);
    }
    let alone = [&villains[..], &["nowhere"]].concat();
    for row in &alone {
        cast = route(cast, row, row);
    }
    let server = cast.start().await;
    let rows = vendors.iter().map(async |(row, vendor, cells)| {
        for (n, at) in cells.iter().enumerate() {
            cell(&server, row, &format!("{row}{n}"), vendor, *at).await;
        }
    });
    let alone_rows = alone.iter().map(async |row| {
        let went = call(&server, row, row, &[&said(row)], Leaves::AtOnce, |_, _| {}).await;
        let texts = [greeting(row), answer(row)];
        assert!(went.was_heard_once(&[&texts[0], &texts[1]]), "{went}: {}\n{}", went.letters(), server.log());
        went.passed(&server, &[(*row, "second-tts")]);
    });
    tokio::join!(futures_util::future::join_all(rows), futures_util::future::join_all(alone_rows));

    let figures = figures(&server).await;
    let counted = |row: &str| {
        let over = figure(&figures, "failovers_total", &[("from", row), ("to", "second-tts")]);
        (over, figure(&figures, "failures_total", &[("stage", "tts"), ("provider", row)]))
    };
    for (row, _, cells) in &vendors {
        let fails = cells.iter().filter(|(.., fails)| *fails).count() as f64;
        assert_eq!(counted(row), (fails, fails), "{row}\n{figures}");
    }
    for row in &alone {
        assert_eq!(counted(row), (1.0, 1.0), "{row}\n{figures}");
    }
    assert_eq!(counted("second-tts").1, 0.0);
    assert_eq!(second.violations(), [""; 0]);
}

#[tokio::test]
async fn a_voice_that_wants_to_be_left_alone_is_until_then_and_tried_again_by_one_call() {
    let (first, second, model) = (voice().await, voice().await, model().await);
    let cast = cast(&model, &second).provider("busy", "cartesia-tts", &first.base_url());
    let calls = ["busy0", "busy1", "busy2"];
    let server = calls.iter().fold(cast, |cast, call| route(cast, call, "busy")).start().await;
    first.set_fault(Some(Fault::Refuse { status: 429, retry_after: Some(Duration::from_secs(5)) }));
    let say = async |name: &str, passed: &[(&str, &str)]| {
        let went = call(&server, name, name, &[&said(name)], Leaves::AtOnce, |_, _| {}).await;
        assert!(went.was_heard_once(&[&greeting(name), &answer(name)]), "{went}: {}", went.letters());
        went.passed(&server, passed);
    };
    let meanwhile = async {
        until_state(&server, "busy", "resting").await;
        say("busy1", &[]).await;
    };
    tokio::join!(say("busy0", &[("busy", "second-tts")]), meanwhile);
    assert_eq!((first.seen().refused, first.seen().connections), (1, 0));
    first.set_fault(None);
    rested(&server, "busy").await;
    say("busy2", &[]).await;
    assert_eq!(first.texts(), [greeting("busy2"), answer("busy2")]);
    until_state(&server, "busy", "ok").await;
}
