//! A line that carries words: somebody else recognises and speaks, or there is no sound at all.
//!
//! What was heard is what the far end says was heard; where it does not say, it is what can have
//! been spoken at a usual pace since the words were sent. Words of the caller cut in as they do on
//! a line of sound.

use crate::Moment;
use crate::io::{Outbox, Output as Out};
use crate::line::{self, Command, Final, Heard, Step, UtteranceId};
use crate::persona::{Ending, Interruption, Manner, Utterance as Said};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long the far end takes to speak one character; zero: words are read at once.
    pub pace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pace: Duration::from_millis(66) }
    }
}

/// What comes from the far end.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Words of the caller; `last`: the turn is whole.
    Prompt { said: Said, last: bool },
    /// The far end stopped speaking because the caller cut in, having spoken this much of what it
    /// was given last, if it knows.
    Interrupted { spoken: Option<String> },
}

/// What goes to the far end.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// More of an utterance; `last`: all of it. Utterances follow each other.
    Speak { utterance: UtteranceId, text: String, last: bool, manner: Manner },
    /// Stop speaking, and forget what was not spoken.
    Stop,
}

pub(crate) struct TextLine {
    pace: Duration,
    utterances: Vec<Utterance>,
    /// when all that was sent will have been spoken
    ends: Moment,
    /// the caller was told to be speaking
    speaking: bool,
    /// the far end is lost, and may come back
    detached: bool,
    closed: bool,
}

struct Utterance {
    id: UtteranceId,
    manner: Manner,
    text: String,
    whole: bool,
    /// bytes of the text
    sent: usize,
    sent_last: bool,
    /// some of it was sent before, also if the far end forgot it
    begun: bool,
    /// when what was sent of it will have been spoken
    ends: Moment,
    told_heard: bool,
}

impl TextLine {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            pace: settings.pace,
            utterances: Vec::new(),
            ends: Moment::START,
            speaking: false,
            detached: false,
            closed: false,
        }
    }

    /// The far end is there, or there again: it is told what it has not spoken.
    pub(crate) fn attached(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed {
            if std::mem::take(&mut self.detached) {
                self.ends = now;
            }
            out.conversation(line::Event::Attached);
        }
    }

    /// The far end is lost, and may come back: nothing is heard and nothing sent until then.
    pub(crate) fn detached(&mut self, now: Moment, out: &mut Outbox) {
        if self.closed || std::mem::replace(&mut self.detached, true) {
            return;
        }
        self.settle(now, out);
        self.tell_heard(now, out);
        self.forget_unspoken(now);
        if std::mem::take(&mut self.speaking) {
            out.conversation(line::Event::Quiet);
        }
        out.conversation(line::Event::Detached);
    }

    /// Nothing from there counts: it is closed, or it comes from a far end that is lost.
    fn is_cut_off(&self) -> bool {
        self.closed || self.detached
    }

    pub(crate) fn handle(&mut self, now: Moment, input: Input, out: &mut Outbox) {
        if self.is_cut_off() {
            return;
        }
        match input {
            Input::Prompt { said, last } => {
                if !said.text.trim().is_empty() {
                    self.prompt(now, said, last, out);
                } else if last && std::mem::take(&mut self.speaking) {
                    // what was taken for words is none after all
                    out.conversation(line::Event::Quiet);
                }
            }
            Input::Interrupted { spoken } => self.interrupted(now, spoken.as_deref(), out),
        }
    }

    fn prompt(&mut self, now: Moment, said: Said, last: bool, out: &mut Outbox) {
        self.tell_heard(now, out);
        self.cut(now, Interruption::by_speech, out);
        if !std::mem::replace(&mut self.speaking, true) {
            out.conversation(line::Event::Speaking);
        }
        if last {
            self.speaking = false;
            out.conversation(line::Event::Quiet);
            out.conversation(line::Event::Final(Final { said, speech_ended: now, transcribed: now }));
        } else {
            out.conversation(line::Event::Partial(said));
        }
    }

    /// The far end has stopped by itself: it alone decides what it lets the caller cut.
    fn interrupted(&mut self, now: Moment, spoken: Option<&str>, out: &mut Outbox) {
        self.settle(now, out);
        self.tell_heard(now, out);
        self.ends = now;
        let mut front = true;
        for utterance in self.utterances.extract_if(.., |u| u.sent > 0).collect::<Vec<_>>() {
            let heard = match (front, spoken) {
                (true, Some(spoken)) => Heard::Prefix(prefix_like(&utterance.text, spoken)),
                (true, None) => Heard::Unknown,
                (false, _) => Heard::Prefix(0),
            };
            front = false;
            out.conversation(stopped(utterance.id, Ending::Interrupted, heard));
        }
    }

    /// An operator stops what is being spoken.
    pub(crate) fn interrupt(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed {
            self.tell_heard(now, out);
            self.cut(now, |_| true, out);
        }
    }

    /// Something cuts in on what is being spoken.
    fn cut(&mut self, now: Moment, by: fn(Interruption) -> bool, out: &mut Outbox) {
        self.settle(now, out);
        // what is being spoken decides, not what waits behind it
        if self.utterances.first().is_some_and(|u| u.begun && by(u.manner.interruption)) {
            self.stop_all(now, Ending::Interrupted, |u| by(u.manner.interruption), out);
        }
    }

    pub(crate) fn key(&mut self, now: Moment, key: char, out: &mut Outbox) {
        if !self.is_cut_off() {
            self.cut(now, Interruption::by_keys, out);
            out.conversation(line::Event::Key(key));
        }
    }

    pub(crate) fn command(&mut self, now: Moment, command: Command, out: &mut Outbox) {
        if self.closed {
            return;
        }
        match command {
            Command::Begin { utterance, manner } => self.utterances.push(Utterance {
                id: utterance,
                manner,
                text: String::new(),
                whole: false,
                sent: 0,
                sent_last: false,
                begun: false,
                ends: now,
                told_heard: false,
            }),
            Command::Speak { utterance, text } => {
                if let Some(utterance) = self.utterances.iter_mut().find(|u| u.id == utterance) {
                    utterance.text.push_str(&text);
                }
            }
            Command::Finish { utterance } => {
                if let Some(utterance) = self.utterances.iter_mut().find(|u| u.id == utterance) {
                    utterance.whole = true;
                }
            }
            // digits are no words
            Command::Digits { utterance, .. } => {
                self.stop_all(now, Ending::Failed, |u| u.id == utterance, out);
            }
            Command::Stop { utterance } => {
                self.stop_all(now, Ending::Cancelled, |u| u.id == utterance, out);
            }
            // words go out as they come, and whoever listens decides what to listen for
            Command::Pause { .. } | Command::Listen { .. } => {}
            Command::Forget => {
                if std::mem::take(&mut self.speaking) {
                    out.conversation(line::Event::Quiet);
                }
            }
            Command::End => {
                out.push(Out::Close);
                self.closed(now, out);
            }
        }
    }

    /// The far end is gone.
    pub(crate) fn closed(&mut self, now: Moment, out: &mut Outbox) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        for utterance in std::mem::take(&mut self.utterances) {
            let heard = Heard::Prefix(self.heard(now, &utterance));
            out.conversation(stopped(utterance.id, Ending::Cancelled, heard));
        }
        out.conversation(line::Event::Closed);
    }

    /// What is due, and what the inputs before it made possible.
    pub(crate) fn timeout(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed {
            self.send(now, out);
            self.settle(now, out);
        }
    }

    pub(crate) fn next_timeout(&self) -> Moment {
        match self.utterances.first() {
            Some(first) if first.sent_last && !self.closed => first.ends,
            _ => Moment::NEVER,
        }
    }

    fn stop_all(
        &mut self,
        now: Moment,
        ending: Ending,
        which: impl Fn(&Utterance) -> bool,
        out: &mut Outbox,
    ) {
        let mut sounding = false;
        for utterance in self.utterances.extract_if(.., |u| which(u)).collect::<Vec<_>>() {
            let heard = self.heard(now, &utterance);
            sounding |= heard < utterance.sent;
            out.conversation(stopped(utterance.id, ending, Heard::Prefix(heard)));
        }
        if sounding {
            out.push(Out::Text(Output::Stop));
            self.forget_unspoken(now);
        }
    }

    /// The far end forgot what it had not spoken, of whatever utterance.
    fn forget_unspoken(&mut self, now: Moment) {
        let heard: Vec<usize> = self.utterances.iter().map(|u| self.heard(now, u)).collect();
        for (utterance, heard) in self.utterances.iter_mut().zip(heard) {
            utterance.sent = heard;
            utterance.sent_last = false;
            utterance.ends = now;
        }
        self.ends = now;
    }

    /// Sends what is known, in order: no utterance before the one ahead of it is whole.
    fn send(&mut self, now: Moment, out: &mut Outbox) {
        if self.detached {
            return;
        }
        for utterance in self.utterances.iter_mut() {
            let text = utterance.text.get(utterance.sent..).unwrap_or_default().to_owned();
            let last = utterance.whole && !utterance.sent_last;
            if !text.is_empty() || last {
                self.ends = self.ends.max(now) + self.pace * text.chars().count() as u32;
                utterance.ends = self.ends;
                if !std::mem::replace(&mut utterance.begun, true) {
                    let progress = |step| line::Event::Progress { utterance: utterance.id, step };
                    out.conversation(progress(Step::FirstFrame));
                }
                utterance.sent += text.len();
                utterance.sent_last = last;
                let manner = utterance.manner.clone();
                out.push(Out::Text(Output::Speak { utterance: utterance.id, text, last, manner }));
            }
            if !utterance.whole {
                return;
            }
        }
    }

    /// Reports what has been spoken to its end.
    fn settle(&mut self, now: Moment, out: &mut Outbox) {
        while self.utterances.first().is_some_and(|first| first.sent_last && first.ends <= now) {
            let utterance = self.utterances.remove(0);
            out.conversation(stopped(utterance.id, Ending::Complete, Heard::All));
        }
    }

    fn tell_heard(&mut self, now: Moment, out: &mut Outbox) {
        for at in 0..self.utterances.len() {
            let heard = self.utterances.get(at).is_some_and(|u| !u.told_heard && self.heard(now, u) > 0);
            if let Some(utterance) = self.utterances.get_mut(at).filter(|_| heard) {
                utterance.told_heard = true;
                out.conversation(line::Event::Heard(utterance.id));
            }
        }
    }

    /// How much of its text can have been spoken by now, to the end of a word.
    fn heard(&self, now: Moment, utterance: &Utterance) -> usize {
        let sent = utterance.text.get(..utterance.sent).unwrap_or_default();
        let left = utterance.ends.since(now);
        if left.is_zero() {
            return sent.len();
        }
        let unspoken = left.as_micros().div_ceil(self.pace.as_micros().max(1)) as usize;
        let spoken = sent.chars().count().saturating_sub(unspoken);
        let end = sent.char_indices().nth(spoken).map_or(sent.len(), |(at, _)| at);
        let within_word = sent.get(end..).is_some_and(|rest| !rest.starts_with(char::is_whitespace));
        let head = sent.get(..end).unwrap_or_default();
        if within_word { head.rfind(char::is_whitespace).unwrap_or(0) } else { end }
    }
}

fn stopped(utterance: UtteranceId, ending: Ending, heard: Heard) -> line::Event {
    line::Event::Stopped { utterance, ending, heard }
}

/// How many bytes of `text` say the same as `spoken`, whatever became of spaces, case and
/// punctuation on the way.
fn prefix_like(text: &str, spoken: &str) -> usize {
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
