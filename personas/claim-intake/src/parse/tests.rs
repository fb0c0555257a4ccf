//! What is understood of what callers say; the tables are in `forms`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::forms::{AMOUNTS, ANSWERS, DATES, NO_AMOUNTS, NO_DATES, STATUSES};
use super::number_forms::{NO_NUMBERS, NUMBERS};
use super::*;
use crate::claim::{PIECES, number_from, spoken_number};
use jiff::civil::date;

fn calendar(month_first: bool) -> Calendar {
    Calendar { today: date(2026, 3, 12), month_first }
}

fn statuses() -> Statuses {
    Statuses::new("Pending, Approved, Denied")
}

fn read(text: &str, expected: &[Piece]) -> Understood {
    understand(text, &calendar(true), &statuses(), expected)
}

/// Every row that is not understood as it should be.
fn wrong(rows: &[(&str, &str)], read: impl Fn(&str) -> String) -> Vec<String> {
    let all = rows.iter().map(|(said, meant)| (said, meant, read(said)));
    let wrong = all.filter(|(_, meant, understood)| understood != *meant);
    wrong.map(|(said, meant, understood)| format!("{said:?}: {understood}, not {meant}")).collect()
}

fn none_wrong(rows: &[(&str, &str)], read: impl Fn(&str) -> String) {
    let wrong = wrong(rows, read);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn date_in(said: Understood) -> String {
    said.date.map_or("nothing".into(), |date| date.to_string())
}

fn amount_in(said: Understood) -> String {
    let decimal = crate::claim::decimal;
    match said.amount {
        None => "nothing".into(),
        Some(Amount::Sure(amount)) => decimal(amount),
        Some(Amount::Either(more, less)) => format!("{} or {}", decimal(more), decimal(less)),
    }
}

fn answer_in(said: Understood) -> String {
    said.answer.map_or("nothing".into(), |answer| format!("{answer:?}"))
}

#[test]
fn days_are_understood() {
    none_wrong(&DATES, |said| date_in(read(said, &[Piece::Date])));
}

#[test]
fn what_is_no_single_day_is_not() {
    let none = NO_DATES.map(|said| (said, "nothing"));
    none_wrong(&none, |said| date_in(read(said, &[Piece::Date])));
}

#[test]
fn the_order_of_day_and_month_is_that_of_the_language() {
    let british = calendar(false);
    let rows =
        [("3/5", "2025-05-03"), ("3/5/2026", "2026-05-03"), ("5/3", "2026-03-05"), ("2/25", "2026-02-25")];
    none_wrong(&rows, |said| date_in(understand(said, &british, &statuses(), &[Piece::Date])));
}

#[test]
fn amounts_are_understood() {
    none_wrong(&AMOUNTS, |said| amount_in(read(said, &[Piece::Amount])));
}

#[test]
fn what_is_no_single_amount_is_not() {
    let none = NO_AMOUNTS.map(|said| (said, "nothing"));
    none_wrong(&none, |said| amount_in(read(said, &[Piece::Amount])));
}

#[test]
fn a_number_is_an_amount_only_where_one_is_expected() {
    let rows = [
        ("450", "nothing"),
        ("seventy", "nothing"),
        ("450 dollars", "450.00"),
        ("the amount was 300", "300.00"),
    ];
    none_wrong(&rows, |said| amount_in(read(said, &[])));
}

#[test]
fn the_status_is_understood_in_other_words_too() {
    let status = |said: &str| read(said, &[Piece::Status]).status.unwrap_or("nothing".into());
    none_wrong(&STATUSES, status);
}

#[test]
fn what_can_mean_something_else_is_a_status_only_where_one_is_expected() {
    let rows =
        [("I want to open a claim", "nothing"), ("not yet", "nothing"), ("it was turned down", "Denied")];
    none_wrong(&rows, |said| read(said, &[]).status.unwrap_or("nothing".into()));
}

#[test]
fn statuses_are_those_of_the_operator() {
    let own = Statuses::new("Under review, Rejected, Paid in full, ");
    let rows = [
        ("it's under review", "Under review"),
        ("I'm still waiting", "Under review"),
        ("they turned it down", "Rejected"),
        ("paid in full", "Paid in full"),
        ("it was approved", "nothing"),
    ];
    let status = |said: &str| understand(said, &calendar(true), &own, &[]).status.unwrap_or("nothing".into());
    none_wrong(&rows, status);
}

#[test]
fn yes_and_no_have_many_forms() {
    none_wrong(&ANSWERS, |said| answer_in(read(said, &[])));
}

#[test]
fn several_pieces_in_one_sentence_are_all_taken() {
    let said = read("it was last Tuesday and it's about 450 dollars, still waiting", &[Piece::Date]);
    assert_eq!((said.date, said.amount), (Some(date(2026, 3, 10)), Some(Amount::Sure(45_000))));
    assert_eq!(said.status.as_deref(), Some("Pending"));
    let said = read("March fifth, two thousand dollars, denied", &PIECES);
    assert_eq!((said.date, said.amount), (Some(date(2026, 3, 5)), Some(Amount::Sure(200_000))));
    let said = read("The fifth of March twenty twenty six and it was three fifty", &PIECES);
    assert_eq!((said.date, said.amount), (Some(date(2026, 3, 5)), Some(Amount::Either(35_000, 350))));
}

#[test]
fn claim_numbers_are_understood_in_many_forms_and_one_that_was_misheard_is_not() {
    let number = format!("11233{}", "4560");
    let number = format!("{number}{}", check_digit(&number));
    let last = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let last = last[number[9..].parse::<usize>().unwrap()];
    let forms = [
        number.clone(),
        format!("{}-{}-{}", &number[..3], &number[3..6], &number[6..]),
        format!("{} {} {}", &number[..3], &number[3..6], &number[6..]),
        format!("one one two three three four five six zero {last}"),
        format!("double one, two, double three, four five six oh {last}."),
        format!("It's one one two, double three four, fifty-six zero {last}"),
        format!("my claim number is eleven twenty three thirty four five six zero {last}"),
        format!("1 1 2 3 3 4 5 6 0 {}", &number[9..]),
    ];
    for form in &forms {
        assert_eq!(read(form, &[]).number.as_ref(), Some(&number), "{form:?}");
    }
    let misheard = number.replacen('2', "7", 1);
    let exchanged = format!("{}{}{}", &number[..2], "32", &number[4..]);
    let longer = format!("{number}1");
    for form in [&misheard, &exchanged, &longer, &number[1..].to_owned(), &"one two three".to_owned()] {
        assert_eq!(read(form, &[]).number, None, "{form:?}");
    }
}

#[test]
fn claim_numbers_are_understood() {
    none_wrong(&NUMBERS, |said| read(said, &[]).number.unwrap_or("nothing".into()));
}

#[test]
fn what_is_no_claim_number_is_not() {
    let none = NO_NUMBERS.map(|said| (said, "nothing"));
    none_wrong(&none, |said| read(said, &[]).number.unwrap_or("nothing".into()));
}

#[test]
fn what_was_meant_as_a_claim_number_and_is_none_is_told_from_other_digits() {
    let rows = [
        ("4821134502", "4821134502"),
        ("my number is 482 113 450", "482113450"),
        ("four eight two one one three four five zero three three", "48211345033"),
        ("1123345609 or 4821134503", "4821134503"),
        ("4821134503", "nothing"),
        ("it ends in 4503", "nothing"),
        ("2026-03-05", "nothing"),
        ("450 dollars", "nothing"),
        ("1234567890 dollars", "nothing"),
        ("", "nothing"),
    ];
    none_wrong(&rows, |said| read(said, &[]).misheard.unwrap_or("nothing".into()));
}

#[test]
fn a_claim_number_can_be_said_back_as_it_was_told() {
    for seed in 0..500 {
        let number = number_from(seed);
        assert_eq!(read(&spoken_number(&number), &[]).number, Some(number));
    }
    assert_ne!(number_from(1), number_from(2));
    assert_eq!(number_from(7), number_from(7));
}

#[test]
fn a_caller_who_ends_the_conversation_is_understood() {
    for text in ["Goodbye", "thanks, bye", "OK bye bye", "bye for now", "please hang up"] {
        assert!(read(text, &[]).goodbye, "{text:?}");
    }
    for text in ["I said goodbye to him and then the car came", "by-pass", "I bought it", ""] {
        assert!(!read(text, &[]).goodbye, "{text:?}");
    }
}

/// Nothing that anybody can say brings it down.
#[test]
fn any_row_of_words_is_read() {
    let words = [
        "the",
        "fifth",
        "of",
        "march",
        "twenty",
        "two",
        "thousand",
        "and",
        "a",
        "half",
        "hundred",
        "point",
        "oh",
        "dollars",
        "$",
        "cents",
        "last",
        "week",
        "ago",
        "tuesday",
        "not",
        "approved",
        "no",
        "3/5",
        "-",
        "99999999999",
        "million",
        "double",
        "999",
        "£",
        "31st",
        "february",
        "2024",
        "day",
        "yesterday,",
        "0/0/0000",
        "é",
        "k",
        "1k",
    ];
    for first in words {
        for second in words {
            for third in words {
                read(&format!("{first} {second} {third}"), &PIECES);
                read(&format!("{third}{first} {second}{second}"), &PIECES);
            }
        }
    }
}
