//! Cuts text that is still being written into pieces worth speaking.
//!
//! A voice sounds right when it is given sentences, and early when it is given clauses. So pieces
//! end where sentences end, except that the first piece may be a clause; and a few words, for a voice
//! that speaks its pieces as one, wherever they are cut. Spaces belong to the piece before them: the
//! pieces joined are the text.

/// A clause is worth speaking on its own from this many characters.
const FIRST_CLAUSE: usize = 12;
/// Without any punctuation the first piece ends at a word after this many characters; and where the
/// voice speaks its pieces as one.
const FIRST_WORDS: usize = 60;
const FIRST_WORDS_OF_MANY: usize = 10;
/// A sentence longer than this is cut at a clause, or at a word.
const LONGEST: usize = 240;

/// A dot after one of these does not end a sentence.
const ABBREVIATIONS: [&str; 14] =
    ["mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "e.g", "i.e", "approx", "dept", "inc"];

/// The text of one utterance, as far as it is not yet cut.
#[derive(Debug)]
pub(super) struct Cutter {
    waiting: String,
    begun: bool,
    first_words: usize,
}

impl Cutter {
    /// `continues`: the voice speaks its pieces as one.
    pub(super) fn new(continues: bool) -> Self {
        let first_words = if continues { FIRST_WORDS_OF_MANY } else { FIRST_WORDS };
        Self { waiting: String::new(), begun: false, first_words }
    }

    /// More text has become known.
    pub(super) fn push(&mut self, text: &str) {
        self.waiting.push_str(text);
    }

    /// Nothing of it is left that could be spoken.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.trim().is_empty()
    }

    /// The next piece, if one is certain to be whole.
    pub(super) fn next(&mut self) -> Option<String> {
        let end = self.end_of_piece()?;
        let rest = self.waiting.split_off(end);
        self.begun = true;
        Some(std::mem::replace(&mut self.waiting, rest))
    }

    /// Whatever is left: nothing more comes for now.
    pub(super) fn rest(&mut self) -> Option<String> {
        if self.waiting.trim().is_empty() {
            return None;
        }
        self.begun = true;
        Some(std::mem::take(&mut self.waiting))
    }

    fn end_of_piece(&self) -> Option<usize> {
        let text = self.waiting.as_str();
        let mut clause = None;
        let mut word = None;
        let mut chars = text.char_indices().peekable();
        let mut count = 0;
        while let Some((at, char)) = chars.next() {
            count += 1;
            let Some((next_at, next)) = chars.peek().copied() else { break };
            let blank_follows = next.is_whitespace();
            // a piece takes the spaces behind it, so it is whole only when they have ended
            let whole = || end_of_spaces(text, next_at);
            let ends_sentence = match char {
                '。' | '！' | '？' => true,
                '\n' => true,
                '!' | '?' | '…' => blank_follows,
                '.' => blank_follows && !is_abbreviation(text, at),
                _ => false,
            };
            if ends_sentence && let Some(end) = if blank_follows { whole() } else { Some(next_at) } {
                // «1. » and the like are no piece
                if text
                    .get(..end)
                    .is_some_and(|piece| piece.chars().filter(|c| c.is_alphabetic()).count() > 1)
                {
                    return Some(end);
                }
            }
            let ends_clause = matches!(char, ',' | ';' | ':' | '—' | '–' | '、' | '，') && blank_follows;
            if ends_clause && count >= FIRST_CLAUSE {
                let end = whole();
                clause = end.or(clause);
                if !self.begun && end.is_some() {
                    return end;
                }
            }
            if blank_follows && !char.is_whitespace() {
                word = whole().or(word);
            }
            let too_long = if self.begun { LONGEST } else { self.first_words };
            if count >= too_long
                && let Some(end) = clause.or(word)
            {
                return Some(end);
            }
        }
        None
    }
}

/// Where the spaces that begin at `from` have ended; none: perhaps more of them come.
fn end_of_spaces(text: &str, from: usize) -> Option<usize> {
    text.get(from..)?.char_indices().find(|(_, c)| !c.is_whitespace()).map(|(at, _)| from + at)
}

/// Whether the dot at `at` belongs to a word like "Mr." or to an initial.
fn is_abbreviation(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    is_initial || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a text that comes a few characters at a time.
    fn pieces(text: &str) -> Vec<String> {
        pieces_for(text, false)
    }

    fn pieces_for(text: &str, continues: bool) -> Vec<String> {
        let mut cutter = Cutter::new(continues);
        let mut pieces = Vec::new();
        for char in text.chars() {
            cutter.push(&char.to_string());
            pieces.extend(std::iter::from_fn(|| cutter.next()));
        }
        pieces.extend(cutter.rest());
        assert_eq!(pieces.concat(), text.trim_start_matches(|_| text.trim().is_empty()), "nothing is lost");
        pieces
    }

    #[test]
    fn sentences_are_pieces() {
        assert_eq!(
            pieces("I am sorry. That should not happen! Was it cold? Tell me."),
            ["I am sorry. ", "That should not happen! ", "Was it cold? ", "Tell me."]
        );
    }

    #[test]
    fn the_first_piece_is_a_clause_and_later_ones_are_whole_sentences() {
        assert_eq!(
            pieces(
                "I am very sorry to hear that, and I will tell the kitchen, today. Anything else, perhaps?"
            ),
            [
                "I am very sorry to hear that, ",
                "and I will tell the kitchen, today. ",
                "Anything else, perhaps?"
            ]
        );
        assert_eq!(pieces("Oh, I see what you mean."), ["Oh, I see what you mean."]);
    }

    #[test]
    fn a_voice_that_speaks_its_pieces_as_one_is_given_a_few_words_first() {
        assert_eq!(
            pieces_for("I am very sorry to hear that. Was it cold?", true),
            ["I am very ", "sorry to hear that. ", "Was it cold?"]
        );
        assert_eq!(pieces_for("Yes. It was.", true), ["Yes. ", "It was."]);
    }

    #[test]
    fn a_dot_does_not_always_end_a_sentence() {
        assert_eq!(
            pieces("Dr. J. Smith paid 3.50 for it. Mr. Lee did not."),
            ["Dr. J. Smith paid 3.50 for it. ", "Mr. Lee did not."]
        );
    }

    #[test]
    fn a_long_text_without_punctuation_is_cut_at_words() {
        let words = "word ".repeat(100);
        let pieces = pieces(words.trim_end());
        assert!(pieces[0].chars().count() <= FIRST_WORDS + 5, "{:?}", pieces[0]);
        assert!(pieces.iter().all(|p| p.chars().count() <= LONGEST + 5));
        assert!(pieces.iter().take(pieces.len() - 1).all(|p| p.ends_with(' ')));
    }

    #[test]
    fn other_scripts_and_blank_text() {
        assert_eq!(pieces("你好。再见！"), ["你好。", "再见！"]);
        assert!(pieces("  ").is_empty());
    }
}
