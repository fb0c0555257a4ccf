//! A line that carries words: somebody else recognises and speaks, or there is no sound at all.
//!
//! What was heard is what the far end says was heard; where it does not say, it is what can have
//! been spoken at a usual pace since the words were sent. Words of the caller cut in as they do on
//! a line of sound.

mod utterance;

use crate::Moment;
use crate::io::{Outbox, Output as Out};
use crate::line::{self, Command, Final, Heard, Step, UtteranceId};
use crate::persona::{Ending, Interruption, Manner, Utterance as Said};
use audio::dtmf::Press;
use std::time::Duration;
use utterance::{Utterance, prefix_like};

/// A far end that has said that it speaks, and does not say that it is done, is taken to be done so long
/// after it should be.
const OVERDUE: Duration = Duration::from_secs(10);

/// What the far end is like.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long it takes to speak one character; zero: words are read at once.
    pub pace: Duration,
    /// How long after words were sent to it in silence their beginning can be heard.
    pub lag: Duration,
    /// It says when it begins to speak what it was sent ([`Input::Speaking`]): nothing can have been heard
    /// before.
    pub says_when: bool,
    /// What it is sent cuts off what it speaks: an utterance is sent when the one before was spoken.
    pub one_at_a_time: bool,
    /// It presses keys.
    pub keys: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(66),
            lag: Duration::ZERO,
            says_when: false,
            one_at_a_time: false,
            keys: false,
        }
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
    /// The far end begins to speak what it was sent; `says_end`: it will say when it has
    /// ([`Self::Spoken`]).
    Speaking { says_end: bool, kept: Vec<Kept> },
    /// The far end has spoken all that it was sent.
    Spoken { kept: Vec<Kept> },
}

/// What is on its way to the far end and has not been given to it yet: so many characters at the end of
/// what was sent of this utterance, or its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub utterance: UtteranceId,
    pub characters: usize,
}

/// What goes to the far end.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// More of an utterance; `last`: all of it. Utterances follow each other.
    Speak { utterance: UtteranceId, text: String, last: bool, manner: Manner },
    /// Keys to press: the whole utterance.
    Keys { utterance: UtteranceId, presses: Vec<Press> },
    /// Stop speaking, and forget what was not spoken, of whatever utterance.
    Stop,
    /// Nothing of this was given to whoever speaks, and it is not wanted any more.
    Withdraw(UtteranceId),
    /// The script waits for the caller: words to listen for, and in which language.
    Listen { keyterms: Vec<String>, language: Option<String> },
    /// Keys are collected: so many at the most, and this one says that it was all.
    Collect { max: u8, finish: Option<char> },
}

pub(crate) struct TextLine {
    settings: Settings,
    utterances: Vec<Utterance>,
    /// when all that was sent will have been spoken
    ends: Moment,
    /// the far end speaks, and will say when it is done
    holds: bool,
    /// what is listened for
    listen: Option<Output>,
    /// the caller was told to be speaking
    speaking: bool,
    /// the far end is lost, and may come back
    detached: bool,
    closed: bool,
}

impl TextLine {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            utterances: Vec::new(),
            ends: Moment::START,
            holds: false,
            listen: None,
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
                self.listen(out);
            }
            out.conversation(line::Event::Attached);
        }
    }

    /// Says what to listen for, to a far end that is there.
    fn listen(&self, out: &mut Outbox) {
        if !self.detached {
            out.outputs.extend(self.listen.clone().map(Out::Text));
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
            Input::Speaking { says_end, kept } => {
                self.holds = says_end;
                for utterance in &mut self.utterances {
                    utterance.begin(now, &mut self.ends, self.settings, &kept);
                }
            }
            Input::Spoken { kept } => {
                self.holds = false;
                self.ends = now;
                for utterance in &mut self.utterances {
                    utterance.spoken(now, &kept);
                }
                self.tell_heard(now, out);
                self.settle(now, out);
            }
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
        (self.ends, self.holds) = (now, false);
        let mut front = true;
        let cut = |u: &mut Utterance| u.was_given() || u.manner.interruption.by_speech();
        for utterance in self.utterances.extract_if(.., cut).collect::<Vec<_>>() {
            let heard = match (front && utterance.was_given(), spoken) {
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
        if self.utterances.first().is_some_and(|u| u.was_given() && by(u.manner.interruption)) {
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
            Command::Begin { utterance, manner } => {
                self.utterances.push(Utterance::new(utterance, manner, now));
            }
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
            Command::Digits { utterance, presses } if self.settings.keys => {
                if let Some(utterance) = self.utterances.iter_mut().find(|u| u.id == utterance) {
                    (utterance.presses, utterance.whole) = (presses, true);
                }
            }
            // digits are no words
            Command::Digits { utterance, .. } => {
                self.stop_all(now, Ending::Failed, |u| u.id == utterance, out);
            }
            Command::Stop { utterance } => {
                self.stop_all(now, Ending::Cancelled, |u| u.id == utterance, out);
            }
            // words go out as they come
            Command::Pause { .. } => {}
            Command::Listen { keyterms, language } => {
                self.listen = Some(Output::Listen { keyterms, language });
                self.listen(out);
            }
            Command::Collect { max, finish } => {
                if !self.detached {
                    out.push(Out::Text(Output::Collect { max, finish }));
                }
            }
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
            let heard = Heard::Prefix(utterance.heard(now, self.settings.pace));
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
            Some(first) if first.sent_last && !self.closed => first.due(self.holds),
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
            let heard = utterance.heard(now, self.settings.pace);
            match utterance.was_given() || !utterance.begun {
                true => sounding |= heard < utterance.sent || utterance.is_pressing(now),
                false => out.push(Out::Text(Output::Withdraw(utterance.id))),
            }
            out.conversation(stopped(utterance.id, ending, Heard::Prefix(heard)));
        }
        if sounding {
            out.push(Out::Text(Output::Stop));
            self.forget_unspoken(now);
        }
    }

    /// The far end forgot what it had not spoken, of whatever utterance.
    fn forget_unspoken(&mut self, now: Moment) {
        for utterance in &mut self.utterances {
            utterance.forget_unspoken(now, self.settings.pace);
        }
        (self.ends, self.holds) = (now, false);
    }

    /// Sends what is known, in order: no utterance before the one ahead of it is whole.
    fn send(&mut self, now: Moment, out: &mut Outbox) {
        if self.detached {
            return;
        }
        for utterance in &mut self.utterances {
            let was_begun = utterance.begun;
            if let Some(output) = utterance.send(now, &mut self.ends, self.settings) {
                if !was_begun {
                    let progress = |step| line::Event::Progress { utterance: utterance.id, step };
                    out.conversation(progress(Step::FirstFrame));
                }
                out.push(Out::Text(output));
            }
            if !utterance.whole || self.settings.one_at_a_time {
                return;
            }
        }
    }

    /// Reports what has been spoken to its end.
    fn settle(&mut self, now: Moment, out: &mut Outbox) {
        while self.utterances.first().is_some_and(|first| first.sent_last && first.due(self.holds) <= now) {
            let utterance = self.utterances.remove(0);
            out.conversation(stopped(utterance.id, Ending::Complete, Heard::All));
        }
    }

    fn tell_heard(&mut self, now: Moment, out: &mut Outbox) {
        for at in 0..self.utterances.len() {
            let heard = self
                .utterances
                .get(at)
                .is_some_and(|u| !u.told_heard && u.heard(now, self.settings.pace) > 0);
            if let Some(utterance) = self.utterances.get_mut(at).filter(|_| heard) {
                utterance.told_heard = true;
                out.conversation(line::Event::Heard(utterance.id));
            }
        }
    }
}

fn stopped(utterance: UtteranceId, ending: Ending, heard: Heard) -> line::Event {
    line::Event::Stopped { utterance, ending, heard }
}
