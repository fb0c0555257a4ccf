//! One context: the text that belongs together, from its first request to its end.

use super::request::Terms;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

pub(super) struct Context {
    /// Its place in the record of the server.
    pub(super) number: usize,
    pub(super) terms: Terms,
    pub(super) state: State,
    /// Text that waits for the end of its sentence, and since when.
    waiting: Option<(String, Instant)>,
    /// How much was spoken so far.
    pub(super) spoken: Duration,
    pub(super) pieces: usize,
    /// The number that the next flush will have.
    pub(super) flush: u64,
    /// When its last audio went out.
    pub(super) last_audio: Option<Instant>,
    /// Nothing of it is sent any more.
    pub(super) withdrawn: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// More text may come.
    Open,
    /// Its client has said the last word.
    Ended,
    Cancelled,
    /// It was answered with an error.
    Failed,
}

impl Context {
    pub(super) fn new(number: usize, terms: Terms) -> Self {
        Self {
            number,
            terms,
            state: State::Open,
            waiting: None,
            spoken: Duration::ZERO,
            pieces: 0,
            flush: 1,
            last_audio: None,
            withdrawn: Arc::default(),
        }
    }

    /// Why no more text can come, if so.
    pub(super) fn closed(&self, now: Instant, lifetime: Duration) -> Option<String> {
        match self.state {
            State::Ended => Some("its last text was sent with `continue: false`".into()),
            State::Cancelled => Some("it was cancelled".into()),
            State::Failed => Some("it ended with an error".into()),
            State::Open if self.is_expired(now, lifetime) => {
                Some(format!("it expired {lifetime:?} after its last audio"))
            }
            State::Open => None,
        }
    }

    fn is_expired(&self, now: Instant, lifetime: Duration) -> bool {
        self.waiting.is_none() && self.last_audio.is_some_and(|last| now > last + lifetime)
    }

    pub(super) fn cancel(&mut self) {
        self.state = State::Cancelled;
        self.waiting = None;
        self.withdrawn.store(true, Ordering::Relaxed);
    }

    /// More text; gives what is to be spoken now.
    pub(super) fn add(&mut self, text: &str, now: Instant) -> Option<String> {
        let (mut waiting, since) = self.waiting.take().unwrap_or((String::new(), now));
        waiting.push_str(text);
        let end = if self.terms.buffer_delay.is_zero() { waiting.len() } else { sentence_end(&waiting) };
        let rest = waiting.split_off(end);
        if !rest.is_empty() {
            self.waiting = Some((rest, if end == 0 { since } else { now }));
        }
        Some(waiting).filter(|text| !text.trim().is_empty())
    }

    /// Everything that waits.
    pub(super) fn take(&mut self) -> Option<String> {
        self.waiting.take().map(|(text, _)| text).filter(|text| !text.trim().is_empty())
    }

    /// When what waits has waited long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|(_, since)| *since + self.terms.buffer_delay)
    }
}

/// Where the last whole sentence ends: behind its mark and the space after it. The mark may be the
/// last that has come, except after a digit, where the number may go on.
fn sentence_end(text: &str) -> usize {
    let mut end = 0;
    let mut letters = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, letter)) = letters.next() {
        if matches!(letter, '.' | '!' | '?') {
            end = match letters.peek() {
                None if before.is_ascii_digit() => end,
                None => at + letter.len_utf8(),
                Some((next, space)) if space.is_whitespace() => next + space.len_utf8(),
                Some(_) => end,
            };
        }
        before = letter;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_at_its_mark() {
        for (text, sentence) in [
            ("We are open. We cl", "We are open. "),
            ("We are open.", "We are open."),
            ("Really?! Yes", "Really?! "),
            ("It costs 3.", ""),
            ("It costs 3.50 and", ""),
            ("It costs 3.50. And", "It costs 3.50. "),
            ("Hello, ", ""),
            ("", ""),
        ] {
            assert_eq!(text.get(..sentence_end(text)), Some(sentence));
        }
    }
}
