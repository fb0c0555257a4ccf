//! A caller who says nothing.

use crate::scene::*;
use call::persona::{Action, Event};
use insta::assert_snapshot;

#[test]
fn the_script_is_told_of_silence_and_its_own_speech_does_not_count_as_one() {
    let story = on_both_lines(|sound| {
        let mut silences = 0;
        Scene::new(sound, move |event| match event {
            Event::Started => vec![say(1, "Hello.")],
            Event::Silence(_) => {
                silences += 1;
                match silences {
                    // nothing at first: it is told again
                    1 => vec![],
                    2 => vec![say(2, "Are you still there?")],
                    _ => vec![say_whole(3, "Goodbye.")],
                }
            }
            Event::Done(report) if report.id == 3 => vec![Action::HangUp],
            Event::Done(_) => vec![listen()],
            _ => vec![],
        })
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.410 script: 1 is Complete, heard "Hello."
    15.410 script: silence of 15 s
    30.410 script: silence of 30 s
    31.660 script: 2 is Complete, heard "Are you still there?"
    46.660 script: silence of 15 s
    47.190 script: 3 is Complete, heard "Goodbye."
    47.190 agent hangs up
    47.190 script: Ended(Script)
    47.190 ended: Script
    "#);
}

#[test]
fn somebody_who_speaks_starts_the_clock_again() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started | Event::Turn(_) => vec![listen()],
            Event::Silence(_) => vec![Action::HangUp],
            _ => vec![],
        });
        scene.caller_says(10_000, "Hm.");
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
    10.060 ~ script: the caller speaks
    10.280 script: turn 1: "Hm."
    25.540 script: silence of 15 s
    25.540 agent hangs up
    25.540 script: Ended(Script)
    25.540 ended: Script
    "#);
}
