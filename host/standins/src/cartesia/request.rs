//! What a client asks for, and what the vendor does not accept.

use crate::voice::{Encoding, Format};
use audio::TELEPHONE;
use serde_json::{Map, Value};
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Request {
    Generate(Box<Generation>),
    Cancel(String),
}

#[derive(Debug)]
pub(super) struct Generation {
    pub(super) context: String,
    pub(super) transcript: String,
    /// More will follow.
    pub(super) continues: bool,
    /// What is there is to be spoken now.
    pub(super) flush: bool,
    pub(super) terms: Terms,
    /// Fields that the vendor does not know.
    pub(super) unknown: Vec<String>,
}

/// What has to stay the same within a context.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Terms {
    /// As they were written.
    pub(super) fields: Value,
    pub(super) format: Format,
    pub(super) timestamps: bool,
    pub(super) buffer_delay: Duration,
}

/// Why not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) message: String,
}

/// The fields of a request (cartesia 4.2.0, `GenerationRequest`); the first ones may change within
/// a context, the vendor's guide on contexts says.
const CHANGING: &[&str] = &["transcript", "continue", "flush"];
const KNOWN: &[&str] = &[
    "add_phoneme_timestamps",
    "add_timestamps",
    "context_id",
    "generation_config",
    "language",
    "max_buffer_delay_ms",
    "model_id",
    "output_format",
    "pronunciation_dict_id",
    "speed",
    "use_normalized_timestamps",
    "voice",
];

const BUFFER_DELAY: Duration = Duration::from_millis(3000);
const LONGEST_BUFFER_DELAY_MS: u64 = 5000;

impl Request {
    /// A problem comes with the context it is in, if that is known.
    pub(super) fn parse(text: &str) -> Result<Self, (Option<String>, Problem)> {
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
            return Err((None, Problem::invalid("a message must be a JSON object")));
        };
        let context = fields.get("context_id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let Some(context) = context.map(str::to_owned) else {
            return Err((None, Problem::invalid("`context_id` must be a text that is not empty")));
        };
        if fields.get("cancel") == Some(&Value::Bool(true)) {
            return Ok(Self::Cancel(context));
        }
        match Generation::parse(context.clone(), fields) {
            Ok(generation) => Ok(Self::Generate(Box::new(generation))),
            Err(problem) => Err((Some(context), problem)),
        }
    }
}

impl Generation {
    fn parse(context: String, fields: Map<String, Value>) -> Result<Self, Problem> {
        let asked = Asked(&fields);
        let model = asked.text("model_id")?.unwrap_or_default();
        if !model.starts_with("sonic") {
            return Err(Problem {
                code: "model_not_found",
                title: "Invalid model",
                ..Problem::invalid(format!("`model_id` should be one of the sonic models, and is `{model}`"))
            });
        }
        asked.voice()?;
        let format = asked.output_format()?;
        asked.generation_config()?;
        let speed = asked.text("speed")?;
        if !matches!(speed, None | Some("slow" | "normal" | "fast")) {
            return Err(Problem::invalid("`speed` should be slow, normal or fast"));
        }
        asked.text("pronunciation_dict_id")?;
        let language = asked.text("language")?.unwrap_or("en");
        if language.len() != 2 || !language.chars().all(|c| c.is_ascii_lowercase()) {
            return Err(Problem::invalid(format!("`language` should be two letters, and is `{language}`")));
        }
        asked.flag("use_normalized_timestamps")?;
        if asked.flag("add_phoneme_timestamps")? {
            return Err(Problem::invalid("the stand-in has no `add_phoneme_timestamps`"));
        }
        let terms = Terms {
            fields: unchanging(&fields),
            format,
            timestamps: asked.flag("add_timestamps")?,
            buffer_delay: asked.buffer_delay()?,
        };
        let transcript = fields.get("transcript").and_then(Value::as_str);
        let transcript =
            transcript.ok_or_else(|| Problem::invalid("`transcript` must be a text"))?.to_owned();
        let (continues, flush) = (asked.flag("continue")?, asked.flag("flush")?);
        let is_known = |name: &str| CHANGING.contains(&name) || KNOWN.contains(&name);
        let unknown = fields.keys().filter(|name| !is_known(name)).cloned().collect();
        Ok(Self { context, transcript, continues, flush, terms, unknown })
    }
}

impl Terms {
    /// The first field that is not the same any more.
    pub(super) fn changed(&self, other: &Self) -> Option<&'static str> {
        KNOWN.iter().copied().find(|name| self.fields.get(name) != other.fields.get(name))
    }
}

fn unchanging(fields: &Map<String, Value>) -> Value {
    let kept = fields.iter().filter(|(name, _)| !CHANGING.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

impl Problem {
    /// 400, as most of them.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, code: "invalid_request", title: "Invalid request", message: message.into() }
    }
}

struct Asked<'a>(&'a Map<String, Value>);

impl Asked<'_> {
    /// None where there is nothing, or null.
    fn given(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let text = |value: &Value| format!("`{name}` should be a text, and is {value}");
        self.given(name).map(|v| v.as_str().ok_or_else(|| Problem::invalid(text(v)))).transpose()
    }

    fn flag(&self, name: &str) -> Result<bool, Problem> {
        let flag = |value: &Value| format!("`{name}` should be true or false, and is {value}");
        match self.given(name) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| Problem::invalid(flag(value))),
        }
    }

    fn buffer_delay(&self) -> Result<Duration, Problem> {
        let Some(value) = self.given("max_buffer_delay_ms") else { return Ok(BUFFER_DELAY) };
        let milliseconds = value.as_u64().filter(|ms| *ms <= LONGEST_BUFFER_DELAY_MS);
        milliseconds.map(Duration::from_millis).ok_or_else(|| {
            Problem::invalid(format!("`max_buffer_delay_ms` should be 0 to 5000, and is {value}"))
        })
    }

    fn voice(&self) -> Result<(), Problem> {
        let voice = self.given("voice");
        let part = |name| voice.and_then(|voice| voice.get(name)).and_then(Value::as_str).unwrap_or_default();
        if part("mode") != "id" {
            return Err(Problem::invalid("`voice` should be {\"mode\": \"id\", \"id\": …}"));
        }
        // which voices there are is for the vendor to know: here, whichever is asked for
        if part("id").trim().is_empty() {
            return Err(Problem::invalid("`voice.id` must be the id of a voice"));
        }
        Ok(())
    }

    fn output_format(&self) -> Result<Format, Problem> {
        let wanted =
            self.given("output_format").ok_or_else(|| Problem::invalid("`output_format` is missing"))?;
        let part = |name| wanted.get(name).and_then(Value::as_str).unwrap_or_default();
        if part("container") != "raw" {
            return Err(Problem::invalid("`output_format.container` must be raw on a WebSocket"));
        }
        let encoding = match part("encoding") {
            "pcm_mulaw" => Some(Encoding::Mulaw),
            "pcm_s16le" => Some(Encoding::Linear16),
            _ => None,
        };
        let telephone = wanted.get("sample_rate").and_then(Value::as_u64) == Some(TELEPHONE.hertz().into());
        encoding.filter(|_| telephone).map(|encoding| Format { encoding, rate: TELEPHONE }).ok_or_else(|| {
            let message = "`output_format` should be pcm_mulaw or pcm_s16le at 8000 Hz, which is all that the \
                           stand-in has";
            Problem { title: "Invalid output format", ..Problem::invalid(format!("{message}: {wanted}")) }
        })
    }

    /// Checked, but the stand-in's voice knows neither moods nor haste.
    fn generation_config(&self) -> Result<(), Problem> {
        let Some(config) = self.given("generation_config") else { return Ok(()) };
        for (name, range) in [("speed", 0.6..=1.5), ("volume", 0.5..=2.0)] {
            let value = config.get(name).filter(|value| !value.is_null());
            if let Some(value) = value.filter(|value| !value.as_f64().is_some_and(|v| range.contains(&v))) {
                let range = format!("{} to {}", range.start(), range.end());
                let message = format!("`generation_config.{name}` should be {range}, and is {value}");
                return Err(Problem::invalid(message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asking(change: Value) -> String {
        let mut request = json!({
            "context_id": "turn-1", "model_id": "sonic-3", "transcript": "Hello. ", "continue": true,
            "voice": {"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
            "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
        });
        for (name, value) in change.as_object().unwrap() {
            request[name] = value.clone();
        }
        request.to_string()
    }

    fn generation(change: Value) -> Generation {
        match Request::parse(&asking(change)).unwrap() {
            Request::Generate(generation) => *generation,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_asked_for_is_as_the_vendor_has_it() {
        let request = generation(json!({"language": null}));
        assert!(request.continues && !request.flush && !request.terms.timestamps);
        assert_eq!(request.terms.buffer_delay, Duration::from_secs(3));
        assert_eq!(request.unknown, [""; 0]);
        assert!(!generation(json!({"continue": null})).continues);
    }

    #[test]
    fn a_request_keeps_to_the_terms_of_the_first() {
        let first = generation(json!({})).terms;
        let more = generation(json!({"transcript": "", "continue": false, "flush": true})).terms;
        assert_eq!(first.changed(&more), None);
        assert_eq!(first.changed(&generation(json!({"language": "en"})).terms), Some("language"));
        let faster = generation(json!({"generation_config": {"speed": 1.2}})).terms;
        assert_eq!(first.changed(&faster), Some("generation_config"));
    }

    #[test]
    fn a_field_that_does_not_exist_is_noticed() {
        assert_eq!(generation(json!({"contine": true})).unknown, ["contine"]);
    }

    #[test]
    fn what_the_vendor_refuses_is_refused() {
        for (change, reason) in [
            (json!({"context_id": ""}), "context_id"),
            (json!({"context_id": 7}), "context_id"),
            (json!({"model_id": "gpt-4o"}), "model_id"),
            (json!({"transcript": null}), "transcript"),
            (json!({"voice": {"mode": "embedding", "id": "x"}}), "voice"),
            (json!({"voice": {"mode": "id", "id": " "}}), "voice.id"),
            (json!({"output_format": {"container": "wav"}}), "container"),
            (
                json!({"output_format": {"container": "raw", "encoding": "pcm_f32le", "sample_rate": 44100}}),
                "all that the stand-in has",
            ),
            (json!({"max_buffer_delay_ms": 5001}), "max_buffer_delay_ms"),
            (json!({"max_buffer_delay_ms": 0.5}), "max_buffer_delay_ms"),
            (json!({"continue": "yes"}), "continue"),
            (json!({"generation_config": {"speed": 2}}), "speed"),
            (json!({"generation_config": {"volume": 0}}), "volume"),
            (json!({"speed": "hasty"}), "speed"),
            (json!({"language": "english"}), "language"),
            (json!({"add_phoneme_timestamps": true}), "add_phoneme_timestamps"),
        ] {
            let (_, problem) = Request::parse(&asking(change.clone())).err().unwrap();
            assert!(problem.message.contains(reason), "{change}: {}", problem.message);
        }
        assert!(Request::parse("[]").is_err());
    }
}
