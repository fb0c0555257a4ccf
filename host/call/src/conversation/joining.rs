//! The text of a model's reply on its way to the line, where another model may have to go on with it.
//!
//! Only whole words are given, so that whoever goes on begins with a word. Whoever goes on with an
//! answer may begin by repeating it, against what it was asked: what it repeats is dropped. Nothing
//! is held longer than it may still be a repetition, or a word that has not ended.

/// A word that is longer than this is none.
const LONGEST_WORD: usize = 200;
/// One sentence of fewer words may well be said twice.
const WORTH_KNOWING: usize = 3;

/// More of the answer. `apart`: what was said before does not run into it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) apart: bool,
}

#[derive(Debug, Default)]
pub(super) struct Joining {
    whole_words: bool,
    /// what may be repeated, as letters; empty once it is known whether it is
    repeatable: Vec<Vec<char>>,
    /// the end of what this reply goes on with, until it has gone on
    end: Option<char>,
    waiting: String,
    said_something: bool,
    gave_something: bool,
}

impl Joining {
    /// A reply that begins. `whole_words`: somebody else may have to go on with it.
    pub(super) fn new(whole_words: bool) -> Self {
        Self { whole_words, ..Self::default() }
    }

    /// A reply that goes on with this.
    pub(super) fn after(given: &str, whole_words: bool) -> Self {
        let given = given.trim();
        Self { whole_words, repeatable: repeatable(given), end: given.chars().last(), ..Self::default() }
    }

    /// Whether the reply said anything, be it a repetition.
    pub(super) fn said_something(&self) -> bool {
        self.said_something
    }

    /// More of the reply: what can be given of it.
    pub(super) fn push(&mut self, text: &str) -> Option<Given> {
        self.said_something |= !text.trim().is_empty();
        self.waiting.push_str(text);
        self.take(false)
    }

    /// The reply is whole.
    pub(super) fn rest(&mut self) -> Option<Given> {
        self.take(true)
    }

    fn take(&mut self, whole: bool) -> Option<Given> {
        if !self.repeatable.is_empty() {
            let length = repeated(&self.repeatable, &self.waiting, whole)?;
            self.waiting.drain(..length);
            self.repeatable.clear();
        }
        let mut apart = !self.gave_something;
        if let Some(end) = self.end {
            let ended = closes(end);
            let next = self.waiting.trim_start_matches(|c: char| c.is_whitespace() || ended && closes(c));
            let Some(first) = next.chars().next() else {
                self.waiting.clear();
                return None;
            };
            apart = !(closes(first) || is_unspaced(first) || is_unspaced(end));
            self.waiting = next.to_owned();
        }
        let all = whole || !self.whole_words;
        let end = if all { self.waiting.len() } else { end_of_whole_words(&self.waiting) };
        let text: String = self.waiting.drain(..end).collect();
        if text.is_empty() {
            return None;
        }
        self.end = None;
        self.gave_something = true;
        Some(Given { text, apart })
    }
}

/// Whether this is the end of a sentence.
pub(super) fn ends_sentence(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '”' | '»' | ')'));
    text.ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

/// All of it, and its last sentences.
fn repeatable(given: &str) -> Vec<Vec<char>> {
    let mut before = ' ';
    let mut all = Vec::new();
    for (at, c) in given.char_indices() {
        let begins = c.is_whitespace() && ends_sentence(before.encode_utf8(&mut [0; 4]));
        if at == 0 || begins {
            let sentences = given.get(at..).unwrap_or_default();
            let whole = at == 0;
            let telling = sentences.split_whitespace().count() >= WORTH_KNOWING || !ends_sentence(given);
            all.extend((whole || telling).then(|| letters(sentences).map(|(_, c)| c).collect::<Vec<char>>()));
        }
        before = c;
    }
    all.retain(|letters| !letters.is_empty());
    all
}

/// How much of the text repeats what was said before; none: that is not known yet. `whole`: no more of
/// it comes.
fn repeated(repeatable: &[Vec<char>], text: &str, whole: bool) -> Option<usize> {
    let said: Vec<(usize, char)> = letters(text).collect();
    let mut longest = 0;
    for expected in repeatable {
        let same = said.iter().zip(expected).all(|((_, c), expected)| c == expected);
        if !same {
            continue;
        }
        if said.len() < expected.len() {
            if !whole {
                return None;
            }
            longest = text.len();
            continue;
        }
        let end = expected.len().checked_sub(1).and_then(|last| said.get(last)).map_or(0, |(end, _)| *end);
        match text.get(end..).unwrap_or_default().chars().next() {
            None if !whole => return None,
            // it was the beginning of another word
            Some(c) if c.is_alphanumeric() && !is_unspaced(c) => {}
            _ => longest = longest.max(end),
        }
    }
    Some(longest)
}

/// What remains of a text where case, blanks and punctuation do not count; with where each ends.
fn letters(text: &str) -> impl Iterator<Item = (usize, char)> {
    let letters = text.char_indices().filter(|(_, c)| c.is_alphanumeric());
    letters.flat_map(|(at, c)| c.to_lowercase().map(move |lower| (at + c.len_utf8(), lower)))
}

/// How far the words go that have certainly ended, without the blanks behind them.
fn end_of_whole_words(text: &str) -> usize {
    let mut end = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        if let Some(before) = before {
            let word_ended = c.is_whitespace() && !char::is_whitespace(before);
            if word_ended || is_unspaced(before) {
                end = at;
            }
        }
        before = Some(c);
    }
    let last = text.get(end..).unwrap_or_default();
    let is_sentence = ends_sentence(last) && last.chars().filter(|c| c.is_alphabetic()).count() > 1;
    let unspaced = last.chars().last().is_some_and(is_unspaced);
    if is_sentence || unspaced || last.len() > LONGEST_WORD { text.len() } else { end }
}

/// It stands behind a word without a blank.
fn closes(c: char) -> bool {
    matches!(
        c,
        '.' | ',' | ';' | ':' | '!' | '?' | '…' | ')' | '”' | '»' | '%' | '。' | '！' | '？' | '，' | '、'
    )
}

/// It belongs to a script that puts no blanks between words: Chinese, Japanese, Thai, Lao, Burmese,
/// Khmer.
fn is_unspaced(c: char) -> bool {
    matches!(
        u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x9FFF
        | 0xF900..=0xFAFF | 0xFF00..=0xFF60 | 0x2_0000..=0x3_FFFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said in all when a reply that goes on with `given` comes in tokens.
    fn joined(given: &str, tokens: &[&str]) -> String {
        let mut joining = Joining::after(given, true);
        let mut said = given.to_owned();
        let mut more: Vec<Given> = tokens.iter().filter_map(|token| joining.push(token)).collect();
        more.extend(joining.rest());
        for Given { text, apart } in more {
            if apart {
                said.push(' ');
            }
            said.push_str(&text);
        }
        said
    }

    #[test]
    fn whoever_goes_on_begins_with_a_word() {
        assert_eq!(joined("I am very", &["sorry", "."]), "I am very sorry.");
        assert_eq!(joined("I am very", &[" sorry", "."]), "I am very sorry.");
        assert_eq!(joined("I am sorry", &[",", " truly."]), "I am sorry, truly.");
        assert_eq!(joined("I am sorry,", &[", truly."]), "I am sorry, truly.");
        assert_eq!(joined("你好。我", &["很好。"]), "你好。我很好。");
    }

    #[test]
    fn what_is_repeated_is_dropped() {
        assert_eq!(joined("I am very", &["I am", " very sorry."]), "I am very sorry.");
        assert_eq!(joined("Oh no. I am very", &["I AM", " very", " sorry."]), "Oh no. I am very sorry.");
        assert_eq!(joined("Oh no. I am very", &["Oh, no! I am very sorry."]), "Oh no. I am very sorry.");
        assert_eq!(joined("I am sorry.", &["I am sorry. Was it cold?"]), "I am sorry. Was it cold?");
        assert_eq!(joined("Sure. I", &["I", " can."]), "Sure. I can.");
        assert_eq!(joined("你好。我", &["你好。我很好。"]), "你好。我很好。");
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        assert_eq!(
            joined("A table for", &["A table", " forty feet long."]),
            "A table for A table forty feet long."
        );
        assert_eq!(joined("I said no. Oh no.", &["No", " problem."]), "I said no. Oh no. No problem.");
        assert_eq!(joined("Sure. I", &["Is that so?"]), "Sure. I Is that so?");
        assert_eq!(joined("We have two", &["We have", " three."]), "We have two We have three.");
    }

    #[test]
    fn one_that_only_repeats_adds_nothing() {
        assert_eq!(joined("I am very sorry.", &["I am very", " sorry."]), "I am very sorry.");
        assert_eq!(joined("I am very sorry.", &["I am very"]), "I am very sorry.");
        assert_eq!(joined("I am very sorry.", &[]), "I am very sorry.");
    }

    #[test]
    fn a_word_is_held_until_it_has_ended() {
        let mut joining = Joining::new(true);
        let mut push = |text| joining.push(text).map(|given| given.text);
        assert_eq!(push("I am won"), Some("I am".into()));
        assert_eq!(push("der"), None);
        assert_eq!(push("ful."), Some(" wonderful.".into()));
        assert_eq!(push(" It costs 3."), Some(" It costs".into()));
        assert_eq!(push("50"), None);
        assert_eq!(push("你好"), Some(" 3.50你好".into()));
        assert_eq!(joining.rest(), None);
    }

    #[test]
    fn where_nobody_goes_on_nothing_is_held() {
        let mut joining = Joining::new(false);
        assert_eq!(joining.push("wo"), Some(Given { text: "wo".into(), apart: true }));
        assert_eq!(joining.push("rd"), Some(Given { text: "rd".into(), apart: false }));
    }
}
