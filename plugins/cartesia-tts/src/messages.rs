//! What is said on the socket, both ways. Unknown fields and unknown messages are ignored.

use crate::Settings;
use plugin::{AudioFormat, Cause, Encoding, Failure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Samples per second that the vendor can give.
const RATES: [u32; 6] = [8000, 16000, 22050, 24000, 44100, 48000];

/// What is the same in every input of a context, as the vendor demands.
#[derive(Clone)]
pub(crate) struct Manner(Map<String, Value>);

impl Manner {
    /// Fails where the vendor cannot give audio in this format.
    pub(crate) fn new(settings: &Settings, format: AudioFormat) -> Result<Self, Failure> {
        let AudioFormat { encoding, rate } = format;
        if !RATES.contains(&rate) {
            let message = format!("the vendor gives no audio at {rate} samples a second");
            return Err(plugin::failure(Cause::Unsupported, message));
        }
        let encoding = match encoding {
            Encoding::Mulaw => "pcm_mulaw",
            Encoding::Pcm16 => "pcm_s16le",
        };
        let mut fields = Map::new();
        fields.insert("model_id".into(), json!(settings.model));
        fields.insert(
            "output_format".into(),
            json!({ "container": "raw", "encoding": encoding, "sample_rate": rate }),
        );
        fields.insert("add_timestamps".into(), json!(true));
        fields.insert("max_buffer_delay_ms".into(), json!(settings.max_buffer_delay_ms));
        let mut delivery = Map::new();
        for (name, value) in [("speed", settings.speed), ("volume", settings.volume)] {
            if value != 1.0 {
                delivery.insert(name.into(), json!(value));
            }
        }
        if !settings.emotion.is_empty() {
            delivery.insert("emotion".into(), json!(settings.emotion));
        }
        if !delivery.is_empty() {
            fields.insert("generation_config".into(), Value::Object(delivery));
        }
        Ok(Self(fields))
    }

    /// None: as before.
    pub(crate) fn with(mut self, voice: Option<&str>, language: Option<&str>) -> Self {
        if let Some(id) = voice {
            self.0.insert("voice".into(), json!({ "mode": "id", "id": id }));
        }
        if let Some(language) = language.and_then(plugin::primary_language) {
            self.0.insert("language".into(), json!(language));
        }
        self
    }

    /// Text for a context. `more`: there may be more of it.
    pub(crate) fn input(&self, context: &str, text: &str, more: bool) -> String {
        let mut fields = self.0.clone();
        fields.insert("context_id".into(), json!(context));
        fields.insert("transcript".into(), json!(text));
        fields.insert("continue".into(), json!(more));
        Value::Object(fields).to_string()
    }
}

/// Nothing more of this context is wanted.
pub(crate) fn cancel(context: &str) -> String {
    json!({ "context_id": context, "cancel": true }).to_string()
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Message {
    Chunk {
        context_id: String,
        /// base64
        #[serde(default)]
        data: String,
    },
    Timestamps {
        context_id: String,
        word_timestamps: Words,
    },
    Done {
        context_id: String,
    },
    Error(Refused),
    #[serde(other)]
    Other,
}

/// Words, and where they lie in the context's audio, in seconds.
#[derive(Deserialize)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
    pub(crate) start: Vec<f64>,
    pub(crate) end: Vec<f64>,
}

/// Why the vendor will not speak. Versions of the API before 2026-03-01 say it in `error`, later
/// ones in `title` and `message`.
#[derive(Deserialize)]
pub(crate) struct Refused {
    /// none: it is about the socket
    pub(crate) context_id: Option<String>,
    #[serde(default)]
    pub(crate) status_code: u16,
    error: Option<String>,
    title: Option<String>,
    message: Option<String>,
}

impl Refused {
    pub(crate) fn reason(&self) -> String {
        let said = [&self.error, &self.title, &self.message];
        let said: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
        format!("status {}: {}", self.status_code, said.join(": "))
    }
}
