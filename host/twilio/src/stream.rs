//! The messages of a media stream, as JSON in text frames.
//!
//! Source: Twilio, "Media Streams – WebSocket messages". Twilio writes sequence numbers, chunk
//! numbers and timestamps as strings; numbers are understood too. Unknown fields are ignored, and
//! what goes to Twilio has exactly the fields that it documents: more would be a warning there.
//!
//! Messages whose event begins with `cordboard.` are ours ([`Own`]). They are exchanged on local
//! sockets only, with a far end that asked for them by the parameter [`OWN_PARAMETER`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A far end that sets this parameter of the stream understands [`Own`] messages.
pub const OWN_PARAMETER: &str = "cordboard";

/// From Twilio, or from whoever plays its part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Incoming<'a> {
    Connected {
        #[serde(default)]
        protocol: String,
        #[serde(default)]
        version: String,
    },
    #[serde(rename_all = "camelCase")]
    Start {
        #[serde(default, deserialize_with = "number", serialize_with = "string")]
        sequence_number: Option<u64>,
        stream_sid: Option<String>,
        start: Start,
    },
    #[serde(rename_all = "camelCase")]
    Media {
        #[serde(default, deserialize_with = "number", serialize_with = "string")]
        sequence_number: Option<u64>,
        #[serde(borrow)]
        stream_sid: Option<Cow<'a, str>>,
        #[serde(borrow)]
        media: Media<'a>,
    },
    #[serde(rename_all = "camelCase")]
    Dtmf {
        #[serde(default, deserialize_with = "number", serialize_with = "string")]
        sequence_number: Option<u64>,
        stream_sid: Option<String>,
        dtmf: Dtmf,
    },
    #[serde(rename_all = "camelCase")]
    Mark {
        #[serde(default, deserialize_with = "number", serialize_with = "string")]
        sequence_number: Option<u64>,
        stream_sid: Option<String>,
        mark: Mark,
    },
    #[serde(rename_all = "camelCase")]
    Stop {
        #[serde(default, deserialize_with = "number", serialize_with = "string")]
        sequence_number: Option<u64>,
        stream_sid: Option<String>,
    },
    /// Words that the far end knows without a recogniser: typed, or recognised there.
    #[serde(rename = "cordboard.said", rename_all = "camelCase")]
    Said {
        stream_sid: Option<String>,
        text: String,
        #[serde(rename = "final")]
        last: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    pub stream_sid: Option<String>,
    #[serde(default)]
    pub account_sid: Option<String>,
    pub call_sid: Option<String>,
    #[serde(default)]
    pub tracks: Vec<String>,
    #[serde(default)]
    pub custom_parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub media_format: Option<MediaFormat>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaFormat {
    pub encoding: String,
    #[serde(deserialize_with = "certain_number")]
    pub sample_rate: u64,
    #[serde(deserialize_with = "certain_number")]
    pub channels: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Media<'a> {
    #[serde(borrow, default)]
    pub track: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "number", serialize_with = "string")]
    pub chunk: Option<u64>,
    /// milliseconds since the stream began
    #[serde(default, deserialize_with = "number", serialize_with = "string")]
    pub timestamp: Option<u64>,
    /// base64 of raw µ-law at 8000 Hz
    #[serde(borrow)]
    pub payload: Cow<'a, str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dtmf {
    #[serde(default)]
    pub track: Option<String>,
    pub digit: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub name: String,
}

/// To Twilio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Outgoing {
    #[serde(rename_all = "camelCase")]
    Media { stream_sid: String, media: Payload },
    #[serde(rename_all = "camelCase")]
    Mark { stream_sid: String, mark: Mark },
    #[serde(rename_all = "camelCase")]
    Clear { stream_sid: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// base64 of raw µ-law at 8000 Hz
    pub payload: String,
}

/// To a far end of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum Own {
    /// What the line can do: once, after `start`.
    #[serde(rename = "cordboard.offer", rename_all = "camelCase")]
    Offer {
        stream_sid: String,
        /// the component that recognises what is said; none: nobody does
        recogniser: Option<String>,
        /// [`Incoming::Said`] is taken
        said: bool,
    },
    /// What the caller was understood to say.
    #[serde(rename = "cordboard.turn", rename_all = "camelCase")]
    Turn { stream_sid: String, number: u32, revision: u32, text: String },
    /// What the agent said, and what of it was heard.
    #[serde(rename = "cordboard.spoke", rename_all = "camelCase")]
    Spoke { stream_sid: String, text: String, heard: String },
    /// The call is over, and why.
    #[serde(rename = "cordboard.ended", rename_all = "camelCase")]
    Ended { stream_sid: String, departure: String },
}

impl Outgoing {
    pub fn media(stream_sid: &str, audio: &[u8]) -> Self {
        let media = Payload { payload: STANDARD.encode(audio) };
        Self::Media { stream_sid: stream_sid.to_owned(), media }
    }

    pub fn mark(stream_sid: &str, name: &str) -> Self {
        Self::Mark { stream_sid: stream_sid.to_owned(), mark: Mark { name: name.to_owned() } }
    }

    pub fn clear(stream_sid: &str) -> Self {
        Self::Clear { stream_sid: stream_sid.to_owned() }
    }
}

/// As the text of a frame.
pub fn to_text(message: &impl Serialize) -> String {
    // strings, numbers and maps with string keys: nothing of it can fail
    serde_json::to_string(message).unwrap_or_default()
}

pub fn encode_payload(audio: &[u8]) -> String {
    STANDARD.encode(audio)
}

/// Padding may be missing, as some clients leave it out.
pub fn decode_payload(payload: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(payload).or_else(|e| {
        let unpadded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(payload);
        unpadded.map_err(|_| e)
    })
}

/// A number, or a string that holds one; anything else is as if it were not there.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<'a> {
        Number(u64),
        #[serde(borrow)]
        Text(Cow<'a, str>),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Number(number) => Some(number),
        Either::Text(text) => text.trim().parse().ok(),
        Either::Other(_) => None,
    })
}

fn certain_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number(deserializer)?.ok_or_else(|| serde::de::Error::custom("a number is needed"))
}

fn string<S: serde::Serializer>(number: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => serializer.serialize_str(&number.to_string()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_twilio_has_exactly_the_documented_fields() {
        let text = to_text(&Outgoing::media("MZ1", &[0xFF, 0x7F]));
        assert_eq!(text, r#"{"event":"media","streamSid":"MZ1","media":{"payload":"/38="}}"#);
        let text = to_text(&Outgoing::mark("MZ1", "0-1"));
        assert_eq!(text, r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"0-1"}}"#);
        assert_eq!(to_text(&Outgoing::clear("MZ1")), r#"{"event":"clear","streamSid":"MZ1"}"#);
    }

    #[test]
    fn what_we_write_in_twilios_place_is_what_twilio_writes() {
        let media = Media {
            track: Some("inbound".into()),
            chunk: Some(2),
            timestamp: Some(25),
            payload: "/38=".into(),
        };
        let message = Incoming::Media { sequence_number: Some(3), stream_sid: Some("MZ1".into()), media };
        let text = to_text(&message);
        assert_eq!(
            text,
            r#"{"event":"media","sequenceNumber":"3","streamSid":"MZ1","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"/38="}}"#
        );
        assert_eq!(serde_json::from_str::<Incoming<'_>>(&text).unwrap(), message);
    }
}
