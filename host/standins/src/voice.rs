//! A real voice without a key: flite's, with everything that it has said before at hand.
//!
//! Saying something for the first time costs about a five-hundredth of the time it sounds; saying
//! it again costs nothing, to however many listeners.

use audio::{SampleRate, TELEPHONE, g711, resample};
use bytes::Bytes;
use flite_rs::utterance::{ItemId, Utterance};
use flite_rs::{Engine, Flow, KAL_VOICE_DATA, pipeline, text, voice};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// So many texts are remembered; then it begins again.
const REMEMBERED: usize = 2000;

pub(crate) struct Voice {
    engine: Engine,
    recorded: flite_rs::Voice,
    said: Mutex<HashMap<(String, Format), Once>>,
}

/// Made by whoever asks first; the others wait.
type Once = Arc<OnceCell<Arc<Speech>>>;

/// Samples as bytes, without a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Format {
    pub(crate) encoding: Encoding,
    pub(crate) rate: SampleRate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Mulaw,
    /// 16 bit, little endian.
    Linear16,
}

impl Format {
    pub(crate) fn bytes_in(self, time: Duration) -> usize {
        let width = match self.encoding {
            Encoding::Mulaw => 1,
            Encoding::Linear16 => 2,
        };
        self.rate.samples_in(time) * width
    }

    pub(crate) fn encode(self, samples: &[i16]) -> Bytes {
        match self.encoding {
            Encoding::Mulaw => g711::encode_all(samples).into(),
            Encoding::Linear16 => samples.iter().flat_map(|s| s.to_le_bytes()).collect(),
        }
    }
}

/// A text as it sounds.
#[derive(Default)]
pub(crate) struct Speech {
    pub(crate) audio: Bytes,
    pub(crate) duration: Duration,
    pub(crate) words: Vec<Word>,
}

/// Times in seconds from the start of the speech.
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) start: f64,
    pub(crate) end: f64,
}

impl Voice {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let broken = |e: flite_rs::data::DataError| io::Error::other(format!("no voice: {e}"));
        let engine = Engine::try_new().map_err(broken)?;
        let recorded = flite_rs::Voice::parse(KAL_VOICE_DATA).map_err(broken)?;
        Ok(Arc::new(Self { engine, recorded, said: Mutex::default() }))
    }

    /// How this text sounds. Where several ask for the same text, it is made once.
    pub(crate) async fn say(self: &Arc<Self>, text: &str, format: Format) -> Arc<Speech> {
        let once = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() >= REMEMBERED {
                said.clear();
            }
            said.entry((text.to_owned(), format)).or_default().clone()
        };
        let speech = once.get_or_init(|| async {
            let (voice, text) = (self.clone(), text.to_owned());
            let synthesis = tokio::task::spawn_blocking(move || voice.synthesise(&text, format)).await;
            Arc::new(synthesis.unwrap_or_else(|error| {
                tracing::error!(%error, "the voice broke");
                Speech::default()
            }))
        });
        speech.await.clone()
    }

    fn synthesise(&self, text: &str, format: Format) -> Speech {
        let (language, params) = (self.engine.language(), self.engine.params());
        let (mut samples, mut words) = (Vec::new(), Vec::new());
        for sentence in text::sentences(text) {
            let utterance = pipeline::analyse(&language, &sentence, params);
            words.extend(words_of(&utterance, seconds(samples.len())));
            voice::synthesise_streaming(&self.recorded, &utterance, params, &mut |period| {
                samples.extend_from_slice(period);
                Flow::Continue
            });
        }
        let duration = TELEPHONE.duration_of(samples.len());
        let samples = resample::clip(&samples, TELEPHONE, format.rate).unwrap_or_else(|error| {
            tracing::error!(%error, "the voice is silent");
            Vec::new()
        });
        Speech { audio: format.encode(&samples), duration, words }
    }
}

fn seconds(samples: usize) -> f64 {
    TELEPHONE.duration_of(samples).as_secs_f64()
}

/// The words of a sentence that begins here.
fn words_of(utterance: &Utterance, begins: f64) -> Vec<Word> {
    let word = |token| {
        let (start, end) = times(utterance, token)?;
        let text = utterance.name(token).to_owned();
        Some(Word { text, start: begins + f64::from(start), end: begins + f64::from(end) })
    };
    utterance.iter_relation("Token").filter_map(word).collect()
}

/// From the first sound of a token to its last, in seconds.
fn times(utterance: &Utterance, token: ItemId) -> Option<(f32, f32)> {
    let syllables = |word: ItemId| utterance.item_as(word, "SylStructure");
    let first_word = syllables(utterance.daughter(token)?)?;
    let last_word = syllables(utterance.last_daughter(token)?)?;
    let first = utterance.daughter(utterance.daughter(first_word)?)?;
    let last = utterance.last_daughter(utterance.last_daughter(last_word)?)?;
    let before = utterance.item_as(first, "Segment").and_then(|segment| utterance.prev(segment));
    let start = before.map_or(0.0, |segment| utterance.feature_f32(segment, "end"));
    Some((start, utterance.feature_f32(last, "end")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TELEPHONE_FORMAT: Format = Format { encoding: Encoding::Mulaw, rate: TELEPHONE };

    #[tokio::test]
    async fn the_same_words_are_made_once() {
        let voice = Voice::new().unwrap();
        let first = voice.say("My soup was cold.", TELEPHONE_FORMAT).await;
        let again = voice.say("My soup was cold.", TELEPHONE_FORMAT).await;
        assert!(Arc::ptr_eq(&first, &again));
        let other = voice.say("My soup was good.", TELEPHONE_FORMAT).await;
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[tokio::test]
    async fn words_have_their_places_also_in_the_second_sentence() {
        let voice = Voice::new().unwrap();
        let speech = voice.say("My soup was cold. It was 4 degrees.", TELEPHONE_FORMAT).await;
        let texts: Vec<&str> = speech.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["My", "soup", "was", "cold", "It", "was", "4", "degrees"]);
        let times: Vec<f64> = speech.words.iter().flat_map(|word| [word.start, word.end]).collect();
        assert!(times.is_sorted() && times[0] < 0.5, "{times:?}");
        assert!(times[15] <= speech.duration.as_secs_f64(), "{times:?}");
        assert_eq!(speech.audio.len(), TELEPHONE_FORMAT.bytes_in(speech.duration));
    }

    #[tokio::test]
    async fn it_speaks_in_any_format_and_says_nothing_where_there_is_nothing_to_say() {
        let voice = Voice::new().unwrap();
        let rate = SampleRate::new(24_000).unwrap();
        let wide = voice.say("Hello.", Format { encoding: Encoding::Linear16, rate }).await;
        let narrow = voice.say("Hello.", TELEPHONE_FORMAT).await;
        assert!(wide.audio.len().abs_diff(narrow.audio.len() * 6) < 12);
        assert!(voice.say(" … ", TELEPHONE_FORMAT).await.words.is_empty());
    }
}
