//! Claims of earlier calls: one that is offered, one whose number the caller gives, and one that is done.
//!
//! What is known of a claim need not be confirmed piece by piece: it is read back at the end. A caller
//! who gives numbers that are not known gets a new claim, and no further number is looked up: whoever
//! tries out numbers finds no claim.

use super::{End, MOST_TRIES, Progress, Speaking, Step};
use crate::claim::{Claim, PIECES, Stage, spoken_number};
use crate::parse::{Answer, Understood};

const MOST_WRONG_NUMBERS: u32 = 2;

impl Progress {
    /// The number came with the call, and this is known of it.
    pub(crate) fn know(&mut self, claim: Claim) {
        let done = claim.stage == Stage::Done;
        let stage = if done { Stage::Done } else { Stage::Initial };
        self.claim = Claim { stage, ..claim };
        self.step = if done { Step::Closed } else { Step::Acknowledge };
    }

    /// Somebody has called from this number before, and not finished that claim.
    pub(crate) fn offer(&mut self, claim: Claim, from: String) {
        (self.offered, self.step) = (Some((claim, from)), Step::Offer);
    }

    /// Whether a claim number is welcome.
    pub(crate) fn takes_number(&self) -> bool {
        match self.step {
            Step::Acknowledge | Step::Offer | Step::Number | Step::Closed => true,
            Step::Ask(_) => self.claim.is_empty(),
            Step::Choose(..) | Step::Confirm | Step::Verify | Step::Which | Step::Over(_) => false,
        }
    }

    /// The number of the claim that is to be found before this turn is heard.
    pub(crate) fn to_look_up<'a>(&self, said: &'a Understood) -> Option<&'a str> {
        let number = said.number.as_deref().filter(|number| *number != self.claim.number)?;
        (self.takes_number() && self.wrong_numbers < MOST_WRONG_NUMBERS).then_some(number)
    }

    /// None: there was no number in it, or it is that of this claim.
    pub(super) fn number_given(
        &mut self,
        said: &Understood,
        found: Option<Claim>,
        speaking: &Speaking<'_>,
    ) -> Option<String> {
        if !self.takes_number() {
            return None;
        }
        if let Some(claim) = found {
            return Some(self.take_up(claim, speaking));
        }
        if let Some(number) = said.number.as_deref().filter(|number| *number != self.claim.number) {
            let lead = if self.wrong_numbers < MOST_WRONG_NUMBERS {
                format!("I do not know a claim with the number {}.", spoken_number(number))
            } else {
                "I cannot look up another claim number in this call.".to_owned()
            };
            return Some(self.not_known(&lead, speaking));
        }
        // digits of something else were understood as that
        let digits = said.misheard.as_ref().filter(|_| !self.has_pieces(said))?;
        // an amount, or a day
        if matches!(self.step, Step::Ask(_)) {
            return None;
        }
        let lead = format!("I have understood {}, which is not a claim number.", spoken_number(digits));
        Some(self.not_known(&lead, speaking))
    }

    fn not_known(&mut self, lead: &str, speaking: &Speaking<'_>) -> String {
        self.wrong_numbers += 1;
        if self.wrong_numbers >= MOST_WRONG_NUMBERS {
            return self.begin_anew(lead, speaking);
        }
        self.go_to(Step::Number, lead, speaking)
    }

    /// Goes on with the number of this call.
    fn begin_anew(&mut self, lead: &str, speaking: &Speaking<'_>) -> String {
        self.offered = None;
        if self.claim.stage == Stage::Done {
            return self.go_to(Step::Closed, lead, speaking);
        }
        let new = if self.earlier { "" } else { "Then we begin a new claim." };
        let lead = [lead, new].join(" ");
        self.go_to(Step::Acknowledge, lead.trim(), speaking)
    }

    /// Goes on with a claim of an earlier call.
    fn take_up(&mut self, mut claim: Claim, speaking: &Speaking<'_>) -> String {
        let lead = format!("Thank you. We go on with claim number {}.", spoken_number(&claim.number));
        let mut changed = false;
        // what was said in this call is newer, unless it was said of another claim
        for piece in PIECES.into_iter().filter(|_| !self.earlier) {
            let said = self.claim.slot(piece);
            if said.value.is_some() && said.value != claim.slot(piece).value {
                *claim.slot_mut(piece) = said.clone();
                changed = true;
            }
        }
        (self.claim, self.earlier, self.offered) = (claim, true, None);
        if self.claim.stage == Stage::Done && !changed {
            return self.go_to(Step::Closed, "Thank you.", speaking);
        }
        self.claim.stage = Stage::Ongoing;
        self.advance(&lead, speaking)
    }

    pub(super) fn offer_answered(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        let agrees = match said.answer {
            Some(answer) => answer == Answer::Yes,
            None => said.goes_on,
        };
        if agrees
            && !said.wants_new
            && let Some((claim, _)) = self.offered.take()
        {
            let reply = self.take_up(claim, speaking);
            let more = self.take(said, &[], speaking);
            return more.map_or(reply, |more| format!("Thank you. {more}"));
        }
        if said.has_earlier {
            return self.go_to(Step::Number, "", speaking);
        }
        self.tries += 1;
        if said.answer == Some(Answer::No) || said.wants_new || self.tries > MOST_TRIES {
            return self.decline(said, speaking);
        }
        self.question(speaking)
    }

    /// It is to be a new claim; what was said of that is not asked for again.
    fn decline(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        if self.has_pieces(said) {
            self.take(said, &[], speaking);
            // its number has not been told yet
            self.claim.stage = Stage::Initial;
        }
        self.begin_anew("", speaking)
    }

    pub(super) fn earlier_number(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        let gives_up = said.unknown || said.wants_new || said.answer == Some(Answer::No);
        self.tries += 1;
        // the number of this call said back is that of this claim
        if said.number.is_some() {
            return self.take_note("Thank you.", speaking);
        }
        if gives_up || self.tries > MOST_TRIES {
            return self.begin_anew("", speaking);
        }
        self.question(speaking)
    }

    /// The claim was done before this call.
    pub(super) fn closed(&mut self, said: &Understood, speaking: &Speaking<'_>) -> String {
        if let Some(said) = self.take(said, &[], speaking) {
            return said;
        }
        if said.complains && !said.mentions.is_empty() {
            return self.withdraw(&said.mentions, speaking);
        }
        if said.complains {
            return self.go_to(Step::Which, "", speaking);
        }
        if said.has_earlier {
            return self.go_to(Step::Number, "", speaking);
        }
        if said.wants_new {
            (self.claim, self.earlier) = (Claim { number: self.own.clone(), ..Claim::default() }, false);
            return self.begin_anew("", speaking);
        }
        if said.answer == Some(Answer::Yes) || said.wants_reading {
            return self.go_to(Step::Verify, "", speaking);
        }
        if said.answer == Some(Answer::No) {
            self.step = Step::Over(End::AsItWas);
            return "Then it stays as it is.".into();
        }
        self.tries += 1;
        if self.tries > MOST_TRIES {
            self.step = Step::Over(End::NotUnderstood);
            return "I am sorry, I cannot understand you well enough. The claim stays as it is.".into();
        }
        self.question(speaking)
    }
}
