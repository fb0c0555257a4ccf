//! A call as Twilio describes it.
//!
//! Everything of it may be null, and numbers come as text. Only the SID is insisted on: without it there
//! is no call to speak of.

use super::error::RestError;
use super::sending::Answer;
use crate::status::{AnsweredBy, Direction, Status};
use crate::webhook::time;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub sid: String,
    /// `Other("unknown")`, if Twilio does not say.
    pub status: Status,
    pub account_sid: Option<String>,
    /// The call whose `<Dial>` made this one.
    pub parent_call_sid: Option<String>,
    pub to: Option<String>,
    pub from: Option<String>,
    pub caller_name: Option<String>,
    pub forwarded_from: Option<String>,
    pub direction: Option<Direction>,
    pub answered_by: Option<AnsweredBy>,
    /// How long it lasted, in whole seconds; known once it is over.
    pub duration: Option<Duration>,
    /// How long it waited to be made.
    pub queue_time: Option<Duration>,
    pub date_created: Option<Timestamp>,
    pub date_updated: Option<Timestamp>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    /// As Twilio writes it, negative for what is charged: `-0.0300`. Known some time after the end.
    pub price: Option<String>,
    /// `USD`
    pub price_unit: Option<String>,
}

impl Call {
    pub(super) fn read(answer: Answer) -> Result<Self, RestError> {
        Self::of(&Fields(&answer.json)).ok_or_else(|| answer.unreadable("it has no sid"))
    }

    fn of(json: &Fields<'_>) -> Option<Self> {
        Some(Self {
            sid: json.text("sid")?,
            status: json.word("status").unwrap_or_else(|| Status::Other("unknown".into())),
            account_sid: json.text("account_sid"),
            parent_call_sid: json.text("parent_call_sid"),
            to: json.text("to"),
            from: json.text("from"),
            caller_name: json.text("caller_name"),
            forwarded_from: json.text("forwarded_from"),
            direction: json.word("direction"),
            answered_by: json.word("answered_by"),
            duration: json.number("duration").map(Duration::from_secs),
            queue_time: json.number("queue_time").map(Duration::from_millis),
            date_created: json.time("date_created"),
            date_updated: json.time("date_updated"),
            start_time: json.time("start_time"),
            end_time: json.time("end_time"),
            price: json.text("price"),
            price_unit: json.text("price_unit"),
        })
    }
}

/// Fields that may be missing, null, empty, or of another type than one would think.
pub(super) struct Fields<'a>(pub &'a Value);

impl Fields<'_> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    fn word<W: for<'a> From<&'a str>>(&self, name: &str) -> Option<W> {
        self.text(name).map(|word| W::from(word.as_str()))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        time(&self.text(name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: Value) -> Result<Call, RestError> {
        Call::read(Answer { doing: "asking".into(), status: 200, date: None, json })
    }

    #[test]
    fn a_call_that_is_over() {
        let call = read(json!({
            "sid": "CA1", "account_sid": "AC1", "parent_call_sid": null, "to": "+15555550101",
            "to_formatted": "(555) 555-0101", "from": "+15555550100", "status": "completed",
            "direction": "outbound-api", "answered_by": "machine_start", "api_version": "2010-04-01",
            "forwarded_from": "", "caller_name": null, "duration": "71", "price": "-0.0300",
            "price_unit": "USD", "queue_time": "1500", "date_created": "Sun, 25 Mar 2018 09:52:00 +0000",
            "date_updated": null, "start_time": "Sun, 25 Mar 2018 09:52:08 +0000",
            "end_time": "Sun, 25 Mar 2018 09:53:19 +0000", "subresource_uris": { "recordings": "/x" },
        }))
        .unwrap();
        let time = |text: &str| Some(text.parse().unwrap());
        let expected = Call {
            sid: "CA1".into(),
            status: Status::Completed,
            account_sid: Some("AC1".into()),
            parent_call_sid: None,
            to: Some("+15555550101".into()),
            from: Some("+15555550100".into()),
            caller_name: None,
            forwarded_from: None,
            direction: Some(Direction::OutboundApi),
            answered_by: Some(AnsweredBy::MachineStart),
            duration: Some(Duration::from_secs(71)),
            queue_time: Some(Duration::from_millis(1500)),
            date_created: time("2018-03-25T09:52:00Z"),
            date_updated: None,
            start_time: time("2018-03-25T09:52:08Z"),
            end_time: time("2018-03-25T09:53:19Z"),
            price: Some("-0.0300".into()),
            price_unit: Some("USD".into()),
        };
        assert_eq!(call, expected);
        assert!(call.status.is_over());
    }

    #[test]
    fn types_that_nobody_expects_and_what_is_missing_do_no_harm() {
        let call = read(json!({ "sid": "CA1", "status": "parked", "duration": 71, "queue_time": "soon",
            "start_time": "yesterday", "to": ["+1"], "price": -0.03 }))
        .unwrap();
        assert_eq!(call.status, Status::Other("parked".into()));
        assert_eq!(call.duration, Some(Duration::from_secs(71)));
        assert_eq!((call.queue_time, call.start_time, call.to), (None, None, None));
        assert_eq!(call.price.as_deref(), Some("-0.03"));
        assert_eq!(read(json!({ "sid": "CA1" })).unwrap().status, Status::Other("unknown".into()));
    }

    #[test]
    fn an_answer_without_a_sid_is_no_call() {
        for json in [json!({ "status": "queued" }), json!([]), json!(null), json!({ "sid": "" })] {
            let error = read(json).unwrap_err();
            assert!(matches!(error, RestError::Unreadable { status: 200, .. }), "{error}");
        }
    }
}
