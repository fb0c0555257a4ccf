//! A machine has picked up: what was meant for a person is not said to it, and what it says is no
//! turn.

use crate::scene::*;
use call::persona::{Action, Answerer, Event};
use call::{Config, Input, conversation, llm};
use insta::assert_snapshot;

const MESSAGE: &str = "Please call us back.";

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, "Hello, this is guest relations of the Fork."), listen()],
        Event::AnsweredBy(Answerer::MachineBeep) => vec![say_whole(9, MESSAGE)],
        Event::AnsweredBy(_) => vec![],
        Event::Turn(_) => vec![ask(2)],
        Event::Done(report) if report.id == 9 => vec![Action::HangUp],
        Event::Done(_) => vec![listen()],
        _ => vec![],
    }
}

#[test]
fn everything_that_is_being_said_stops_at_once_and_then_the_message_is_left() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![
                say_whole(1, "Hello, this is guest relations of the Fork."),
                say(2, "How are you?"),
                Action::Ask(call::persona::Question { aloud: None, ..question(3) }),
                ask(4),
            ],
            event => script(event),
        });
        scene.model(|_| vec![(5_000, llm::Effect::Delta("Nobody waits for this.".into()))]);
        scene.is_answered_by(1_550, Answerer::MachineBeep);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: agent "Hello, this is guest relations of the Fork. How are you?"
    0.000 model is asked: agent "Hello, this is guest relations of the Fork. How are you?"
    1.550 it is MachineBeep
    1.550 script: AnsweredBy(MachineBeep)
    1.550 model is cancelled
    1.550 script: 3 is Cancelled, heard ""
    1.550 ~ clear
    1.550 script: 1 is Cancelled, heard "Hello, this is guest"
    1.550 script: 2 is Cancelled, heard ""
    1.550 model is cancelled
    1.550 script: 4 is Cancelled, heard ""
    2.800 script: 9 is Complete, heard "Please call us back."
    2.800 agent hangs up
    2.800 script: Ended(Script)
    2.800 ended: Script
    "#);
}

#[test]
fn what_the_machine_said_is_no_turn_and_what_somebody_says_then_is_a_new_one() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![say_whole(1, "Hello, this is guest relations of the Fork.")],
            event => script(event),
        });
        // it is held, because it was said over what must not be cut
        scene.caller_says(300, "Nobody is at home.");
        scene.is_answered_by(1_700, Answerer::MachineGreeting);
        scene.caller_says(3_000, "Oh, hello.");
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.360 ~ script: the caller speaks
    1.700 it is MachineGreeting
    1.700 script: AnsweredBy(MachineGreeting)
    1.700 ~ clear
    1.700 script: 1 is Cancelled, heard "Hello, this is guest"
    3.040 ~ script: the caller speaks
    3.700 script: turn 1: "Oh, hello."
    3.700 model is asked: agent "Hello, this is guest" | caller "Oh, hello."
    4.230 script: 2 is Complete, heard "I see."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn a_greeting_that_was_taken_for_a_turn_is_not_gone_on_with() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![listen()],
            event => script(event),
        });
        scene.model(|_| vec![(2_000, llm::Effect::Delta("Nobody hears this.".into()))]);
        scene.caller_says(300, "Nobody is at home.");
        scene.is_answered_by(1_700, Answerer::MachineGreeting);
        scene.caller_says(3_000, "Oh, hello.");
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.360 ~ script: the caller speaks
    1.480 script: turn 1: "Nobody is at home."
    1.480 model is asked: caller "Nobody is at home."
    1.700 it is MachineGreeting
    1.700 script: AnsweredBy(MachineGreeting)
    1.700 model is cancelled
    1.700 script: 2 is Cancelled, heard ""
    3.040 ~ script: the caller speaks
    3.700 script: turn 2: "Oh, hello."
    3.700 model is asked: caller "Nobody is at home." | caller "Oh, hello."
    6.000 caller hangs up
    6.000 model is cancelled
    6.000 script: 2 is Cancelled, heard "" of "Nobody hears this."
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn words_of_the_greeting_that_are_still_in_doubt_are_forgotten() {
    let mut scene = Scene::new(true, script);
    scene.recogniser(Recogniser { partial: ms(300), last: ms(100), owns_turns: false });
    scene.caller_coughs(2_800, 4_100);
    scene.recogniser_says(3_500, "leave a message", false);
    scene.is_answered_by(4_000, Answerer::MachineGreeting);
    // they become certain later, with what came behind them: a turn of that only
    scene.recogniser_says(4_300, "Leave a message. Hello?", true);
    scene.caller_hangs_up(9_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    2.630 script: 1 is Complete, heard "Hello, this is guest relations of the Fork."
    2.860 ~ script: the caller speaks
    4.000 it is MachineGreeting
    4.000 script: AnsweredBy(MachineGreeting)
    4.628 script: turn 1: "Hello?"
    4.628 model is asked: agent "Hello, this is guest relations of the Fork." | caller "Hello?"
    5.158 script: 2 is Complete, heard "I see."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn of_a_person_the_script_is_only_told() {
    let [human, unknown] = [Answerer::Human, Answerer::Unknown].map(|answerer| {
        let story = on_both_lines(|sound| {
            let mut scene = Scene::new(sound, script);
            scene.is_answered_by(1_550, answerer);
            // whoever says something else now is not believed
            scene.is_answered_by(2_000, Answerer::MachineBeep);
            scene.caller_hangs_up(6_000);
            scene
        });
        story.replace(&format!("{answerer:?}"), "a person")
    });
    assert_snapshot!(human, @r#"
    0.000 script: Started
    1.550 it is a person
    1.550 script: AnsweredBy(a person)
    2.000 it is MachineBeep
    2.630 script: 1 is Complete, heard "Hello, this is guest relations of the Fork."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
    assert_eq!(human, unknown);
}

#[test]
fn what_was_known_before_the_call_is_not_told_again() {
    let story = on_both_lines(|sound| {
        let answered_by = Answerer::MachineBeep;
        let conversation = conversation::Settings { answered_by, ..conversation::Settings::default() };
        let config = Config { conversation, ..Config::default() };
        let mut scene = Scene::with(config, sound, |event| match event {
            Event::Started => vec![say_whole(9, MESSAGE)],
            event => script(event),
        });
        scene.is_answered_by(500, Answerer::MachineBeep);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.500 it is MachineBeep
    1.250 script: 9 is Complete, heard "Please call us back."
    1.250 agent hangs up
    1.250 script: Ended(Script)
    1.250 ended: Script
    "#);
}

#[test]
fn what_is_known_before_the_line_is_open_is_told_once_it_is() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.call.handle(at(0), Input::AnsweredBy(Answerer::MachineBeep));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 script: AnsweredBy(MachineBeep)
    2.630 script: 1 is Complete, heard "Hello, this is guest relations of the Fork."
    3.830 script: 9 is Complete, heard "Please call us back."
    3.830 agent hangs up
    3.830 script: Ended(Script)
    3.830 ended: Script
    "#);
}
