//! Keys, one by one and collected.

use crate::scene::*;
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
