//! One utterance on its way from text to ear: what was given to the voice, what came back, what
//! was sent, and how much of the text that is.

use super::pieces::Cutter;
use super::playout::{FRAME, duration};
use crate::Word;
use crate::line::UtteranceId;
use crate::persona::Manner;
use crate::{Moment, persona};
use std::time::Duration;

/// So much of what was heard is kept, to be said once more after a pause.
const KEPT: usize = 8_000;
/// Where no word timings say where a word begins, the quietest moment of the last so many bytes is
/// the best guess.
const LOOK_BACK: usize = 4_800;

/// No voice needs more than this for a text, and so much for each of its characters.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
const SLOWEST: Duration = Duration::from_millis(300);

/// Speaking pace where the voice does not say where its words lie: about 15 characters a second.
const PER_CHARACTER: Duration = Duration::from_millis(66);

#[derive(Debug)]
pub(super) struct Utterance {
    pub(super) id: UtteranceId,
    pub(super) manner: Manner,
    /// all the text that is known
    text: String,
    continues: bool,
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
    /// `continues`: the voice speaks its pieces as one.
    pub(super) fn new(id: UtteranceId, manner: Manner, continues: bool) -> Self {
        Self {
            id,
            manner,
            text: String::new(),
            continues,
            cutter: Cutter::new(continues),
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

    /// There is text that the voice was not given.
    pub(super) fn has_text_waiting(&self) -> bool {
        !self.cutter.is_empty()
    }

    /// How much text the voice was given that was not sent as audio yet, in bytes.
    pub(super) fn text_ahead(&self) -> usize {
        // all that came is sent: whatever the pace, the voice has nothing left to speak
        let all_sent = self.sent > 0 && self.unsent() == 0;
        if all_sent { 0 } else { self.given.saturating_sub(self.text_heard(self.sent)) }
    }

    // -- audio

    /// It has more audio than anybody could speak for the text.
    pub(super) fn is_flooded(&self) -> bool {
        let characters = u32::try_from(self.given_characters()).unwrap_or(u32::MAX);
        duration(self.received()) > LONGEST_PAUSE + SLOWEST.saturating_mul(characters)
    }

    /// How many characters the voice was given.
    pub(super) fn given_characters(&self) -> usize {
        self.text.get(..self.given).unwrap_or_default().chars().count()
    }

    /// What was not sent of the audio of the voice that speaks it now is none of it.
    pub(super) fn forget_unsent(&mut self) {
        let kept = self.sent.max(self.resumed.1);
        self.audio.truncate(kept.saturating_sub(self.discarded));
        let kept = duration(kept);
        self.words.retain(|(_, end)| *end <= kept);
    }

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

    /// Some of it is of the voice that speaks it now.
    pub(super) fn has_audio_of_voice(&self) -> bool {
        self.received() > self.resumed.1
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

    /// So much was certainly played: all but the end of it need not be kept.
    pub(super) fn acknowledge(&mut self, position: usize) {
        self.acknowledged = self.acknowledged.max(position);
        let needless = self.acknowledged.saturating_sub(KEPT);
        let discard = needless.saturating_sub(self.discarded).min(self.audio.len());
        self.audio.drain(..discard);
        self.discarded += discard;
    }

    /// What was sent and cannot have been played was cleared away: it has to be sent again.
    pub(super) fn rewind(&mut self, played: usize) {
        let heard = self.heard(played);
        self.acknowledge(heard);
        self.go_back(heard);
    }

    /// It is sent again from there on.
    pub(super) fn go_back(&mut self, position: usize) {
        self.sent = position.clamp(self.discarded, self.sent.max(self.discarded));
        self.origin = None;
        self.plays_until = None;
    }

    /// Where to go on after a pause at this position: where the word began that was cut.
    pub(super) fn word_boundary(&self, heard: usize) -> usize {
        let heard = heard.min(self.received());
        let boundary = if self.words.is_empty() {
            self.quietest_before(heard)
        } else {
            let time = duration(heard);
            let before = self.words.iter().map(|(_, end)| *end).take_while(|end| *end <= time).last();
            audio::TELEPHONE.samples_in(before.unwrap_or_default())
        };
        boundary.clamp(self.discarded, heard.max(self.discarded))
    }

    fn quietest_before(&self, heard: usize) -> usize {
        let from = heard.saturating_sub(LOOK_BACK).max(self.discarded);
        let window = self.audio.get(from - self.discarded..heard.saturating_sub(self.discarded));
        let frames = window.unwrap_or_default().chunks_exact(FRAME).enumerate();
        let loudness = |frame: &[u8]| frame.iter().map(|b| audio::g711::decode(*b).unsigned_abs()).max();
        // of equally quiet ones the last
        let quietest = frames.min_by_key(|(n, frame)| (loudness(frame), std::cmp::Reverse(*n)));
        quietest.map_or(heard, |(n, _)| from + n * FRAME)
    }

    // -- what was heard

    /// Bytes of its audio that the caller has heard, where `played` bytes of all that was sent can
    /// have been played.
    pub(super) fn heard(&self, played: usize) -> usize {
        let can_have =
            self.origin.map_or(0, |origin| (played as i64 - origin).max(0) as usize).min(self.sent);
        self.acknowledged.max(can_have)
    }

    /// Some of it was sent and cannot have been played.
    pub(super) fn is_in_flight(&self, played: usize) -> bool {
        self.origin.is_some_and(|origin| (played as i64) < origin + self.sent as i64)
    }

    /// The text that is being spoken, as far as it is known.
    pub(super) fn text(&self) -> &str {
        &self.text
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
        // one voice may say where its words lie, and the next not
        let known = |(at, end): &&(usize, Duration)| time <= *end || all_spoken && *at > self.resumed.0;
        match self.words.last().filter(known) {
            Some(_) => self.words.iter().take_while(|(_, end)| *end <= time).last().map_or(0, |(at, _)| *at),
            // no word timings, or none yet for what was heard
            None => self.text_estimated(heard),
        }
    }

    /// From the share of the audio if that is whole, else from a usual pace, since the last place that
    /// is known.
    fn text_estimated(&self, heard: usize) -> usize {
        let last = self.words.last().map(|(at, end)| (*at, audio::TELEPHONE.samples_in(*end)));
        let (from_text, from_audio) = last.filter(|(at, _)| *at > self.resumed.0).unwrap_or(self.resumed);
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

    /// Another voice has to go on with what this one has given no audio for.
    pub(super) fn resume_with_new_voice(&mut self) {
        if !self.expects_audio() {
            return;
        }
        self.forget_part_of_word();
        let received = self.received();
        let from = self.text_heard(received);
        let rest = self.text.get(from..).unwrap_or_default();
        let skip = rest.len() - rest.trim_start().len();
        self.resumed = (from + skip, received);
        self.given = from + skip;
        self.words.retain(|(at, _)| *at <= from);
        self.cutter = Cutter::new(self.continues);
        self.cutter.push(self.text.get(self.given..).unwrap_or_default());
        self.with_voice = WithVoice::Nothing;
    }

    /// Where the voice says which words its audio holds, a word that it was in the middle of is left
    /// to the next one, unless it is on its way to the ear.
    fn forget_part_of_word(&mut self) {
        let ends = self.words.last().map(|(at, end)| (*at, audio::TELEPHONE.samples_in(*end)));
        let Some((text, end)) = ends.filter(|(_, end)| *end > self.resumed.1) else { return };
        // the breath behind the last word is no part of another
        if self.text.get(text..).is_none_or(|rest| rest.trim().is_empty()) {
            return;
        }
        let in_flight = self.origin.map_or(0, |_| self.sent);
        let keep = end.max(in_flight).max(self.discarded);
        self.audio.truncate(keep - self.discarded);
        self.sent = self.sent.min(self.received());
        self.acknowledged = self.acknowledged.min(self.received());
    }

    /// Nothing more comes from the voice.
    pub(super) fn give_up(&mut self) {
        self.with_voice = WithVoice::Finished;
    }

    pub(super) fn has_text(&self) -> bool {
        self.text.chars().any(char::is_alphanumeric)
    }

    /// There is something to say for the voice that speaks it now.
    pub(super) fn has_text_for_voice(&self) -> bool {
        self.text.get(self.resumed.0..).is_some_and(|text| text.chars().any(char::is_alphanumeric))
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
        let mut utterance = Utterance::new(UtteranceId(1), Manner::new(Interruption::Anything), false);
        utterance.push_text(text);
        utterance.whole = true;
        while utterance.next_piece().is_some() {}
        utterance.with_voice = WithVoice::GivenAll;
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
        utterance.rewind(5400);
        assert_eq!(utterance.unsent(), 400);
        assert_eq!(utterance.heard(0), 400, "what was heard stays heard");
        assert_eq!(utterance.take(400, 5400).len(), 400);
        assert_eq!(utterance.heard(5600), 600);
        utterance.acknowledge(800);
        assert_eq!(utterance.heard(0), 800);
    }

    #[test]
    fn it_goes_on_where_the_word_began_that_was_cut() {
        let mut utterance = spoken("one two three", 1200);
        for (text, end) in [("one", 300), ("two", 700), ("three", 1200)] {
            let word = Word { text: text.into(), start: Duration::ZERO, end: Duration::from_millis(end) };
            utterance.push_word(&word);
        }
        assert_eq!(utterance.word_boundary(650 * 8), 300 * 8);
        assert_eq!(utterance.word_boundary(100 * 8), 0);
        assert_eq!(utterance.word_boundary(700 * 8), 700 * 8);
    }

    #[test]
    fn without_timings_it_goes_on_at_the_quietest_moment() {
        let mut utterance = Utterance::new(UtteranceId(1), Manner::new(Interruption::Anything), false);
        utterance.push_text("one two three");
        utterance.push_audio(&[0x20; 4000]);
        utterance.push_audio(&[0xFF; 480]);
        utterance.push_audio(&[0x20; 4000]);
        let boundary = utterance.word_boundary(7000);
        assert!((4000..4480).contains(&boundary), "{boundary}");
        // what is gone cannot be gone back to
        utterance.acknowledge(8480);
        assert_eq!(utterance.word_boundary(400), 480);
    }
}
