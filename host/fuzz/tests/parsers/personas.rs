//! What a conversation is told, and what one version of it leaves to the next: `personas/sdk`.

use super::{cuts, fuzz, gist, lines};
use fuzz::Target;
use persona::contract::{Action, Event, Line};
use persona::{Answerer, Call, Departure, Direction, Either, Heard, Opening, Script, first, tool};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct State {
    greeted: bool,
    turns: u32,
    said: Vec<String>,
}

/// A little of everything that a script can wait for.
async fn talk(call: Call, _: serde_json::Value, mut state: State) {
    call.at_end(|call, departure: Departure| call.keep("departure", format!("{departure:?}")));
    if !state.greeted {
        call.say("Hello.").await;
        state.greeted = true;
    }
    loop {
        let turn = match call.hear(&state).await {
            Heard::Said(turn) => turn,
            Heard::Silence(_) => {
                first(call.say("Are you there?").to_the_end(), call.sleep(Duration::from_secs(2))).await;
                continue;
            }
            Heard::Key(_) => {
                let keys = call.collect(4, Some('#'), Duration::from_secs(5)).await;
                call.keep("keys", keys.digits);
                continue;
            }
        };
        state.turns = turn.number;
        state.said = vec![turn.said.text.clone()];
        if turn.said.text.contains("bye") {
            break;
        }
        if turn.said.text.contains("before") {
            let before = call.recall("turns", 1).await;
            call.keep("before", before);
        }
        let find = tool("find", "Finds a table.", serde_json::json!({ "type": "object" }));
        let asked = call.ask("Be kind.").tool(find, |arguments| async move { arguments.to_string() });
        // no turn boundary: nobody can go on from within a question
        let objection = call.wait(|event| match event {
            Event::Turn(turn) => Some(turn.said.text.clone()),
            _ => None,
        });
        if let Either::B(objection) = first(asked, objection).await {
            call.keep("objection", objection);
        }
    }
    call.hang_up();
}

fn opening() -> Opening {
    Opening {
        seed: 7,
        now: 1_000,
        timezone: "UTC".into(),
        language: "en-US".into(),
        call: "CA1".into(),
        direction: Direction::Inbound,
        caller: None,
        called: None,
        parameters: vec![],
        initial_message: None,
        answered_by: Answerer::Unknown,
        line: Line { hears_audio: true, speaks_audio: true, can_speak_unasked: true, can_send_digits: false },
        settings: "{}".into(),
        handed: None,
    }
}

/// A line is an event, as JSON, or else a snapshot.
#[test]
fn a_script_goes_on_from_its_own_snapshot_and_refuses_what_is_none() {
    let dictionary = &[
        "\"Started\"",
        "{\"Turn\":{\"number\":1,\"revision\":0,\"said\":{\"text\":\"",
        "{\"Done\":{\"id\":1,",
        "\"Complete\"",
        "{\"ToolCall\":{\"question\":2,",
        "{\"Timer\":3}",
        "{\"Recalled\":{\"id\":2,\"fields\":",
        "before",
        "{\"Ended\":\"Caller\"}",
        "{\"Key\":\"1\"}",
        "{\"Silence\":15000}",
        "\"last_id\":",
        "\"tail\":[",
        "\"state\":",
        "\"did\":null",
    ];
    fuzz(&Target::new("script").dictionary(dictionary).longest(16 * 1024), |input| {
        let (mut events, mut kinds) = (Vec::new(), Vec::new());
        for line in lines(input) {
            match serde_json::from_str::<Event>(&line) {
                Ok(event) if is_possible(&event) => events.push(event),
                Ok(_) => {}
                Err(_) => kinds.push(match Script::restore(talk, opening(), &line) {
                    Ok(_) => "restored".to_owned(),
                    Err(failure) => gist(failure.message),
                }),
            }
        }
        // where the other version takes over: anywhere, if that does not take long
        let somewhere = cuts(input).next().unwrap_or_default() % events.len().max(1);
        let places = if events.len() <= 8 { 0..events.len() } else { somewhere..somewhere + 1 };
        for place in places {
            kinds.extend(goes_on(&events, place));
        }
        kinds
    });
}

/// The host sees to that: JSON, of which snapshots are made, has no infinity.
fn is_possible(event: &Event) -> bool {
    match event {
        Event::Turn(turn) => turn.said.confidence.is_finite(),
        Event::Partial(said) => said.confidence.is_finite(),
        _ => true,
    }
}

/// What is done, with a copy made of a snapshot at this place, which must do the same from there on.
fn goes_on(events: &[Event], place: usize) -> Vec<String> {
    let script = Script::open(talk, opening()).unwrap();
    let (mut copy, mut kinds) = (None::<Script>, Vec::new());
    for (n, event) in events.iter().enumerate() {
        let did = script.handle(2_000, vec![event.clone()]);
        if let Some(copy) = &copy {
            assert_eq!(copy.handle(2_000, vec![event.clone()]), did, "the copy goes on as the script does");
        }
        kinds.extend(did.iter().map(kind));
        if n >= place
            && copy.is_none()
            && let Some(snapshot) = script.snapshot()
        {
            copy = Some(match Script::restore(talk, opening(), &snapshot) {
                Ok(copy) => copy,
                Err(failure) => panic!("its own snapshot is refused: {}\n{snapshot}", failure.message),
            });
        }
    }
    kinds
}

fn kind(action: &Action) -> String {
    let shown = format!("{action:?}");
    shown.chars().take_while(|c| c.is_ascii_alphabetic() || *c == ':').collect()
}
