//! What the file says beside what happened: a difference for a person, or the file as it would be right.

use super::file::Talk;
use super::line::{Line, Outcome};
use super::stage::{Happened, Played};
use std::collections::BTreeSet;

/// One line of both, put side by side.
#[derive(Debug)]
enum Row {
    /// a line of the file, as it is
    Keep(usize),
    /// a line of the file that did not happen
    Missing(usize),
    /// what happened, and is not in the file
    New(Outcome),
}

/// From one step of the caller to the next.
struct Part {
    rows: Vec<Row>,
    differs: bool,
}

/// Both, put side by side.
pub(crate) struct Score<'a> {
    talk: &'a Talk,
    parts: Vec<Part>,
}

/// What of a part is put side by side.
#[derive(Clone, PartialEq)]
enum Item {
    Answer(usize),
    Outcome(Outcome),
}

impl<'a> Score<'a> {
    pub(crate) fn new(talk: &'a Talk, played: &Played) -> Self {
        let mentioned: BTreeSet<&str> = talk.outcomes().filter_map(Outcome::optional).collect();
        let empty = talk.outcomes().next().is_none();
        let counts =
            |outcome: &Outcome| empty || outcome.optional().is_none_or(|name| mentioned.contains(name));
        let is_step = |line: usize| talk.lines.get(line).is_some_and(|l| matches!(l.line, Line::Step(_)));

        let mut happened: Vec<Vec<Item>> = vec![Vec::new()];
        for what in &played.happened {
            let item = match what {
                Happened::Line(line) if is_step(*line) => {
                    happened.push(Vec::new());
                    continue;
                }
                Happened::Line(line) => Item::Answer(*line),
                Happened::Outcome(outcome) if !counts(outcome) => continue,
                Happened::Outcome(outcome) => Item::Outcome(outcome.clone()),
            };
            if let Some(part) = happened.last_mut() {
                part.push(item);
            }
        }
        let mut written: Vec<Vec<usize>> = vec![Vec::new()];
        for line in 0..talk.lines.len() {
            if is_step(line) {
                written.push(Vec::new());
            }
            if let Some(part) = written.last_mut() {
                part.push(line);
            }
        }
        let nothing = Vec::new();
        let parts = written.iter().enumerate();
        let parts = parts.map(|(at, lines)| part(talk, at == 0, lines, happened.get(at).unwrap_or(&nothing)));
        let parts = parts.collect();
        Self { talk, parts }
    }

    pub(crate) fn agrees(&self) -> bool {
        self.parts.iter().all(|part| !part.differs)
    }

    /// The parts that differ, with the numbers of their lines.
    pub(crate) fn difference(&self) -> String {
        let mut text = String::new();
        for part in self.parts.iter().filter(|part| part.differs) {
            if !text.is_empty() {
                text.push_str("       …\n");
            }
            for row in &part.rows {
                let line =
                    |line: usize| self.talk.lines.get(line).map_or("", |written| written.text.as_str());
                let row = match row {
                    Row::Keep(at) => format!("{:>4}   {}", at + 1, line(*at)),
                    Row::Missing(at) => format!("{:>4} - {}", at + 1, line(*at)),
                    Row::New(outcome) => format!("     + {outcome}"),
                };
                text.push_str(row.trim_end());
                text.push('\n');
            }
        }
        text
    }

    /// The file with what happened in the place of what it said.
    pub(crate) fn blessed(&self) -> String {
        let mut text = String::new();
        for row in self.parts.iter().flat_map(|part| &part.rows) {
            match row {
                Row::Keep(at) => text.push_str(self.talk.lines.get(*at).map_or("", |written| &written.text)),
                Row::Missing(_) => continue,
                Row::New(outcome) => text.push_str(&outcome.to_string()),
            }
            text.push('\n');
        }
        text
    }
}

/// Puts one part side by side, so that as many lines as possible stay as they are.
fn part(talk: &Talk, first: bool, lines: &[usize], happened: &[Item]) -> Part {
    let written: Vec<(usize, Item)> = lines
        .iter()
        .filter_map(|line| {
            let item = match &talk.lines.get(*line)?.line {
                Line::Answer(_) => Item::Answer(*line),
                Line::Outcome(outcome) => Item::Outcome(outcome.clone()),
                Line::Aside | Line::With { .. } | Line::Step(_) => return None,
            };
            Some((*line, item))
        })
        .collect();
    let outcomes = |item: &&Item| matches!(item, Item::Outcome(_));
    let differs = !written.iter().map(|(_, item)| item).filter(outcomes).eq(happened.iter().filter(outcomes));

    let mut rest = lines.iter().copied().peekable();
    let mut rows = Vec::new();
    // what is new stands right behind the step, or, at the top, behind what is known before
    if first && written.is_empty() {
        rows.extend(rest.by_ref().map(Row::Keep));
    } else if !first {
        rows.extend(rest.next().map(Row::Keep));
    }
    let common = common(&written, happened);
    let (mut at, mut then) = (0, 0);
    for (one, other) in common.into_iter().chain([(written.len(), happened.len())]) {
        for (line, item) in written.get(at..one).unwrap_or_default() {
            while let Some(aside) = rest.next_if(|aside| aside < line) {
                rows.push(Row::Keep(aside));
            }
            rest.next();
            // the author's own lines stay, whatever becomes of them
            rows.push(match item {
                Item::Answer(_) => Row::Keep(*line),
                Item::Outcome(_) => Row::Missing(*line),
            });
        }
        for item in happened.get(then..other).unwrap_or_default() {
            if let Item::Outcome(outcome) = item {
                rows.push(Row::New(outcome.clone()));
            }
        }
        if let Some((line, _)) = written.get(one) {
            while let Some(aside) = rest.next_if(|aside| aside <= line) {
                rows.push(Row::Keep(aside));
            }
        }
        (at, then) = (one + 1, other + 1);
    }
    rows.extend(rest.map(Row::Keep));
    Part { rows, differs }
}

/// The longest that both have in common: places in both, in order.
fn common(written: &[(usize, Item)], happened: &[Item]) -> Vec<(usize, usize)> {
    let width = happened.len() + 1;
    // how much is in common from here to the end
    let mut lengths = vec![0usize; (written.len() + 1) * width];
    let length =
        |lengths: &[usize], at: usize, then: usize| lengths.get(at * width + then).copied().unwrap_or(0);
    for (at, (_, item)) in written.iter().enumerate().rev() {
        for (then, other) in happened.iter().enumerate().rev() {
            let best = match item == other {
                true => length(&lengths, at + 1, then + 1) + 1,
                false => length(&lengths, at + 1, then).max(length(&lengths, at, then + 1)),
            };
            if let Some(place) = lengths.get_mut(at * width + then) {
                *place = best;
            }
        }
    }
    let mut common = Vec::new();
    let (mut at, mut then) = (0, 0);
    while let (Some((_, item)), Some(other)) = (written.get(at), happened.get(then)) {
        if item == other {
            common.push((at, then));
            (at, then) = (at + 1, then + 1);
        } else if length(&lengths, at + 1, then) >= length(&lengths, at, then + 1) {
            at += 1;
        } else {
            then += 1;
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(text: &str) -> Happened {
        Happened::Outcome(Outcome::Agent { heard: text.into(), cut: false })
    }

    fn kept(field: &str) -> Happened {
        Happened::Outcome(Outcome::Kept { field: field.into(), value: serde_json::Value::Null })
    }

    fn score(text: &str, happened: Vec<Happened>) -> (bool, String, String) {
        let talk = Talk::parse(text).unwrap();
        let score = Score::new(&talk, &Played { happened, problems: vec![] });
        (score.agrees(), score.difference(), score.blessed())
    }

    const TEXT: &str = "# A talk\n\nagent: Hello.\ncaller: When?\n# asked\nmodel: At seven.\n\nagent: At eight.\n\ncaller: Bye!\nagent: Bye.\n";

    #[test]
    fn what_differs_is_shown_where_it_stands_and_nothing_else() {
        let happened = vec![
            agent("Hello."),
            Happened::Line(3),
            Happened::Line(5),
            agent("At seven."),
            Happened::Line(9),
            agent("Bye."),
        ];
        let (agrees, difference, blessed) = score(TEXT, happened);
        assert!(!agrees);
        assert_eq!(
            difference,
            "   4   caller: When?\n   5   # asked\n   6   model: At seven.\n   7\n   8 - agent: At eight.\n     + agent: At seven.\n   9\n"
        );
        assert_eq!(blessed, TEXT.replace("At eight", "At seven"), "comments, spaces and the caller stay");
    }

    #[test]
    fn a_file_without_the_agent_is_filled_in() {
        let text = "with language de\n\ncaller: When?\nmodel: At seven.\ncaller: Bye!\n";
        let happened = vec![
            agent("Hello."),
            Happened::Line(2),
            kept("a"),
            Happened::Line(3),
            agent("At seven."),
            Happened::Line(4),
            agent("Bye."),
            Happened::Outcome(Outcome::AgentHangsUp),
        ];
        let (agrees, _, blessed) = score(text, happened);
        assert!(!agrees);
        assert_eq!(
            blessed,
            "with language de\n\nagent: Hello.\ncaller: When?\nkept a = null\nmodel: At seven.\nagent: At seven.\ncaller: Bye!\nagent: Bye.\nagent hangs up\n"
        );
    }

    #[test]
    fn what_a_file_does_not_mention_is_not_compared() {
        let text = "agent: Hello.\nkept a = null\n";
        assert!(score(text, vec![agent("Hello."), kept("b"), kept("a")]).0);
        assert!(!score(text, vec![agent("Hello.")]).0);
        assert!(!score("agent: Hello.\n", vec![agent("Hello."), Happened::Outcome(Outcome::AgentHangsUp)]).0);
    }
}
