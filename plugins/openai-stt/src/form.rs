//! A request's body as `multipart/form-data` (RFC 7578), and audio as a WAV file in it.

use std::fmt::Write;

/// In no text, because a line cannot begin within one; and no sound has these bytes in it.
const BOUNDARY: &str = "cordboard-b1f7c04e5d9a4e3c8f62";

pub(crate) const CONTENT_TYPE: &str = "multipart/form-data; boundary=cordboard-b1f7c04e5d9a4e3c8f62";

#[derive(Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    /// A text in one line: breaks of the line become spaces.
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        let value = value.replace(['\r', '\n'], " ");
        self.part(&format!("name=\"{name}\""), None);
        self.0.extend_from_slice(value.as_bytes());
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Mono samples of two bytes, as a file that says so. The name tells the server what it is.
    pub(crate) fn wav(mut self, name: &str, samples: &[u8], rate: u32) -> Self {
        self.part(&format!("name=\"{name}\"; filename=\"audio.wav\""), Some("audio/wav"));
        self.0.reserve(samples.len() + 256);
        self.0.extend_from_slice(&wav_header(samples.len() as u32, rate));
        self.0.extend_from_slice(samples);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }

    fn part(&mut self, disposition: &str, kind: Option<&str>) {
        let mut head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {disposition}\r\n");
        if let Some(kind) = kind {
            // writing to a string cannot fail
            let _ = write!(head, "content-type: {kind}\r\n");
        }
        head.push_str("\r\n");
        self.0.extend_from_slice(head.as_bytes());
    }
}

/// RIFF's header for mono PCM of two bytes a sample.
fn wav_header(length: u32, rate: u32) -> [u8; 44] {
    let mut header = [0; 44];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &(36 + length).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        // PCM, one channel
        &1_u16.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &rate.to_le_bytes(),
        // bytes a second, bytes a frame, bits a sample
        &(rate * 2).to_le_bytes(),
        &2_u16.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &length.to_le_bytes(),
    ];
    let mut at = 0;
    for field in fields {
        header[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_stands_in_the_content_type() {
        assert!(CONTENT_TYPE.ends_with(&format!("boundary={BOUNDARY}")));
    }

    #[test]
    fn parts_are_told_apart_and_a_text_cannot_forge_one() {
        let forged = format!("soup\r\n--{BOUNDARY}--");
        let body = Form::default().text("prompt", &forged).text("model", "m").finish();
        let expected = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\nsoup  --{BOUNDARY}--\r\n\
             --{BOUNDARY}\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--{BOUNDARY}--\r\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn audio_is_a_file_that_says_what_it_is() {
        let body = Form::default().wav("file", &[1, 2, 3, 4], 16000).finish();
        let start = body.windows(4).position(|four| four == b"RIFF").unwrap();
        let head = String::from_utf8(body[..start].to_vec()).unwrap();
        assert!(head.contains("name=\"file\"; filename=\"audio.wav\"\r\ncontent-type: audio/wav\r\n\r\n"));
        let wav = &body[start..];
        let number = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap());
        assert_eq!((number(4), number(24), number(28), number(40)), (40, 16000, 32000, 4));
        assert_eq!(
            (&wav[8..16], &wav[36..40], &wav[44..48]),
            (&b"WAVEfmt "[..], &b"data"[..], &[1, 2, 3, 4][..])
        );
        assert_eq!(&wav[20..24], [1, 0, 1, 0]);
        assert_eq!(&wav[32..36], [2, 0, 16, 0]);
    }
}
