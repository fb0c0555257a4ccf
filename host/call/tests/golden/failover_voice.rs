//! Voices that fail, and others that go on in their place (DESIGN, rule 8): nothing is heard twice,
//! nothing is lost, and what is kept is what was heard.

use crate::scene::*;
use call::audio::{Phrase, Settings};
use call::persona::{Action, Event};
use call::{Cause, Config, Failure, Line, Provider};
use insta::assert_snapshot;

const GREETING: &str = "Good evening, this is the kitchen of Compass. How can I help you today?";
const REPLY: &str = "I am very sorry to hear that. I will tell the cook about your soup.";
const GOODBYE: &str = "Thank you for calling us. Goodbye!";

fn config(voices: u32) -> Config {
    let apology = Config::default().conversation.apology;
    let phrase = Phrase { text: apology, audio: vec![0x70; 24_000].into() };
    let line = Line::Audio(Settings { voices, last_resort: vec![phrase], ..Settings::default() });
    Config { line, ..Config::default() }
}

/// Greets, answers one turn, and says goodbye.
fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, GREETING)],
        Event::Turn(turn) if turn.number == 1 => vec![say(2, REPLY)],
        Event::Done(report) if report.id == 2 => vec![say_whole(3, GOODBYE)],
        Event::Done(report) if report.id == 3 => vec![Action::HangUp],
        _ => vec![listen()],
    }
}

fn scene(fates: Vec<Fate>) -> Scene {
    let mut scene = Scene::with(config(fates.len().max(2) as u32), true, script);
    scene.voice.fates = fates;
    scene.caller_says(18_000, "My soup was cold.");
    scene
}

fn failure(cause: Cause) -> Failure {
    Failure::new(cause, "simulated")
}

/// Every way in which a voice fails that has spoken so many words.
fn ways(words: usize) -> Vec<Fate> {
    use Cause::{Busy, Denied, Garbled, Misconfigured, Unreachable, Unsupported};
    let mut ways: Vec<Fate> = [Busy, Denied, Garbled, Misconfigured, Unreachable, Unsupported]
        .map(|cause| Fate::Fails(words, failure(cause)))
        .to_vec();
    ways.extend([Fate::Stalls(words), Fate::BreaksOff(words)]);
    if words == 0 {
        ways.extend([Fate::GivesNothing, Fate::Floods]);
    }
    ways
}

#[test]
fn whenever_and_however_a_voice_fails_everything_is_heard_once() {
    let all = [GREETING, REPLY, GOODBYE].join(" ");
    // before any audio, in the greeting, between pieces, in the reply, in the goodbye, behind its end
    for words in 0..=all.split(' ').count() {
        for fate in ways(words) {
            let mut scene = scene(vec![fate.clone(), Fate::IsWell]);
            scene.play(120);
            let story = scene.story();
            assert_eq!(scene.words_heard(), all, "{fate:?}:\n{story}");
            for (id, text) in [(1, GREETING), (2, REPLY), (3, GOODBYE)] {
                assert_eq!(story.matches(&format!("script: {id} is")).count(), 1, "{fate:?}:\n{story}");
                assert!(story.contains(&format!("{id} is Complete, heard {text:?}")), "{fate:?}:\n{story}");
            }
            assert!(story.ends_with("ended: Script"), "{fate:?}:\n{story}");
            let failed = story.matches("~ voice opened again").count();
            assert_eq!(scene.failed_over, vec![Provider::Voice; failed], "{fate:?}");
        }
    }
}

#[test]
fn two_voices_may_fail_one_behind_the_other_while_several_things_wait_to_be_said() {
    let all = [GREETING, REPLY, GOODBYE].join(" ");
    for voice_continues in [false, true] {
        for first in 0..20 {
            for second in ways(first % 7) {
                let mut config = config(3);
                if let Line::Audio(settings) = &mut config.line {
                    settings.voice_continues = voice_continues;
                }
                let mut scene = Scene::with(config, true, |event| match event {
                    Event::Started => vec![say(1, GREETING), say(2, REPLY), say_whole(3, GOODBYE)],
                    Event::Done(report) if report.id == 3 => vec![Action::HangUp],
                    _ => vec![],
                });
                scene.voice.fates = vec![Fate::BreaksOff(first), second.clone(), Fate::IsWell];
                scene.play(120);
                let what = format!("{first}, {second:?}:\n{}", scene.story());
                assert_eq!(scene.words_heard(), all, "{what}");
                assert_eq!(scene.failed_over, [Provider::Voice; 2], "{what}");
                assert!(scene.story().ends_with("ended: Script"), "{what}");
            }
        }
    }
}

#[test]
fn a_voice_that_fails_in_the_middle_of_a_word_leaves_the_word_to_the_next() {
    // in the greeting and in the reply
    for words in [6, 20] {
        let mut scene = scene(vec![Fate::BreaksOff(words), Fate::IsWell]);
        scene.play(60);
        assert_eq!(scene.failed_over, [Provider::Voice]);
        assert_eq!(scene.words_heard(), [GREETING, REPLY, GOODBYE].join(" "), "{}", scene.story());
        assert!(!scene.half_a_word_was_heard(), "{}", scene.story());
    }
}

#[test]
fn the_next_voice_is_heard_at_once_when_one_is_silent() {
    let mut scene = scene(vec![Fate::Stalls(0), Fate::IsWell]);
    scene.play(60);
    let first = scene.far_end.sent.first().map(|(when, ..)| *when);
    // the deadline, and what the second voice takes
    assert_eq!(first, Some(at(5_000) + scene.voice.first_audio));
}

#[test]
fn when_every_voice_has_failed_the_apology_is_heard_and_the_call_ends() {
    for fate in ways(0) {
        for voices in 1..=3 {
            let mut scene = Scene::with(config(voices), true, script);
            scene.voice.fates = vec![fate.clone(); 9];
            scene.play(120);
            let story = scene.story();
            assert!(story.ends_with("ended: Failed"), "{fate:?}, {voices}:\n{story}");
            let apology = scene.far_end.sent.iter().filter(|(_, of, _)| of.0 == 2);
            let apology: usize = apology.map(|(.., bytes)| bytes).sum();
            assert_eq!(apology, 24_000, "{fate:?}, {voices}:\n{story}");
            let passing = !matches!(&fate, Fate::Fails(_, failure) if !failure.is_passing());
            let opened = if voices > 1 || passing { voices as usize } else { 0 };
            assert_eq!(scene.failed_over.len(), opened, "{fate:?}, {voices}:\n{story}");
            assert_eq!(story.matches("script: 1 is Failed").count(), 1, "{story}");
        }
    }
}

#[test]
fn an_apology_that_no_voice_speaks_is_heard_all_the_same() {
    let mut scene = Scene::with(config(2), true, |_| vec![]);
    scene.voice.fates = vec![Fate::Fails(0, failure(Cause::Denied)); 5];
    scene.later(at(1_000), call::Input::PersonaFailed("it trapped".into()));
    assert_snapshot!(scene.play(60).story(), @"
    0.000 script: Started
    1.000 trouble: the persona failed: it trapped
    1.050 trouble: the voice failed and is opened again: denied: simulated
    1.050 ~ voice opened again
    1.100 trouble: the voice failed and is opened again: denied: simulated
    1.100 ~ voice opened again
    4.150 agent hangs up
    4.150 ended: Failed
    ");
    assert_eq!(scene.sent_of(1), ["1.150 to 4.150"]);
}

#[test]
fn a_voice_may_fail_while_the_caller_has_the_floor() {
    // a cough that becomes no words; the deadline of the voice passes while the agent waits
    let mut scene = scene(vec![Fate::Stalls(6), Fate::IsWell]);
    scene.caller_coughs(1_300, 5_600);
    scene.recogniser_says(6_000, "", true);
    scene.play(60);
    assert!(scene.story().contains("~ clear"), "{}", scene.story());
    let heard = scene.words_heard();
    assert_eq!(heard, [GREETING, REPLY, GOODBYE].join(" "), "{}", scene.story());
}

#[test]
fn a_voice_may_fail_while_the_line_is_lost() {
    for words in 0..14 {
        let mut scene = scene(vec![Fate::Stalls(words), Fate::IsWell]);
        // its deadline passes meanwhile
        scene.line_is_lost(1_015, 9_000);
        scene.play(60);
        let all = [GREETING, REPLY, GOODBYE].join(" ");
        assert_eq!(scene.words_heard(), all, "{words}:\n{}", scene.story());
    }
}

#[test]
fn what_was_cut_short_after_a_failure_is_kept_as_far_as_it_was_heard() {
    let mut scene = Scene::with(config(2), true, |event| match event {
        Event::Started => vec![say(1, GREETING)],
        Event::Turn(_) => vec![ask(2)],
        _ => vec![listen()],
    });
    scene.voice.fates = vec![Fate::Fails(6, failure(Cause::Unreachable)), Fate::IsWell];
    scene.caller_says(2_500, "No, wait a moment please.");
    scene.caller_hangs_up(8_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.050 trouble: the voice failed and is opened again: unreachable: simulated
    0.050 ~ voice opened again
    2.560 ~ clear
    2.560 ~ script: the caller speaks
    2.800 script: 1 is Interrupted, heard "Good evening, this is the kitchen of"
    4.100 script: turn 1: "No, wait a moment please."
    4.100 model is asked: agent "Good evening, this is the kitchen of" | caller "No, wait a moment please."
    4.630 script: 2 is Complete, heard "I see."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn words_of_a_voice_without_timings_are_counted_behind_one_that_had_them() {
    let mut scene = Scene::with(config(2), true, script);
    scene.voice.fates = vec![Fate::Fails(6, failure(Cause::Busy)), Fate::IsTerse];
    scene.operator_interrupts(3_000);
    scene.caller_hangs_up(8_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.050 trouble: the voice failed and is opened again: busy: simulated
    0.050 ~ voice opened again
    3.000 operator interrupts
    3.000 ~ clear
    3.000 script: 1 is Interrupted, heard "Good evening, this is the kitchen of Compass. How"
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}
