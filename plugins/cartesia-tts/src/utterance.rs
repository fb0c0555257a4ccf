//! One utterance on its way through the vendor's contexts: mostly one, and another one after each
//! pause that was too long for it. They follow each other, so that the audio of one is all here
//! before that of the next begins.

use crate::messages::Manner;
use plugin::samples::Samples;

pub(crate) struct Utterance {
    pub(crate) id: u32,
    manner: Manner,
    /// text that no context was given yet
    waiting: String,
    /// no more text comes
    whole: bool,
    /// bytes of its audio that the host was given
    given: usize,
    context: Option<Context>,
}

/// As long as the vendor has not said that it is done.
struct Context {
    name: String,
    /// the vendor knows that no more text comes for it
    ended: bool,
    /// something came of it
    answered: bool,
    /// the text that was sent since the last audio came
    unanswered: String,
    /// bytes of the utterance's audio that came before it
    from: usize,
    samples: Samples,
}

/// What is to be done for an utterance.
pub(crate) enum Step {
    /// send this, and see to it that the context does not outlive its patience
    Continue(String),
    /// send this: the context ends with it
    End(String),
    /// nothing for now
    Wait,
    /// all of its audio was given
    Finished,
}

impl Utterance {
    pub(crate) fn new(id: u32, manner: Manner) -> Self {
        Self { id, manner, waiting: String::new(), whole: false, given: 0, context: None }
    }

    pub(crate) fn push(&mut self, text: &str, last: bool) {
        self.waiting.push_str(text);
        self.whole |= last;
    }

    /// `number`: of the context, if it takes a new one.
    pub(crate) fn step(&mut self, number: u32) -> Step {
        if self.context.is_none() && plugin::tts::is_speakable(&self.waiting) {
            let name = format!("u{}.{number}", self.id);
            self.context = Some(Context {
                name,
                ended: false,
                answered: false,
                unanswered: String::new(),
                from: self.given,
                samples: Samples::default(),
            });
        }
        match &mut self.context {
            None if self.whole => Step::Finished,
            Some(context) if !context.ended && (self.whole || !self.waiting.is_empty()) => {
                let text = std::mem::take(&mut self.waiting);
                context.unanswered.push_str(&text);
                context.ended = self.whole;
                let input = self.manner.input(&context.name, &text, !self.whole);
                if self.whole { Step::End(input) } else { Step::Continue(input) }
            }
            _ => Step::Wait,
        }
    }

    /// Ends the context before the vendor does: what comes after the pause gets another one.
    pub(crate) fn end_context(&mut self) -> Step {
        match self.context.as_mut().filter(|context| !context.ended) {
            Some(context) => {
                context.ended = true;
                Step::End(self.manner.input(&context.name, "", false))
            }
            None => Step::Wait,
        }
    }

    /// The vendor is done with its context. Text of which nothing came waits again: the vendor gave
    /// the context up in the moment in which it was sent. In a context of its own that would mean
    /// that there is nothing to hear in it.
    pub(crate) fn done(&mut self) {
        if let Some(context) = self.context.take().filter(|context| context.answered) {
            self.waiting.insert_str(0, &context.unanswered);
        }
    }

    /// More of its audio; what is given to the host: whole samples, may be empty.
    pub(crate) fn audio(&mut self, data: Vec<u8>, bytes_per_sample: usize) -> Vec<u8> {
        let Some(context) = &mut self.context else { return Vec::new() };
        context.answered = true;
        context.unanswered.clear();
        let data = if bytes_per_sample == 2 { context.samples.whole(data) } else { data };
        self.given += data.len();
        data
    }

    /// The vendor has begun to answer. Where the context's audio begins in the utterance's, in
    /// bytes.
    pub(crate) fn words(&mut self) -> usize {
        self.context.as_mut().map_or(0, |context| {
            context.answered = true;
            context.from
        })
    }

    /// The vendor lost the context with its socket. Whether nothing had come of it: then all of its
    /// text waits again.
    pub(crate) fn lose_context(&mut self) -> bool {
        if self.context.as_ref().is_some_and(|context| context.answered) {
            return false;
        }
        if let Some(context) = self.context.take() {
            self.waiting.insert_str(0, &context.unanswered);
        }
        true
    }

    pub(crate) fn context(&self) -> Option<&str> {
        self.context.as_ref().map(|context| context.name.as_str())
    }

    /// Whether its context waits for more text.
    pub(crate) fn is_open(&self) -> bool {
        self.context.as_ref().is_some_and(|context| !context.ended)
    }
}
