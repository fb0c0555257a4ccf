//! What the detectors cost: µs for a window of 32 ms, on one core.
//!
//! `cargo run --release -p cordboard-audio --example detector_speed`, and with `--features onnx` and
//! `CORDBOARD_ONNXRUNTIME` and `CORDBOARD_SILERO_ONNX` set (see `models/README.md`) the official
//! runtime beside them.

use audio::detect::{Detector, Energy, Silero, WINDOW};
use std::time::Instant;

/// The median of so many runs counts.
const RUNS: usize = 9;
/// Windows in a run.
const WINDOWS: usize = 2048;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("µs a window     one stream   64 streams in turn   streams a core");
    measure("energy", || Box::new(Energy::default()));
    measure("silero", || Box::new(Silero::default()));
    #[cfg(feature = "onnx")]
    {
        let path = |name| std::env::var_os(name).map(std::path::PathBuf::from);
        match (path("CORDBOARD_ONNXRUNTIME"), path("CORDBOARD_SILERO_ONNX")) {
            (Some(library), Some(model)) => {
                let model = audio::detect::OnnxModel::open(&library, &model)?;
                measure("onnx runtime", || Box::new(model.detector()));
            }
            _ => println!("onnx runtime: CORDBOARD_ONNXRUNTIME and CORDBOARD_SILERO_ONNX are not both set"),
        }
    }
    Ok(())
}

fn measure(name: &str, detector: impl Fn() -> Box<dyn Detector>) {
    let sound = sound();
    let [one, many] = [1, 64].map(|streams| {
        let mut detectors: Vec<_> = (0..streams).map(|_| detector()).collect();
        let mut runs: Vec<f64> = (0..RUNS)
            .map(|_| {
                let began = Instant::now();
                for windows in sound.chunks(streams) {
                    for (detector, window) in detectors.iter_mut().zip(windows) {
                        std::hint::black_box(detector.step(window));
                    }
                }
                began.elapsed().as_secs_f64() * 1e6 / sound.len() as f64
            })
            .collect();
        runs.sort_by(f64::total_cmp);
        runs.get(RUNS / 2).copied().unwrap_or_default()
    });
    println!("{name:14} {one:11.2} {many:20.2} {:16.0}", 32_000.0 / many);
}

/// Noise, now and then louder: what it is makes no difference.
fn sound() -> Vec<[i16; WINDOW]> {
    let mut seed = 1u32;
    let mut sample = |n: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 18) as i16 >> (n / 16 % 8)
    };
    (0..WINDOWS).map(|n| std::array::from_fn(|_| sample(n))).collect()
}
