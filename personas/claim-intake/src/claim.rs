//! A claim: its number, its pieces, how far it is, and how all of that is spoken.

use crate::parse;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// What is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Piece {
    Date,
    Status,
    Amount,
}

pub(crate) const PIECES: [Piece; 3] = [Piece::Date, Piece::Status, Piece::Amount];

impl Piece {
    /// As the record calls it.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Date => "claim_date",
            Self::Status => "claim_status",
            Self::Amount => "claim_amount",
        }
    }

    /// As callers call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Status => "status",
            Self::Amount => "amount",
        }
    }
}

/// One piece, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slot {
    /// as the record has it: an ISO date, a status, a decimal with two digits
    pub(crate) value: Option<String>,
    /// the caller has said yes to it
    pub(crate) settled: bool,
    /// it is not asked for any more
    pub(crate) given_up: bool,
    /// how often it was asked for in vain
    pub(crate) tries: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// the claim number was told
    #[default]
    Initial,
    /// the caller has acknowledged it
    Ongoing,
    /// the caller has verified everything
    Done,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) number: String,
    pub(crate) stage: Stage,
    pub(crate) date: Slot,
    pub(crate) status: Slot,
    pub(crate) amount: Slot,
}

impl Claim {
    pub(crate) fn slot(&self, piece: Piece) -> &Slot {
        match piece {
            Piece::Date => &self.date,
            Piece::Status => &self.status,
            Piece::Amount => &self.amount,
        }
    }

    pub(crate) fn slot_mut(&mut self, piece: Piece) -> &mut Slot {
        match piece {
            Piece::Date => &mut self.date,
            Piece::Status => &mut self.status,
            Piece::Amount => &mut self.amount,
        }
    }

    /// Known, and not yet confirmed.
    pub(crate) fn unsettled(&self) -> Vec<Piece> {
        PIECES.into_iter().filter(|p| self.slot(*p).value.is_some() && !self.slot(*p).settled).collect()
    }

    pub(crate) fn missing(&self) -> Option<Piece> {
        PIECES.into_iter().find(|p| self.slot(*p).value.is_none() && !self.slot(*p).given_up)
    }

    pub(crate) fn is_empty(&self) -> bool {
        PIECES.iter().all(|p| self.slot(*p).value.is_none())
    }
}

/// The same number for the same seed.
pub(crate) fn number_from(seed: u64) -> String {
    // splitmix64, so that seeds that are close give numbers that are not
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // nine digits, the first of which is not nought
    let digits = (100_000_000 + mixed % 900_000_000).to_string();
    let check = parse::check_digit(&digits);
    format!("{digits}{check}")
}

/// Digit by digit, ours in groups as a telephone number.
pub(crate) fn spoken_number(number: &str) -> String {
    const DIGITS: [&str; 10] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let ours = parse::is_claim_number(number);
    let mut spoken = String::new();
    for (n, c) in number.chars().filter(|c| c.is_alphanumeric()).enumerate() {
        let mark = if ours && (n == 3 || n == 6) { ";" } else { "," };
        if n > 0 {
            spoken.push_str(mark);
            spoken.push(' ');
        }
        let digit = c.to_digit(10).and_then(|digit| DIGITS.get(digit as usize));
        match digit {
            Some(digit) => spoken.push_str(digit),
            None => spoken.extend(c.to_uppercase()),
        }
    }
    spoken
}

/// "Thursday, the fifth of March 2026": the year was often not said, and is what may be wrong.
pub(crate) fn spoken_date(date: Date) -> String {
    let weekday = match date.weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    };
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let nth = |n: i8| usize::try_from(n - 1).unwrap_or(0);
    let day = parse::ORDINALS.get(nth(date.day())).copied().unwrap_or_default();
    let month = MONTHS.get(nth(date.month())).copied().unwrap_or_default();
    format!("{weekday}, the {day} of {month} {}", date.year())
}

/// "450 dollars and 50 cents".
pub(crate) fn spoken_amount(hundredths: u64, currency: &str) -> String {
    let singular = || currency.strip_suffix('s').unwrap_or(currency).to_owned();
    let named = |n: u64| if n == 1 { singular() } else { currency.to_owned() };
    let (major, minor) = (hundredths / 100, hundredths % 100);
    let pence = currency == "pounds";
    let minor_name = match (pence, minor) {
        (true, 1) => "penny",
        (true, _) => "pence",
        (false, 1) => "cent",
        (false, _) => "cents",
    };
    match (major, minor) {
        (major, 0) => format!("{major} {}", named(major)),
        (0, minor) => format!("{minor} {minor_name}"),
        (major, minor) => format!("{major} {} and {minor} {minor_name}", named(major)),
    }
}

/// "450.50".
pub(crate) fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The other way round.
pub(crate) fn hundredths(decimal: &str) -> Option<u64> {
    let (major, minor) = decimal.split_once('.')?;
    if minor.len() != 2 {
        return None;
    }
    major.parse::<u64>().ok()?.checked_mul(100)?.checked_add(minor.parse().ok()?)
}
