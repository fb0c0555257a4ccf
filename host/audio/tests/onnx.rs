//! The plain Rust network against the official model in the official runtime, on every kind of sound.
//!
//! `CORDBOARD_ONNXRUNTIME` is the path of a libonnxruntime.so, `CORDBOARD_SILERO_ONNX` that of
//! silero_vad.onnx (`models/README.md` says where both come from).

#![cfg(feature = "onnx")]

use audio::detect::{Detector, OnnxError, OnnxModel, Silero, WINDOW};
use audio::g711;
use flite_rs::Engine;
use std::path::{Path, PathBuf};

const LIBRARY: &str = "CORDBOARD_ONNXRUNTIME";
const MODEL: &str = "CORDBOARD_SILERO_ONNX";
const SECONDS: usize = 24;

/// Library and model. In CI they must be there.
fn paths() -> Option<[PathBuf; 2]> {
    let paths = [LIBRARY, MODEL].map(|name| std::env::var_os(name).map(PathBuf::from));
    if let [Some(library), Some(model)] = paths {
        return Some([library, model]);
    }
    let missing = format!("{LIBRARY} and {MODEL} are not both set; see host/audio/models/README.md");
    assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

/// Somebody who speaks for as long, and pauses.
fn voice(pitch: f32, slowness: f32, text: &str) -> Vec<i16> {
    let mut engine = Engine::new();
    engine.set_f0_shift(pitch);
    engine.set_duration_stretch(slowness);
    let mut said = engine.synthesize(text).samples;
    said.extend([0; 6000]);
    said.into_iter().cycle().take(SECONDS * 8000).collect()
}

fn noise(seed: u32, amplitude: i32) -> Vec<i16> {
    let mut seed = seed;
    (0..SECONDS * 8000)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (((seed >> 16) as i32 - 32_768) * amplitude / 32_768) as i16
        })
        .collect()
}

fn mixed(sounds: &[&[i16]]) -> Vec<i16> {
    (0..SECONDS * 8000)
        .map(|n| {
            sounds.iter().filter_map(|s| s.get(n)).map(|s| i32::from(*s)).sum::<i32>().clamp(-32_768, 32_767)
                as i16
        })
        .collect()
}

/// Six streams, as they come from the telephone: their name and their windows.
fn streams() -> Vec<(&'static str, Vec<[i16; WINDOW]>)> {
    let guest =
        voice(1.0, 1.0, "My soup was cold, and nobody came. I would like to speak to the manager, please.");
    let others = [
        voice(1.4, 0.9, "Good morning, this is the front desk. How can I help you today?"),
        voice(0.8, 1.2, "I was in room four hundred and twelve from Monday to Thursday."),
        voice(1.2, 1.1, "Yes, that is right. No, there is nothing else. Thank you, goodbye."),
    ];
    let quieter = |sound: &[i16], by: i16| -> Vec<i16> { sound.iter().map(|s| s / by).collect() };
    let babble = mixed(&[&others[0], &others[1], &others[2]]);
    let sounds = [
        ("silence", vec![0; SECONDS * 8000]),
        ("speech", guest.clone()),
        ("white noise", noise(1, 6000)),
        ("babble", babble.clone()),
        ("speech in noise", mixed(&[&guest, &noise(2, 2500)])),
        ("speech in babble", mixed(&[&guest, &quieter(&babble, 4)])),
    ];
    sounds
        .into_iter()
        .map(|(name, sound)| {
            let line = g711::decode_all(&g711::encode_all(&sound));
            (name, line.as_chunks::<WINDOW>().0.to_vec())
        })
        .collect()
}

fn alone(detector: &mut dyn Detector, windows: &[[i16; WINDOW]]) -> Vec<f32> {
    windows.iter().map(|window| detector.step(window)).collect()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn both_say_the_same_of_every_sound_alone_interleaved_and_from_threads() {
    let Some([library, model]) = paths() else { return };
    let model = OnnxModel::open(&library, &model).unwrap();
    let streams = streams();
    let plain: Vec<Vec<f32>> =
        streams.iter().map(|(_, windows)| alone(&mut Silero::default(), windows)).collect();

    // the sounds are what they are called, so that agreeing means something
    let share = |n: usize| plain[n].iter().filter(|p| **p > 0.5).count() as f32 / plain[n].len() as f32;
    assert!(
        share(0) == 0.0 && share(1) > 0.5 && share(2) < 0.2,
        "{:?}",
        (0..6).map(share).collect::<Vec<_>>()
    );

    // one after the other
    for ((name, windows), plain) in streams.iter().zip(&plain) {
        let difference = furthest(&alone(&mut model.detector(), windows), plain);
        println!("{name}: {difference:.1e}");
        assert!(difference < 1e-4, "{name}: {difference}");
    }

    // a window of each in turn: what one leaves behind must not reach another
    let mut detectors: Vec<_> = streams.iter().map(|_| (model.detector(), Silero::default())).collect();
    for n in 0..SECONDS * 8000 / WINDOW {
        for (((name, windows), (official, rust)), plain) in streams.iter().zip(&mut detectors).zip(&plain) {
            let answers = [official.step(&windows[n]), rust.step(&windows[n])];
            assert!(furthest(&answers, &[plain[n]; 2]) < 1e-4, "{name}, window {n}: {answers:?}");
            assert_eq!(answers[1], plain[n], "{name}, window {n}");
        }
    }

    // and each from a thread of its own
    std::thread::scope(|scope| {
        for ((name, windows), plain) in streams.iter().zip(&plain) {
            let mut official = model.detector();
            scope.spawn(move || {
                let difference = furthest(&alone(&mut official, windows), plain);
                assert!(difference < 1e-4, "{name}: {difference}");
            });
        }
    });
}

#[test]
fn a_file_that_is_not_there_is_named_with_what_to_do() {
    let error = OnnxModel::open(Path::new("/nowhere/libonnxruntime.so"), Path::new("m")).err().unwrap();
    assert!(matches!(error, OnnxError::Library { .. }), "{error}");
    assert!(error.to_string().contains("/nowhere/libonnxruntime.so"), "{error}");
    assert!(error.to_string().contains("give the path of"), "{error}");

    let Some([library, model]) = paths() else { return };
    let error = OnnxModel::open(&library, Path::new("/nowhere/silero_vad.onnx")).err().unwrap();
    assert!(matches!(error, OnnxError::Model { .. }), "{error}");
    assert!(error.to_string().contains("/nowhere/silero_vad.onnx"), "{error}");
    // after a mistake the right one can be given
    OnnxModel::open(&library, &model).unwrap();
    let error = OnnxModel::open(&std::env::current_exe().unwrap(), &model).err().unwrap();
    assert!(matches!(error, OnnxError::SecondLibrary { .. }), "{error}");
}
