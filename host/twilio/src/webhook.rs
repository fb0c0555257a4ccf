//! What Twilio sends to a webhook: when a call comes in or is answered, when its status changes, when
//! a stream begins or ends, when a `<Dial>`, a `<Gather>` or a ConversationRelay is done.
//!
//! Source: Twilio, "TwiML Voice: request parameters", "Call resource: status callbacks", `<Stream>`,
//! `<Dial>`, `<Gather>` and `<ConversationRelay>`. Reading never fails: everything may be missing, and what is empty or makes no sense counts
//! as missing. Whether the request is Twilio's at all is for [`crate::signature`]; in which order status
//! callbacks count, for [`crate::progress`].

use crate::status::{AnsweredBy, DialStatus, Direction, Status};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use std::collections::BTreeMap;
use std::time::Duration;

/// The parameters of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhook {
    pub call_sid: Option<String>,
    pub account_sid: Option<String>,
    /// The call whose `<Dial>` made this one.
    pub parent_call_sid: Option<String>,
    /// A number, "anonymous", a SIP address, a client.
    pub from: Option<String>,
    pub to: Option<String>,
    pub caller_name: Option<String>,
    pub forwarded_from: Option<String>,
    pub direction: Option<Direction>,
    pub status: Option<Status>,
    pub answered_by: Option<AnsweredBy>,
    /// How long it took to tell who answered.
    pub machine_detection_duration: Option<Duration>,
    /// How long the call lasted: in the last status callback only.
    pub call_duration: Option<Duration>,
    /// Counts the status callbacks of a call, from 0.
    pub sequence_number: Option<u64>,
    pub timestamp: Option<Timestamp>,
    /// Why a call failed, in SIP's terms.
    pub sip_response_code: Option<u16>,
    /// In callbacks about a stream.
    pub stream: Option<StreamCallback>,
    /// In requests to the `action` of a `<Dial>`.
    pub dial: Option<DialResult>,
    /// In requests to the `action` of a `<Gather>`, and while it is under way.
    pub gathered: Option<Gathered>,
    /// In requests to the `action` of a `<Connect>` with a ConversationRelay.
    pub relay: Option<RelayResult>,
}

/// What the caller said or pressed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    pub speech: Option<String>,
    /// 0 to 1; Twilio also says 0 where it does not know.
    pub confidence: Option<f32>,
    /// Without the key that finished it.
    pub digits: Option<String>,
    /// That key, where Twilio tells.
    pub finished: Option<char>,
    /// While it is being said: what will not change any more, and what may.
    pub stable: Option<String>,
    pub unstable: Option<String>,
}

/// How a session of ConversationRelay ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayResult {
    pub session_id: Option<String>,
    /// `ended`, `completed`, `failed`
    pub status: Option<String>,
    pub duration: Option<Duration>,
    /// What was said in the `end` of the session.
    pub handoff: Option<String>,
    /// 64105: its socket was lost.
    pub error_code: Option<u32>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamCallback {
    pub sid: Option<String>,
    pub name: Option<String>,
    pub event: Option<StreamEvent>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    Started,
    Stopped,
    Error,
    Other(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialResult {
    pub status: Option<DialStatus>,
    /// The far leg.
    pub call_sid: Option<String>,
    pub duration: Option<Duration>,
    /// Whether the two were connected.
    pub bridged: Option<bool>,
}

impl Webhook {
    /// Of the decoded pairs of a form or a query. Of a name that comes twice, the first that is not
    /// empty counts.
    pub fn parse<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            let value = value.as_ref().trim();
            if !value.is_empty() {
                fields.0.entry(name.as_ref().to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        Self::of(fields)
    }

    fn of(mut fields: Fields) -> Self {
        Self {
            stream: StreamCallback::of(&mut fields),
            dial: DialResult::of(&mut fields),
            gathered: Gathered::of(&mut fields),
            relay: RelayResult::of(&mut fields),
            call_sid: fields.text("CallSid"),
            account_sid: fields.text("AccountSid"),
            parent_call_sid: fields.text("ParentCallSid"),
            from: fields.text("From"),
            to: fields.text("To"),
            caller_name: fields.text("CallerName"),
            forwarded_from: fields.text("ForwardedFrom"),
            direction: fields.word("Direction"),
            status: fields.word("CallStatus"),
            answered_by: fields.word("AnsweredBy"),
            machine_detection_duration: fields.number("MachineDetectionDuration").map(Duration::from_millis),
            // `Duration` beside it counts minutes
            call_duration: fields.number("CallDuration").map(Duration::from_secs),
            sequence_number: fields.number("SequenceNumber"),
            timestamp: fields.text("Timestamp").and_then(|text| time(&text)),
            sip_response_code: fields.number("SipResponseCode").and_then(|code| code.try_into().ok()),
        }
    }
}

impl StreamCallback {
    fn of(fields: &mut Fields) -> Option<Self> {
        let stream = Self {
            sid: fields.text("StreamSid"),
            name: fields.text("StreamName"),
            event: fields.word("StreamEvent"),
            error: fields.text("StreamError"),
        };
        (stream != Self::default()).then_some(stream)
    }
}

impl DialResult {
    fn of(fields: &mut Fields) -> Option<Self> {
        let dial = Self {
            status: fields.word("DialCallStatus"),
            call_sid: fields.text("DialCallSid"),
            duration: fields.number("DialCallDuration").map(Duration::from_secs),
            bridged: fields.text("DialBridged").and_then(|text| text.to_ascii_lowercase().parse().ok()),
        };
        (dial != Self::default()).then_some(dial)
    }
}

impl Gathered {
    fn of(fields: &mut Fields) -> Option<Self> {
        let confidence = fields.text("Confidence").and_then(|text| text.parse::<f32>().ok());
        let gathered = Self {
            speech: fields.text("SpeechResult"),
            confidence: confidence.filter(|confidence| (0.0..=1.0).contains(confidence)),
            digits: fields.text("Digits"),
            finished: fields.text("FinishedOnKey").and_then(|key| key.chars().next()),
            stable: fields.text("StableSpeechResult"),
            unstable: fields.text("UnstableSpeechResult"),
        };
        (gathered != Self::default()).then_some(gathered)
    }
}

impl RelayResult {
    fn of(fields: &mut Fields) -> Option<Self> {
        let relay = Self {
            session_id: fields.text("SessionId"),
            status: fields.text("SessionStatus"),
            duration: fields.number("SessionDuration").map(Duration::from_secs),
            handoff: fields.text("HandoffData"),
            error_code: fields.number("ErrorCode").and_then(|code| code.try_into().ok()),
            error: fields.text("ErrorMessage"),
        };
        (relay != Self::default()).then_some(relay)
    }
}

impl From<&str> for StreamEvent {
    fn from(word: &str) -> Self {
        match word {
            "stream-started" => Self::Started,
            "stream-stopped" => Self::Stopped,
            "stream-error" => Self::Error,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// What came and is not empty. Each is taken out once.
#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn word<W: for<'a> From<&'a str>>(&mut self, name: &str) -> Option<W> {
        self.text(name).map(|word| W::from(word.as_str()))
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}

/// Calls write RFC 2822 ("Sun, 25 Mar 2018 09:53:19 +0000"), streams ISO 8601.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok().or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it comes over the wire.
    fn webhook(form: &str) -> Webhook {
        Webhook::parse(form_urlencoded::parse(form.as_bytes()))
    }

    #[test]
    fn a_call_comes_in() {
        let webhook = webhook(
            "AccountSid=AC00000000000000000000000000000001&ApiVersion=2010-04-01&CallSid=CA1\
             &CallStatus=ringing&Called=%2B15555550101&Caller=%2B15555550100&CallerName=Smith%2C+Ann\
             &Direction=inbound&From=%2B15555550100&FromCity=&To=%2B15555550101&StirVerstat=TN-Validation-A\
             &ForwardedFrom=%2B15555550102",
        );
        let expected = Webhook {
            call_sid: Some("CA1".into()),
            account_sid: Some("AC00000000000000000000000000000001".into()),
            from: Some("+15555550100".into()),
            to: Some("+15555550101".into()),
            caller_name: Some("Smith, Ann".into()),
            forwarded_from: Some("+15555550102".into()),
            direction: Some(Direction::Inbound),
            status: Some(Status::Ringing),
            ..Webhook::default()
        };
        assert_eq!(webhook, expected);
    }

    #[test]
    fn a_call_is_over_and_lasted_so_many_seconds_not_minutes() {
        let webhook = webhook(
            "CallSid=CA1&CallStatus=completed&Direction=outbound-api&CallbackSource=call-progress-events\
             &SequenceNumber=3&Timestamp=Sun%2C+25+Mar+2018+09%3A53%3A19+%2B0000&CallDuration=71&Duration=2\
             &SipResponseCode=200&AnsweredBy=machine_end_beep&MachineDetectionDuration=4300",
        );
        assert_eq!(webhook.status, Some(Status::Completed));
        assert_eq!(webhook.direction, Some(Direction::OutboundApi));
        assert_eq!(webhook.call_duration, Some(Duration::from_secs(71)));
        assert_eq!(webhook.sequence_number, Some(3));
        assert_eq!(webhook.timestamp, Some("2018-03-25T09:53:19Z".parse().unwrap()));
        assert_eq!(webhook.sip_response_code, Some(200));
        assert_eq!(webhook.answered_by, Some(AnsweredBy::MachineEndBeep));
        assert_eq!(webhook.machine_detection_duration, Some(Duration::from_millis(4300)));
        assert_eq!((webhook.stream, webhook.dial), (None, None));
    }

    #[test]
    fn a_stream_failed() {
        let webhook = webhook(
            "AccountSid=AC1&CallSid=CA1&StreamSid=MZ1&StreamName=line&StreamEvent=stream-error\
             &StreamError=31920+-+Handshake&Timestamp=2026-03-25T09%3A53%3A19.123Z",
        );
        let stream = webhook.stream.unwrap();
        assert_eq!(stream.sid.as_deref(), Some("MZ1"));
        assert_eq!(stream.name.as_deref(), Some("line"));
        assert_eq!(stream.event, Some(StreamEvent::Error));
        assert_eq!(stream.error.as_deref(), Some("31920 - Handshake"));
        assert_eq!(webhook.timestamp, Some("2026-03-25T09:53:19.123Z".parse().unwrap()));
    }

    #[test]
    fn somebody_else_was_dialled() {
        let dial = webhook(
            "CallSid=CA1&CallStatus=in-progress&DialCallSid=CA2&DialCallStatus=completed&DialCallDuration=12\
             &DialBridged=true",
        )
        .dial
        .unwrap();
        assert_eq!(dial.status, Some(DialStatus::Completed));
        assert_eq!(dial.call_sid.as_deref(), Some("CA2"));
        assert_eq!(dial.duration, Some(Duration::from_secs(12)));
        assert_eq!(dial.bridged, Some(true));
        let nobody = webhook("CallSid=CA1&DialCallStatus=no-answer").dial.unwrap();
        assert!(!nobody.status.unwrap().was_answered());
    }

    #[test]
    fn the_caller_said_or_pressed_something() {
        let gathered = |form: &str| webhook(form).gathered;
        let said = gathered("CallSid=CA1&SpeechResult=My+soup+was+cold.&Confidence=0.93&Language=en-US");
        let expected = Gathered {
            speech: Some("My soup was cold.".into()),
            confidence: Some(0.93),
            ..Gathered::default()
        };
        assert_eq!(said, Some(expected));
        let pressed = gathered("CallSid=CA1&Digits=12&FinishedOnKey=%23").unwrap();
        assert_eq!((pressed.digits.as_deref(), pressed.speech), (Some("12"), None));
        assert_eq!(pressed.finished, Some('#'));
        let partly = gathered("CallSid=CA1&StableSpeechResult=My+soup&UnstableSpeechResult=was").unwrap();
        assert_eq!((partly.stable.as_deref(), partly.unstable.as_deref()), (Some("My soup"), Some("was")));
        assert_eq!(gathered("CallSid=CA1&SpeechResult=&Digits=&Confidence="), None);
        let odd = gathered("SpeechResult=hi&Confidence=certain").unwrap();
        assert_eq!(
            (odd.confidence, gathered("SpeechResult=hi&Confidence=7").unwrap().confidence),
            (None, None)
        );
    }

    #[test]
    fn a_session_of_conversation_relay_is_over() {
        let ended = webhook(
            "CallSid=CA1&SessionId=VX1&SessionStatus=ended&SessionDuration=25\
             &HandoffData=%7B%22reason%22%3A%22agent%22%7D",
        );
        let relay = ended.relay.unwrap();
        assert_eq!(relay.handoff.as_deref(), Some(r#"{"reason":"agent"}"#));
        assert_eq!((relay.duration, relay.error_code), (Some(Duration::from_secs(25)), None));
        let lost =
            webhook("CallSid=CA1&SessionId=VX1&SessionStatus=failed&ErrorCode=64105&ErrorMessage=lost");
        assert_eq!(lost.relay.unwrap().error_code, Some(64105));
    }

    #[test]
    fn what_is_empty_or_makes_no_sense_is_missing() {
        let webhook = webhook(
            "CallSid=&CallSid=CA1&CallSid=CA2&From=&CallerName=++&CallDuration=soon&SequenceNumber=-1\
             &Timestamp=yesterday&SipResponseCode=99999&DialBridged=&StreamSid=",
        );
        assert_eq!(webhook, Webhook { call_sid: Some("CA1".into()), ..Webhook::default() });
        assert_eq!(Webhook::parse([("", "")]), Webhook::default());
    }

    #[test]
    fn a_local_parent_and_words_that_are_new() {
        let webhook =
            webhook("ParentCallSid=CA0&CallStatus=parked&Direction=sideways&StreamEvent=stream-muted");
        assert_eq!(webhook.parent_call_sid.as_deref(), Some("CA0"));
        assert_eq!(webhook.status, Some(Status::Other("parked".into())));
        assert_eq!(webhook.direction, Some(Direction::Other("sideways".into())));
        assert_eq!(webhook.stream.unwrap().event, Some(StreamEvent::Other("stream-muted".into())));
    }
}
