//! A model that fails, and what becomes of its question (DESIGN, rule 8).
//!
//! Where the operator named several models, each may be tried once for every reply, for whatever
//! reason the one before it failed; a lone one is asked once more in a question, if its failure may
//! pass and nobody knows anything of its answer yet. What was given of an answer stays: whoever
//! comes next goes on with it. Tools that were called run once: the next attempt waits for their
//! results and knows them. An answer that has to have a form is begun anew.

use super::joining::{Joining, ends_sentence};
use super::{Conversation, QuestionNo, Stage};
use crate::io::{Outbox, Output, Provider};
use crate::line::Command;
use crate::persona::Ending;
use crate::{Moment, llm};

/// For a model that goes on with what another has begun.
pub(super) const GO_ON: &str = "Your last answer was cut off; it stands above as far as it was said. Go on \
     with exactly the next words. Do not repeat any of it, do not greet, do not explain.";

/// How far a question has come with the models that may answer it.
#[derive(Default)]
pub(super) struct Attempts {
    /// how many were made for this reply
    pub(super) made: u32,
    /// one was made again, for whatever reply
    repeated: bool,
    /// where in the answer begins what the next one has to go on with
    pub(super) from: usize,
}

impl Conversation {
    /// A reply has failed. Another attempt is made, or its question fails with it.
    pub(super) fn reply_failed(
        &mut self,
        now: Moment,
        no: QuestionNo,
        why: &str,
        passing: bool,
        out: &mut Outbox,
    ) {
        let (live, models) = (self.stage == Stage::Live, self.settings.models);
        let Some(question) = self.questions.get_mut(&no) else { return };
        let known = question.called || question.utterance.is_some() && !question.to_go_on_with().is_empty();
        let may_try_again = match models {
            0 | 1 => passing && !known && !question.attempts.repeated,
            // what follows on tools is another reply
            _ => question.called || question.attempts.made < models,
        };
        if !live || !may_try_again || question.due <= now {
            return self.fail_question(no, why, out);
        }
        question.attempts.repeated = true;
        question.output_due = None;
        // a word that has not ended is said by whoever comes next
        question.incoming = Joining::default();
        if std::mem::take(&mut question.replying) {
            out.push(Output::Model { reply: question.reply, event: llm::Event::Cancel });
        }
        out.failed_over(Provider::Model, format!("{why}; another attempt is made"));
        if question.called {
            if let Some(utterance) = question.utterance {
                out.line(Command::Pause { utterance });
            }
            return self.go_on_with_results(now, no, out);
        }
        if question.utterance.is_none() && question.spec.schema.is_some() {
            question.answer.truncate(question.attempts.from);
            self.context.begin_anew(no);
        }
        self.generate(now, no, out);
    }

    /// Whether a reply that is whole adds nothing to an answer that has nothing, or that was cut off.
    pub(super) fn is_empty_reply(&self, no: QuestionNo) -> bool {
        let Some(question) = self.questions.get(&no) else { return false };
        let cut_off = question.to_go_on_with();
        if question.attempts.made > 1 && !cut_off.is_empty() {
            return !question.incoming.said_something() && !ends_sentence(cut_off);
        }
        question.answer.trim().is_empty() && question.rounds == 0
    }

    /// The model cannot go on. What it has said so far is still spoken.
    pub(super) fn fail_question(&mut self, no: QuestionNo, reason: &str, out: &mut Outbox) {
        out.trouble(reason);
        let Some(question) = self.questions.get_mut(&no) else { return };
        question.filler_due = None;
        question.output_due = None;
        question.due = Moment::NEVER;
        // results that come later go on with nothing
        question.called = false;
        if std::mem::take(&mut question.replying) {
            out.push(Output::Model { reply: question.reply, event: llm::Event::Cancel });
        }
        if let Some(rest) = question.incoming.rest() {
            self.give(no, &rest, out);
        }
        let Some(utterance) = self.questions.get(&no).and_then(|question| question.utterance) else {
            return self.close_silent(no, Ending::Failed, out);
        };
        let Some(speech) = self.speech(utterance) else { return };
        speech.ending = Some(Ending::Failed);
        out.line(match speech.text.trim().is_empty() {
            true => Command::Stop { utterance },
            false => Command::Finish { utterance },
        });
    }
}
