//! A voice that fails (DESIGN, rule 8): the next one goes on with what has no audio yet, and when there
//! is none, the last resort is all that can be said.

use super::super::utterance::{Utterance, WithVoice};
use super::{Phrase, Speaking, report};
use crate::io::{Outbox, Output, Provider};
use crate::persona::Ending;
use crate::{Failure, Moment, line};

impl Speaking {
    /// Lets the next voice go on with what has no audio yet, or gives up speaking.
    pub(super) fn voice_failed(&mut self, now: Moment, failure: Failure, out: &mut Outbox) {
        self.more = false;
        if !self.chain.goes_on(now, &failure) {
            return self.fall_mute(now, failure, out);
        }
        out.failed_over(Provider::Voice, format!("the voice failed and is opened again: {failure}"));
        self.voice_moved = now;
        out.push(Output::ReopenTts);
        for utterance in &mut self.utterances {
            utterance.resume_with_new_voice();
        }
        self.feed(now, out);
    }

    /// Nothing can be said any more but the last resort, which may be what was to be said.
    fn fall_mute(&mut self, now: Moment, failure: Failure, out: &mut Outbox) {
        self.mute = true;
        let known = &self.last_resort;
        let needs_no_voice = |u: &Utterance| u.whole && u.received() == 0 && phrase(known, u).is_some();
        let (kept, lost) = std::mem::take(&mut self.utterances).into_iter().partition(needs_no_voice);
        self.utterances = lost;
        self.end(now, Ending::Failed, out);
        self.utterances = kept;
        self.say_without_voice(out);
        out.conversation(line::Event::Mute(failure));
    }

    /// The last resort; what is not among it is not said.
    pub(super) fn say_without_voice(&mut self, out: &mut Outbox) {
        let known = &self.last_resort;
        self.utterances.retain_mut(|utterance| {
            if !utterance.whole || utterance.with_voice == WithVoice::Finished {
                return true;
            }
            let phrase = phrase(known, utterance);
            utterance.give_up();
            if let Some(phrase) = phrase {
                utterance.push_audio(&phrase.audio);
            } else {
                report(utterance, Ending::Failed, 0, out);
            }
            phrase.is_some()
        });
    }
}

/// What can be said of this without a voice: all or nothing.
fn phrase<'a>(known: &'a [Phrase], utterance: &Utterance) -> Option<&'a Phrase> {
    known.iter().find(|phrase| phrase.text.trim() == utterance.text().trim())
}
