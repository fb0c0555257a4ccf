//! Words found again in what was recorded.

use crate::voices::{PHRASES, over_the_telephone, say, silence, speech_can_be_tested};
use standins::deepgram::Grammar;
use standins::speech;

#[test]
fn the_words_are_found_again_whoever_says_them() {
    if !speech_can_be_tested() {
        return;
    }
    let grammar = Grammar::phrases(PHRASES);
    for (phrase, voice, speed, words) in [
        (PHRASES[0], "en-us", 130, "my soup was cold"),
        (PHRASES[1], "en-gb", 160, "i would like to speak to a manager"),
        (PHRASES[3], "en-us+f3", 190, "no thank you"),
    ] {
        let recording =
            [silence(2000), over_the_telephone(&say(phrase, voice, speed)), silence(700)].concat();
        assert_eq!(speech::recognise(&recording, &grammar).unwrap(), words);
    }
}

#[tokio::test]
async fn a_recording_may_hold_several_phrases() {
    if !speech_can_be_tested() {
        return;
    }
    let (yes, room) = (say(PHRASES[2], "en-us", 150), say(PHRASES[4], "en-us", 150));
    let words = "yes please my room number is four one two";
    let once = Grammar::phrases(PHRASES);
    let apart = [silence(300), yes.clone(), silence(900), room.clone(), silence(100)].concat();
    assert_eq!(speech::recognise(&apart, &once).unwrap(), words);
    let in_one_breath = [silence(300), yes, silence(100), room].concat();
    assert_eq!(speech::recognise(&in_one_breath, &once.repeated()).unwrap(), words);
}

#[test]
fn silence_has_no_words() {
    if !speech_can_be_tested() {
        return;
    }
    let grammar = Grammar::phrases(PHRASES);
    assert_eq!(speech::recognise(&silence(3000), &grammar).unwrap(), "");
    assert_eq!(speech::recognise(&[], &grammar).unwrap(), "");
}
