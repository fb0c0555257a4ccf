//! The account and its numbers: what there is to look at when nobody can call.

use super::call::Fields;
use super::error::RestError;
use super::sending::Answer;
use crate::number::Number;
use jiff::Timestamp;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub sid: String,
    pub friendly_name: Option<String>,
    /// `active`, `suspended` or `closed`.
    pub status: Option<String>,
    /// `Trial` or `Full`. One on trial calls verified numbers only.
    pub kind: Option<String>,
    /// When Twilio answered, by its own clock, to the second.
    pub date: Option<Timestamp>,
}

/// A number of the account's, and what happens when it is called. An application or a trunk, where
/// there is one, is asked in place of the voice URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingNumber {
    pub sid: String,
    pub phone_number: Number,
    pub friendly_name: Option<String>,
    pub voice_url: Option<String>,
    /// `POST` or `GET`.
    pub voice_method: Option<String>,
    pub status_callback: Option<String>,
    pub voice_application_sid: Option<String>,
    pub trunk_sid: Option<String>,
    /// Whether it takes calls at all.
    pub voice: Option<bool>,
}

impl Account {
    pub(super) fn read(answer: Answer) -> Result<Self, RestError> {
        let json = Fields(&answer.json);
        let Some(sid) = json.text("sid") else {
            return Err(answer.unreadable("it has no sid"));
        };
        Ok(Self {
            sid,
            friendly_name: json.text("friendly_name"),
            status: json.text("status"),
            kind: json.text("type"),
            date: answer.date,
        })
    }
}

impl IncomingNumber {
    /// Twilio looks for numbers that contain what is asked for; it is the one that equals it.
    pub(super) fn find(answer: Answer, number: &Number) -> Result<Option<Self>, RestError> {
        let Some(numbers) = answer.json.get("incoming_phone_numbers").and_then(Value::as_array) else {
            return Err(answer.unreadable("it has no incoming_phone_numbers"));
        };
        Ok(numbers.iter().filter_map(Self::of).find(|found| found.phone_number == *number))
    }

    fn of(json: &Value) -> Option<Self> {
        let capabilities = json.get("capabilities").unwrap_or(&Value::Null);
        let voice = Fields(capabilities).truth("voice");
        let json = Fields(json);
        Some(Self {
            sid: json.text("sid")?,
            phone_number: json.text("phone_number")?.parse().ok()?,
            friendly_name: json.text("friendly_name"),
            voice_url: json.text("voice_url"),
            voice_method: json.text("voice_method"),
            status_callback: json.text("status_callback"),
            voice_application_sid: json.text("voice_application_sid"),
            trunk_sid: json.text("trunk_sid"),
            voice,
        })
    }
}
