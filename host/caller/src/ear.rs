//! The telephone's side of what the agent says: it buffers what it is sent, plays it frame by
//! frame, and returns marks when what lies before them was played.

use audio::g711;
use std::collections::VecDeque;

/// One frame: 20 ms.
pub(crate) const FRAME: usize = 160;

#[derive(Default)]
pub(crate) struct Ear {
    waiting: VecDeque<Item>,
    /// frames in a row without any audio
    quiet: usize,
    /// frames that were played, and had audio
    pub(crate) heard: usize,
}

enum Item {
    Audio(VecDeque<u8>),
    Mark(String),
}

/// What the caller hears in 20 ms.
pub(crate) struct Played {
    pub(crate) samples: Vec<i16>,
    /// marks to be returned
    pub(crate) marks: Vec<String>,
}

impl Ear {
    pub(crate) fn push_audio(&mut self, audio: Vec<u8>) {
        self.waiting.push_back(Item::Audio(audio.into()));
    }

    pub(crate) fn push_mark(&mut self, name: String) {
        self.waiting.push_back(Item::Mark(name));
    }

    /// Forgets what waits; Twilio returns the marks among it at once, though nothing of it was
    /// heard.
    pub(crate) fn clear(&mut self) -> Vec<String> {
        self.waiting
            .drain(..)
            .filter_map(|item| match item {
                Item::Mark(name) => Some(name),
                Item::Audio(_) => None,
            })
            .collect()
    }

    /// Plays the next frame; what is missing is silence.
    pub(crate) fn play(&mut self) -> Played {
        let mut frame = Vec::with_capacity(FRAME);
        let mut marks = Vec::new();
        while let Some(item) = self.waiting.front_mut() {
            match item {
                Item::Mark(name) => marks.push(std::mem::take(name)),
                Item::Audio(audio) if frame.len() == FRAME && !audio.is_empty() => break,
                Item::Audio(audio) => {
                    let count = audio.len().min(FRAME - frame.len());
                    frame.extend(audio.drain(..count));
                    if !audio.is_empty() {
                        break;
                    }
                }
            }
            self.waiting.pop_front();
        }
        if frame.is_empty() {
            self.quiet += 1;
        } else {
            self.quiet = 0;
            self.heard += 1;
        }
        frame.resize(FRAME, g711::SILENCE);
        Played { samples: g711::decode_all(&frame), marks }
    }

    /// Frames since the agent was last heard.
    pub(crate) fn quiet(&self) -> usize {
        self.quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_when_what_lies_before_them_was_played() {
        let mut ear = Ear::default();
        ear.push_mark("empty".into());
        assert_eq!(ear.play().marks, ["empty"], "at once when nothing waits");
        ear.push_audio(vec![0x20; 240]);
        ear.push_mark("a".into());
        ear.push_audio(vec![0x20; 80]);
        ear.push_mark("b".into());
        assert_eq!(ear.play().marks, [""; 0]);
        assert_eq!(ear.play().marks, ["a", "b"]);
        assert_eq!((ear.heard, ear.quiet()), (2, 0));
        ear.play();
        assert_eq!(ear.quiet(), 1);
    }

    #[test]
    fn a_clear_returns_all_marks_and_silences() {
        let mut ear = Ear::default();
        ear.push_audio(vec![0x20; 800]);
        ear.push_mark("a".into());
        ear.play();
        assert_eq!(ear.clear(), ["a"]);
        assert_eq!(ear.play().samples, vec![0; FRAME]);
    }
}
