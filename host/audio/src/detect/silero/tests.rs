//! Against what the official runtime says of a sound that is made by a formula.

use super::lanes::{Lanes, Plain};
use super::*;
use sha2::{Digest, Sha256};

/// Makes the sound of `models/reference.py`, by the same arithmetic.
struct Sound {
    n: i64,
    seed: u32,
    since: i64,
    resonators: [[i64; 2]; 3],
}

/// Feedback of three resonators, times 2¹⁴: the formants of five vowels.
const VOWELS: [[[i64; 2]; 3]; 5] = [
    [[26677, 15386], [20649, 15146], [-10506, 14678]],
    [[31043, 15386], [-7114, 15146], [-22103, 14678]],
    [[30877, 15386], [24433, 15146], [-5812, 14678]],
    [[29043, 15386], [3949, 15146], [-11417, 14678]],
    [[28625, 15386], [24895, 15146], [-9816, 14678]],
];

impl Sound {
    fn new() -> Self {
        Self { n: 0, seed: 1, since: 0, resonators: [[0; 2]; 3] }
    }

    fn sample(&mut self) -> i16 {
        let n = self.n;
        self.n += 1;
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = i64::from(self.seed >> 16) - 32_768;
        self.since += 1;
        let mut value = noise >> 9;
        if self.since >= 56 + n / 400 * 7 % 31 {
            self.since = 0;
            value += 12_000;
        }
        let (syllable, within) = (n / 1600, n % 1600);
        for ([a, b], last) in VOWELS[(syllable * 7 % 5) as usize].iter().zip(&mut self.resonators) {
            value = (value * (16_384 - a + b) + a * last[0] - b * last[1]) >> 14;
            *last = [value, last[0]];
        }
        let voice = (value * within.min(1600 - within).min(400)) >> 8;
        let sweep = (n * n / 512 % 200 - 100) * 40;
        let sample = match n / 24_000 % 6 {
            0 => voice,
            1 => 0,
            2 => voice + (noise >> 6),
            3 => noise >> 4,
            4 => voice >> 4,
            _ if within < 800 => noise >> 5,
            _ => sweep,
        };
        sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }

    fn window(&mut self) -> [i16; WINDOW] {
        std::array::from_fn(|_| self.sample())
    }
}

/// What ONNX Runtime says about it: `models/reference.txt`.
fn reference() -> Vec<f32> {
    include_str!("../../../models/reference.txt").lines().map(|line| line.parse().unwrap()).collect()
}

fn furthest(mut step: impl FnMut(&[i16; WINDOW]) -> f32) -> f32 {
    let mut sound = Sound::new();
    reference().into_iter().map(|expected| (step(&sound.window()) - expected).abs()).fold(0.0, f32::max)
}

#[test]
fn it_says_what_the_official_runtime_says() {
    let reference = reference();
    assert_eq!(reference.len(), 36 * 8000 / WINDOW);
    // nothing between no and yes would be a poor reference
    assert!(reference.iter().filter(|p| (0.1..0.9).contains(*p)).count() > 200);
    let mut silero = Silero::default();
    let difference = furthest(|window| silero.step(window));
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn it_says_the_same_on_a_processor_without_avx2() {
    let mut silero = Silero::default();
    let difference = furthest(|window| silero.hear(window, |pass| Plain.run(pass)));
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn streams_do_not_hear_each_other() {
    let quiet = [0; WINDOW];
    let (mut sound, mut speaker, mut listener) = (Sound::new(), Silero::default(), Silero::default());
    let mut alone = Silero::default();
    for _ in 0..90 {
        speaker.step(&sound.window());
        assert_eq!(listener.step(&quiet), alone.step(&quiet));
    }
}

#[test]
fn the_weights_are_those_of_the_read_me() {
    let sum: String = Sha256::digest(weights::FILE).iter().map(|byte| format!("{byte:02x}")).collect();
    let read_me = include_str!("../../../models/README.md");
    assert!(read_me.contains(&format!("| sha256 of `silero_vad_8k.f32` | `{sum}` |")), "{sum}");
}
