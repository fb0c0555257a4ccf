//! What is sent to the far end, and when. Only where there is sound.

use crate::scene::*;
use call::persona::{Action, Event};

fn speech(text: &'static str) -> Scene {
    let mut scene = Scene::new(true, move |event| match event {
        Event::Started => vec![say(1, text)],
        Event::Done(_) => vec![Action::HangUp],
        _ => vec![],
    });
    scene.play(600);
    scene
}

#[test]
fn the_first_frame_goes_at_once_and_a_small_lead_is_kept() {
    let scene = speech("This is long enough to need the lead filled more than once or twice.");
    let sent = &scene.far_end.sent;
    assert_eq!(sent[0].2, FRAME, "20 ms first");
    assert_eq!(sent[0].0, at(50), "as soon as there is audio");
    let mut ends = at(50);
    for (when, _, bytes) in sent {
        assert!(*when <= ends, "the far end ran dry at {ends}, the next came at {when}");
        ends = ends.max(*when) + ms(*bytes as u64 / 8);
        assert!(ends.since(*when) <= ms(400), "more than the lead at {when}");
    }
    let bytes: usize = sent.iter().map(|(_, _, bytes)| bytes).sum();
    assert_eq!(bytes, 68 * 60 * 8, "all of it, once");
}

#[test]
fn what_does_not_fill_a_frame_is_filled_up_at_the_end_only() {
    // 7 characters of 60 ms are 21 frames; the voice gives it in words of 3 and 4 characters
    let scene = speech("Oh. No!");
    let bytes: usize = scene.far_end.sent.iter().map(|(_, _, bytes)| bytes).sum();
    assert_eq!(bytes, 7 * 60 * 8);
    assert!(scene.story().contains(r#"1 is Complete, heard "Oh. No!""#), "{}", scene.story());
}

#[test]
fn an_utterance_without_words_is_complete_at_once() {
    let scene = speech("");
    assert!(scene.far_end.sent.is_empty());
    assert!(scene.story().contains(r#"1 is Complete, heard """#), "{}", scene.story());
}
