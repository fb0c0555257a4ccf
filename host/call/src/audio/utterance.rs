//! One utterance on its way from text to ear: what was given to the voice, what came back, what
//! was sent, and how much of the text that is.

use super::pieces::Cutter;
use super::playout::duration;
use crate::Word;
use crate::line::UtteranceId;
use crate::persona::Manner;
use crate::{Moment, persona};
use std::time::Duration;

/// Speaking pace where the voice does not say where its words lie: about 15 characters a second.
const PER_CHARACTER: Duration = Duration::from_millis(66);

#[derive(Debug)]
pub(super) struct Utterance {
    pub(super) id: UtteranceId,
    pub(super) manner: Manner,
    /// all the text that is known
    text: String,
    cutter: Cutter,
    /// no more text comes
    pub(super) whole: bool,
    /// no more text comes for a while
    pub(super) paused: bool,
    pub(super) with_voice: WithVoice,
    /// bytes of text given to the voice
    given: usize,
    /// where the voice began with the text, in bytes of text and of audio: not at the start, if it
    /// had to be opened again
    resumed: (usize, usize),
    /// ends of words: bytes of text, and time from the start of the audio
    words: Vec<(usize, Duration)>,
    /// its µ-law, from the first byte that may still have to be sent (again)
    audio: Vec<u8>,
    /// how much of the audio lies before that
    discarded: usize,
    pub(super) sent: usize,
    /// so much was certainly played
    pub(super) acknowledged: usize,
    /// where its audio lies in all that was sent: position 0 of it
    origin: Option<i64>,
    /// when its last byte will have been played; none: not all of it is sent
    pub(super) plays_until: Option<Moment>,
    /// the conversation was told that some of it was heard
    pub(super) told_heard: bool,
}

/// How far the voice has come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WithVoice {
    Nothing,
    Begun,
    /// it was given the last piece
    GivenAll,
    /// and has given all the audio
    Finished,
}

impl Utterance {
    pub(super) fn new(id: UtteranceId, manner: Manner) -> Self {
        Self {
            id,
            manner,
            text: String::new(),
            cutter: Cutter::default(),
            whole: false,
            paused: false,
            with_voice: WithVoice::Nothing,
            given: 0,
            resumed: (0, 0),
            words: Vec::new(),
            audio: Vec::new(),
            discarded: 0,
            sent: 0,
            acknowledged: 0,
            origin: None,
            plays_until: None,
            told_heard: false,
        }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
        self.cutter.push(text);
        self.paused = false;
    }

    /// The next piece for the voice; one that may not be whole only if nothing follows soon.
    pub(super) fn next_piece(&mut self) -> Option<String> {
        let flush = self.whole || self.paused;
        let piece = self.cutter.next().or_else(|| if flush { self.cutter.rest() } else { None })?;
        self.given += piece.len();
        Some(piece)
    }

    // -- audio

    pub(super) fn expects_audio(&self) -> bool {
        matches!(self.with_voice, WithVoice::Begun | WithVoice::GivenAll)
    }

    pub(super) fn push_audio(&mut self, data: &[u8]) {
        self.audio.extend_from_slice(data);
    }

    /// All the audio that has come, in bytes.
    pub(super) fn received(&self) -> usize {
        self.discarded + self.audio.len()
    }

    pub(super) fn unsent(&self) -> usize {
        self.received() - self.sent
    }

    /// All audio is here and sent.
    pub(super) fn is_sent(&self) -> bool {
        self.with_voice == WithVoice::Finished && self.unsent() == 0
    }

    /// The next bytes to send, noting that they lie at `position` of all that was sent.
    pub(super) fn take(&mut self, count: usize, position: usize) -> Vec<u8> {
        self.origin.get_or_insert(position as i64 - self.sent as i64);
        let from = self.sent - self.discarded;
        let audio = self.audio.get(from..from + count).unwrap_or_default().to_vec();
        self.sent += audio.len();
        audio
    }

    /// So much was certainly played: it need not be kept.
    pub(super) fn acknowledge(&mut self, position: usize) {
        self.acknowledged = self.acknowledged.max(position);
        let discard = self.acknowledged.saturating_sub(self.discarded).min(self.audio.len());
        self.audio.drain(..discard);
        self.discarded += discard;
    }

    /// What was sent and not heard was cleared away: it has to be sent again.
    pub(super) fn rewind(&mut self, heard: usize) {
        self.sent = heard.clamp(self.discarded, self.sent);
        self.origin = None;
        self.plays_until = None;
    }

    // -- what was heard

    /// Bytes of its audio that the caller has heard, where `played` bytes of all that was sent can
    /// have been played.
    pub(super) fn heard(&self, played: usize) -> usize {
        let can_have =
            self.origin.map_or(0, |origin| (played as i64 - origin).max(0) as usize).min(self.sent);
        self.acknowledged.max(can_have)
    }

    /// Whether the caller has heard all of it.
    pub(super) fn is_heard(&self, played: usize) -> bool {
        self.is_sent() && self.heard(played) >= self.sent
    }

    /// How much of the text so many bytes of audio are: bytes of text, at the end of a word.
    pub(super) fn text_heard(&self, heard: usize) -> usize {
        if heard == 0 {
            return 0;
        }
        let all_spoken = self.with_voice == WithVoice::Finished;
        if all_spoken && heard >= self.received() {
            return self.text.len();
        }
        let time = duration(heard);
        match self.words.last() {
            Some((_, last)) if all_spoken || time <= *last => {
                self.words.iter().take_while(|(_, end)| *end <= time).last().map_or(0, |(at, _)| *at)
            }
            // no word timings, or none yet for what was heard
            _ => self.text_estimated(heard),
        }
    }

    /// From the share of the audio if that is whole, else from a usual pace.
    fn text_estimated(&self, heard: usize) -> usize {
        let (from_text, from_audio) = self.resumed;
        let given = self.text.get(from_text..self.given.max(from_text)).unwrap_or_default();
        let heard = heard.saturating_sub(from_audio);
        let all = self.received().saturating_sub(from_audio).max(1);
        let characters = given.chars().count();
        let count = if self.with_voice == WithVoice::Finished {
            characters * heard / all
        } else {
            (duration(heard).as_micros() / PER_CHARACTER.as_micros()) as usize
        };
        from_text + end_of_last_word(given, count)
    }

    /// A word lies there, counted from where the voice began with this utterance.
    pub(super) fn push_word(&mut self, word: &Word) {
        let from = self.words.last().map_or(self.resumed.0, |(at, _)| *at);
        let rest = self.text.get(from..).unwrap_or_default();
        let spoken = word.text.trim();
        // vendors drop punctuation and sometimes spell words anew: then it is simply the next word
        let end = rest
            .find(spoken)
            .filter(|at| !spoken.is_empty() && *at < 80)
            .map_or_else(|| end_of_first_word(rest), |at| at + spoken.len());
        let end = from + end + end_of_punctuation(rest.get(end..).unwrap_or_default());
        self.words.push((end, duration(self.resumed.1) + word.end));
    }

    // -- the voice is lost

    /// The voice has to begin again with what it has given no audio for.
    pub(super) fn resume_with_new_voice(&mut self) {
        if self.with_voice == WithVoice::Finished {
            return;
        }
        let received = self.received();
        let from = self.text_heard(received);
        let rest = self.text.get(from..).unwrap_or_default();
        let skip = rest.len() - rest.trim_start().len();
        self.resumed = (from + skip, received);
        self.given = from + skip;
        self.words.retain(|(at, _)| *at <= from);
        self.cutter = Cutter::default();
        self.cutter.push(self.text.get(self.given..).unwrap_or_default());
        self.with_voice = WithVoice::Nothing;
    }

    /// Nothing more comes from the voice.
    pub(super) fn give_up(&mut self) {
        self.with_voice = WithVoice::Finished;
    }

    pub(super) fn has_text(&self) -> bool {
        self.text.chars().any(char::is_alphanumeric)
    }

    pub(super) fn may_be_cut(&self, by: impl Fn(persona::Interruption) -> bool) -> bool {
        by(self.manner.interruption)
    }
}

/// Where the last word ends that lies within the first `characters` of `text`, in bytes.
fn end_of_last_word(text: &str, characters: usize) -> usize {
    let limit = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    if limit == text.len() {
        return limit;
    }
    let head = text.get(..limit).unwrap_or_default();
    if text.get(limit..).is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
        return limit;
    }
    head.rfind(char::is_whitespace).unwrap_or(0)
}

fn end_of_first_word(text: &str) -> usize {
    let start = text.len() - text.trim_start().len();
    text.get(start..).and_then(|rest| rest.find(char::is_whitespace)).map_or(text.len(), |at| start + at)
}

fn end_of_punctuation(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || c.is_alphanumeric()).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::Interruption;

    fn spoken(text: &str, milliseconds: usize) -> Utterance {
        let mut utterance = Utterance::new(UtteranceId(1), Manner::new(Interruption::Anything));
        utterance.push_text(text);
        utterance.whole = true;
        while utterance.next_piece().is_some() {}
        utterance.push_audio(&vec![0; milliseconds * 8]);
        utterance
    }

    fn heard(utterance: &Utterance, milliseconds: usize) -> &str {
        &utterance.text[..utterance.text_heard(milliseconds * 8)]
    }

    #[test]
    fn with_word_timings_a_word_counts_once_it_has_ended() {
        let mut utterance = spoken("I am sorry, truly sorry.", 2000);
        for (text, end) in [("I", 200), ("am", 400), ("sorry", 900), ("truly", 1400), ("sorry", 2000)] {
            let word = Word { text: text.into(), start: Duration::ZERO, end: Duration::from_millis(end) };
            utterance.push_word(&word);
        }
        assert_eq!(heard(&utterance, 399), "I");
        assert_eq!(heard(&utterance, 900), "I am sorry,");
        assert_eq!(heard(&utterance, 1500), "I am sorry, truly");
        utterance.give_up();
        assert_eq!(heard(&utterance, 2000), "I am sorry, truly sorry.");
    }

    #[test]
    fn without_timings_it_is_a_share_of_whole_audio_and_a_usual_pace_before() {
        let mut utterance = spoken("one two three four five", 2300);
        assert_eq!(heard(&utterance, 1000), "one two three");
        utterance.give_up();
        assert_eq!(heard(&utterance, 0), "");
        assert_eq!(heard(&utterance, 790), "one two");
        assert_eq!(heard(&utterance, 2299), "one two three four");
        assert_eq!(heard(&utterance, 2300), "one two three four five");
    }

    #[test]
    fn a_new_voice_begins_with_the_first_word_that_has_no_audio() {
        let mut utterance = spoken("one two three four five", 1000);
        utterance.resume_with_new_voice();
        assert_eq!(utterance.next_piece().as_deref(), Some("four five"));
        utterance.push_audio(&[0; 8000]);
        utterance.give_up();
        assert_eq!(heard(&utterance, 1600), "one two three four");
        assert_eq!(heard(&utterance, 2000), "one two three four five");
    }

    #[test]
    fn what_was_cleared_away_is_sent_again() {
        let mut utterance = spoken("hello", 100);
        assert_eq!(utterance.take(800, 5000).len(), 800);
        assert_eq!(utterance.heard(5400), 400);
        utterance.rewind(400);
        assert_eq!(utterance.unsent(), 400);
        assert_eq!(utterance.take(400, 5400).len(), 400);
        assert_eq!(utterance.heard(5600), 600);
        utterance.acknowledge(800);
        assert_eq!(utterance.heard(0), 800);
    }
}
