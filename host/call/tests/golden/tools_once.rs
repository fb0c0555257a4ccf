//! Whatever breaks, a tool runs at most once, its steps are told, and everybody knows how far it came
//! (DESIGN, rules 8 and 9). What is kept is kept once, too.

use crate::scene::*;
use call::chat::{Stop, ToolResult};
use call::persona::{Action, Event, Field};
use call::{Cause, Config, Failure, Input, conversation, llm, net};
use insta::assert_snapshot;

const UP_TO_DATE: Back = Back { up_to_date: true, idempotent: &[] };
const BEHIND: Back = Back { up_to_date: false, idempotent: &[] };

/// A script that books a table by a request of its own, and tells the model what came of it.
fn books(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![listen()],
        Event::Turn(_) => vec![ask(1)],
        Event::ToolCall { .. } => vec![Action::Fetch { id: 2, request: request() }],
        Event::Response { id: 2, outcome } => {
            let content = match outcome {
                Ok(_) => "table 4".into(),
                Err(failure) => failure.message.clone(),
            };
            vec![Action::ToolResult(ToolResult { id: "call00001".into(), content })]
        }
        Event::Done(_) => vec![listen()],
        _ => vec![],
    }
}

fn request() -> net::Request {
    net::Request { method: "POST".into(), url: "https://x/tables".into(), headers: vec![], body: vec![] }
}

fn booked() -> Input {
    let head = net::Head { status: 201, headers: vec![] };
    Input::Response { id: 2, outcome: Ok(net::Fetched { head, body: vec![] }) }
}

/// A caller who wants a table, and asks again later; the model books once.
fn table() -> Scene {
    // another one is there, for those that fail
    let conversation = conversation::Settings { models: 2, ..conversation::Settings::default() };
    let mut scene = Scene::with(Config { conversation, ..Config::default() }, false, books);
    let mut asked = 0;
    scene.model(move |_| {
        asked += 1;
        match asked {
            1 => calls("book", "{}"),
            _ => says("So it is."),
        }
    });
    scene.caller_says(500, "Book a table.");
    scene.later(at(4_000), booked());
    scene.caller_says(8_000, "And now?");
    scene.caller_hangs_up(12_000);
    scene
}

fn played(mut scene: Scene) -> (String, String) {
    scene.play(600);
    (scene.story(), scene.ledger())
}

#[test]
fn a_tool_is_requested_then_sent_then_done() {
    let (_, ledger) = played(table());
    assert_snapshot!(ledger, @r#"
    1.480 turn 1: call00001 book is requested
    1.480 turn 1: call00001 book is sent
    1.480 request 2: POST https://x/tables
    4.000 turn 1: call00001 book is done
    "#);
}

#[test]
fn one_that_was_only_requested_is_told_again_since_nothing_of_it_has_happened() {
    let mut scene = table();
    scene.breaks_at(|event| matches!(event, Event::ToolCall { .. }), UP_TO_DATE);
    let (story, ledger) = played(scene);
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.520 ~ script: the caller speaks
     1.380 script: turn 1: "Book a table."
     1.380 model is asked: caller "Book a table."
     1.480 script: 1 calls book({}) as call00001
     1.480 trouble: the persona broke and goes on from its last snapshot: it trapped
     1.480 script: 1 calls book({}) as call00001
     4.000 script: response 2: 201
     4.000 model is asked: caller "Book a table." | agent calls book | tool table 4 | agent "One moment, please."
     4.720 script: 1 is Complete, heard "One moment, please. So it is." of "So it is."
     8.020 ~ script: the caller speaks
     8.580 script: turn 2: "And now?"
     8.580 model is asked: caller "Book a table." | agent calls book | tool table 4 | agent "One moment, please. So it is." | caller "And now?"
     9.220 script: 1 is Complete, heard "So it is."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
    assert_snapshot!(ledger, @r#"
    1.480 turn 1: call00001 book is requested
    1.480 turn 1: call00001 book is sent
    1.480 request 2: POST https://x/tables
    4.000 turn 1: call00001 book is done
    "#);
}

#[test]
fn of_one_that_was_sent_nobody_knows_and_it_is_not_sent_again() {
    let mut scene = table();
    scene.later(at(3_000), Input::Operator("Hm.".into()));
    scene.breaks_at(|event| matches!(event, Event::Operator(_)), UP_TO_DATE);
    let (story, ledger) = played(scene);
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.520 ~ script: the caller speaks
     1.380 script: turn 1: "Book a table."
     1.380 model is asked: caller "Book a table."
     1.480 script: 1 calls book({}) as call00001
     3.000 script: Operator("Hm.")
     3.000 trouble: the persona broke and goes on from its last snapshot: it trapped
     3.000 script: response 2: cancelled: the persona broke before the answer came; whether the request was carried out is not known
     3.000 model is asked: caller "Book a table." | agent calls book | tool the persona broke before the answer came; whether the request was carried out is not known | agent "One moment, please."
     4.720 script: 1 is Complete, heard "One moment, please. So it is." of "So it is."
     8.020 ~ script: the caller speaks
     8.580 script: turn 2: "And now?"
     8.580 model is asked: caller "Book a table." | agent calls book | tool the persona broke before the answer came; whether the request was carried out is not known | agent "One moment, please. So it is." | caller "And now?"
     9.220 script: 1 is Complete, heard "So it is."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
    assert_snapshot!(ledger, @r#"
    1.480 turn 1: call00001 book is requested
    1.480 turn 1: call00001 book is sent
    1.480 request 2: POST https://x/tables
    3.000 turn 1: call00001 book is lost
    "#);
}

#[test]
fn one_that_is_idempotent_is_sent_again_and_nobody_notices() {
    let mut scene = table();
    scene.later(at(3_000), Input::Operator("Hm.".into()));
    let back = Back { idempotent: &["book"], ..UP_TO_DATE };
    scene.breaks_at(|event| matches!(event, Event::Operator(_)), back);
    let (story, ledger) = played(scene);
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.520 ~ script: the caller speaks
     1.380 script: turn 1: "Book a table."
     1.380 model is asked: caller "Book a table."
     1.480 script: 1 calls book({}) as call00001
     3.000 script: Operator("Hm.")
     3.000 trouble: the persona broke and goes on from its last snapshot: it trapped
     3.000 trouble: the request of the tool book is made again: it is idempotent
     4.000 script: response 2: 201
     4.000 model is asked: caller "Book a table." | agent calls book | tool table 4 | agent "One moment, please."
     4.720 script: 1 is Complete, heard "One moment, please. So it is." of "So it is."
     8.020 ~ script: the caller speaks
     8.580 script: turn 2: "And now?"
     8.580 model is asked: caller "Book a table." | agent calls book | tool table 4 | agent "One moment, please. So it is." | caller "And now?"
     9.220 script: 1 is Complete, heard "So it is."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
    assert_snapshot!(ledger, @r#"
    1.480 turn 1: call00001 book is requested
    1.480 turn 1: call00001 book is sent
    1.480 request 2: POST https://x/tables
    3.000 request 2: POST https://x/tables
    4.000 turn 1: call00001 book is done
    "#);
}

#[test]
fn one_whose_answer_broke_the_script_was_carried_out_idempotent_or_not() {
    let breaks = |idempotent| {
        let mut scene = table();
        let back = Back { idempotent, ..UP_TO_DATE };
        scene.breaks_at(|event| matches!(event, Event::Response { .. }), back);
        played(scene)
    };
    let (story, ledger) = breaks(&["book"]);
    assert_eq!((&story, &ledger), (&breaks(&[]).0, &breaks(&[]).1));
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.520 ~ script: the caller speaks
     1.380 script: turn 1: "Book a table."
     1.380 model is asked: caller "Book a table."
     1.480 script: 1 calls book({}) as call00001
     4.000 script: response 2: 201
     4.000 trouble: the persona broke and goes on from its last snapshot: it trapped
     4.000 script: response 2: cancelled: the request was carried out (status 201), and the persona broke at its answer; it is not to be made again
     4.000 model is asked: caller "Book a table." | agent calls book | tool the request was carried out (status 201), and the persona broke at its answer; it is not to be made again | agent "One moment, please."
     4.720 script: 1 is Complete, heard "One moment, please. So it is." of "So it is."
     8.020 ~ script: the caller speaks
     8.580 script: turn 2: "And now?"
     8.580 model is asked: caller "Book a table." | agent calls book | tool the request was carried out (status 201), and the persona broke at its answer; it is not to be made again | agent "One moment, please. So it is." | caller "And now?"
     9.220 script: 1 is Complete, heard "So it is."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
    assert_snapshot!(ledger, @r#"
    1.480 turn 1: call00001 book is requested
    1.480 turn 1: call00001 book is sent
    1.480 request 2: POST https://x/tables
    4.000 turn 1: call00001 book is done
    "#);
}

#[test]
fn one_that_is_done_stays_done_and_the_answer_is_given_to_its_end() {
    let mut scene = table();
    // while the model speaks about the result
    scene.later(at(4_150), Input::Operator("Hm.".into()));
    scene.breaks_at(|event| matches!(event, Event::Operator(_)), UP_TO_DATE);
    let (story, ledger) = played(scene);
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.520 ~ script: the caller speaks
     1.380 script: turn 1: "Book a table."
     1.380 model is asked: caller "Book a table."
     1.480 script: 1 calls book({}) as call00001
     4.000 script: response 2: 201
     4.000 model is asked: caller "Book a table." | agent calls book | tool table 4 | agent "One moment, please."
     4.150 script: Operator("Hm.")
     4.150 trouble: the persona broke and goes on from its last snapshot: it trapped
     4.720 script: 1 is Complete, heard "One moment, please. So it is." of "So it is."
     8.020 ~ script: the caller speaks
     8.580 script: turn 2: "And now?"
     8.580 model is asked: caller "Book a table." | agent calls book | tool table 4 | agent "One moment, please. So it is." | caller "And now?"
     9.220 script: 1 is Complete, heard "So it is."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
    assert_snapshot!(ledger, @r#"
    1.480 turn 1: call00001 book is requested
    1.480 turn 1: call00001 book is sent
    1.480 request 2: POST https://x/tables
    4.000 turn 1: call00001 book is done
    "#);
}

/// What the model is told of the tool with the next question, where the script broke at this and does not
/// know of its question any more.
fn next_prompt(idempotent: &'static [&'static str], breaks: impl Fn(&Event) -> bool + 'static) -> String {
    let mut scene = table();
    scene.later(at(3_000), Input::Operator("Hm.".into()));
    scene.breaks_at(breaks, Back { idempotent, ..BEHIND });
    let (story, ledger) = played(scene);
    assert_eq!(ledger.matches("request 2").count(), ledger.matches("is sent").count(), "{ledger}");
    assert!(ledger.matches("request 2").count() <= 1, "{ledger}");
    let prompt = story.lines().rev().find(|line| line.contains("model is asked")).unwrap().to_owned();
    let told = prompt.split(" | ").find(|message| message.starts_with("tool ")).unwrap().to_owned();
    format!("{told}\n{}", ledger.lines().last().unwrap_or_default().trim())
}

#[test]
fn a_script_that_has_forgotten_its_question_is_not_told_of_tools_but_the_model_is() {
    let at_call = next_prompt(&[], |event| matches!(event, Event::ToolCall { .. }));
    assert_snapshot!(at_call, @r#"
    tool {"status":"not carried out","about":"Nothing was done. It may be called again."}
    1.480 turn 1: call00001 book is requested
    "#);
    let meanwhile = next_prompt(&[], |event| matches!(event, Event::Operator(_)));
    assert_snapshot!(meanwhile, @r#"
    tool {"status":"unknown","about":"Nobody knows whether this was carried out. Do not call it again; say that you do not know."}
    3.000 turn 1: call00001 book is lost
    "#);
    let idempotent = next_prompt(&["book"], |event| matches!(event, Event::Operator(_)));
    assert_snapshot!(idempotent, @r#"
    tool {"status":"unknown","about":"Nobody knows whether this was carried out. It may be called again."}
    3.000 turn 1: call00001 book is lost
    "#);
    let at_answer = next_prompt(&["book"], |event| matches!(event, Event::Response { .. }));
    assert_snapshot!(at_answer, @r#"
    tool {"status":"carried out","about":"This was carried out, and its answer was lost. Do not call it again."}
    4.000 turn 1: call00001 book is done
    "#);
    let done = next_prompt(&[], |event| matches!(event, Event::Done(_)));
    assert_snapshot!(done, @r#"
    tool table 4
    4.000 turn 1: call00001 book is done
    "#);
}

#[test]
fn a_call_that_is_waiting_to_be_told_is_not_run_by_a_script_that_has_forgotten_its_question() {
    let mut scene = Scene::new(false, books);
    let mut first = true;
    scene.model(move |_| match std::mem::take(&mut first) {
        true => vec![],
        false => says("So it is."),
    });
    let call = |id: &str| {
        let (name, arguments) = ("book".into(), "{}".into());
        llm::Effect::ToolCall(call::chat::ToolCall { id: id.into(), name, arguments })
    };
    let effects = vec![call("a"), call("b"), llm::Effect::Finished(Stop::Tools)];
    scene.later(at(2_000), Input::Model { reply: llm::ReplyId(1), effects });
    scene.caller_says(500, "Book two tables.");
    scene.breaks_at(|event| matches!(event, Event::ToolCall { .. }), BEHIND);
    scene.caller_says(4_000, "And now?");
    scene.caller_hangs_up(9_000);
    let (_, ledger) = played(scene);
    assert_snapshot!(ledger, @r#"
    2.000 turn 1: call00001 book is requested
    2.000 turn 1: call00002 book is requested
    "#);
}

/// A model whose reply breaks off behind a call, and which goes on with these calls.
fn breaks_off_and_calls(id: &'static str, name: &'static str, arguments: &'static str) -> (String, String) {
    let mut scene = table();
    let mut asked = 0;
    scene.model(move |_| {
        asked += 1;
        let call = |id: &str, name: &str, arguments: &str| {
            let call = call::chat::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() };
            (100, llm::Effect::ToolCall(call))
        };
        let broken = llm::Effect::Failed(Failure::new(Cause::Unreachable, "simulated"));
        match asked {
            1 => vec![call("vendor-1", "book", "{}"), (10, broken)],
            2 => vec![call(id, name, arguments), (0, llm::Effect::Finished(Stop::Tools))],
            _ => says("So it is."),
        }
    });
    played(scene)
}

#[test]
fn a_model_that_calls_again_after_it_failed_is_told_the_result_again_and_nothing_runs_twice() {
    for id in ["vendor-1", "call00001"] {
        let (story, ledger) = breaks_off_and_calls(id, "book", "{}");
        assert_eq!(ledger.matches("request 2").count(), 1, "{id}:\n{ledger}");
        assert!(!ledger.contains("call00002"), "{id}:\n{ledger}");
        assert!(story.contains("is not run again"), "{id}:\n{story}");
        let again =
            "calls book | tool table 4 | agent \"One moment, please.\" | agent calls book | tool table 4";
        assert!(story.contains(again), "{id}:\n{story}");
        assert!(story.contains("heard \"One moment, please. So it is.\""), "{id}:\n{story}");
    }
}

#[test]
fn ids_that_vendors_count_from_one_for_every_reply_are_no_repetition() {
    for (name, arguments) in [("book", "{\"seats\":2}"), ("cancel", "{}")] {
        let (_, ledger) = breaks_off_and_calls("vendor-1", name, arguments);
        assert!(ledger.contains(&format!("call00002 {name} is sent")), "{ledger}");
    }
}

#[test]
fn a_call_that_a_model_makes_twice_in_one_reply_is_one_call() {
    let mut scene = table();
    let mut first = true;
    scene.model(move |_| match std::mem::take(&mut first) {
        true => [calls("book", "{}").remove(0), calls("book", "{}").remove(0)]
            .into_iter()
            .chain([(0, llm::Effect::Finished(Stop::Tools))])
            .collect(),
        false => says("So it is."),
    });
    let (story, ledger) = played(scene);
    assert_eq!(ledger.matches("request 2").count(), 1, "{ledger}");
    assert!(story.contains("agent calls book | tool table 4"), "{story}");
}

#[test]
fn of_a_tool_that_still_runs_when_the_caller_hangs_up_nobody_will_know() {
    let mut scene = table();
    scene.caller_hangs_up(3_000);
    let (_, ledger) = played(scene);
    assert_snapshot!(ledger, @r#"
    1.480 turn 1: call00001 book is requested
    1.480 turn 1: call00001 book is sent
    1.480 request 2: POST https://x/tables
    3.000 turn 1: call00001 book is lost
    "#);
}

#[test]
fn what_a_restored_script_finds_out_again_is_kept_once() {
    let keeps = |value: &str| Action::Keep(vec![Field { name: "guests".into(), value: value.into() }]);
    let mut scene = Scene::new(false, move |event| match event {
        Event::Started => vec![listen()],
        Event::Turn(turn) => {
            let guests = if turn.number < 3 { "2" } else { "3" };
            vec![keeps(guests), Action::Outcome("booked".into()), say(turn.number, "Noted.")]
        }
        Event::Done(_) => vec![listen()],
        _ => vec![],
    });
    scene.caller_says(500, "We are two.");
    scene.caller_says(4_000, "Two of us.");
    scene.caller_says(8_000, "No, three.");
    scene.breaks_at(|event| matches!(event, Event::Turn(turn) if turn.number == 2), BEHIND);
    scene.caller_hangs_up(12_000);
    let (_, ledger) = played(scene);
    assert_snapshot!(ledger, @r#"
    1.260 kept guests = 2
    1.260 outcome "booked"
    8.700 kept guests = 3
    "#);
}
