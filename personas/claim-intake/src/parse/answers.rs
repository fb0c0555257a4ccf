//! Yes, no, and what else a caller says about the conversation itself.

use super::{Word, at, is_negative, phrase, stands};
use crate::claim::Piece;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
}

/// Said before an answer, and no part of it.
const FILLERS: [&str; 9] = ["um", "uh", "er", "oh", "well", "so", "and", "ah", "hmm"];

/// These mean yes at the beginning, whatever follows.
const YES: [&str; 21] = [
    "yes",
    "yeah",
    "yep",
    "yup",
    "yah",
    "ya",
    "aye",
    "sure",
    "absolutely",
    "exactly",
    "definitely",
    "certainly",
    "indeed",
    "affirmative",
    "of course",
    "uh huh",
    "mm hmm",
    "mhm",
    "mmhmm",
    "precisely",
    "you bet",
];

/// These only where little else is said.
const AGREES: [&str; 44] = [
    "correct",
    "right",
    "okay",
    "ok",
    "fine",
    "perfect",
    "good",
    "great",
    "it is",
    "that is",
    "it was",
    "they are",
    "i do",
    "i have",
    "i did",
    "i am",
    "got it",
    "go ahead",
    "wrote it down",
    "written it down",
    "noted",
    "alright",
    "spot on",
    "that's it",
    "thanks",
    "thank you",
    "yes",
    "yeah",
    "yep",
    "sounds good",
    "is right",
    "nothing wrong",
    "nothing's wrong",
    "not wrong",
    "no mistakes",
    "ready",
    "true",
    "sure",
    "exactly",
    "think so",
    "believe so",
    "guess so",
    "works for me",
    "that'll do",
];

/// As many words as a short answer has.
const SHORT: usize = 7;

pub(super) fn answer(words: &[Word]) -> Option<Answer> {
    let agreeing =
        phrase(words, &["no problem", "no mistakes", "nothing wrong", "nothing's wrong", "not wrong"]);
    let begins =
        (0..words.len()).find(|&n| !FILLERS.contains(&at(words, n)) || stands(words, n, "uh huh"))?;
    let short = words.len() <= SHORT;
    if agreeing.is_some() && short {
        return Some(Answer::Yes);
    }
    if unknown(words) {
        return None;
    }
    if phrase(words, &["no thanks", "no thank you"]).is_some() {
        return Some(Answer::No);
    }
    let denies = |word: &str| {
        is_negative(word) || matches!(word, "nope" | "nah" | "wrong" | "incorrect" | "negative" | "isnt")
    };
    let no = words.iter().any(|word| denies(&word.text));
    let nothing = words.len() <= 3 && phrase(words, &["nothing", "none"]).is_some();
    let says_no = nothing || at(words, begins) == "no" || (short && phrase(words, &["no"]).is_some());
    let says_yes = YES.iter().any(|yes| stands(words, begins, yes));
    // "correct it to 300" and "right now" agree to nothing
    let verb = phrase(
        words,
        &[
            "correct it",
            "correct that",
            "correct the",
            "right now",
            "right away",
            "right back",
            "not right",
            "not correct",
            "good question",
            "i am not",
            "i did not",
            "i do not",
            "to correct",
        ],
    );
    let agrees = short && verb.is_none() && phrase(words, &AGREES).is_some();
    match (no || says_no, says_yes || agrees) {
        // "yeah, no", "no, that's right"; but "no, that's not right"
        (true, true) if !no || says_yes => None,
        (true, _) => Some(Answer::No),
        (false, true) => Some(Answer::Yes),
        (false, false) => None,
    }
}

pub(super) fn unknown(words: &[Word]) -> bool {
    let phrases = [
        "don't know",
        "do not know",
        "dunno",
        "no idea",
        "not sure",
        "no clue",
        "can't remember",
        "can't say",
        "don't remember",
        "don't recall",
        "don't have it",
        "don't have that",
        "skip",
        "couldn't tell you",
        "cannot remember",
        "cannot say",
    ];
    phrase(words, &phrases).is_some()
}

pub(super) fn again(words: &[Word]) -> bool {
    let asks = [
        "repeat",
        "say again",
        "say that again",
        "say it again",
        "one more time",
        "once more",
        "pardon",
        "come again",
        "what was that",
        "what was the number",
        "what did you say",
        "didn't catch",
        "didn't hear",
        "didn't get that",
        "can't hear",
        "tell me again",
        "slower",
        "more slowly",
        "what is my claim number",
        "what was my claim number",
        "what's my claim number",
    ];
    let only = matches!(at(words, 0), "what" | "sorry" | "again" | "excuse") && words.len() <= 2;
    only || phrase(words, &asks).is_some()
}

/// In words that mean nothing else.
pub(super) fn goodbye(words: &[Word]) -> bool {
    let mut last = words.iter().rev().take(4);
    let hangs_up = words.len() >= 2 && stands(words, words.len() - 2, "hang up");
    last.any(|word| matches!(&*word.text, "goodbye" | "bye")) || hangs_up
}

pub(super) fn mentions(words: &[Word]) -> Vec<Piece> {
    let named = |names: &[&str]| phrase(words, names).is_some();
    let mut pieces = Vec::new();
    if named(&["date", "day", "the month", "the year"]) {
        pieces.push(Piece::Date);
    }
    if named(&["status", "decision", "state"]) {
        pieces.push(Piece::Status);
    }
    if named(&["amount", "sum", "money", "figure", "total", "price", "value"]) {
        pieces.push(Piece::Amount);
    }
    pieces
}

pub(super) fn mentions_number(words: &[Word]) -> bool {
    phrase(words, &["claim number", "claim id", "reference number", "the number"]).is_some()
}

/// A number from an earlier call: "I have a claim number", and not "I have the number".
pub(super) fn has_earlier(words: &[Word]) -> bool {
    let phrases = [
        "a claim number",
        "a number",
        "a reference number",
        "a claim id",
        "have one already",
        "already have one",
        "already have a",
        "already got a",
        "earlier claim",
        "existing claim",
        "previous claim",
        "my claim number is",
        "called before",
        "other claim number",
        "different claim number",
        "old claim number",
        "existing number",
    ];
    phrase(words, &phrases).is_some()
}

/// No claim that there was before, but one that is new.
pub(super) fn wants_new(words: &[Word]) -> bool {
    let phrases = [
        "new claim",
        "new one",
        "another claim",
        "another one",
        "a different claim",
        "different one",
        "separate claim",
        "start over",
        "start again",
        "begin again",
        "from the beginning",
        "something else",
        "open a claim",
        "make a claim",
        "file a claim",
        "report a claim",
    ];
    phrase(words, &phrases).is_some()
}

/// What there was before is taken up.
pub(super) fn goes_on(words: &[Word]) -> bool {
    let phrases = [
        "go on",
        "continue",
        "carry on",
        "proceed",
        "resume",
        "finish it",
        "finish that",
        "that one",
        "the same one",
        "the same claim",
        "the open one",
        "the open claim",
        "please do",
        "let's do that",
    ];
    phrase(words, &phrases).is_some()
}

/// To hear what there is.
pub(super) fn wants_reading(words: &[Word]) -> bool {
    let phrases = [
        "read it",
        "read that",
        "read them",
        "read me",
        "read the",
        "read everything",
        "hear it",
        "hear what",
        "tell me what",
        "tell me the",
        "what is in it",
        "what's in it",
        "what does it say",
        "what do you have",
        "what have you got",
        "go through it",
        "details",
    ];
    phrase(words, &phrases).is_some()
}

/// Something that was said before is put right.
pub(super) fn corrects(words: &[Word]) -> bool {
    let cues =
        ["actually", "sorry", "i mean", "i meant", "should be", "should have been", "instead", "rather"];
    complains(words)
        || phrase(words, &cues).is_some()
        || at(words, 0) == "no"
        || words.iter().any(|word| is_negative(&word.text))
}

/// Something that was said before is wrong.
pub(super) fn complains(words: &[Word]) -> bool {
    let cues = [
        "wrong",
        "incorrect",
        "not right",
        "isn't right",
        "not correct",
        "isn't correct",
        "change",
        "correct the",
        "fix",
        "mistake",
        "mixed up",
        "misheard",
        "update",
    ];
    let denied = phrase(words, &["not wrong", "nothing wrong", "nothing's wrong", "no mistakes"]).is_some();
    !denied && phrase(words, &cues).is_some()
}
