//! Where speech begins and ends, by its level against the quietest of the last seconds.
//!
//! Enough for a voice on a quiet or steadily noisy line, which is what tests send. It is not the
//! detector of the calls under test, so that the two do not share their mistakes.

use audio::detect::level;
use std::collections::VecDeque;
use std::time::Duration;

/// The length of a step, in samples at the recogniser's rate and in time.
pub(crate) const WINDOW: usize = 160;
pub(crate) const STEP: Duration = Duration::from_millis(10);

/// So many steps before a voice is detected belong to what the recogniser hears: 300 ms.
pub(crate) const LEAD: usize = 30;

/// The first sound of speech stands out from the floor by this many dB …
const ABOVE_FLOOR: f32 = 12.0;
/// … and is never fainter than this, in dB relative to full scale.
const FAINTEST: f32 = -50.0;
/// Speech that has begun goes on in sounds that are fainter by this many dB.
const FADING: f32 = 5.0;
/// The floor of a stream that begins with speech.
const HIGHEST_FLOOR: f32 = -42.0;
/// The floor is the quietest of so many steps: 3 s.
const REMEMBERED: usize = 300;
/// A click is shorter than this many steps.
const ONSET: u32 = 3;

pub(crate) struct Endpointing {
    levels: VecDeque<f32>,
    /// Steps of silence that end an utterance.
    pause: u32,
    /// Loud steps in a row while nobody speaks; quiet ones while somebody does.
    run: u32,
    speaking: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Silence,
    /// Speech began so many steps ago, this one included.
    Started(u32),
    Speech,
    /// This step completes the pause.
    Ended,
}

impl Endpointing {
    pub(crate) fn new(pause: Duration) -> Self {
        let pause = pause.as_millis().div_ceil(STEP.as_millis()).clamp(1, u32::MAX.into()) as u32;
        Self { levels: VecDeque::new(), pause, run: 0, speaking: false }
    }

    /// The next [`STEP`] of audio, at whatever rate.
    pub(crate) fn step(&mut self, window: &[i16]) -> Step {
        let level = level(window);
        if self.levels.len() == REMEMBERED {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
        let floor = self.levels.iter().copied().fold(HIGHEST_FLOOR, f32::min);
        let faintest = (floor + ABOVE_FLOOR).max(FAINTEST);
        let loud = level > if self.speaking { faintest - FADING } else { faintest };
        self.run = if loud == self.speaking { 0 } else { self.run + 1 };
        match self.speaking {
            false if self.run >= ONSET => {
                self.reset_to(true);
                Step::Started(ONSET)
            }
            false => Step::Silence,
            true if self.run >= self.pause => {
                self.reset_to(false);
                Step::Ended
            }
            true => Step::Speech,
        }
    }

    /// Steps of silence since the voice was last heard, while somebody speaks.
    pub(crate) fn pause(&self) -> u32 {
        if self.speaking { self.run } else { 0 }
    }

    /// Takes what is being said for ended. A voice that goes on is a new beginning.
    pub(crate) fn cut(&mut self) {
        self.reset_to(false);
    }

    fn reset_to(&mut self, speaking: bool) {
        self.speaking = speaking;
        self.run = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens, and in which step, when these levels are heard: (amplitude, steps) each.
    fn edges(pause: u64, sounds: &[(f32, usize)]) -> Vec<(usize, Step)> {
        let mut endpointing = Endpointing::new(Duration::from_millis(pause));
        let amplitudes = sounds.iter().flat_map(|(amplitude, steps)| std::iter::repeat_n(*amplitude, *steps));
        amplitudes
            .map(|a| std::array::from_fn::<i16, WINDOW, _>(|n| (a * (n as f32 * 0.4).sin()) as i16))
            .map(|window| endpointing.step(&window))
            .enumerate()
            .filter(|(_, step)| matches!(step, Step::Started(_) | Step::Ended))
            .collect()
    }

    #[test]
    fn an_utterance_ends_when_the_pause_is_as_long_as_asked() {
        let sounds = [(0.0, 50), (5000.0, 40), (0.0, 20), (5000.0, 40), (0.0, 60)];
        assert_eq!(edges(300, &sounds), [(52, Step::Started(3)), (179, Step::Ended)]);
        assert_eq!(edges(100, &sounds).len(), 4, "a shorter pause makes two of it");
    }

    #[test]
    fn a_click_is_not_speech() {
        assert_eq!(edges(300, &[(0.0, 50), (20_000.0, 2), (0.0, 50)]), []);
    }

    #[test]
    fn steady_noise_is_not_speech_and_a_voice_above_it_is() {
        let noise = 150.0; // −50 dB
        assert_eq!(edges(200, &[(noise, 300)]), []);
        let found = edges(200, &[(noise, 100), (3000.0, 50), (noise, 50)]);
        assert_eq!(found, [(102, Step::Started(3)), (169, Step::Ended)]);
    }

    #[test]
    fn a_stream_may_begin_with_speech() {
        assert_eq!(edges(200, &[(3000.0, 50), (0.0, 50)]), [(2, Step::Started(3)), (69, Step::Ended)]);
    }
}
