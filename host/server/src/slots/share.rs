//! Which calls try a new build first: those with certain numbers, or a share of all. A call that does goes
//! on doing so.

use std::hash::{DefaultHasher, Hash, Hasher};
use twilio::number::Number;

/// Which calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// so many of a hundred
    Percent(u8),
    /// those from or to one of these
    Numbers(Vec<Number>),
}

/// What decides it of a call.
#[derive(Clone, Debug, Default)]
pub struct Who {
    pub call: String,
    numbers: Vec<Number>,
    /// of a hundred
    lot: u8,
}

impl Who {
    pub fn new<'a>(call: &str, numbers: impl IntoIterator<Item = &'a str>) -> Self {
        // the same on every host and in every build of it, as far as one version of Rust goes
        let mut hasher = DefaultHasher::new();
        call.hash(&mut hasher);
        let lot = u8::try_from(hasher.finish() % 100).unwrap_or_default();
        let numbers = numbers.into_iter().filter_map(|number| number.parse().ok()).collect();
        Self { call: call.to_owned(), numbers, lot }
    }
}

impl Share {
    pub fn takes(&self, who: &Who) -> bool {
        match self {
            Self::Percent(percent) => who.lot < *percent,
            Self::Numbers(numbers) => who.numbers.iter().any(|number| numbers.contains(number)),
        }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent} % of the calls"),
            Self::Numbers(numbers) => {
                let numbers: Vec<&str> = numbers.iter().map(Number::as_str).collect();
                write!(f, "calls from or to {}", numbers.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_calls_is_that_many_and_always_the_same_ones() {
        let calls: Vec<Who> = (0..2000).map(|at| Who::new(&format!("CA{at:032}"), [])).collect();
        let taken = |percent| calls.iter().filter(|who| Share::Percent(percent).takes(who)).count();
        assert_eq!((taken(0), taken(100)), (0, 2000));
        assert!((150..250).contains(&taken(10)), "{}", taken(10));
        // whoever was among the first ten of a hundred is among the first twenty
        assert!(calls.iter().all(|who| !Share::Percent(10).takes(who) || Share::Percent(20).takes(who)));
    }

    #[test]
    fn a_number_is_taken_however_it_is_written() {
        let share = Share::Numbers(vec!["+49 30 555501".parse().unwrap()]);
        assert!(share.takes(&Who::new("CA1", ["+4930555501", "+15550100"])));
        assert!(!share.takes(&Who::new("CA1", ["+4930555502", "anonymous"])));
    }
}
