//! What the vendor says. Unknown fields and unknown messages are ignored.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Message {
    Results {
        #[serde(default)]
        is_final: bool,
        #[serde(default)]
        speech_final: bool,
        /// seconds into the stream
        #[serde(default)]
        start: f64,
        #[serde(default)]
        duration: f64,
        channel: Channel,
    },
    SpeechStarted,
    UtteranceEnd,
    ConfigureFailure {
        #[serde(default)]
        description: String,
    },
    Error {
        #[serde(default)]
        description: String,
        #[serde(default)]
        message: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(crate) struct Channel {
    #[serde(default)]
    pub(crate) alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
pub(crate) struct Alternative {
    #[serde(default)]
    pub(crate) transcript: String,
    #[serde(default)]
    pub(crate) confidence: f32,
    #[serde(default)]
    pub(crate) words: Vec<Heard>,
}

#[derive(Deserialize)]
pub(crate) struct Heard {
    pub(crate) word: String,
    pub(crate) punctuated_word: Option<String>,
    #[serde(default)]
    pub(crate) start: f64,
    #[serde(default)]
    pub(crate) end: f64,
}

impl Alternative {
    pub(crate) fn is_empty(&self) -> bool {
        self.transcript.trim().is_empty()
    }
}
