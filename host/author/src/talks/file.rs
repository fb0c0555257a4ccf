//! A talk: a conversation as a text file.

use super::line::{self, Answer, Line, Outcome, Step};

/// A file, line by line, as it was written.
#[derive(Clone, Debug)]
pub struct Talk {
    pub(crate) lines: Vec<Written>,
}

#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) line: Line,
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// counted from 1
    pub line: usize,
    pub problem: String,
}

impl Talk {
    /// Reads a file. Fails with all that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let mut lines = Vec::new();
        let mut mistakes = Vec::new();
        let mut begun = false;
        for (at, text) in text.lines().enumerate() {
            let mut mistake = |problem: String| mistakes.push(Mistake { line: at + 1, problem });
            match line::parse(text) {
                Ok(line) => {
                    if begun && matches!(line, Line::With { .. }) {
                        mistake("`with` lines stand at the top: all of that is known before the call".into());
                    }
                    begun |= !matches!(line, Line::Aside | Line::With { .. });
                    lines.push(Written { text: text.to_owned(), line });
                }
                Err(problem) => mistake(problem),
            }
        }
        if mistakes.is_empty() { Ok(Self { lines }) } else { Err(mistakes) }
    }

    pub(crate) fn withs(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.lines.iter().enumerate().filter_map(|(at, written)| match &written.line {
            Line::With { what, value } => Some((at, what.as_str(), value.as_str())),
            _ => None,
        })
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.lines.iter().enumerate().filter_map(|(at, written)| match &written.line {
            Line::Step(step) => Some((at, step)),
            _ => None,
        })
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = (usize, &Answer)> {
        self.lines.iter().enumerate().filter_map(|(at, written)| match &written.line {
            Line::Answer(answer) => Some((at, answer)),
            _ => None,
        })
    }

    pub(crate) fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.lines.iter().filter_map(|written| match &written.line {
            Line::Outcome(outcome) => Some(outcome),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_as_it_is_written() {
        for text in [
            "agent: Hello, this is the desk.",
            "agent: We open at --",
            "agent: --",
            "agent hangs up",
            "caller is put through",
            "call fails",
            "call is cut off",
            "kept seats = 4",
            "kept said = [\"a b\"]",
            "outcome booked a table",
            "tool answers done",
            "agent presses 12#",
            "agent fetches GET https://example.com/v1",
            "agent recalls caller = \"+15550100\"",
            "agent transfers to desk",
            "agent transfers to desk saying She is late.",
            "trouble: the model failed",
        ] {
            let Ok(Line::Outcome(outcome)) = line::parse(text) else { panic!("{text:?}") };
            assert_eq!(outcome.to_string(), text);
        }
        let interrupts = line::parse(r#"caller interrupts after "We open": No!"#);
        let step = Step::Interrupts { after: "We open".into(), says: "No!".into() };
        assert_eq!(interrupts, Ok(Line::Step(step)));
        let calls = line::parse(r#"model calls lookup {"id": 7}"#);
        let answer = Answer::ModelCalls { name: "lookup".into(), arguments: r#"{"id": 7}"#.into() };
        assert_eq!(calls, Ok(Line::Answer(answer)));
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_what_to_write() {
        let text = "# fine\nagnet: Hello\ncaller:\ncaller presses x\ncaller is silent for ever\n\
                    model calls book [1]\nserver answers yes\nkept seats 4\nkept name = Ann\nwith settin a = 1\n\
                    caller interrupts after We: no\nanswered by nobody\nwith caller +1555";
        let mistakes = Talk::parse(text).unwrap_err();
        let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let all = mistakes.iter().map(|m| m.problem.clone()).collect::<Vec<_>>().join("\n");
        for part in [
            "`agent:`?",
            "is silent for 20 s",
            "no keys",
            "`20 s`",
            "JSON object",
            "server answers 200",
            "`kept seats = 4`",
            "in quotes",
            "with setting",
            "caller interrupts after",
            "machine",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
    }

    #[test]
    fn what_is_known_before_the_call_stands_at_the_top() {
        let mistakes = Talk::parse("caller: Hello\nwith language de").unwrap_err();
        assert_eq!(mistakes[0].line, 2);
    }
}
