//! Keys, one by one and collected.

use crate::scene::*;
use audio::dtmf::detect;
use call::persona::{Action, Collection, Event};
use insta::assert_snapshot;
use std::time::Duration;

fn collect(max: u8) -> Action {
    Action::Collect(Collection { max, finish: Some('#'), timeout: Duration::from_secs(3) })
}

#[test]
fn keys_are_collected_to_the_finish_key_the_greatest_number_or_until_no_more_come() {
    let story = on_both_lines(|sound| {
        let mut asked = 0;
        let mut scene = Scene::new(sound, move |event| match event {
            Event::Started => vec![say(1, "Your number, please.")],
            Event::Done(_) | Event::Keys { .. } => {
                asked += 1;
                if asked > 3 { vec![Action::HangUp] } else { vec![collect(4)] }
            }
            _ => vec![],
        });
        scene.caller_presses(2_000, "12#");
        // words while keys are wanted are not a turn
        scene.caller_says(3_500, "um");
        scene.caller_presses(5_000, "3456");
        scene.caller_presses(7_000, "7");
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     1.250 script: 1 is Complete, heard "Your number, please."
     2.400 script: Keys { digits: "12", by: FinishKey }
     3.560 ~ script: the caller speaks
     5.600 script: Keys { digits: "3456", by: Max }
    10.000 script: Keys { digits: "7", by: Timeout }
    10.000 agent hangs up
    10.000 script: Ended(Script)
    10.000 ended: Script
    "#);
}

#[test]
fn a_key_cuts_speech_that_allows_it() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![say(1, "For sales, press one; for all else, wait for the tone.")],
            Event::Key(_) => vec![Action::HangUp],
            _ => vec![],
        });
        scene.caller_presses(1_200, "1");
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.200 ~ clear
    1.200 script: 1 is Interrupted, heard "For sales, press"
    1.200 script: Key('1')
    1.200 agent hangs up
    1.200 script: Ended(Script)
    1.200 ended: Script
    "#);
}

#[test]
fn keys_that_the_script_presses_are_tones_on_the_line() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![
            say(1, "One moment."),
            Action::SendDigits { id: 2, digits: "4w2#".into() },
            Action::SendDigits { id: 3, digits: "four".into() },
        ],
        _ => vec![],
    });
    scene.caller_says(900, "Hello?");
    scene.caller_hangs_up(4_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.000 trouble: keys of the script: 'f' is not on a keypad: use 0 to 9, *, #, A to D, and w or a comma for half a second of silence
    0.000 script: 3 is Failed, heard ""
    0.710 script: 1 is Complete, heard "One moment."
    0.960 ~ script: the caller speaks
    1.810 script: 2 is Complete, heard ""
    1.810 script: turn 1: "Hello?"
    4.000 caller hangs up
    4.000 script: Ended(Caller)
    4.000 ended: Caller
    "#);
    let tones: Vec<Option<char>> = scene.heard_of(2).chunks(400).map(detect).collect();
    let keys: String = tones.into_iter().flatten().collect();
    assert_eq!(keys, "4422##", "two looks at each tone, and none at what is between");
}
