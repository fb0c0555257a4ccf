//! WAV files: read as mono 16 bit samples, written as they come.

use crate::{SampleRate, TELEPHONE, g711, resample};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum WavError {
    #[error("cannot read {path}: {source}; a WAV file with PCM, float or µ-law samples is needed")]
    Read { path: PathBuf, source: hound::Error },
    #[error("cannot read {path}: {reason}")]
    Unsupported { path: PathBuf, reason: String },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: hound::Error },
}

/// The samples of a WAV file, channels mixed, at the telephone's rate.
pub fn read_for_telephone(path: &Path) -> Result<Vec<i16>, WavError> {
    let (samples, rate) = read(path)?;
    resample::clip(&samples, rate, TELEPHONE)
        .map_err(|e| WavError::Unsupported { path: path.to_owned(), reason: e.to_string() })
}

/// The samples of a WAV file, channels mixed.
pub fn read(path: &Path) -> Result<(Vec<i16>, SampleRate), WavError> {
    let sound = Interleaved::read(path)?;
    let count = sound.channels as i32;
    let mix = |frame: &[i16]| (frame.iter().map(|s| i32::from(*s)).sum::<i32>() / count) as i16;
    Ok((sound.samples.chunks(sound.channels).map(mix).collect(), sound.rate))
}

/// The samples of a WAV file, each channel by itself.
pub fn read_channels(path: &Path) -> Result<(Vec<Vec<i16>>, SampleRate), WavError> {
    let sound = Interleaved::read(path)?;
    let channel = |n: usize| sound.samples.iter().skip(n).step_by(sound.channels).copied().collect();
    Ok(((0..sound.channels).map(channel).collect(), sound.rate))
}

struct Interleaved {
    samples: Vec<i16>,
    /// at least one
    channels: usize,
    rate: SampleRate,
}

impl Interleaved {
    fn read(path: &Path) -> Result<Self, WavError> {
        let failed = |source| WavError::Read { path: path.to_owned(), source };
        let mut reader = match hound::WavReader::open(path) {
            // hound knows PCM and float; µ-law is what telephone recordings are
            Err(hound::Error::Unsupported) => return Self::mulaw(path),
            reader => reader.map_err(failed)?,
        };
        let spec = reader.spec();
        let rate = SampleRate::new(spec.sample_rate).ok_or_else(|| WavError::Unsupported {
            path: path.to_owned(),
            reason: "its sample rate is 0".into(),
        })?;
        let samples: Vec<i16> = match spec.sample_format {
            hound::SampleFormat::Float => reader
                .samples::<f32>()
                .map(|s| s.map(|s| (s * 32_768.0).round() as i16))
                .collect::<Result<_, _>>()
                .map_err(failed)?,
            hound::SampleFormat::Int => {
                let shift = i32::from(spec.bits_per_sample) - 16;
                let to_16 = |s: i32| if shift >= 0 { s >> shift } else { s << -shift } as i16;
                reader.samples::<i32>().map(|s| s.map(to_16)).collect::<Result<_, _>>().map_err(failed)?
            }
        };
        Ok(Self { samples, channels: usize::from(spec.channels.max(1)), rate })
    }

    /// µ-law (format tag 7), chunk by chunk.
    fn mulaw(path: &Path) -> Result<Self, WavError> {
        let unsupported =
            |reason: &str| WavError::Unsupported { path: path.to_owned(), reason: reason.into() };
        let bytes = std::fs::read(path)
            .map_err(|e| WavError::Read { path: path.to_owned(), source: hound::Error::IoError(e) })?;
        let mut rest = bytes.get(12..).unwrap_or_default();
        let mut format = None;
        while let Some((head, body)) = rest.split_at_checked(8) {
            let (id, length) = head.split_at(4);
            let length = length.try_into().map(u32::from_le_bytes).unwrap_or_default() as usize;
            // a file that was cut short is read as far as it goes
            let content = body.get(..length.min(body.len())).unwrap_or_default();
            match (id, format) {
                (b"fmt ", _) => match content {
                    [7, 0, channels, 0, a, b, c, d, ..] if *channels > 0 => {
                        let rate = SampleRate::new(u32::from_le_bytes([*a, *b, *c, *d]));
                        format = rate.map(|rate| (usize::from(*channels), rate));
                    }
                    _ => return Err(unsupported("its samples are neither PCM, float nor µ-law")),
                },
                (b"data", Some((channels, rate))) => {
                    return Ok(Self { samples: g711::decode_all(content), channels, rate });
                }
                _ => {}
            }
            rest = body.get(length + length % 2..).unwrap_or_default();
        }
        Err(unsupported("it holds no samples"))
    }
}

/// Writes mono 16 bit samples at the telephone's rate, as they come.
pub struct Writer {
    path: PathBuf,
    inner: hound::WavWriter<std::io::BufWriter<std::fs::File>>,
}

impl Writer {
    /// Begins a new file; one that is there is replaced.
    pub fn create(path: &Path) -> Result<Self, WavError> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: TELEPHONE.hertz(),
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let inner = hound::WavWriter::create(path, spec)
            .map_err(|source| WavError::Write { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), inner })
    }

    pub fn write(&mut self, samples: &[i16]) -> Result<(), WavError> {
        let mut failed = Ok(());
        for sample in samples {
            failed = failed.and_then(|()| self.inner.write_sample(*sample));
        }
        failed.map_err(|source| WavError::Write { path: self.path.clone(), source })
    }

    /// Writes the lengths into the head of the file.
    pub fn finish(self) -> Result<(), WavError> {
        let path = self.path;
        self.inner.finalize().map_err(|source| WavError::Write { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let path = std::env::temp_dir().join(format!("cordboard-audio-{}.wav", std::process::id()));
        let samples: Vec<i16> = (0..8000).map(|n| (n * 4 - 16_000) as i16).collect();
        let mut writer = Writer::create(&path).unwrap();
        writer.write(&samples[..100]).unwrap();
        writer.write(&samples[100..]).unwrap();
        writer.finish().unwrap();
        assert_eq!(read(&path).unwrap(), (samples.clone(), TELEPHONE));
        assert_eq!(read_for_telephone(&path).unwrap(), samples);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_mulaw_file_is_read_and_a_broken_one_says_what_is_wrong() {
        let path = std::env::temp_dir().join(format!("cordboard-mulaw-{}.wav", std::process::id()));
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0".to_vec();
        file.extend(b"data\x04\0\0\0\xff\x80\x00\xfe");
        std::fs::write(&path, &file).unwrap();
        assert_eq!(read(&path).unwrap(), (vec![0, 32_124, -32_124, 8], TELEPHONE));
        std::fs::write(&path, &file[..40]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no samples"));
        std::fs::write(&path, b"not a wav").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("WAV file"));
        std::fs::remove_file(&path).unwrap();
    }
}
