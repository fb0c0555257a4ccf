//! The vendor's messages to its client, as JSON.

use super::scripted::spoken;
use super::stream::{Heard, Kind, Segment};
use crate::speech::{Word, plain, written};
use serde_json::{Value, json};

/// What every message of one connection has in common.
pub(super) struct Messages {
    pub(super) request_id: String,
    pub(super) model: String,
    /// Capitals and full stops.
    pub(super) punctuated: bool,
}

impl Messages {
    pub(super) fn heard(&self, heard: &Heard) -> Value {
        match heard {
            Heard::SpeechStarted { at } => {
                json!({"type": "SpeechStarted", "channel": [0, 1], "timestamp": rounded(*at)})
            }
            Heard::UtteranceEnd { last_word_end } => {
                json!({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": rounded(*last_word_end)})
            }
            Heard::Segment(segment) => self.results(segment),
        }
    }

    pub(super) fn results(&self, segment: &Segment) -> Value {
        let is_final = segment.kind != Kind::Interim;
        let words = &segment.words;
        let transcript = self.transcript(segment);
        // a mark that stands alone belongs to no word
        let written: Vec<&str> = transcript.split_whitespace().filter(|w| spoken(w).is_some()).collect();
        let confidence = words.iter().map(|w| w.confidence).sum::<f64>() / words.len().max(1) as f64;
        let words: Vec<Value> =
            words.iter().zip(&written).map(|(w, written)| self.word(w, written)).collect();
        json!({
            "type": "Results",
            "channel_index": [0, 1],
            "duration": rounded(segment.duration),
            "start": rounded(segment.start),
            "is_final": is_final,
            "speech_final": segment.kind == Kind::Endpoint,
            "from_finalize": segment.kind == Kind::Finalized,
            "channel": {"alternatives": [
                {"transcript": transcript, "confidence": rounded(confidence), "words": words},
            ]},
            "metadata": {
                "request_id": self.request_id,
                "model_info": {"name": "stand-in", "version": "1", "arch": self.model},
                "model_uuid": MODEL,
            },
        })
    }

    /// What a segment is written as.
    fn transcript(&self, segment: &Segment) -> String {
        match &segment.written {
            Some(text) => text.clone(),
            None if self.punctuated => written(&segment.words, segment.kind != Kind::Interim),
            None => plain(&segment.words),
        }
    }

    /// A final of two words and more, as two: the pause is in the middle, the end at the end.
    pub(super) fn in_two(&self, segment: &Segment) -> Option<[Segment; 2]> {
        let middle = segment.words.len() / 2;
        let (first, second) =
            segment.words.split_at_checked(middle).filter(|(first, _)| !first.is_empty())?;
        let transcript = self.transcript(segment);
        let written: Vec<&str> = transcript.split_whitespace().collect();
        let (start, rest) = written.split_at_checked(middle)?;
        let until = second.first().map_or(segment.start, |word| word.start);
        let part = |words: &[Word], written: &[&str]| Segment {
            words: words.to_vec(),
            written: Some(written.join(" ")),
            ..segment.clone()
        };
        let first = Segment { duration: until - segment.start, kind: Kind::Settled, ..part(first, start) };
        let end = segment.start + segment.duration;
        Some([first, Segment { start: until, duration: end - until, ..part(second, rest) }])
    }

    fn word(&self, word: &Word, written: &str) -> Value {
        let mut message = json!({
            "word": word.word,
            "start": rounded(word.start),
            "end": rounded(word.end),
            "confidence": rounded(word.confidence),
        });
        if let (true, Some(fields)) = (self.punctuated, message.as_object_mut()) {
            fields.insert("punctuated_word".into(), written.into());
        }
        message
    }

    /// The last message of a stream.
    pub(super) fn metadata(&self, seconds: f64) -> Value {
        json!({
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": "",
            "created": "1970-01-01T00:00:00.000Z",
            "duration": rounded(seconds),
            "channels": 1,
            "models": [MODEL],
        })
    }

    /// Something went wrong on the vendor's side.
    pub(super) fn error() -> Value {
        json!({
            "type": "Error",
            "variant": "InternalServerError",
            "description": "something went wrong on our side",
            "message": "",
            "code": "NET-0000",
        })
    }

    pub(super) fn schema_error(&self, description: &str, client_text: &str) -> Value {
        json!({
            "type": "Error",
            "variant": "SchemaError",
            "description": description,
            "message": client_text,
            "code": null,
        })
    }
}

const MODEL: &str = "00000000-0000-4000-8000-00000000cafe";

/// The id of the session with this number.
pub(super) fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// Three digits after the point, which is what the vendor sends at most.
fn rounded(value: f64) -> f64 {
    // the sum of nothing is a negative zero, which nobody sends
    (value * 1000.0).round() / 1000.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str, kind: Kind) -> Segment {
        let words = text
            .split_whitespace()
            .enumerate()
            .map(|(n, word)| Word {
                word: word.into(),
                start: n as f64,
                end: n as f64 + 0.5,
                confidence: 0.9,
            })
            .collect();
        let (start, duration) = (0.25, 1.0 / 3.0);
        Segment { start, duration, words, kind, written: None, voice_arrived: None }
    }

    fn messages(punctuated: bool) -> Messages {
        Messages { request_id: request_id(1), model: "nova-3".into(), punctuated }
    }

    #[test]
    fn a_final_is_written_like_a_sentence_when_asked_for() {
        let heard = segment("yes i'm done i think", Kind::Endpoint);
        let formatted = messages(true).results(&heard);
        let best = &formatted["channel"]["alternatives"][0];
        assert_eq!(best["transcript"], "Yes I'm done I think.");
        assert_eq!(best["words"][4]["word"], "think");
        assert_eq!(best["words"][4]["punctuated_word"], "think.");
        assert_eq!(formatted["speech_final"], true);
        assert_eq!(formatted["duration"], 0.333);

        let plain = messages(false).results(&heard);
        assert_eq!(plain["channel"]["alternatives"][0]["transcript"], "yes i'm done i think");
        assert_eq!(plain["channel"]["alternatives"][0]["words"][0].get("punctuated_word"), None);
    }

    #[test]
    fn silence_is_a_final_without_words() {
        let silence = messages(true).results(&segment("", Kind::Settled));
        assert_eq!(silence["channel"]["alternatives"][0]["transcript"], "");
        assert_eq!(silence["channel"]["alternatives"][0]["confidence"], 0.0);
        assert_eq!((&silence["is_final"], &silence["speech_final"]), (&json!(true), &json!(false)));
    }
}
