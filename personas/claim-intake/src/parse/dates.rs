//! Days, as callers name them.
//!
//! A day without a year, or without a month, is the last one that has been: a claim is about what has
//! happened. A day that is said to be in the future is given as it is, for the caller to be asked.

use super::numbers::{below_hundred, ordinal, two_digits};
use super::{Found, Word, at, stands};
use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

pub(crate) struct Calendar {
    pub(crate) today: Date,
    /// 3/5 is the fifth of March, as in America, and not the third of May
    pub(crate) month_first: bool,
}

/// `bare`: "the fifth" alone is a day.
pub(super) fn find(words: &[Word], calendar: &Calendar, bare: bool) -> Vec<Found<Date>> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < words.len() {
        match calendar.day(words, from, bare) {
            Some((Some(value), to)) => {
                found.push(Found { value, from, to });
                from = to;
            }
            // a day that is none, as the thirtieth of February: whatever else there is, ask
            Some((None, _)) => return vec![],
            None => from += 1,
        }
    }
    found
}

/// A day and the place behind it; no day: it has the form of one, and there is none.
type Day = Option<(Option<Date>, usize)>;

impl Calendar {
    fn day(&self, words: &[Word], from: usize, bare: bool) -> Day {
        self.by_weekday(words, from)
            .or_else(|| self.by_week(words, from))
            .or_else(|| self.relative(words, from))
            .or_else(|| self.dated(words, from))
            .or_else(|| if bare { self.bare(words, from) } else { None })
    }

    /// "Tuesday", "last Tuesday", "Tuesday the third of March", "Tuesday last week".
    fn by_weekday(&self, words: &[Word], from: usize) -> Day {
        let which = match at(words, from) {
            word @ ("last" | "this" | "next" | "past") => word,
            _ => "",
        };
        let place = from + usize::from(!which.is_empty());
        let weekday = weekday(at(words, place))?;
        let next = place + 1;
        let on = next + usize::from(matches!(at(words, next), "on" | "the"));
        if let Some(dated) = self.dated(words, on).or_else(|| self.dated(words, next)) {
            return Some(dated);
        }
        if at(words, next) == "the"
            && let Some((day, behind)) = ordinal(words, next + 1)
        {
            return Some((self.last_such_day(day, Some(weekday)), behind));
        }
        let of = next + usize::from(matches!(at(words, next), "of" | "in"));
        if stands(words, of, "last week") {
            return Some((self.in_last_week(weekday), of + 2));
        }
        if let Some((weeks, behind)) = weeks_ago(words, next) {
            return Some((self.latest(weekday, self.back(weeks.weeks())), behind));
        }
        if stands(words, next, "before last") {
            return Some((self.latest(weekday, self.back(8.days())), next + 2));
        }
        let yesterday = self.today.yesterday().ok();
        let day = match which {
            "next" => self.today.tomorrow().ok().and_then(|day| on_or_after(day, weekday)),
            "this" => self.latest(weekday, Some(self.today)),
            _ => self.latest(weekday, yesterday),
        };
        Some((day, next))
    }

    /// "last week on Tuesday", "a week ago Tuesday".
    fn by_week(&self, words: &[Word], from: usize) -> Day {
        let place = |next: usize| next + usize::from(at(words, next) == "on");
        if stands(words, from, "last week") {
            let place = place(from + 2);
            return weekday(at(words, place)).map(|weekday| (self.in_last_week(weekday), place + 1));
        }
        let (weeks, next) = weeks_ago(words, from)?;
        let place = place(next);
        let weekday = weekday(at(words, place))?;
        Some((self.latest(weekday, self.back(weeks.weeks())), place + 1))
    }

    /// "yesterday", "three days ago".
    fn relative(&self, words: &[Word], from: usize) -> Day {
        const NAMED: [(&str, i64); 16] = [
            ("the day before yesterday", 2),
            ("day before yesterday", 2),
            ("yesterday morning", 1),
            ("yesterday", 1),
            ("last night", 1),
            ("today", 0),
            ("this morning", 0),
            ("this afternoon", 0),
            ("this evening", 0),
            ("earlier today", 0),
            ("tonight", 0),
            ("just now", 0),
            ("the day after tomorrow", -2),
            ("day after tomorrow", -2),
            ("tomorrow", -1),
            ("yesterday evening", 1),
        ];
        if let Some((name, days)) = NAMED.iter().find(|(name, _)| stands(words, from, name)) {
            return Some((self.back(days.days()), from + name.split(' ').count()));
        }
        let (count, next) = count(words, from)?;
        let span = match at(words, next) {
            "day" | "days" => count.days(),
            "week" | "weeks" => count.weeks(),
            "fortnight" | "fortnights" => (count * 2).weeks(),
            "month" | "months" => count.months(),
            "year" | "years" => count.years(),
            _ => return None,
        };
        let next = next + 1;
        let ago = matches!(at(words, next), "ago" | "back");
        let before = from.checked_sub(1).map_or("", |place| at(words, place));
        // "over a week ago" is no day
        if ago && matches!(before, "over" | "than" | "almost" | "nearly" | "between" | "or") {
            return Some((None, next + 1));
        }
        ago.then(|| (self.back(span), next + 1))
    }

    /// A day of a month, in words or in digits.
    fn dated(&self, words: &[Word], from: usize) -> Day {
        if let Some(day) = self.in_digits(at(words, from)) {
            return Some((day, from + 1));
        }
        let from = from + usize::from(at(words, from) == "the");
        if let Some(month) = month(at(words, from)) {
            let place = from + 1 + usize::from(at(words, from + 1) == "the");
            // "March twenty twenty six" names no day
            let only_year = year(words, place).map(|(_, behind)| behind);
            let (day, next) = day_number(words, place)?;
            if ordinal(words, place).is_none() && only_year.is_some_and(|behind| behind > next) {
                return None;
            }
            return Some(self.with_year(words, day, month, next));
        }
        let (day, next) = day_number(words, from)?;
        let of = at(words, next) == "of";
        let place = next + usize::from(of) + usize::from(of && at(words, next + 1) == "the");
        if let Some(month) = month(at(words, place)) {
            return Some(self.with_year(words, day, month, place + 1));
        }
        // "the fifth of the third"
        if of
            && place == next + 2
            && let Some((month, behind)) = ordinal(words, place).filter(|(month, _)| *month <= 12)
        {
            return Some(self.with_year(words, day, month as i8, behind));
        }
        let of_this = |which: &str| of && stands(words, next + 1, which);
        let months = match () {
            () if of_this("this month") => 0,
            () if of_this("last month") => 1,
            () => return None,
        };
        let month = self.back(months.months());
        Some((month.and_then(|month| civil(month.year(), month.month(), day)), next + 3))
    }

    /// "the fifth", where nothing follows that it could be the fifth of.
    fn bare(&self, words: &[Word], from: usize) -> Day {
        if at(words, from) != "the" {
            return None;
        }
        let (day, next) = ordinal(words, from + 1)?;
        let ends = words.get(next - 1).is_some_and(|word| word.pause)
            || matches!(at(words, next), "" | "and" | "i" | "it" | "it's");
        ends.then(|| (self.last_such_day(day, None), next))
    }

    fn with_year(&self, words: &[Word], day: u64, month: i8, next: usize) -> (Option<Date>, usize) {
        let place = next + usize::from(matches!(at(words, next), "of" | "in"));
        let this = self.today.year();
        let (year, next) = match () {
            () if stands(words, place, "this year") => (Some(this), place + 2),
            () if stands(words, place, "last year") => (Some(this - 1), place + 2),
            () => year(words, place).map_or((None, next), |(year, behind)| (Some(year), behind)),
        };
        (self.dated_by(year, month, day), next)
    }

    /// Without a year: the last one that has been.
    fn dated_by(&self, year: Option<i16>, month: i8, day: u64) -> Option<Date> {
        match year {
            Some(year) => civil(year, month, day),
            // eight, for a twenty-ninth of February
            None => (0..=8)
                .filter_map(|back| civil(self.today.year() - back, month, day))
                .find(|date| *date <= self.today),
        }
    }

    /// The last day of this number in its month, and on this weekday.
    fn last_such_day(&self, day: u64, weekday: Option<Weekday>) -> Option<Date> {
        (0..12)
            .filter_map(|back: i64| self.today.first_of_month().checked_sub(back.months()).ok())
            .filter_map(|month| civil(month.year(), month.month(), day))
            .find(|date| *date <= self.today && weekday.is_none_or(|weekday| date.weekday() == weekday))
    }

    /// "3/5/2026", "2026-03-05", "5.3.2026".
    fn in_digits(&self, word: &str) -> Option<Option<Date>> {
        let mark = ['/', '-', '.'].into_iter().find(|mark| word.contains(*mark))?;
        let parts: Vec<&str> = word.split(mark).collect();
        let digits = |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !parts.iter().all(digits) {
            return None;
        }
        let (first, second, year) = match (parts.as_slice(), mark) {
            ([year, month, day], '-' | '/') if year.len() == 4 => {
                return Some(civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?));
            }
            ([first, second, year], _) if matches!(year.len(), 2 | 4) => (first, second, Some(*year)),
            ([first, second], '/') => (first, second, None),
            _ => return None,
        };
        let (first, second): (u64, u64) = (first.parse().ok()?, second.parse().ok()?);
        let month_first = self.month_first && mark != '.';
        let (month, day) = match month_first {
            _ if first > 12 => (second, first),
            _ if second > 12 => (first, second),
            true => (first, second),
            false => (second, first),
        };
        let year = year.and_then(|year| year.parse::<i16>().ok().map(|number| (number, year.len())));
        let year = year.map(|(number, length)| match length {
            2 if 2000 + number > self.today.year() + 1 => 1900 + number,
            2 => 2000 + number,
            _ => number,
        });
        if year.is_some_and(|year| !(1900..2100).contains(&year)) {
            return Some(None);
        }
        Some(i8::try_from(month).ok().and_then(|month| self.dated_by(year, month, day)))
    }

    fn back(&self, span: Span) -> Option<Date> {
        self.today.checked_sub(span).ok()
    }

    /// The latest such weekday that is not after this day.
    fn latest(&self, weekday: Weekday, day: Option<Date>) -> Option<Date> {
        let day = day?;
        day.checked_sub(i64::from(day.weekday().since(weekday)).days()).ok()
    }

    /// Weeks begin on Monday.
    fn in_last_week(&self, weekday: Weekday) -> Option<Date> {
        let monday = self.latest(Weekday::Monday, Some(self.today))?;
        let days = i64::from(weekday.to_monday_zero_offset());
        monday.checked_sub(1.week()).ok()?.checked_add(days.days()).ok()
    }
}

/// The first such weekday, from this day on.
fn on_or_after(day: Date, weekday: Weekday) -> Option<Date> {
    day.checked_add(i64::from(weekday.since(day.weekday())).days()).ok()
}

fn civil(year: i16, month: i8, day: u64) -> Option<Date> {
    Date::new(year, month, i8::try_from(day).ok()?).ok()
}

/// "a week ago", "two weeks ago".
fn weeks_ago(words: &[Word], from: usize) -> Option<(i64, usize)> {
    let (weeks, next) = count(words, from)?;
    let ago = matches!(at(words, next), "week" | "weeks") && at(words, next + 1) == "ago";
    ago.then_some((weeks, next + 2))
}

/// How many, in words or in digits: "a", "three", "a couple of", "12".
fn count(words: &[Word], from: usize) -> Option<(i64, usize)> {
    for couple in ["a couple of", "a couple", "couple of"] {
        if stands(words, from, couple) {
            return Some((2, from + couple.split(' ').count()));
        }
    }
    match at(words, from) {
        "a" | "an" => Some((1, from + 1)),
        word if word.len() <= 3 && word.parse::<u16>().is_ok() => {
            word.parse().ok().map(|count| (count, from + 1))
        }
        _ => below_hundred(words, from).map(|(count, next)| (count as i64, next)),
    }
}

/// 1 to 31: "fifth", "5th", "five", "5".
fn day_number(words: &[Word], from: usize) -> Option<(u64, usize)> {
    let in_digits = || {
        let word = at(words, from);
        (word.len() <= 2).then(|| word.parse().ok()).flatten().map(|day| (day, from + 1))
    };
    let found = ordinal(words, from).or_else(in_digits).or_else(|| below_hundred(words, from));
    found.filter(|(day, _)| (1..=31).contains(day))
}

/// "2026", "twenty twenty six", "two thousand and six"; what is followed by a currency is none.
fn year(words: &[Word], from: usize) -> Option<(i16, usize)> {
    let (year, next) = year_here(words, from)?;
    let money = matches!(at(words, next), "dollars" | "bucks" | "pounds" | "euros" | "quid" | "hundred");
    ((1900..2100).contains(&year) && !money).then_some((year, next))
}

fn year_here(words: &[Word], from: usize) -> Option<(i16, usize)> {
    let word = at(words, from);
    if word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()) {
        return word.parse().ok().map(|year| (year, from + 1));
    }
    if stands(words, from, "two thousand") {
        let next = from + 2;
        let rest = below_hundred(words, next + usize::from(at(words, next) == "and"));
        return match rest {
            Some((rest, behind)) => Some((2000 + i16::try_from(rest).ok()?, behind)),
            None => Some((2000, next)),
        };
    }
    let century: i16 = match word {
        "nineteen" | "19" => 1900,
        "twenty" | "20" => 2000,
        _ => return None,
    };
    if matches!(at(words, from + 1), "oh" | "o") {
        let (rest, next) = below_hundred(words, from + 2).filter(|(rest, _)| *rest < 10)?;
        return Some((century + i16::try_from(rest).ok()?, next));
    }
    let rest = below_hundred(words, from + 1).or_else(|| two_digits(words, from + 1));
    let (rest, next) = rest.filter(|(rest, _)| *rest >= 10)?;
    Some((century + i16::try_from(rest).ok()?, next))
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [(&str, &str); 12] = [
        ("january", "jan"),
        ("february", "feb"),
        ("march", "mar"),
        ("april", "apr"),
        ("may", "may"),
        ("june", "jun"),
        ("july", "jul"),
        ("august", "aug"),
        ("september", "sep"),
        ("october", "oct"),
        ("november", "nov"),
        ("december", "dec"),
    ];
    let word = if word == "sept" { "sep" } else { word };
    (1..).zip(MONTHS).find(|(_, (name, short))| word == *name || word == *short).map(|(month, _)| month)
}

/// "sat" and "sun" are words of their own.
fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tue" | "tues" => Weekday::Tuesday,
        "wednesday" | "wed" => Weekday::Wednesday,
        "thursday" | "thu" | "thur" | "thurs" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}
