//! What words say about themselves: how many, whose, and whether they ask for the floor.

/// Sounds by which a listener says no more than "go on".
const BACKCHANNELS: [&str; 14] =
    ["mm", "mmm", "mhm", "mmhm", "mm-hm", "mm-hmm", "mhmm", "hm", "hmm", "uh-huh", "uhuh", "aha", "uh", "um"];

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-' || c == '’'))
        .map(|word| word.trim_matches(['-', '\'', '’']).to_lowercase())
        .filter(|word| !word.is_empty())
}

pub(super) fn count(text: &str) -> usize {
    words(text).count()
}

/// Whether somebody says only that he listens.
pub(super) fn is_backchannel(text: &str) -> bool {
    let mut words = words(text).peekable();
    words.peek().is_some() && words.all(|word| BACKCHANNELS.contains(&word.as_str()))
}

/// Whether these words, in their order, stand somewhere in the other text.
pub(super) fn occurs_in(text: &str, other: &str) -> bool {
    let text: Vec<String> = words(text).collect();
    let other: Vec<String> = words(other).collect();
    !text.is_empty() && other.windows(text.len()).any(|window| window == text)
}

/// What comes behind these words, where the text begins with them; else all of it.
pub(super) fn without<'a>(text: &'a str, first: &str) -> &'a str {
    let mut rest = text;
    for expected in words(first) {
        let begins = |c: char| c.is_alphanumeric();
        let Some(start) = rest.find(begins) else { return text };
        let after = rest.get(start..).unwrap_or_default();
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (word, behind) = after.split_at(end);
        if words(word).next().as_ref() != Some(&expected) {
            return text;
        }
        rest = behind;
    }
    rest.trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_who_hums_does_not_ask_for_the_floor() {
        assert!(is_backchannel("Mm-hm."));
        assert!(is_backchannel("uh-huh, hmm"));
        assert!(!is_backchannel("mm-hm, but wait"));
        assert!(!is_backchannel("No."));
        assert!(!is_backchannel(""));
    }

    #[test]
    fn an_echo_has_the_words_of_what_is_being_said() {
        let said = "Thank you for calling Compass Group. How can I help?";
        assert!(occurs_in("thank you for", said));
        assert!(occurs_in("How can", said));
        assert!(!occurs_in("thank you very much", said));
        assert!(!occurs_in("help how", said));
        assert!(!occurs_in("", said));
    }

    #[test]
    fn words_that_were_said_before_are_taken_away() {
        assert_eq!(without("My soup was cold today.", "my soup was"), "cold today.");
        assert_eq!(without("My soup was cold.", "my soup was cold"), "");
        assert_eq!(without("Your soup was cold.", "my soup"), "Your soup was cold.");
        assert_eq!(without("my", "my soup"), "my");
        assert_eq!(without("Yes.", ""), "Yes.");
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(count("No, I don't - really!"), 4);
        assert_eq!(count(" ... "), 0);
    }
}
