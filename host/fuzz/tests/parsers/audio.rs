//! Sound that comes from outside: files, samples, and keys to press.

use super::{fuzz, gist, pieces};
use ::audio::resample::Stream;
use ::audio::{SampleRate, TELEPHONE, dtmf, g711, wav};
use fuzz::{Limits, Target};
use std::os::unix::fs::FileExt;
use std::time::Duration;

#[test]
fn a_wav_file_of_anything_is_read_or_refused() {
    let dictionary = &[
        "RIFF",
        "WAVE",
        "fmt ",
        "data",
        "LIST",
        "fact",
        "\x01\0\x01\0",
        "\x03\0\x01\0",
        "\x07\0\x01\0",
        "\0\0\0\0",
    ];
    // as many lists as a file has channels
    let limits = Limits { memory: 4 << 20, ..Limits::default() };
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path();
    fuzz(&Target::new("wav").dictionary(dictionary).longest(16 * 1024).limits(limits), |input| {
        rewrite(&file, input);
        let mixed = wav::read(path);
        let channels = wav::read_channels(path);
        match (&mixed, &channels) {
            (Ok((mixed, rate)), Ok((channels, same))) => {
                assert!(rate == same && rate.hertz() > 0);
                let longest = channels.iter().map(Vec::len).max().unwrap_or_default();
                assert_eq!(mixed.len(), longest, "{} channels", channels.len());
                assert!(channels.iter().all(|channel| longest - channel.len() <= 1));
            }
            (Err(_), Err(_)) => {}
            other => panic!("one way of reading it fails: {other:?}"),
        }
        [mixed
            .map(|(samples, _)| (samples.is_empty(), channels.unwrap().0.len().min(3)))
            .map_err(|e| gist(e.to_string().replace(&path.display().to_string(), "")))]
    });
}

/// Without emptying it first, which some file systems take for a reason to write to the disk.
fn rewrite(file: &tempfile::NamedTempFile, content: &[u8]) {
    file.as_file().set_len(content.len() as u64).unwrap();
    file.as_file().write_all_at(content, 0).unwrap();
}

#[test]
fn a_wav_file_of_any_rate_is_made_the_telephones_or_refused() {
    // a filter for two rates that have little in common is long
    let limits = Limits { time: Duration::from_secs(2), memory: 64 << 20, ..Limits::default() };
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path();
    fuzz(&Target::new("wav-for-telephone").longest(4096).limits(limits), |input| {
        rewrite(&file, input);
        let read = wav::read_for_telephone(path);
        [read
            .map(|samples| samples.is_empty())
            .map_err(|e| gist(e.to_string().replace(&path.display().to_string(), "")))]
    });
}

#[test]
fn g711_of_any_bytes_is_the_same_sound_when_it_comes_back() {
    fuzz(&Target::new("g711").longest(4096), |input| {
        let samples = g711::decode_all(input);
        let there_and_back = g711::encode_all(&samples);
        assert_eq!(samples.len(), input.len());
        assert_eq!(g711::decode_all(&there_and_back), samples);
        let pcm: Vec<i16> = input.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        for (sample, heard) in pcm.iter().zip(g711::decode_all(&g711::encode_all(&pcm))) {
            // half a step of the loudest segment, or what is cut at full scale
            assert!(sample.abs_diff(heard) <= 644, "{sample} becomes {heard}");
        }
        [samples.first().map(|sample| sample.signum())]
    });
}

/// As keys to press if it is such a text, and as samples.
#[test]
fn keys_that_can_be_pressed_are_heard_and_nothing_else_breaks_the_detector() {
    let limits = Limits { memory_per_byte: 64 * 1024, ..Limits::default() };
    let target = Target::new("dtmf").dictionary(&["1w234#", ",", "A", "d", "*"]).longest(256).limits(limits);
    fuzz(&target, |input| {
        let presses = dtmf::parse(&String::from_utf8_lossy(input));
        if let Ok(presses) = &presses {
            let tones = dtmf::tones(presses, dtmf::TONE, dtmf::GAP);
            let mut rest = &tones[..];
            for press in presses {
                match press {
                    dtmf::Press::Digit(digit) => {
                        let (sound, silence) = rest.split_at(1600);
                        assert_eq!(dtmf::detect(&sound[..800]), Some(char::from(*digit)));
                        rest = silence;
                    }
                    dtmf::Press::Pause => rest = &rest[4000..],
                }
            }
            assert!(rest.is_empty());
        }
        let samples: Vec<i16> =
            input.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        let heard = dtmf::detect(&samples);
        let heard_on_the_line = dtmf::detect(&g711::decode_all(input));
        [
            format!("{:?}", presses.map(|presses| presses.len().min(3)).map_err(|_| ())),
            format!("{heard:?}"),
            format!("{heard_on_the_line:?}"),
        ]
    });
}

/// The rates in its first eight bytes, and then samples, in pieces.
#[test]
fn a_stream_at_any_rates_lasts_as_long_as_it_did() {
    // the longest filter, at 192000 to 4001, has 200,000 places
    let limits = Limits { time: Duration::from_secs(1), memory: 16 << 20, memory_per_byte: 1024 };
    fuzz(&Target::new("resampling").longest(4096).limits(limits), |input| {
        let Some((head, samples)) = input.split_at_checked(8) else { return [String::new()] };
        let rate = |n: usize| SampleRate::new(u32::from_le_bytes(head[n..n + 4].try_into().unwrap()));
        let (Some(from), Some(to)) = (rate(0), rate(4)) else { return ["no rate".into()] };
        let mut stream = match Stream::new(from, to) {
            Ok(stream) => stream,
            Err(e) => {
                let possible = 4_000..=192_000;
                assert!(!possible.contains(&from.hertz()) || !possible.contains(&to.hertz()), "{e}");
                return [gist(e)];
            }
        };
        let samples: Vec<i16> =
            samples.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        let mut out = Vec::new();
        let mut rest = &samples[..];
        for piece in pieces(input) {
            let (now, later) = rest.split_at(piece.len().min(rest.len()));
            stream.push(now, &mut out);
            rest = later;
        }
        stream.push(rest, &mut out);
        stream.finish(&mut out);
        let due = samples.len() as f64 * f64::from(to.hertz()) / f64::from(from.hertz());
        assert!((out.len() as f64 - due).abs() <= 1.0, "{} of {due} samples, {from:?} to {to:?}", out.len());
        let size = |rate: SampleRate| rate.cmp(&TELEPHONE);
        [format!("{:?} {:?} {:?}", size(from), size(to), from.cmp(&to))]
    });
}
