//! What can be recognised: a JSGF grammar, written out or made of phrases.
//!
//! Words must be in PocketSphinx's English dictionary (about 130,000 words, written without
//! capitals and digits: "four one two") or be given a pronunciation. Whether they are is checked
//! when a recogniser starts.

/// The phrases that a recogniser knows.
#[derive(Clone, Debug)]
pub struct Grammar {
    source: Source,
    /// Word and phones, for words that the dictionary lacks.
    pronunciations: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
enum Source {
    Jsgf(String),
    Phrases { phrases: Vec<String>, repeated: bool },
}

impl Grammar {
    /// One of these phrases at a time. Capitals and punctuation do not matter, but pauses do: where
    /// a speaker's pause ends the utterance, as it may at a comma, each part has to be a phrase.
    pub fn phrases<P: AsRef<str>>(phrases: &[P]) -> Self {
        let phrases = phrases.iter().map(|p| spoken(p.as_ref())).filter(|p| !p.is_empty()).collect();
        Self { source: Source::Phrases { phrases, repeated: false }, pronunciations: Vec::new() }
    }

    /// A grammar in the JSpeech Grammar Format, with one public rule.
    pub fn jsgf(text: impl Into<String>) -> Self {
        Self { source: Source::Jsgf(text.into()), pronunciations: Vec::new() }
    }

    /// Any number of the phrases after each other, within one breath. Nothing changes for JSGF,
    /// which has an operator for it.
    pub fn repeated(mut self) -> Self {
        if let Source::Phrases { repeated, .. } = &mut self.source {
            *repeated = true;
        }
        self
    }

    /// Teaches a word that the dictionary lacks, in the phones of CMUdict: "cordboard" is
    /// "K AO R D B AO R D".
    pub fn pronouncing(mut self, word: &str, phones: &str) -> Self {
        self.pronunciations.push((word.to_lowercase(), phones.to_owned()));
        self
    }

    pub(super) fn to_jsgf(&self) -> String {
        match &self.source {
            Source::Jsgf(text) => text.clone(),
            Source::Phrases { phrases, repeated } => {
                let times = if *repeated { "+" } else { "" };
                let phrases = phrases.join(" | ");
                format!("#JSGF V1.0;\ngrammar phrases;\npublic <said> = ( {phrases} ){times};\n")
            }
        }
    }

    pub(super) fn pronunciations(&self) -> &[(String, String)] {
        &self.pronunciations
    }
}

/// The words of a sentence as the dictionary writes them.
fn spoken(phrase: &str) -> String {
    let letters: String = phrase
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' })
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_become_alternatives_without_capitals_and_punctuation() {
        let grammar = Grammar::phrases(&["My soup was cold.", "I'm done, thank-you!", "…"]);
        assert!(grammar.to_jsgf().contains("<said> = ( my soup was cold | i'm done thank you );"));
        assert!(grammar.repeated().to_jsgf().contains("thank you )+;"));
    }

    #[test]
    fn a_grammar_that_is_written_out_stays_as_it_is() {
        let text = "#JSGF V1.0; grammar g; public <g> = yes | no;";
        assert_eq!(Grammar::jsgf(text).repeated().to_jsgf(), text);
    }
}
