//! The call: a conversation and its line, and the queue between them and the driver.

use crate::conversation::{self, Conversation};
use crate::io::{Input, Outbox, Output};
use crate::{Moment, audio, line, persona, text};
use ::audio::detect::Detector;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct Config {
    pub conversation: conversation::Settings,
    pub line: Line,
}

/// What the conversation is held over.
#[derive(Clone, Debug)]
// there is one of them for each call
#[allow(clippy::large_enum_variant)]
pub enum Line {
    Audio(audio::Settings),
    Text(text::Settings),
}

impl Default for Line {
    fn default() -> Self {
        Self::Audio(audio::Settings::default())
    }
}

/// One telephone call. See the [crate] for how to drive it.
pub struct Call {
    conversation: Conversation,
    line: AnyLine,
    out: Outbox,
    /// persona events handed out and not yet answered
    unanswered: usize,
    /// the moment of the last input
    now: Moment,
    /// how many persona events were handed out since then
    told: (Moment, u32),
    ended: bool,
}

/// A script that is told more than this within a second is answering itself.
const MOST_EVENTS: u32 = 512;
const WITHIN: Duration = Duration::from_secs(1);

enum AnyLine {
    Audio(Box<audio::AudioLine>),
    Text(text::TextLine),
}

impl Call {
    /// `detector`: hears the caller of a line that carries sound; a line of words has no use for it.
    pub fn new(config: Config, detector: Box<dyn Detector>) -> Self {
        Self {
            conversation: Conversation::new(config.conversation),
            line: match config.line {
                Line::Audio(settings) => AnyLine::Audio(Box::new(audio::AudioLine::new(settings, detector))),
                Line::Text(settings) => AnyLine::Text(text::TextLine::new(settings)),
            },
            out: Outbox::default(),
            unanswered: 0,
            now: Moment::START,
            told: (Moment::START, 0),
            ended: false,
        }
    }

    /// Something happened at `now`, which is never earlier than the moment before. Whatever is due
    /// by `now` follows after it.
    ///
    /// Must be followed by a complete drain of [`Self::poll_output`].
    pub fn handle(&mut self, now: Moment, input: Input) {
        self.now = self.now.max(now);
        let out = &mut self.out;
        match input {
            Input::Attached => self.line.attached(now, out),
            Input::Detached => self.line.detached(now, out),
            Input::Closed => self.line.closed(now, out),
            Input::Timeout => {}
            Input::Key(key) => self.line.key(now, key, out),
            Input::Audio(input) => {
                if let AnyLine::Audio(line) = &mut self.line {
                    line.handle(now, input, out);
                }
            }
            Input::Text(input) => {
                if let AnyLine::Text(line) = &mut self.line {
                    line.handle(now, input, out);
                }
            }
            Input::Stt(effects) => {
                if let AnyLine::Audio(line) = &mut self.line {
                    line.recogniser(now, effects, out);
                }
            }
            Input::Tts(effects) => {
                if let AnyLine::Audio(line) = &mut self.line {
                    line.voice(now, effects, out);
                }
            }
            Input::Model { reply, effects } => self.conversation.model(now, reply, effects, out),
            Input::Persona(actions) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.conversation.act(now, actions, out);
            }
            Input::PersonaRestored { broken_by, why, up_to_date, idempotent } => {
                self.unanswered = self.unanswered.saturating_sub(1);
                out.trouble(format!("the persona broke and goes on from its last snapshot: {why}"));
                self.conversation.persona_restored(now, broken_by, up_to_date, &idempotent, out);
            }
            Input::PersonaFailed(reason) => {
                self.unanswered = 0;
                self.conversation.persona_failed(now, &reason, out);
            }
            Input::Response { id, outcome } => self.conversation.response(now, id, outcome, out),
            Input::Recalled { id, fields } => self.conversation.recalled(now, id, fields, out),
            Input::AnsweredBy(answerer) => self.conversation.answered_by(now, answerer, out),
            Input::Transferred(id) => self.conversation.transferred(now, id, out),
            Input::TransferFailed { id, why } => self.conversation.transfer_failed(now, id, &why, out),
            Input::Interrupt => self.line.interrupt(now, out),
            Input::Say(text) => self.conversation.operator_says(now, &text, out),
            Input::Digits(presses) => self.conversation.operator_presses(now, presses, out),
            Input::Operator(text) => self.conversation.tell(persona::Event::Operator(text), out),
            Input::Fail(reason) => self.conversation.give_up(&reason, out),
            Input::End(departure) => self.conversation.end(departure, out),
        }
        self.settle(now);
    }

    /// The next thing to do; [`Output::Timeout`] when there is nothing more.
    pub fn poll_output(&mut self) -> Output {
        if self.ended {
            return Output::Timeout(Moment::NEVER);
        }
        loop {
            while let Some(output) = self.out.outputs.pop_front() {
                if let Output::Persona(event) = &output {
                    self.conversation.told(event);
                    if self.is_told_too_much() {
                        self.give_up_persona();
                        continue;
                    }
                    self.unanswered += 1;
                }
                return output;
            }
            if self.conversation.is_over() {
                self.ended = true;
                return Output::Ended(self.conversation.summary());
            }
            let moved = self.unanswered == 0 && self.conversation.all_answered(&mut self.out);
            if !moved {
                return Output::Timeout(
                    self.line.next_timeout(self.now).min(self.conversation.next_timeout()),
                );
            }
        }
    }

    /// Something is under way (a reply, a request of the script) on which the agent may speak without
    /// anything coming from the caller: of use to a line that has to answer at some time.
    pub fn is_busy(&self) -> bool {
        self.unanswered > 0 || self.conversation.is_busy()
    }

    fn is_told_too_much(&mut self) -> bool {
        let (since, count) = self.told;
        self.told = if self.now.since(since) >= WITHIN { (self.now, 1) } else { (since, count + 1) };
        self.told.1 > MOST_EVENTS
    }

    /// The script keeps itself busy: it would never come to rest.
    fn give_up_persona(&mut self) {
        self.out.outputs.retain(|output| !matches!(output, Output::Persona(_)));
        self.unanswered = 0;
        self.conversation.persona_failed(self.now, "it does not come to rest", &mut self.out);
        self.settle(self.now);
    }

    /// Lets conversation and line talk until neither has anything to say, and then does what is due
    /// or has become possible; what follows from that is talked over too.
    fn settle(&mut self, now: Moment) {
        loop {
            if let Some(command) = self.out.commands.pop_front() {
                self.line.command(now, command, &mut self.out);
            } else if let Some(event) = self.out.events.pop_front() {
                self.conversation.line(now, event, &mut self.out);
            } else {
                self.line.timeout(now, &mut self.out);
                self.conversation.timeout(now, &mut self.out);
                if self.out.commands.is_empty() && self.out.events.is_empty() {
                    return;
                }
            }
        }
    }
}

impl AnyLine {
    fn command(&mut self, now: Moment, command: line::Command, out: &mut Outbox) {
        match self {
            Self::Audio(line) => line.command(now, command, out),
            Self::Text(line) => line.command(now, command, out),
        }
    }

    fn attached(&mut self, now: Moment, out: &mut Outbox) {
        match self {
            Self::Audio(line) => line.attached(now, out),
            Self::Text(line) => line.attached(now, out),
        }
    }

    fn detached(&mut self, now: Moment, out: &mut Outbox) {
        match self {
            Self::Audio(line) => line.detached(now, out),
            Self::Text(line) => line.detached(now, out),
        }
    }

    fn interrupt(&mut self, now: Moment, out: &mut Outbox) {
        match self {
            Self::Audio(line) => line.interrupt(now, out),
            Self::Text(line) => line.interrupt(now, out),
        }
    }

    fn key(&mut self, now: Moment, key: char, out: &mut Outbox) {
        match self {
            Self::Audio(line) => line.key(now, key, out),
            Self::Text(line) => line.key(now, key, out),
        }
    }

    fn closed(&mut self, now: Moment, out: &mut Outbox) {
        match self {
            Self::Audio(line) => line.closed(now, out),
            Self::Text(line) => line.closed(now, out),
        }
    }

    fn timeout(&mut self, now: Moment, out: &mut Outbox) {
        match self {
            Self::Audio(line) => line.timeout(now, out),
            Self::Text(line) => line.timeout(now, out),
        }
    }

    fn next_timeout(&self, now: Moment) -> Moment {
        match self {
            Self::Audio(line) => line.next_timeout(now),
            Self::Text(line) => line.next_timeout(),
        }
    }
}
