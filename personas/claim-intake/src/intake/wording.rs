//! The questions, each in other words where it was asked before, and what is read back.

use super::{Progress, Speaking, Step};
use crate::claim::{PIECES, Piece, hundredths, spoken_amount, spoken_date, spoken_number};

impl Progress {
    /// What is asked now; in other words where it was asked before.
    pub(crate) fn question(&self, speaking: &Speaking<'_>) -> String {
        let again = self.tries > 0;
        match self.step {
            Step::Acknowledge => {
                let number = spoken_number(&self.claim.number);
                let earlier = if self.earlier { "We go on with your claim number" } else { "Your claim number is" };
                match self.tries {
                    0 => format!("{earlier} {number}. Have you got that?"),
                    1 => format!("I will say it again: {number}. Please say yes when you have it."),
                    _ => format!("The number is {number}. Shall we go on?"),
                }
            }
            Step::Offer if again => {
                "Shall we go on with the claim that you have begun? Please say yes, or no.".into()
            }
            Step::Offer => {
                let from = self.offered.as_ref().map_or("", |(_, from)| from);
                let ending = from.get(from.len().saturating_sub(4)..).unwrap_or(from);
                format!(
                    "I have an open claim under your number ending in {}. Do you want to go on with it?",
                    spoken_number(ending)
                )
            }
            Step::Closed if again => {
                "Shall I read the claim to you? Please say yes, or no, or what I should change.".into()
            }
            Step::Closed => {
                let number = spoken_number(&self.claim.number);
                format!("Claim number {number} is complete. Shall I read it to you?")
            }
            Step::Number if self.wrong_numbers > 0 => {
                "Please say its ten digits again, one by one, or press them on your telephone.".into()
            }
            Step::Number if again => {
                "I am sorry, that is not a claim number that I can use. Please say its ten digits, one by one."
                    .into()
            }
            Step::Number => "Please tell me your claim number, digit by digit.".into(),
            Step::Ask(piece) => self.question_for(piece, speaking),
            Step::Choose(more, less) => {
                let (more, less) = (spoken_amount(more, speaking.currency), spoken_amount(less, speaking.currency));
                format!("Is that {more}, or {less}?")
            }
            Step::Confirm => {
                let pieces: Vec<String> =
                    self.claim.unsettled().into_iter().map(|piece| self.spoken(piece, speaking)).collect();
                let pieces = listed(&pieces, "and");
                match self.tries {
                    0 => format!("That was {pieces}. Is that right?"),
                    1 => format!("I have understood {pieces}. Please say yes, or no."),
                    _ => format!("Shall I write down {pieces}?"),
                }
            }
            Step::Verify if again => {
                format!("Once more: {}. Can I keep it like that? Please say yes, or no.", self.read_back(speaking))
            }
            Step::Verify => {
                format!("Let me read everything back. {}. Is everything right?", self.read_back(speaking))
            }
            Step::Which if again => {
                "Please tell me which one is wrong: the date, the status, or the amount.".into()
            }
            Step::Which => "What should I change: the date, the status, or the amount?".into(),
            Step::Over(_) => String::new(),
        }
    }

    fn question_for(&self, piece: Piece, speaking: &Speaking<'_>) -> String {
        let tries = self.claim.slot(piece).tries;
        match (piece, tries) {
            (Piece::Date, 0) => "What is the date of the claim?".into(),
            (Piece::Date, 1) => "On which day was it? You can say, for example, the fifth of March.".into(),
            (Piece::Date, _) => "Please say the day and the month of the claim.".into(),
            (Piece::Status, 0) => format!("What is its status: {}?", listed(speaking.statuses, "or")),
            (Piece::Status, 1) => {
                format!(
                    "How does the claim stand? Please say one of these: {}.",
                    listed(speaking.statuses, "or")
                )
            }
            (Piece::Status, _) => format!("Is the claim {}?", listed(speaking.statuses, "or")),
            (Piece::Amount, 0) => "What is the amount of the claim?".into(),
            (Piece::Amount, 1) => {
                format!("How much is it? You can say, for example, 250 {}.", speaking.currency)
            }
            (Piece::Amount, _) => format!("Please say the amount in {}, as one number.", speaking.currency),
        }
    }

    fn read_back(&self, speaking: &Speaking<'_>) -> String {
        let spoken = PIECES.map(|piece| format!("The {}: {}", piece.name(), self.spoken(piece, speaking)));
        format!("Claim number {}. {}", spoken_number(&self.claim.number), spoken.join(". "))
    }

    fn spoken(&self, piece: Piece, speaking: &Speaking<'_>) -> String {
        let Some(value) = &self.claim.slot(piece).value else { return "not known".into() };
        let spoken = match piece {
            Piece::Date => value.parse().ok().map(spoken_date),
            Piece::Status => None,
            Piece::Amount => hundredths(value).map(|amount| spoken_amount(amount, speaking.currency)),
        };
        spoken.unwrap_or_else(|| value.clone())
    }
}

/// "a, b and c".
fn listed(names: &[impl AsRef<str>], and: &str) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {and} {last}", rest.join(", ")),
        Some((last, _)) => (*last).to_owned(),
        None => String::new(),
    }
}
