//! A voice that spells: what the caller was sent of it can be read back letter by letter, so that a test sees
//! which words were heard, how often, and where one was cut.
//!
//! A letter is 20 ms of one level, and so is the pause behind each word; anything but a letter or a digit is
//! not spoken.

use crate::voice::{Format, Speech, Word};
use audio::{TELEPHONE, g711, resample};

/// Samples of a letter, at the telephone's rate.
const LETTER: usize = 160;
/// The µ-law of the first letter; the others follow.
const FIRST: u8 = 0x90;
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

pub(crate) fn spelt(text: &str, format: Format) -> Speech {
    let (mut samples, mut words) = (Vec::new(), Vec::new());
    for word in text.split_whitespace() {
        let start = TELEPHONE.duration_of(samples.len()).as_secs_f64();
        let lower = word.to_lowercase();
        let levels = lower.chars().filter_map(|c| LETTERS.find(c)).map(|n| FIRST + n as u8);
        for level in levels {
            samples.extend([g711::decode(level); LETTER]);
        }
        let end = TELEPHONE.duration_of(samples.len()).as_secs_f64();
        if end > start {
            words.push(Word { text: word.to_owned(), start, end });
            samples.extend([0; LETTER]);
        }
    }
    let duration = TELEPHONE.duration_of(samples.len());
    let samples = resample::clip(&samples, TELEPHONE, format.rate).unwrap_or_default();
    Speech { audio: format.encode(&samples), duration, words }
}

/// The words in µ-law of the telephone's that was spelt. What is no letter parts words; a word that was cut is
/// as long as what there is of it.
pub fn read(audio: &[u8]) -> Vec<String> {
    let letter = |frame: &[u8]| {
        let level = frame.get(frame.len() / 2)?.checked_sub(FIRST)?;
        LETTERS.chars().nth(usize::from(level))
    };
    let text: String = audio.chunks(LETTER).map(|frame| letter(frame).unwrap_or(' ')).collect();
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::Encoding;

    #[test]
    fn what_was_spelt_can_be_read() {
        let speech =
            spelt("My soup, it was 4 degrees!", Format { encoding: Encoding::Mulaw, rate: TELEPHONE });
        assert_eq!(read(&speech.audio), ["my", "soup", "it", "was", "4", "degrees"]);
        assert_eq!(read(&speech.audio[LETTER * 4..LETTER * 9]), ["oup", "i"]);
        assert_eq!(speech.words.len(), 6);
        assert_eq!((speech.words[1].start, speech.words[1].end), (0.06, 0.14));
    }
}
