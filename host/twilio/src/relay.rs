//! The messages of ConversationRelay, as JSON in text frames: Twilio recognises and speaks, and the two
//! sides exchange words.
//!
//! Source: Twilio, "ConversationRelay – WebSocket messages". Unknown fields are ignored; what goes to
//! Twilio has exactly the fields that it documents. Of `info`, which comes where `events` was asked for,
//! Twilio documents that it is there and not how it looks: `agentSpeaking` and `clientSpeaking` with `on`
//! or `off`, and `tokensPlayed` with the words, are what was seen on calls.
//!
//! ```
//! use twilio::relay::{Outgoing, Receiving, Received};
//!
//! let mut receiving = Receiving::default();
//! let received = receiving.text(r#"{"type":"setup","sessionId":"VX1","callSid":"CA1","from":"+15555550100"}"#);
//! assert!(matches!(received, Ok(Received::Started(setup)) if setup.call_sid.as_deref() == Some("CA1")));
//! let said = receiving.text(r#"{"type":"prompt","voicePrompt":"My soup was cold.","lang":"en-US","last":true}"#);
//! assert!(matches!(said, Ok(Received::Prompt { last: true, .. })));
//! ```

use crate::stream::to_text;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// So many messages in a row that Twilio cannot understand, and it closes the session (64105).
pub const MOST_INVALID: u32 = 10;

/// From Twilio, or from whoever plays its part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Incoming {
    Setup(Box<Setup>),
    /// What the caller said.
    #[serde(rename_all = "camelCase")]
    Prompt {
        voice_prompt: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lang: Option<String>,
        /// More of it may come, where partial prompts were asked for.
        #[serde(default = "yes")]
        last: bool,
    },
    Dtmf {
        digit: String,
    },
    /// The caller cut in.
    #[serde(rename_all = "camelCase")]
    Interrupt {
        #[serde(default)]
        utterance_until_interrupt: Option<String>,
        #[serde(default, deserialize_with = "number")]
        duration_until_interrupt_ms: Option<u64>,
    },
    /// Something that we sent was not understood.
    Error {
        #[serde(default)]
        description: String,
    },
    Info {
        #[serde(default)]
        name: String,
        #[serde(default)]
        value: serde_json::Value,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Setup {
    pub session_id: Option<String>,
    pub account_sid: Option<String>,
    pub call_sid: Option<String>,
    pub parent_call_sid: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub forwarded_from: Option<String>,
    pub call_type: Option<String>,
    pub caller_name: Option<String>,
    /// `inbound`, `outbound`, `outbound-api`
    pub direction: Option<String>,
    pub call_status: Option<String>,
    pub custom_parameters: BTreeMap<String, String>,
}

/// To Twilio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Outgoing {
    /// Words to speak. What belongs together is a *talk cycle*, and ends with `last`.
    Text {
        token: String,
        last: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lang: Option<String>,
        /// The caller may cut in.
        #[serde(default = "yes")]
        interruptible: bool,
        /// What is sent in the next talk cycle takes its place.
        #[serde(default)]
        preemptible: bool,
    },
    /// The URL of a sound.
    Play {
        source: String,
        /// 0: a thousand times
        #[serde(rename = "loop", default = "once")]
        times: u32,
        #[serde(default)]
        preemptible: bool,
        #[serde(default = "yes")]
        interruptible: bool,
    },
    /// Keys to press: `0-9 * # w`, where `w` is half a second.
    SendDigits { digits: String },
    /// At least one of them.
    #[serde(rename_all = "camelCase")]
    Language {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tts_language: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transcription_language: Option<String>,
    },
    /// The session is over; what is said here comes back with the request of `<Connect action>`.
    #[serde(rename_all = "camelCase")]
    End {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handoff_data: Option<String>,
    },
}

impl Outgoing {
    /// The text of its frame.
    pub fn to_text(&self) -> String {
        to_text(self)
    }
}

/// What a message means.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// The session begins: once, before anything else.
    Started(Box<Setup>),
    /// What the caller said so far; `last`: all of it.
    Prompt {
        text: String,
        language: Option<String>,
        last: bool,
    },
    Key(char),
    /// The caller cut in; `spoken`: what of the talk cycle could be heard by then, if Twilio says.
    Interrupted {
        spoken: Option<String>,
    },
    /// Twilio begins to speak what it was sent, or has spoken all of it.
    Speaking(bool),
    /// Twilio did not understand something that we sent.
    Refused(String),
    /// Nothing that concerns the call.
    Other,
}

/// What is wrong about a message. It is ignored, and the call goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("a binary frame of {0} bytes; the messages of ConversationRelay are text")]
    Binary(usize),
    #[error("not a message: {0}")]
    NotAMessage(String),
    #[error("an unknown type {0:?}")]
    UnknownType(String),
    #[error("a message before setup")]
    BeforeSetup,
    #[error("a second setup")]
    SecondSetup,
    #[error("a setup without a callSid: it belongs to no call")]
    NoCallSid,
    #[error("a key {0:?}, which is none")]
    Key(String),
}

/// One session, as far as it has come.
#[derive(Debug, Default)]
pub struct Receiving {
    is_started: bool,
}

impl Receiving {
    /// A text frame.
    pub fn text(&mut self, text: &str) -> Result<Received, Wrong> {
        let message: Incoming = serde_json::from_str(text).map_err(|error| unreadable(text, &error))?;
        let Incoming::Setup(setup) = message else {
            return if self.is_started { meaning(message) } else { Err(Wrong::BeforeSetup) };
        };
        if self.is_started {
            return Err(Wrong::SecondSetup);
        }
        if setup.call_sid.as_deref().is_none_or(str::is_empty) {
            return Err(Wrong::NoCallSid);
        }
        self.is_started = true;
        Ok(Received::Started(setup))
    }
}

fn meaning(message: Incoming) -> Result<Received, Wrong> {
    Ok(match message {
        Incoming::Setup(_) => return Err(Wrong::SecondSetup),
        Incoming::Prompt { voice_prompt, lang, last } => {
            let language = lang.filter(|lang| !lang.is_empty());
            Received::Prompt { text: voice_prompt, language, last }
        }
        Incoming::Dtmf { digit } => {
            let mut digits = digit.chars();
            match (digits.next(), digits.next()) {
                (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Received::Key(key),
                _ => return Err(Wrong::Key(digit)),
            }
        }
        Incoming::Interrupt { utterance_until_interrupt: spoken, .. } => Received::Interrupted { spoken },
        Incoming::Error { description } => Received::Refused(description),
        Incoming::Info { name, value } => match (name.as_str(), value.as_str()) {
            ("agentSpeaking", Some("on")) => Received::Speaking(true),
            ("agentSpeaking", Some("off")) => Received::Speaking(false),
            _ => Received::Other,
        },
    })
}

/// Not JSON at all, or a type that nobody knows.
fn unreadable(text: &str, error: &serde_json::Error) -> Wrong {
    #[derive(Deserialize)]
    struct Type {
        #[serde(rename = "type")]
        name: String,
    }
    const KNOWN: [&str; 6] = ["setup", "prompt", "dtmf", "interrupt", "error", "info"];
    match serde_json::from_str::<Type>(text) {
        Ok(Type { name }) if !KNOWN.contains(&name.as_str()) => {
            Wrong::UnknownType(name.chars().take(40).collect())
        }
        _ => Wrong::NotAMessage(error.to_string()),
    }
}

/// Older documentation has strings in place of numbers.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())))
}

fn yes() -> bool {
    true
}

fn once() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETUP: &str = r#"{"type":"setup","sessionId":"VX1","accountSid":"AC1","callSid":"CA1",
        "parentCallSid":"","from":"+15555550100","to":"+15555550101","forwardedFrom":"","callType":"PSTN",
        "callerName":"","direction":"inbound","callStatus":"RINGING","customParameters":{"persona":"a"}}"#;

    fn started() -> Receiving {
        let mut receiving = Receiving::default();
        let Ok(Received::Started(setup)) = receiving.text(SETUP) else { panic!() };
        assert_eq!(setup.custom_parameters["persona"], "a");
        assert_eq!(setup.direction.as_deref(), Some("inbound"));
        receiving
    }

    #[test]
    fn a_session_as_the_documentation_shows_it() {
        let mut receiving = started();
        let mut means = |text: &str| receiving.text(text).unwrap();
        let prompt = r#"{"type":"prompt","voicePrompt":"book a table","lang":"en-US","last":false}"#;
        let language = Some("en-US".to_owned());
        assert_eq!(
            means(prompt),
            Received::Prompt { text: "book a table".into(), language: language.clone(), last: false }
        );
        let without_last = r#"{"type":"prompt","voicePrompt":"two","lang":""}"#;
        assert_eq!(means(without_last), Received::Prompt { text: "two".into(), language: None, last: true });
        assert_eq!(means(r##"{"type":"dtmf","digit":"#"}"##), Received::Key('#'));
        for duration in ["460", "\"460\"", "null"] {
            let text = format!(
                r#"{{"type":"interrupt","utteranceUntilInterrupt":"Sure, I can","durationUntilInterruptMs":{duration}}}"#
            );
            assert_eq!(means(&text), Received::Interrupted { spoken: Some("Sure, I can".into()) });
        }
        assert_eq!(means(r#"{"type":"interrupt"}"#), Received::Interrupted { spoken: None });
        let speaking = |value: &str| format!(r#"{{"type":"info","name":"agentSpeaking","value":"{value}"}}"#);
        assert_eq!(means(&speaking("on")), Received::Speaking(true));
        assert_eq!(means(&speaking("off")), Received::Speaking(false));
        assert_eq!(means(r#"{"type":"info","name":"roundTripDelayMs","value":160}"#), Received::Other);
        let error = r#"{"type":"error","description":"Invalid message received: {}"}"#;
        assert_eq!(means(error), Received::Refused("Invalid message received: {}".into()));
    }

    #[test]
    fn what_is_wrong_is_said_and_the_session_goes_on() {
        let mut receiving = Receiving::default();
        assert_eq!(receiving.text(r#"{"type":"dtmf","digit":"1"}"#), Err(Wrong::BeforeSetup));
        assert_eq!(receiving.text(&SETUP.replace("CA1", "")), Err(Wrong::NoCallSid));
        let mut receiving = started();
        let mut wrong = |text: &str| receiving.text(text).unwrap_err();
        assert_eq!(wrong(SETUP), Wrong::SecondSetup);
        assert!(matches!(wrong("what?"), Wrong::NotAMessage(_)));
        assert!(matches!(wrong("{}"), Wrong::NotAMessage(_)));
        assert!(matches!(wrong(r#"{"type":"prompt"}"#), Wrong::NotAMessage(_)));
        assert_eq!(wrong(r#"{"type":"surprise"}"#), Wrong::UnknownType("surprise".into()));
        assert_eq!(wrong(r#"{"type":"dtmf","digit":"12"}"#), Wrong::Key("12".into()));
        assert_eq!(receiving.text(r#"{"type":"dtmf","digit":"1"}"#), Ok(Received::Key('1')));
    }

    #[test]
    fn what_goes_to_twilio_has_exactly_the_documented_fields() {
        let text = Outgoing::Text {
            token: "Hello ".into(),
            last: false,
            lang: None,
            interruptible: true,
            preemptible: false,
        };
        let written =
            r#"{"type":"text","token":"Hello ","last":false,"interruptible":true,"preemptible":false}"#;
        assert_eq!(text.to_text(), written);
        assert_eq!(serde_json::from_str::<Outgoing>(written).unwrap(), text);
        let play = Outgoing::Play {
            source: "https://a.example/b.mp3".into(),
            times: 1,
            preemptible: false,
            interruptible: true,
        };
        assert_eq!(
            play.to_text(),
            r#"{"type":"play","source":"https://a.example/b.mp3","loop":1,"preemptible":false,"interruptible":true}"#
        );
        let digits = Outgoing::SendDigits { digits: "9www4085551212".into() };
        assert_eq!(digits.to_text(), r#"{"type":"sendDigits","digits":"9www4085551212"}"#);
        let language =
            Outgoing::Language { tts_language: Some("sv-SE".into()), transcription_language: None };
        assert_eq!(language.to_text(), r#"{"type":"language","ttsLanguage":"sv-SE"}"#);
        let end = Outgoing::End { handoff_data: Some(r#"{"reason":"agent"}"#.into()) };
        assert_eq!(end.to_text(), r#"{"type":"end","handoffData":"{\"reason\":\"agent\"}"}"#);
        assert_eq!(Outgoing::End { handoff_data: None }.to_text(), r#"{"type":"end"}"#);
    }
}
