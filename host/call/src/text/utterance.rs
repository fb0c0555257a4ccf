//! One utterance on its way to a far end that speaks words.

use super::{Kept, OVERDUE, Output, Settings};
use crate::Moment;
use crate::line::UtteranceId;
use crate::persona::Manner;
use audio::dtmf::Press;
use std::time::Duration;

/// A key and the pause behind it take so long.
const PRESS: Duration = Duration::from_millis(500);

pub(super) struct Utterance {
    pub(super) id: UtteranceId,
    pub(super) manner: Manner,
    pub(super) text: String,
    /// in place of a text
    pub(super) presses: Vec<Press>,
    pub(super) whole: bool,
    /// bytes of the text
    pub(super) sent: usize,
    pub(super) sent_last: bool,
    /// some of it was sent before, also if the far end forgot it
    pub(super) begun: bool,
    pub(super) told_heard: bool,
    /// how many characters at the end of what was sent wait for the far end to begin
    waits: usize,
    /// keys do
    keys_wait: bool,
    /// when what does not wait will have been spoken
    ends: Moment,
}

impl Utterance {
    pub(super) fn new(id: UtteranceId, manner: Manner, now: Moment) -> Self {
        Self {
            id,
            manner,
            text: String::new(),
            presses: Vec::new(),
            whole: false,
            sent: 0,
            sent_last: false,
            begun: false,
            told_heard: false,
            waits: 0,
            keys_wait: false,
            ends: now,
        }
    }

    /// What there is to send of it. `ends`: when the far end will have spoken all that it was sent.
    pub(super) fn send(&mut self, now: Moment, ends: &mut Moment, settings: Settings) -> Option<Output> {
        let text = self.text.get(self.sent..).unwrap_or_default().to_owned();
        let last = self.whole && !self.sent_last;
        if text.is_empty() && !last {
            return None;
        }
        self.begun = true;
        self.sent += text.len();
        self.sent_last = last;
        self.waits += text.chars().count();
        self.keys_wait = !self.presses.is_empty();
        if !settings.says_when {
            self.begin(now, ends, settings, &[]);
        }
        let utterance = self.id;
        Some(match self.presses.is_empty() {
            true => Output::Speak { utterance, text, last, manner: self.manner.clone() },
            false => Output::Keys { utterance, presses: self.presses.clone() },
        })
    }

    /// The far end begins to speak what waits, but for what is `kept` from it.
    pub(super) fn begin(&mut self, now: Moment, ends: &mut Moment, settings: Settings, kept: &[Kept]) {
        let (kept, keeps_keys) = self.kept(kept);
        let waits = std::mem::replace(&mut self.waits, kept) - kept;
        let begins = self.keys_wait && !keeps_keys;
        self.keys_wait &= keeps_keys;
        let keys = if begins { self.presses.len() } else { 0 };
        if waits > 0 || keys > 0 {
            let from = if *ends > now { *ends } else { now + settings.lag };
            *ends = from + settings.pace * to_u32(waits) + PRESS * to_u32(keys);
            self.ends = *ends;
        }
    }

    /// The far end has spoken all that it was sent, but for what is `kept` from it.
    pub(super) fn spoken(&mut self, now: Moment, kept: &[Kept]) {
        if self.begun {
            let (kept, keeps_keys) = self.kept(kept);
            (self.waits, self.keys_wait, self.ends) = (kept, self.keys_wait && keeps_keys, now);
        }
    }

    /// How many of the characters that wait are kept from the far end, and whether keys are.
    fn kept(&self, kept: &[Kept]) -> (usize, bool) {
        let kept = kept.iter().find(|kept| kept.utterance == self.id);
        (kept.map_or(0, |kept| kept.characters.min(self.waits)), kept.is_some())
    }

    /// The far end has something of it, or had.
    pub(super) fn was_given(&self) -> bool {
        let sent = self.text.get(..self.sent).unwrap_or_default();
        self.begun && !self.keys_wait && (self.waits == 0 || self.waits < sent.chars().count())
    }

    /// The far end forgot what it had not spoken.
    pub(super) fn forget_unspoken(&mut self, now: Moment, pace: Duration) {
        self.sent = self.heard(now, pace);
        (self.sent_last, self.waits, self.keys_wait, self.ends) = (false, 0, false, now);
    }

    /// When it counts as spoken. `holds`: the far end speaks, and will say when it is done.
    pub(super) fn due(&self, holds: bool) -> Moment {
        match self.waits > 0 || self.keys_wait {
            true => Moment::NEVER,
            false if holds => self.ends + OVERDUE,
            false => self.ends,
        }
    }

    pub(super) fn is_pressing(&self, now: Moment) -> bool {
        !self.presses.is_empty() && self.begun && (self.keys_wait || self.ends > now)
    }

    /// How much of its text can have been spoken by now, to the end of a word.
    pub(super) fn heard(&self, now: Moment, pace: Duration) -> usize {
        let sent = self.text.get(..self.sent).unwrap_or_default();
        let left = self.ends.since(now);
        if left.is_zero() && self.waits == 0 {
            return sent.len();
        }
        let unspoken = left.as_micros().div_ceil(pace.as_micros().max(1)) as usize;
        let spoken = sent.chars().count().saturating_sub(unspoken.saturating_add(self.waits));
        let end = sent.char_indices().nth(spoken).map_or(sent.len(), |(at, _)| at);
        let within_word = sent.get(end..).is_some_and(|rest| !rest.starts_with(char::is_whitespace));
        let head = sent.get(..end).unwrap_or_default();
        if within_word { head.rfind(char::is_whitespace).unwrap_or(0) } else { end }
    }
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// How many bytes of `text` say the same as `spoken`, whatever became of spaces, case and
/// punctuation on the way.
pub(super) fn prefix_like(text: &str, spoken: &str) -> usize {
    let letters = |c: &(usize, char)| c.1.is_alphanumeric();
    let mut spoken = spoken.char_indices().filter(letters).map(|(_, c)| c);
    let mut end = 0;
    for (at, char) in text.char_indices().filter(letters) {
        match spoken.next() {
            Some(c) if c.to_lowercase().eq(char.to_lowercase()) => end = at + char.len_utf8(),
            _ => return end,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_far_end_says_it_spoke_is_found_again_in_the_text() {
        let text = "I am sorry, truly. Was it cold?";
        assert_eq!(&text[..prefix_like(text, "i am sorry truly")], "I am sorry, truly");
        assert_eq!(prefix_like(text, "I am sorry, truly. Was it cold?"), text.len());
        assert_eq!(prefix_like(text, "something else"), 0);
        assert_eq!(prefix_like(text, ""), 0);
    }
}
