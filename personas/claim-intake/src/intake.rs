//! The conversation as a function: what was understood goes in, what to say comes out.
//!
//! It waits for nothing and hears nothing: `lib.rs` does. Everything that it has to know for the next
//! turn is in [`Progress`]. Claims of earlier calls are in `earlier`, the questions in `wording`.

mod earlier;
mod wording;

use crate::claim::{Claim, PIECES, Piece, Stage, decimal, spoken_date, spoken_number};
use crate::parse::{Amount, Answer, Understood};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A question is asked once, and then three times again in other words.
const MOST_TRIES: u32 = 3;

/// What the caller was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// whether the claim number was understood
    #[default]
    Acknowledge,
    /// whether to go on with a claim of an earlier call
    Offer,
    /// an earlier claim number
    Number,
    /// whether to read a claim that is done
    Closed,
    Ask(Piece),
    /// which of two amounts
    Choose(u64, u64),
    /// whether what has just been collected is right
    Confirm,
    /// whether everything is right
    Verify,
    /// what is wrong
    Which,
    Over(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    Verified,
    Goodbye,
    /// the claim was done before, and stays as it was
    AsItWas,
    /// the caller and this persona do not understand each other
    NotUnderstood,
    Silence,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    pub(crate) claim: Claim,
    pub(crate) step: Step,
    /// how often this step was asked in vain; of a piece, its own tries count
    tries: u32,
    /// the number of a claim that begins in this call
    own: String,
    /// the number is from an earlier call
    earlier: bool,
    /// a claim of an earlier call of the same caller, and the number that both calls came from
    offered: Option<(Claim, String)>,
    /// claim numbers that were given and are not known
    wrong_numbers: u32,
}

/// What has to be known to speak.
pub(crate) struct Speaking<'a> {
    pub(crate) today: Date,
    pub(crate) currency: &'a str,
    pub(crate) statuses: &'a [String],
}

impl Progress {
    /// `own`: what a claim is called that begins in this call; `earlier`: a number that came with it.
    pub(crate) fn new(own: String, earlier: Option<&str>) -> Self {
        let number = earlier.unwrap_or(&own).to_owned();
        let claim = Claim { number, ..Claim::default() };
        Self { claim, own, earlier: earlier.is_some(), ..Self::default() }
    }

    /// What may be said in few words now.
    pub(crate) fn expected(&self) -> Vec<Piece> {
        match self.step {
            Step::Acknowledge | Step::Offer | Step::Number | Step::Closed | Step::Over(_) => vec![],
            Step::Ask(piece) => vec![piece],
            Step::Choose(..) => vec![Piece::Amount],
            Step::Confirm => self.claim.unsettled(),
            Step::Verify | Step::Which => PIECES.to_vec(),
        }
    }

    /// Whether this can be answered without a model.
    pub(crate) fn is_answered_by(&self, said: &Understood) -> bool {
        let piece = said.date.is_some() || said.status.is_some() || said.amount.is_some();
        let other = said.goodbye || said.again || said.unknown || said.number.is_some();
        piece
            || other
            || match self.step {
                Step::Ask(_) | Step::Choose(..) => said.complains && !said.mentions.is_empty(),
                Step::Confirm | Step::Verify => said.answer.is_some(),
                Step::Which => said.answer.is_some() || !said.mentions.is_empty(),
                Step::Acknowledge | Step::Offer | Step::Number | Step::Closed | Step::Over(_) => true,
            }
    }

    /// Takes a turn of the caller's; gives what to say about it. `found`: the claim that has the number
    /// that was to be [looked up](Self::to_look_up).
    pub(crate) fn hear(
        &mut self,
        said: &Understood,
        found: Option<Claim>,
        speaking: &Speaking<'_>,
    ) -> String {
        let mut reply = match self.number_given(said, found, speaking) {
            Some(reply) => reply,
            None => self.take_turn(said, speaking),
        };
        if said.goodbye && !matches!(self.step, Step::Over(_)) {
            self.step = Step::Over(End::Goodbye);
            reply = "I have kept what you told me.".into();
        }
        reply
    }

    fn take_turn(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        if said.again && !self.has_pieces(said) {
            return self.question(speaking);
        }
        match self.step {
            Step::Acknowledge => self.acknowledged(said, speaking),
            Step::Offer => self.offer_answered(said, speaking),
            Step::Number => self.earlier_number(said, speaking),
            Step::Closed => self.closed(said, speaking),
            Step::Choose(..) => self.chosen(said, speaking),
            Step::Ask(piece) => self.asked(said, piece, speaking),
            Step::Confirm => self.confirmed(said, speaking),
            Step::Verify | Step::Which => self.verified(said, speaking),
            Step::Over(_) => String::new(),
        }
    }

    fn has_pieces(&self, said: &Understood) -> bool {
        said.date.is_some() || said.status.is_some() || said.amount.is_some() || said.number.is_some()
    }

    fn acknowledged(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        if let Some(said) = self.take(said, &[], speaking) {
            return said;
        }
        if said.has_earlier || (said.complains && said.mentions_number) {
            return self.go_to(Step::Number, "", speaking);
        }
        // who says it back has got it
        if said.answer == Some(Answer::Yes) || said.number.is_some() {
            return self.take_note("Thank you.", speaking);
        }
        self.tries += 1;
        if self.tries > MOST_TRIES {
            return self.advance("We can come back to the number later.", speaking);
        }
        self.question(speaking)
    }

    /// The caller has taken note of the number.
    fn take_note(&mut self, lead: &str, speaking: &Speaking<'_>) -> String {
        if self.claim.stage == Stage::Initial {
            self.claim.stage = Stage::Ongoing;
        }
        self.advance(lead, speaking)
    }

    fn asked(&mut self, said: &Understood, piece: Piece, speaking: &Speaking<'_>) -> String {
        if let Some(said) = self.take(said, &[piece], speaking) {
            return said;
        }
        if said.unknown {
            self.claim.slot_mut(piece).given_up = true;
            return self.advance("Then we go on without it.", speaking);
        }
        // something else was wrong
        let other = said.mentions.iter().copied().find(|other| *other != piece);
        if let Some(other) = other.filter(|other| said.complains && self.claim.slot(*other).value.is_some()) {
            return self.withdraw(&[other], speaking);
        }
        self.missed(piece, "I am sorry, I did not understand that.", speaking)
    }

    fn chosen(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        // "three fifty" again is the same doubt
        let in_doubt = matches!(said.amount, Some(Amount::Either(..)));
        if !in_doubt && let Some(said) = self.take(said, &[Piece::Amount], speaking) {
            return said;
        }
        self.claim.amount.tries += 1;
        if said.unknown || self.claim.amount.tries > MOST_TRIES {
            self.claim.amount.given_up = true;
            return self.advance("Then we go on without it.", speaking);
        }
        self.question(speaking)
    }

    fn confirmed(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        let pending = self.claim.unsettled();
        let repeated = self.same(said);
        if said.answer == Some(Answer::Yes) || (said.answer.is_none() && repeated) {
            for piece in &pending {
                self.claim.slot_mut(*piece).settled = true;
            }
        }
        if let Some(said) = self.take(said, &pending, speaking) {
            return said;
        }
        if self.claim.unsettled().is_empty() {
            return self.advance("Thank you.", speaking);
        }
        let known = |piece: &Piece| self.claim.slot(*piece).value.is_some();
        let named: Vec<Piece> = said.mentions.iter().copied().filter(known).collect();
        if (said.complains || said.answer == Some(Answer::No)) && !named.is_empty() {
            return self.withdraw(&named, speaking);
        }
        if said.answer == Some(Answer::No) {
            return match pending.as_slice() {
                [piece] => self.withdraw(&[*piece], speaking),
                _ => self.go_to(Step::Which, "I am sorry.", speaking),
            };
        }
        self.tries += 1;
        if self.tries > MOST_TRIES {
            // it is read back once more before the end
            for piece in pending {
                self.claim.slot_mut(piece).settled = true;
            }
            return self.advance("I have noted it like that for now.", speaking);
        }
        self.question(speaking)
    }

    fn verified(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        if let Some(said) = self.take(said, &PIECES, speaking) {
            return said;
        }
        let wrong = said.complains || said.answer == Some(Answer::No) || self.step == Step::Which;
        if wrong && !said.mentions.is_empty() {
            return self.withdraw(&said.mentions, speaking);
        }
        if wrong && said.mentions_number {
            return self.go_to(Step::Number, "", speaking);
        }
        match (said.answer, self.step) {
            (Some(Answer::Yes), Step::Verify) => {
                self.claim.stage = Stage::Done;
                self.step = Step::Over(End::Verified);
                return "Your claim is complete.".into();
            }
            // nothing is wrong after all
            (Some(Answer::No), Step::Which) => {
                let unsettled = self.claim.unsettled();
                let next = if unsettled.is_empty() { Step::Verify } else { Step::Confirm };
                return self.go_to(next, "", speaking);
            }
            (Some(Answer::No), _) => return self.go_to(Step::Which, "", speaking),
            _ => {}
        }
        self.tries += 1;
        if self.tries > MOST_TRIES {
            // what nobody has verified is not done
            self.step = Step::Over(End::NotUnderstood);
            return "I am sorry, I cannot understand you well enough. I have kept what you told me.".into();
        }
        self.question(speaking)
    }

    /// Takes every piece that was said and may be taken now; none: there is nothing new.
    fn take(&mut self, said: &Understood, expected: &[Piece], speaking: &Speaking<'_>) -> Option<String> {
        let corrects = said.corrects || said.answer == Some(Answer::No);
        let may = |claim: &Claim, piece: Piece| {
            expected.contains(&piece)
                || claim.slot(piece).value.is_none()
                || corrects
                || said.mentions.contains(&piece)
        };
        let mut changed = false;
        let mut doubt = None;
        if let Some(date) = said.date.filter(|_| may(&self.claim, Piece::Date)) {
            if date > speaking.today {
                doubt = Some(date);
            } else {
                changed |= self.set(Piece::Date, date.to_string());
            }
        }
        if let Some(status) = said.status.as_ref().filter(|_| may(&self.claim, Piece::Status)) {
            changed |= self.set(Piece::Status, status.clone());
        }
        let mut either = None;
        match said.amount.filter(|_| may(&self.claim, Piece::Amount)) {
            Some(Amount::Sure(amount)) => changed |= self.set(Piece::Amount, decimal(amount)),
            Some(Amount::Either(more, less)) => either = Some(Step::Choose(more, less)),
            None => {}
        }
        if changed || doubt.is_some() || either.is_some() {
            // one that was done is not, until it is verified again
            self.claim.stage = Stage::Ongoing;
        }
        if let Some(date) = doubt {
            let lead = format!("{} is still to come.", spoken_date(date));
            self.claim.date.value = None;
            return Some(self.missed(Piece::Date, &lead, speaking));
        }
        if let Some(step) = either {
            return Some(self.go_to(step, "", speaking));
        }
        changed.then(|| self.advance("", speaking))
    }

    /// Whether this is news.
    fn set(&mut self, piece: Piece, value: String) -> bool {
        let slot = self.claim.slot_mut(piece);
        if slot.value.as_ref() == Some(&value) {
            return false;
        }
        (slot.value, slot.settled, slot.given_up) = (Some(value), false, false);
        true
    }

    /// Whether what was said is what is known already.
    fn same(&self, said: &Understood) -> bool {
        let is =
            |piece: Piece, value: Option<String>| value.is_some() && self.claim.slot(piece).value == value;
        let amount = match said.amount {
            Some(Amount::Sure(amount)) => Some(decimal(amount)),
            _ => None,
        };
        is(Piece::Date, said.date.map(|date| date.to_string()))
            || is(Piece::Status, said.status.clone())
            || is(Piece::Amount, amount)
    }

    /// These were wrong: they are asked for again, and what else was to be confirmed is right.
    fn withdraw(&mut self, pieces: &[Piece], speaking: &Speaking<'_>) -> String {
        if self.claim.stage == Stage::Done {
            self.claim.stage = Stage::Ongoing;
        }
        for piece in PIECES {
            let slot = self.claim.slot_mut(piece);
            if pieces.contains(&piece) {
                (slot.value, slot.settled, slot.given_up) = (None, false, slot.tries >= MOST_TRIES);
                slot.tries += 1;
            } else if slot.value.is_some() && self.step != Step::Verify {
                slot.settled = true;
            }
        }
        self.advance("I am sorry.", speaking)
    }

    /// A piece was asked for in vain.
    fn missed(&mut self, piece: Piece, lead: &str, speaking: &Speaking<'_>) -> String {
        let slot = self.claim.slot_mut(piece);
        slot.tries += 1;
        if slot.tries > MOST_TRIES {
            slot.given_up = true;
            return self.advance(&format!("{lead} We go on without the {}.", piece.name()), speaking);
        }
        self.go_to(Step::Ask(piece), lead, speaking)
    }

    /// Goes on to what is to be asked next.
    fn advance(&mut self, lead: &str, speaking: &Speaking<'_>) -> String {
        let next = match self.claim.missing() {
            _ if !self.claim.unsettled().is_empty() => Step::Confirm,
            Some(piece) => Step::Ask(piece),
            None if self.claim.is_empty() => {
                self.step = Step::Over(End::NotUnderstood);
                let number = spoken_number(&self.claim.number);
                return format!(
                    "I am sorry that I could not take your claim. Please call again later with your claim \
                     number, {number}."
                );
            }
            None => Step::Verify,
        };
        self.go_to(next, lead, speaking)
    }

    fn go_to(&mut self, step: Step, lead: &str, speaking: &Speaking<'_>) -> String {
        (self.step, self.tries) = (step, 0);
        let question = self.question(speaking);
        if lead.is_empty() { question } else { format!("{lead} {question}") }
    }
}
