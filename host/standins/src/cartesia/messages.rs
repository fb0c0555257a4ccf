//! The vendor's messages to its client, as JSON.

use super::request::Problem;
use crate::voice::Word;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// As one version of the protocol has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    /// Errors have a title, a code and a message; older versions have one text.
    titled: bool,
}

/// The first version with titles.
const TITLED: &str = "2026-03-01";

impl Messages {
    /// None if this is no version: they are dates.
    pub(super) fn of_version(version: &str) -> Option<Self> {
        let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
        let is_date = version.chars().map(shape).eq("0000-00-00".chars());
        // such dates follow each other like texts
        is_date.then(|| Self { titled: version >= TITLED })
    }

    /// Where no version is known.
    pub(super) fn newest() -> Self {
        Self { titled: true }
    }

    pub(super) fn chunk(context: &str, audio: &[u8], flush: u64) -> Value {
        json!({"type": "chunk", "context_id": context, "data": STANDARD.encode(audio), "done": false,
            "status_code": 206, "step_time": 1.0, "flush_id": flush})
    }

    /// The words of a piece that begins so many seconds after the start of its context.
    pub(super) fn timestamps(context: &str, words: &[Word], begins: f64, flush: u64) -> Value {
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let starts: Vec<f64> = words.iter().map(|word| rounded(begins + word.start)).collect();
        let ends: Vec<f64> = words.iter().map(|word| rounded(begins + word.end)).collect();
        json!({"type": "timestamps", "context_id": context, "done": false, "status_code": 206,
            "flush_id": flush, "word_timestamps": {"words": texts, "start": starts, "end": ends}})
    }

    pub(super) fn flush_done(context: &str, flush: u64) -> Value {
        json!({"type": "flush_done", "context_id": context, "done": false, "flush_done": true,
            "flush_id": flush, "status_code": 206})
    }

    pub(super) fn done(context: &str) -> Value {
        json!({"type": "done", "context_id": context, "done": true, "status_code": 206})
    }

    /// It ends the context.
    pub(super) fn error(self, context: Option<&str>, problem: &Problem) -> Value {
        let mut error = self.body(problem);
        if let Some(fields) = error.as_object_mut() {
            fields.insert("type".into(), "error".into());
            fields.insert("done".into(), true.into());
            fields.insert("status_code".into(), problem.status.into());
            fields.extend(context.map(|context| ("context_id".into(), context.into())));
        }
        error
    }

    /// The body of an HTTP response that refuses.
    pub(super) fn body(self, problem: &Problem) -> Value {
        if !self.titled {
            return json!({"error": format!("{}: {}", problem.title, problem.message)});
        }
        json!({"title": problem.title, "message": problem.message, "error_code": problem.code,
            "doc_url": "https://docs.cartesia.ai", "request_id": NO_REQUEST})
    }
}

const NO_REQUEST: &str = "00000000-0000-4000-8000-000000000000";

/// Milliseconds are as exact as it gets.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_form_of_their_version() {
        let problem = Problem::invalid("no such thing");
        let new = Messages::of_version("2026-08-14").unwrap().error(Some("turn-1"), &problem);
        assert_eq!((&new["error_code"], &new["context_id"]), (&json!("invalid_request"), &json!("turn-1")));
        assert_eq!((&new["done"], &new["status_code"]), (&json!(true), &json!(400)));
        let old = Messages::of_version("2025-04-16").unwrap().error(None, &problem);
        assert_eq!(old["error"], "Invalid request: no such thing");
        assert_eq!((old.get("title"), old.get("context_id")), (None, None));
        for wrong in ["", "latest", "2026-8-14", "2026-08-14 "] {
            assert!(Messages::of_version(wrong).is_none(), "{wrong:?}");
        }
    }
}
