//! The status of a claim: the operator's names for it, and what callers say instead.

use super::{Found, Word, at, is_negative, stands};

/// What callers say for a status of one of these three kinds; the first words are its usual names.
const PENDING: [&str; 27] = [
    "pending",
    "open",
    "in progress",
    "under review",
    "in review",
    "processing",
    "still waiting",
    "waiting",
    "in process",
    "being processed",
    "being reviewed",
    "not decided",
    "undecided",
    "no decision",
    "haven't heard",
    "have not heard",
    "not yet",
    "outstanding",
    "still open",
    "up in the air",
    "on hold",
    "no answer",
    "hasn't been decided",
    "not been decided",
    "nothing yet",
    "awaiting",
    "not been processed",
];
const APPROVED: [&str; 17] = [
    "approved",
    "accepted",
    "granted",
    "approve",
    "approval",
    "went through",
    "gone through",
    "okayed",
    "said yes",
    "agreed",
    "paid out",
    "green light",
    "cleared",
    "gave the go ahead",
    "been paid",
    "was paid",
    "authorized",
];
const DENIED: [&str; 17] = [
    "denied",
    "rejected",
    "declined",
    "refused",
    "turned down",
    "turned it down",
    "turned me down",
    "denial",
    "rejection",
    "deny",
    "said no",
    "disallowed",
    "knocked back",
    "refusal",
    "threw it out",
    "wouldn't pay",
    "refused to pay",
];

/// These mean a status only where one was asked for: "I want to open a claim", "not yet".
const ONLY_EXPECTED: [&str; 15] = [
    "open",
    "processing",
    "waiting",
    "outstanding",
    "agreed",
    "cleared",
    "refused",
    "no answer",
    "on hold",
    "said yes",
    "said no",
    "not yet",
    "nothing yet",
    "deny",
    "approve",
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Pending,
    Approved,
    Denied,
}

pub(crate) struct Statuses(Vec<String>);

impl Statuses {
    /// Names with commas between; where there is none, the usual three.
    pub(crate) fn new(names: &str) -> Self {
        let names: Vec<String> =
            names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.is_empty() { Self::new("Pending, Approved, Denied") } else { Self(names) }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    /// The operator's spelling of a name.
    pub(crate) fn named(&self, name: &str) -> Option<String> {
        self.0.iter().find(|own| own.eq_ignore_ascii_case(name.trim())).cloned()
    }

    pub(super) fn find(&self, words: &[Word], expected: bool) -> Vec<Found<String>> {
        let mut found = Vec::new();
        let mut from = 0;
        while from < words.len() {
            let named = self.named_at(words, from).or_else(|| self.kind_at(words, from, expected));
            from = match named {
                Some((value, to)) => {
                    if let Some(value) = value {
                        found.push(Found { value, from, to });
                    }
                    to
                }
                None => from + 1,
            };
        }
        found
    }

    /// One of the operator's names, the longest first.
    fn named_at(&self, words: &[Word], from: usize) -> Option<(Option<String>, usize)> {
        let lower = |name: &String| name.to_lowercase().replace('-', " ");
        let standing = self.0.iter().filter(|name| stands(words, from, &lower(name)));
        let name = standing.max_by_key(|name| name.len())?;
        let to = from + lower(name).split(' ').count();
        // "not approved" is no approval
        match kind_of(&lower(name)) {
            Some(kind) if is_negated(words, from) => Some((self.negated(kind, words, from), to)),
            _ => Some((Some(name.clone()), to)),
        }
    }

    fn kind_at(&self, words: &[Word], from: usize, expected: bool) -> Option<(Option<String>, usize)> {
        let kinds =
            [(Kind::Pending, &PENDING[..]), (Kind::Approved, &APPROVED[..]), (Kind::Denied, &DENIED[..])];
        let standing = kinds
            .iter()
            .flat_map(|(kind, phrases)| phrases.iter().map(move |phrase| (*kind, *phrase)))
            .filter(|(_, phrase)| expected || !ONLY_EXPECTED.contains(phrase))
            .filter(|(_, phrase)| stands(words, from, phrase));
        let (kind, phrase) = standing.max_by_key(|(_, phrase)| phrase.len())?;
        let to = from + phrase.split(' ').count();
        if is_negated(words, from) {
            return Some((self.negated(kind, words, from), to));
        }
        Some((self.of(kind), to))
    }

    /// "It hasn't been approved" is pending, "it wasn't approved" is denied; of the others, that it is
    /// not so tells nothing.
    fn negated(&self, kind: Kind, words: &[Word], from: usize) -> Option<String> {
        let before = |word: &str| (from.saturating_sub(3)..from).any(|n| at(words, n) == word);
        let so_far =
            before("hasn't") || before("haven't") || before("has") || before("have") || before("yet");
        let yet = (from..words.len()).any(|n| at(words, n) == "yet");
        match kind {
            Kind::Approved if so_far || yet => self.of(Kind::Pending),
            Kind::Approved => self.of(Kind::Denied),
            Kind::Pending | Kind::Denied => None,
        }
    }

    /// The operator's name for this kind, if there is one.
    fn of(&self, kind: Kind) -> Option<String> {
        self.0.iter().find(|name| kind_of(&name.to_lowercase()) == Some(kind)).cloned()
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    let is = |phrases: &[&str]| phrases.contains(&name);
    match () {
        () if is(&PENDING) => Some(Kind::Pending),
        () if is(&APPROVED) => Some(Kind::Approved),
        () if is(&DENIED) => Some(Kind::Denied),
        () => None,
    }
}

fn is_negated(words: &[Word], from: usize) -> bool {
    let before = (from.saturating_sub(3)..from).rev();
    let same_clause = |n: &usize| {
        words.get(*n).is_some_and(|word| !word.pause && !matches!(&*word.text, "but" | "it's" | "it" | "and"))
    };
    let mut before = before.take_while(same_clause);
    before.any(|n| is_negative(at(words, n)))
}
