//! A stereo WAV file that grows while the call goes on, and is valid up to the last flush.

use audio::{TELEPHONE, g711};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::config::RecordingFormat;

/// Where a WAV file says what its samples are, and what µ-law is called there.
const FORMAT_TAG: u64 = 20;
const MULAW: [u8; 2] = 7u16.to_le_bytes();

pub struct StereoFile {
    path: PathBuf,
    format: RecordingFormat,
    writer: WavWriter<BufWriter<File>>,
}

impl StereoFile {
    /// Begins a new file. Fails where there is one of this name.
    pub fn create(path: &Path, format: RecordingFormat) -> io::Result<Self> {
        let spec = WavSpec {
            channels: 2,
            sample_rate: TELEPHONE.hertz(),
            bits_per_sample: if format == RecordingFormat::Mulaw { 8 } else { 16 },
            sample_format: SampleFormat::Int,
        };
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let mut writer = WavWriter::new(BufWriter::new(file), spec).map_err(into_io)?;
        writer.flush().map_err(into_io)?;
        if format == RecordingFormat::Mulaw {
            // hound writes the eight bits as they are, but has no name for them
            let mut head = OpenOptions::new().write(true).open(path)?;
            head.seek(SeekFrom::Start(FORMAT_TAG))?;
            head.write_all(&MULAW)?;
        }
        Ok(Self { path: path.to_owned(), format, writer })
    }

    /// More of it: µ-law, left and right in turn.
    pub fn write(&mut self, samples: &[u8]) -> io::Result<()> {
        for sample in samples {
            let value = match self.format {
                // hound's eight bits are unsigned in the file and signed before it
                RecordingFormat::Mulaw => i16::from(*sample) - 128,
                RecordingFormat::Pcm16 => g711::decode(*sample),
            };
            self.writer.write_sample(value).map_err(into_io)?;
        }
        Ok(())
    }

    /// What was written is in the file, and its head says so.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().map_err(into_io)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn into_io(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two sides of a file as another program would read them.
    fn read(path: &Path) -> Vec<u8> {
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(&bytes[..4], b"RIFF");
        let riff = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        assert!(riff + 8 <= bytes.len(), "the head speaks of more than there is");
        let data = bytes.windows(4).position(|w| w == b"data").unwrap();
        let length = u32::from_le_bytes(bytes[data + 4..data + 8].try_into().unwrap()) as usize;
        bytes[data + 8..data + 8 + length].to_vec()
    }

    #[test]
    fn both_formats_are_valid_after_every_flush_though_nobody_closed_them() {
        let folder = tempfile::tempdir().unwrap();
        for (format, tag, bytes) in [(RecordingFormat::Mulaw, 7, 1), (RecordingFormat::Pcm16, 1, 2)] {
            let path = folder.path().join(format!("{format:?}.wav"));
            let mut file = StereoFile::create(&path, format).unwrap();
            let samples: Vec<u8> = (0..=255).collect();
            file.write(&samples).unwrap();
            file.flush().unwrap();
            file.write(&samples).unwrap();
            // as after a crash: what was not flushed may be missing, the rest must be there
            std::mem::forget(file);
            let read = read(&path);
            assert!(read.len() >= 256 * bytes, "{} bytes", read.len());
            let whole = std::fs::read(&path).unwrap();
            assert_eq!((whole[20], whole[22]), (tag, 2));
            if format == RecordingFormat::Mulaw {
                assert_eq!(&read[..256], samples);
            } else {
                assert_eq!(i16::from_le_bytes([read[0], read[1]]), -32_124);
            }
        }
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        drop(StereoFile::create(&path, RecordingFormat::Mulaw).unwrap());
        let error = StereoFile::create(&path, RecordingFormat::Mulaw).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
}
