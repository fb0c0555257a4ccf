//! The times of a turn.

use crate::scene::*;
use call::persona::{Action, Event};

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![listen()],
        Event::Turn(_) => vec![ask(1)],
        _ => vec![],
    }
}

#[test]
fn every_stage_of_a_turn_has_its_time() {
    let mut scene = Scene::new(true, script);
    scene.model_says(&["I am very sorry, really, and so is the cook. Anything else?"]);
    let end = scene.caller_says(1_000, "My soup was cold.");
    assert_eq!(end, 2_020);
    scene.caller_hangs_up(9_000);
    scene.play(60);
    let [times] = scene.times[..] else { panic!("{:?}", scene.times) };
    let milliseconds = |moment: Option<call::Moment>| moment.unwrap().elapsed().as_millis();
    // the detector looks in steps of 32 ms
    assert!(milliseconds(times.end_of_speech).abs_diff(2_020) <= 64, "{times:?}");
    assert_eq!(milliseconds(times.transcript), 2_120);
    assert_eq!(milliseconds(times.closed), 2_120);
    assert_eq!(milliseconds(times.first_token), 2_220);
    // «I am very sorry, » is whole with the word behind it: four words later
    assert_eq!(milliseconds(times.first_piece), 2_300);
    assert_eq!(milliseconds(times.first_audio), 2_350);
    assert_eq!(milliseconds(times.first_frame), 2_350);
    assert!(times.voice_to_voice().unwrap().as_millis().abs_diff(330) <= 64);
}

#[test]
fn a_turn_that_gets_no_reply_has_the_times_it_reached() {
    let mut scene = Scene::new(true, |_| vec![listen()]);
    scene.caller_says(1_000, "Hello?");
    scene.caller_hangs_up(5_000);
    scene.play(60);
    let [times] = scene.times[..] else { panic!("{:?}", scene.times) };
    assert!(times.closed.is_some() && times.first_token.is_none() && times.first_frame.is_none());
    assert_eq!(times.voice_to_voice(), None);
}

#[test]
fn without_a_recogniser_that_owns_turns_the_wait_counts_from_the_end_of_speech() {
    let mut scene = Scene::new(true, script);
    scene.recogniser(Recogniser { partial: ms(300), last: ms(200), owns_turns: false });
    scene.caller_says(1_000, "My soup was cold.");
    scene.caller_hangs_up(9_000);
    scene.play(60);
    let times = scene.times[0];
    let waited = times.closed.unwrap().since(times.end_of_speech.unwrap());
    assert_eq!(waited.as_millis(), 500, "min_delay, which overlaps recognition");
}

#[test]
fn words_that_come_after_the_sound_has_ended_are_no_new_speech() {
    let mut scene = Scene::new(true, |_| vec![listen()]);
    scene.recogniser(Recogniser { partial: ms(300), last: ms(450), owns_turns: false });
    scene.caller_says(1_000, "My soup was cold.");
    scene.caller_hangs_up(5_000);
    let story = scene.play(60).story();
    assert_eq!(story.matches("the caller speaks").count(), 1, "{story}");
}
