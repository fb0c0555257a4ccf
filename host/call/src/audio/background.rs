//! What the line carries when nobody speaks on it: a quiet room, a motor, a restaurant.
//!
//! Other people in the room are speech to any detector. What tells the caller from them is that he
//! stands out. Measured against the level that a tenth of the last three seconds stays below: of four
//! voices at once no window stood out by more than 13.1 dB, of six by 10.4, of eight by 8.6; a caller
//! 10 dB louder than they stood out by 15 dB or more in every tenth window. The limits lie between.

use ::audio::detect::WINDOW;
use std::collections::VecDeque;

/// Three seconds of windows.
const REMEMBERED: usize = 3 * 8_000 / WINDOW;
/// One of so many is quieter than the background.
const QUIETEST: usize = 10;
/// In dB relative to full scale: what is quieter is silence.
const SILENCE: f32 = -75.0;
/// How quiet a line is taken to be before anything is known of it.
const QUIET_LINE: f32 = -60.0;

/// A sound that stands out by less than this, in dB, is not the caller's.
pub(super) const AUDIBLE: f32 = 6.0;
/// And one that stands out by this much is his for certain.
pub(super) const CERTAIN: f32 = 13.5;

#[derive(Debug)]
pub(super) struct Background {
    levels: VecDeque<f32>,
    sorted: Vec<f32>,
}

impl Background {
    pub(super) fn new() -> Self {
        Self { levels: VecDeque::from([QUIET_LINE]), sorted: Vec::with_capacity(REMEMBERED) }
    }

    /// How far this window stands out, in dB; it is part of the background of those to come.
    pub(super) fn stands_out(&mut self, level: f32) -> f32 {
        let level = level.max(SILENCE);
        self.sorted.clear();
        self.sorted.extend(&self.levels);
        let place = self.sorted.len() / QUIETEST;
        let (_, background, _) = self.sorted.select_nth_unstable_by(place, f32::total_cmp);
        let stands_out = level - *background;
        if self.levels.len() >= REMEMBERED {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
        stands_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_all_the_time_does_not_stand_out_and_what_is_louder_does() {
        let mut background = Background::new();
        for _ in 0..200 {
            background.stands_out(-30.0);
        }
        assert!(background.stands_out(-29.0) < AUDIBLE);
        assert!(background.stands_out(-16.0) > CERTAIN);
        // also after it has gone on for a second
        for _ in 0..30 {
            background.stands_out(-16.0);
        }
        assert!(background.stands_out(-16.0) > CERTAIN);
    }

    #[test]
    fn on_a_quiet_line_the_first_word_stands_out() {
        let mut background = Background::new();
        assert!(background.stands_out(-30.0) > CERTAIN);
        for _ in 0..100 {
            background.stands_out(-100.0);
        }
        assert!(background.stands_out(-50.0) > CERTAIN);
    }
}
