//! Timers of a script (DESIGN, rule 10).

use crate::scene::*;
use call::Input;
use call::persona::{Action, Event};
use insta::assert_snapshot;
use std::time::Duration;

fn timer(id: u32, milliseconds: u64) -> Action {
    Action::Timer { id, after: Duration::from_millis(milliseconds) }
}

#[test]
fn timers_are_at_least_ten_milliseconds_and_setting_one_again_moves_it() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![timer(1, 0), timer(2, 300), timer(3, 400), timer(2, 500)],
            Event::Timer(2) => vec![Action::HangUp],
            _ => vec![],
        });
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @"
    0.000 script: Started
    0.010 script: Timer(1)
    0.400 script: Timer(3)
    0.500 script: Timer(2)
    0.500 agent hangs up
    0.500 script: Ended(Script)
    0.500 ended: Script
    ");
}

#[test]
fn what_comes_from_outside_at_the_same_instant_comes_first() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![timer(1, 500)],
            Event::Timer(1) => vec![Action::HangUp],
            _ => vec![],
        });
        scene.later(at(500), Input::Key('5'));
        scene
    });
    assert_snapshot!(story, @"
    0.000 script: Started
    0.500 script: Key('5')
    0.500 script: Timer(1)
    0.500 agent hangs up
    0.500 script: Ended(Script)
    0.500 ended: Script
    ");
}

#[test]
fn more_than_thirty_two_end_the_script() {
    let story = on_both_lines(|sound| {
        Scene::new(sound, |event| match event {
            Event::Started => (0..33).map(|id| timer(id, 1000)).collect(),
            _ => vec![],
        })
    });
    assert_snapshot!(story, @"
    0.000 script: Started
    0.000 trouble: the persona failed: it set more than 32 timers
    4.370 agent hangs up
    4.370 ended: Failed
    ");
}
