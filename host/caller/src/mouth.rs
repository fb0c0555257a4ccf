//! What the caller says, as frames of 20 ms; silence when there is nothing to say.

use crate::ear::FRAME;
use audio::g711;
use flite_rs::Engine;
use std::collections::VecDeque;

/// Words are told so long after speech began, as a recogniser would have the first of them: frames.
const PARTIAL_AFTER: usize = 20;

#[derive(Default)]
pub(crate) struct Mouth {
    frames: VecDeque<Vec<u8>>,
    /// what is being said, where it has words
    words: Option<String>,
    spoken: usize,
    voice: Option<Engine>,
}

/// What goes out in 20 ms.
pub(crate) struct Spoken {
    pub(crate) frame: Vec<u8>,
    /// the words so far, where they become known just now; `last`: all of them
    pub(crate) words: Option<(String, bool)>,
    /// this was the last frame of it
    pub(crate) finished: bool,
}

/// Words as a synthetic voice says them, at the telephone's rate.
pub fn synthesise(text: &str) -> Vec<i16> {
    Engine::new().synthesize(text).samples
}

impl Mouth {
    /// Says this with a synthetic voice.
    pub(crate) fn say(&mut self, text: &str) {
        let voice = self.voice.get_or_insert_with(Engine::new);
        let samples = voice.synthesize(text).samples;
        self.play(&samples);
        self.words = Some(text.to_owned());
    }

    /// Plays these samples.
    pub(crate) fn play(&mut self, samples: &[i16]) {
        let bytes = g711::encode_all(samples);
        self.frames = bytes
            .chunks(FRAME)
            .map(|chunk| {
                let mut frame = chunk.to_vec();
                frame.resize(FRAME, g711::SILENCE);
                frame
            })
            .collect();
        self.spoken = 0;
        self.words = None;
    }

    pub(crate) fn is_speaking(&self) -> bool {
        !self.frames.is_empty()
    }

    pub(crate) fn next(&mut self) -> Spoken {
        let Some(frame) = self.frames.pop_front() else {
            return Spoken { frame: vec![g711::SILENCE; FRAME], words: None, finished: false };
        };
        self.spoken += 1;
        let finished = self.frames.is_empty();
        let words = if finished {
            self.words.take().map(|words| (words, true))
        } else if self.spoken == PARTIAL_AFTER {
            let first = self.words.as_deref().and_then(|words| words.split_whitespace().next());
            first.map(|word| (word.to_owned(), false))
        } else {
            None
        };
        Spoken { frame, words, finished }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_early_and_again_when_all_is_said() {
        let mut mouth = Mouth::default();
        mouth.say("My soup was cold today.");
        let mut told = Vec::new();
        let mut frames = 0;
        while mouth.is_speaking() {
            let spoken = mouth.next();
            assert_eq!(spoken.frame.len(), FRAME);
            frames += 1;
            told.extend(spoken.words.map(|words| (words, spoken.finished)));
        }
        assert!((50..200).contains(&frames), "{frames} frames");
        let told: Vec<_> = told.iter().map(|((text, last), end)| (text.as_str(), *last, *end)).collect();
        assert_eq!(told, [("My", false, false), ("My soup was cold today.", true, true)]);
        assert_eq!(mouth.next().frame, vec![g711::SILENCE; FRAME]);
    }
}
