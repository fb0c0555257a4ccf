//! What is wrong with a page: where, what, and what was probably meant.

use std::fmt;
use std::ops::Range;

/// What is wrong, and in which line where that is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    line: Option<usize>,
    message: String,
}

/// The same before anybody has counted lines.
#[derive(Debug)]
pub(super) struct Wrong {
    at: Range<usize>,
    message: String,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }
}

impl Wrong {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    pub(super) fn in_text(self, text: &str) -> Problem {
        Problem { line: Some(line(text, self.at.start)), message: self.message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "the page, line {line}: {}", self.message),
            None => write!(f, "the page: {}", self.message),
        }
    }
}

/// What the parser says, with the line that it means and the nearest of the keys that there are.
pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Problem {
    let said = error.message();
    let quoted: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    let Some(line) = error.span().map(|span| line(text, span.start)) else {
        return Problem::new(said);
    };
    let stands = text.lines().nth(line - 1).unwrap_or_default().trim();
    let message = match &quoted[..] {
        [meant, known @ ..] if said.starts_with("unknown field") => unknown("key", meant, known),
        // of the page itself, which begins with whatever comes first
        [name] if said.starts_with("missing field") && !stands.starts_with('[') => {
            return Problem::new(format!("the key `{name}` is missing"));
        }
        [name] if said.starts_with("missing field") => format!("{stands}: the key `{name}` is missing"),
        _ => format!("{}: {said}", shortened(stands)),
    };
    Problem { line: Some(line), message }
}

/// Something has a name that nothing has.
pub(super) fn unknown(what: &str, meant: &str, known: &[impl AsRef<str>]) -> String {
    let names = known.iter().map(AsRef::as_ref);
    match nearest(meant, names.clone()) {
        Some(near) => format!("there is no {what} `{meant}` here; did you mean `{near}`?"),
        None if known.is_empty() => format!("there is no {what} `{meant}` here"),
        None => {
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            format!("there is no {what} `{meant}` here; there are: {}", names.join(", "))
        }
    }
}

/// Which of these somebody may have meant.
fn nearest<'a>(meant: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // nobody mistypes so much, and comparing takes time
    if meant.len() > 64 {
        return None;
    }
    let scored = known.map(|name| (distance(meant, name), name));
    let most = (meant.chars().count() / 3).max(1);
    scored.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= most).map(|(_, n)| n)
}

/// How many letters have to be changed, added, left out, or swapped with the next (Damerau).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, from) in a.chars().enumerate() {
        let mut this = vec![row + 1];
        for (column, to) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let change = at(&last, column) + usize::from(from != *to);
            let mut least = change.min(at(&last, column + 1) + 1).min(at(&this, column) + 1);
            let swapped = column.checked_sub(1).filter(|n| previous == Some(*to) && b.get(*n) == Some(&from));
            if let Some(two_before) = swapped {
                least = least.min(at(&before_last, two_before) + 1);
            }
            this.push(least);
        }
        before_last = std::mem::replace(&mut last, this);
        previous = Some(from);
    }
    last.last().copied().unwrap_or(0)
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn shortened(line: &str) -> String {
    let most = 60;
    let cut: String = line.chars().take(most).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_near() {
        assert_eq!(nearest("gretting", ["greeting", "goodbye"].into_iter()), Some("greeting"));
        assert_eq!(nearest("goodbey", ["greeting", "goodbye"].into_iter()), Some("goodbye"));
        assert_eq!(nearest("colour", ["greeting", "goodbye"].into_iter()), None);
        assert_eq!((distance("ab", "ba"), distance("", "abc"), distance("abc", "abc")), (1, 3, 0));
    }
}
