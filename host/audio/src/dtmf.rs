//! The tones of the keypad: a low and a high frequency for each key (ITU-T Q.23).
//!
//! What Twilio's `sendDigits` makes of a string. What a caller presses comes from Twilio as a message,
//! not as sound: [`detect`] is for looking at what was sent, not for listening to a call.

use crate::TELEPHONE;
use std::f64::consts::{PI, TAU};
use std::time::Duration;

/// How long a tone usually is.
pub const TONE: Duration = Duration::from_millis(100);
/// The usual silence after it.
pub const GAP: Duration = Duration::from_millis(100);
/// What `w` or `,` stands for, as it does at Twilio.
pub const PAUSE: Duration = Duration::from_millis(500);

const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The peak of each of the two, relative to full scale: −9 dB, so that both together do not clip.
const PEAK: f64 = 0.355;
/// Tones begin and end softly: a click has all frequencies.
const EDGE: Duration = Duration::from_millis(5);

/// A key of the keypad: 0 to 9, `*`, `#`, A to D.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit(char);

/// A digit or a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    Digit(Digit),
    Pause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not on a keypad: use 0 to 9, *, #, A to D, and w or a comma for half a second of silence")]
pub struct NotADigit(pub char);

impl Digit {
    /// Its low and its high frequency, in Hz.
    pub fn hertz(self) -> (f64, f64) {
        all().find(|(key, ..)| *key == self.0).map(|(_, low, high)| (low, high)).unwrap_or_default()
    }
}

impl TryFrom<char> for Digit {
    type Error = NotADigit;

    /// A to D may be small letters.
    fn try_from(char: char) -> Result<Self, NotADigit> {
        let key = char.to_ascii_uppercase();
        all().find(|(known, ..)| *known == key).map(|_| Self(key)).ok_or(NotADigit(char))
    }
}

impl From<Digit> for char {
    fn from(digit: Digit) -> Self {
        digit.0
    }
}

impl TryFrom<char> for Press {
    type Error = NotADigit;

    fn try_from(char: char) -> Result<Self, NotADigit> {
        match char {
            'w' | ',' => Ok(Self::Pause),
            _ => Digit::try_from(char).map(Self::Digit),
        }
    }
}

/// What a string such as `1w234#` says to press.
pub fn parse(text: &str) -> Result<Vec<Press>, NotADigit> {
    text.chars().map(Press::try_from).collect()
}

/// The sound of it at the telephone's rate: every digit lasts `tone`, with silence for `gap` after it;
/// every pause is half a second of silence.
pub fn tones(presses: &[Press], tone: Duration, gap: Duration) -> Vec<i16> {
    let mut samples = Vec::new();
    for press in presses {
        let silence = match press {
            Press::Digit(digit) => {
                samples.extend(sound(*digit, tone));
                gap
            }
            Press::Pause => PAUSE,
        };
        samples.resize(samples.len() + TELEPHONE.samples_in(silence), 0);
    }
    samples
}

/// How much of one frequency there is: the mean square of that sine, where that of a full-scale
/// square wave is 1. In a short piece its neighbours count, up to one over the length away.
pub fn goertzel(samples: &[i16], hertz: f64) -> f64 {
    let step = TAU * hertz / f64::from(TELEPHONE.hertz());
    let turn = 2.0 * step.cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (f64::from(*sample) / 32_768.0 + turn * last - before, last);
    }
    let length = samples.len().max(1) as f64;
    2.0 * (last * last + before * before - turn * last * before).max(0.0) / (length * length)
}

/// Long enough to tell the frequencies apart, short enough that a sender's may be off by 1.5 %.
const BLOCK: usize = 205;
/// Fainter than this, −50 dB, is silence.
const FAINT: f64 = 1e-5;

/// The digit that sounds in these samples, at least 26 ms of them; none if there is none, if there
/// is more than one, or if other sound is nearly as loud.
pub fn detect(samples: &[i16]) -> Option<char> {
    let blocks = samples.chunks_exact(BLOCK);
    let count = blocks.len() as f64;
    let sum = |of: &dyn Fn(&[i16]) -> f64| blocks.clone().map(of).sum::<f64>() / count;
    let total =
        sum(&|block| block.iter().map(|s| (f64::from(*s) / 32_768.0).powi(2)).sum::<f64>() / BLOCK as f64);
    let (low, low_power) = strongest(LOW.map(|hertz| sum(&|block| goertzel(block, hertz))))?;
    let (high, high_power) = strongest(HIGH.map(|hertz| sum(&|block| goertzel(block, hertz))))?;
    let twist = low_power / high_power;
    let is_digit = total > FAINT && low_power + high_power > 0.6 * total && (0.1..10.0).contains(&twist);
    if is_digit { KEYS.get(low)?.get(high).copied() } else { None }
}

/// Which of these stands out, and its power.
fn strongest(powers: [f64; 4]) -> Option<(usize, f64)> {
    let (best, power) = powers.into_iter().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let alone = powers.into_iter().enumerate().all(|(n, other)| n == best || other * 4.0 < power);
    alone.then_some((best, power))
}

fn all() -> impl Iterator<Item = (char, f64, f64)> {
    KEYS.into_iter()
        .zip(LOW)
        .flat_map(|(keys, low)| keys.into_iter().zip(HIGH).map(move |(key, high)| (key, low, high)))
}

fn sound(digit: Digit, tone: Duration) -> impl Iterator<Item = i16> {
    let (low, high) = digit.hertz();
    let rate = f64::from(TELEPHONE.hertz());
    let length = TELEPHONE.samples_in(tone);
    let edge = TELEPHONE.samples_in(EDGE).min(length / 2).max(1) as f64;
    (0..length).map(move |n| {
        let to_the_edge = n.min(length - 1 - n) as f64;
        let fade = 0.5 - 0.5 * (PI * (to_the_edge / edge).min(1.0)).cos();
        let sine = |hertz: f64| (TAU * hertz * n as f64 / rate).sin();
        (32_767.0 * PEAK * fade * (sine(low) + sine(high))).round() as i16
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g711;

    const EVERY: &str = "0123456789*#ABCD";

    fn noise(samples: usize, amplitude: i32) -> Vec<i16> {
        let mut seed = 1u32;
        (0..samples)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (((seed >> 16) as i32 - 32_768) * amplitude / 32_768) as i16
            })
            .collect()
    }

    fn tone(char: char) -> Vec<i16> {
        tones(&parse(&char.to_string()).unwrap(), TONE, Duration::ZERO)
    }

    #[test]
    fn every_digit_is_heard_on_the_line_and_in_noise() {
        for char in EVERY.chars() {
            let clean = tone(char);
            assert_eq!(clean.len(), 800);
            assert_eq!(detect(&clean), Some(char));
            let line = g711::decode_all(&g711::encode_all(&clean));
            assert_eq!(detect(&line), Some(char), "{char} in µ-law");
            // 15 dB below the tones
            let noisy: Vec<i16> =
                line.iter().zip(noise(800, 3600)).map(|(a, b)| a.saturating_add(b)).collect();
            assert_eq!(detect(&noisy), Some(char), "{char} in noise");
        }
    }

    #[test]
    fn a_digit_has_its_two_frequencies_at_their_level_and_no_other() {
        // Q.23
        let hertz = |char| Digit::try_from(char).unwrap().hertz();
        assert_eq!((hertz('1'), hertz('0'), hertz('D')), ((697.0, 1209.0), (941.0, 1336.0), (941.0, 1633.0)));
        for char in EVERY.chars() {
            let samples = tones(&parse(&char.to_string()).unwrap(), Duration::from_secs(1), Duration::ZERO);
            let (low, high) = hertz(char);
            for present in [low, high] {
                let peak = 10.0 * (2.0 * goertzel(&samples, present)).log10();
                assert!((peak + 9.0).abs() < 0.2, "{char}: {present} Hz at {peak} dB");
            }
            for absent in LOW.iter().chain(&HIGH).filter(|f| **f != low && **f != high) {
                assert!(10.0 * goertzel(&samples, *absent).log10() < -60.0, "{char}: {absent} Hz");
            }
            assert!(samples.iter().all(|s| s.unsigned_abs() < 24_000), "{char} clips");
            assert!(
                samples[..3].iter().chain(&samples[7997..]).all(|s| s.unsigned_abs() < 200),
                "{char} clicks"
            );
        }
    }

    #[test]
    fn a_string_is_pressed_digit_by_digit_with_its_pauses() {
        let samples = tones(&parse("5w,#").unwrap(), TONE, GAP);
        assert_eq!(TELEPHONE.duration_of(samples.len()), TONE + GAP + PAUSE * 2 + TONE + GAP);
        assert_eq!(detect(&samples[..800]), Some('5'));
        assert!(samples[800..9600].iter().all(|s| *s == 0));
        assert_eq!(detect(&samples[9600..10_400]), Some('#'));
        assert_eq!(detect(&samples[8000..]), Some('#'), "with silence around it");
        assert_eq!(detect(&samples), None, "two are not one");
    }

    #[test]
    fn what_is_no_digit_is_not_taken_for_one() {
        assert_eq!(detect(&[]), None);
        assert_eq!(detect(&[0; 800]), None);
        assert_eq!(detect(&noise(8000, 20_000)), None);
        let sine = |hertz: f64| -> Vec<i16> {
            (0..800).map(|n| (10_000.0 * (TAU * hertz * f64::from(n) / 8000.0).sin()) as i16).collect()
        };
        assert_eq!(detect(&sine(697.0)), None, "one frequency");
        assert_eq!(detect(&sine(1004.0)), None, "a test tone");
        let voice = flite_rs::Engine::new().synthesize("Please enter your room number.").samples;
        let heard: Vec<char> = voice.windows(800).step_by(160).filter_map(detect).collect();
        assert_eq!(heard, []);
    }

    #[test]
    fn what_is_not_on_a_keypad_is_named() {
        assert_eq!(parse("12a,w*").unwrap().len(), 6);
        assert_eq!(char::from(Digit::try_from('a').unwrap()), 'A');
        let error = parse("12x").unwrap_err();
        assert_eq!(error, NotADigit('x'));
        assert!(error.to_string().starts_with("'x' is not on a keypad"), "{error}");
    }
}
