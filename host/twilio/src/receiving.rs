//! The receiving end of a media stream: messages in, what they mean out. It never fails a call on a
//! message that is wrong; it says what was wrong, and the call goes on without it.
//!
//! Audio that was lost on the way leaves a hole: it is filled with silence, so that the clock of
//! what was heard is the clock of the call.

use crate::stream::{Incoming, Media, Start, decode_payload};
use std::fmt;

/// One message of a stream cannot hold more audio than this, 5 s: Twilio sends 20 ms.
const MOST_AUDIO: usize = 40_000;
/// A hole longer than this, 5 s, is not one: the numbers are wrong.
const LONGEST_HOLE: u64 = 5_000;
/// Timestamps that are not exact leave no hole.
const JITTER: u64 = 60;
/// µ-law silence.
const SILENCE: u8 = 0xFF;
const BYTES_PER_MS: u64 = 8;

/// What a message means.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// The stream begins: once, before anything else.
    Started(Box<Start>),
    /// The caller's audio, µ-law, any length.
    Audio(Vec<u8>),
    Key(char),
    /// What we sent up to this mark was played, or cleared.
    Mark(String),
    /// Words that came without a recogniser. Whoever receives them decides whether to believe them.
    Said {
        text: String,
        last: bool,
    },
    /// The caller hung up, or the stream was stopped.
    Stopped,
    /// The message was ignored, or mended.
    Wrong(Wrong),
}

/// What is wrong about a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("a binary frame of {0} bytes; the stream's messages are text")]
    Binary(usize),
    #[error("not a message: {0}")]
    NotAMessage(String),
    #[error("an unknown event {0:?}")]
    UnknownEvent(String),
    #[error("{0} before start")]
    BeforeStart(&'static str),
    #[error("a second start")]
    SecondStart,
    #[error("a start without a streamSid: nothing could be sent to this stream")]
    NoStreamSid,
    #[error("a stream of {0}; only audio/x-mulaw at 8000 Hz with one channel is understood")]
    Format(String),
    #[error("a message for the stream {0:?}, which is not this one")]
    OtherStream(String),
    #[error("a payload that is no base64: {0}")]
    Payload(String),
    #[error("a payload of {0} bytes; at most 40000, five seconds, are taken at once")]
    TooLong(usize),
    #[error("a key {0:?}, which is none")]
    Key(String),
    #[error("{lost} lost: {filled} ms of silence in their place")]
    Hole { lost: Lost, filled: u64 },
}

/// How much was lost, as far as anything tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    Messages(u64),
    Time,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages(1) => f.write_str("one message was"),
            Self::Messages(count) => write!(f, "{count} messages were"),
            Self::Time => f.write_str("audio was"),
        }
    }
}

/// One stream, as far as it has come.
#[derive(Debug, Default)]
pub struct Receiving {
    sid: Option<String>,
    stopped: bool,
    last: Option<Last>,
}

/// The last media message.
#[derive(Clone, Copy, Debug)]
struct Last {
    sequence: Option<u64>,
    chunk: Option<u64>,
    timestamp: Option<u64>,
    /// how much audio it held, in milliseconds
    length: u64,
}

impl Receiving {
    /// Whether `start` has come.
    pub fn is_started(&self) -> bool {
        self.sid.is_some()
    }

    /// A text frame.
    pub fn text(&mut self, text: &str) -> Vec<Received> {
        let message = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(e) => return vec![Received::Wrong(unreadable(text, &e))],
        };
        self.message(message).unwrap_or_else(|wrong| vec![Received::Wrong(wrong)])
    }

    /// A binary frame.
    pub fn binary(&mut self, length: usize) -> Received {
        Received::Wrong(Wrong::Binary(length))
    }

    fn message(&mut self, message: Incoming<'_>) -> Result<Vec<Received>, Wrong> {
        if self.stopped {
            return Ok(Vec::new());
        }
        match message {
            Incoming::Connected { .. } => Ok(Vec::new()),
            Incoming::Start { stream_sid, start, .. } => self.start(stream_sid, start),
            Incoming::Media { sequence_number, stream_sid, media } => {
                self.belongs("media", stream_sid.as_deref())?;
                // our own track, if somebody streams both
                if media.track.as_deref() == Some("outbound") {
                    return Ok(Vec::new());
                }
                self.media(sequence_number, &media)
            }
            Incoming::Dtmf { stream_sid, dtmf, .. } => {
                self.belongs("dtmf", stream_sid.as_deref())?;
                let mut digits = dtmf.digit.chars();
                match (digits.next(), digits.next()) {
                    (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(vec![Received::Key(key)]),
                    _ => Err(Wrong::Key(dtmf.digit)),
                }
            }
            Incoming::Mark { stream_sid, mark, .. } => {
                self.belongs("mark", stream_sid.as_deref())?;
                Ok(vec![Received::Mark(mark.name)])
            }
            Incoming::Stop { stream_sid, .. } => {
                self.belongs("stop", stream_sid.as_deref())?;
                self.stopped = true;
                Ok(vec![Received::Stopped])
            }
            Incoming::Said { stream_sid, text, last } => {
                self.belongs("cordboard.said", stream_sid.as_deref())?;
                Ok(vec![Received::Said { text, last }])
            }
        }
    }

    fn start(&mut self, stream_sid: Option<String>, mut start: Start) -> Result<Vec<Received>, Wrong> {
        if self.is_started() {
            return Err(Wrong::SecondStart);
        }
        if let Some(format) = &start.media_format
            && (format.encoding.as_str(), format.sample_rate, format.channels) != ("audio/x-mulaw", 8000, 1)
        {
            let described =
                format!("{} at {} Hz with {} channels", format.encoding, format.sample_rate, format.channels);
            return Err(Wrong::Format(described));
        }
        let sid = start.stream_sid.take().or(stream_sid).filter(|sid| !sid.is_empty());
        let sid = sid.ok_or(Wrong::NoStreamSid)?;
        start.stream_sid = Some(sid.clone());
        self.sid = Some(sid);
        Ok(vec![Received::Started(Box::new(start))])
    }

    /// A message without a streamSid belongs to the one stream that the socket carries.
    fn belongs(&self, what: &'static str, sid: Option<&str>) -> Result<(), Wrong> {
        match (&self.sid, sid) {
            (None, _) => Err(Wrong::BeforeStart(what)),
            (Some(ours), Some(theirs)) if ours != theirs => Err(Wrong::OtherStream(theirs.to_owned())),
            _ => Ok(()),
        }
    }

    fn media(&mut self, sequence: Option<u64>, media: &Media<'_>) -> Result<Vec<Received>, Wrong> {
        // four characters are three bytes
        let long = media.payload.len() / 4 * 3;
        if long > MOST_AUDIO {
            return Err(Wrong::TooLong(long));
        }
        let mut audio = decode_payload(&media.payload).map_err(|e| Wrong::Payload(e.to_string()))?;
        let mut received = Vec::new();
        let now = Last {
            sequence,
            chunk: media.chunk,
            timestamp: media.timestamp,
            length: audio.len() as u64 / BYTES_PER_MS,
        };
        if let Some((lost, hole)) = self.last.replace(now).and_then(|last| hole(last, now)) {
            let filled = hole.min(LONGEST_HOLE);
            audio.splice(0..0, std::iter::repeat_n(SILENCE, (filled * BYTES_PER_MS) as usize));
            received.push(Received::Wrong(Wrong::Hole { lost, filled }));
        }
        if !audio.is_empty() {
            received.push(Received::Audio(audio));
        }
        Ok(received)
    }
}

/// What lies between two media messages and did not come, in milliseconds. The chunk number counts
/// exactly the messages with media; where it is missing the timestamp decides, and without that the
/// sequence number, which counts all messages.
fn hole(last: Last, now: Last) -> Option<(Lost, u64)> {
    let since = |before: Option<u64>, after: Option<u64>| after?.checked_sub(before?);
    let time = since(last.timestamp, now.timestamp).map(|passed| passed.saturating_sub(last.length));
    match (since(last.chunk, now.chunk), time, since(last.sequence, now.sequence)) {
        (Some(step), time, _) => {
            let lost = step.checked_sub(2)? + 1;
            let by_count = lost.saturating_mul(last.length);
            Some((Lost::Messages(lost), time.filter(|time| *time > 0).unwrap_or(by_count)))
        }
        (None, Some(time), _) => (time > JITTER).then_some((Lost::Time, time)),
        (None, None, Some(step)) => {
            let lost = step.checked_sub(2)? + 1;
            Some((Lost::Messages(lost), lost.saturating_mul(last.length)))
        }
        (None, None, None) => None,
    }
    .filter(|(_, hole)| *hole > 0)
}

/// Not JSON at all, or an event that nobody knows.
fn unreadable(text: &str, error: &serde_json::Error) -> Wrong {
    #[derive(serde::Deserialize)]
    struct Event {
        event: String,
    }
    const KNOWN: [&str; 7] = ["connected", "start", "media", "dtmf", "mark", "stop", "cordboard.said"];
    match serde_json::from_str::<Event>(text) {
        Ok(Event { event }) if !KNOWN.contains(&event.as_str()) => {
            Wrong::UnknownEvent(event.chars().take(40).collect())
        }
        _ => Wrong::NotAMessage(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{
        "streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],
        "customParameters":{"direction":"inbound"},
        "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;

    fn started() -> Receiving {
        let mut receiving = Receiving::default();
        assert_eq!(receiving.text(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#), []);
        let received = receiving.text(START);
        let [Received::Started(start)] = &received[..] else { panic!("{received:?}") };
        assert_eq!(start.call_sid.as_deref(), Some("CA1"));
        assert_eq!(start.custom_parameters["direction"], "inbound");
        receiving
    }

    fn wrong(received: &[Received]) -> &Wrong {
        match received {
            [Received::Wrong(wrong), ..] => wrong,
            other => panic!("{other:?}"),
        }
    }

    /// 20 ms of media with these numbers, written as they are.
    fn media(sequence: &str, chunk: &str, timestamp: &str) -> String {
        let payload = crate::stream::encode_payload(&[0x55; 160]);
        format!(
            r#"{{"event":"media","sequenceNumber":{sequence},"streamSid":"MZ1","media":{{
            "track":"inbound","chunk":{chunk},"timestamp":{timestamp},"payload":"{payload}"}}}}"#
        )
    }

    fn audio(received: &[Received]) -> usize {
        let lengths = received.iter().filter_map(|r| match r {
            Received::Audio(audio) => Some(audio.len()),
            _ => None,
        });
        lengths.sum()
    }

    #[test]
    fn a_stream_from_start_to_stop() {
        let mut receiving = started();
        assert_eq!(receiving.text(&media("\"2\"", "\"1\"", "\"0\"")), [Received::Audio(vec![0x55; 160])]);
        let key = r##"{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"3","dtmf":{"track":"inbound_track","digit":"#"}}"##;
        assert_eq!(receiving.text(key), [Received::Key('#')]);
        let mark = r#"{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"0-1"}}"#;
        assert_eq!(receiving.text(mark), [Received::Mark("0-1".into())]);
        let stop = r#"{"event":"stop","sequenceNumber":"5","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}"#;
        assert_eq!(receiving.text(stop), [Received::Stopped]);
        assert_eq!(receiving.text(&media("6", "2", "20")), [], "nothing counts after stop");
    }

    #[test]
    fn numbers_are_understood_as_strings_and_as_numbers_and_when_they_are_neither() {
        let mut receiving = started();
        for numbers in [("2", "1", "0"), ("\"3\"", "\"2\"", "\"20\""), ("null", "{}", "\"soon\"")] {
            assert_eq!(audio(&receiving.text(&media(numbers.0, numbers.1, numbers.2))), 160, "{numbers:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_the_stream_goes_on() {
        let mut receiving = started();
        let mut says = |text: &str| wrong(&receiving.text(text)).clone();
        assert!(matches!(says("what?"), Wrong::NotAMessage(_)));
        assert!(matches!(says("[1,2]"), Wrong::NotAMessage(_)));
        assert!(matches!(says("{}"), Wrong::NotAMessage(_)));
        assert!(matches!(says(r#"{"event":"media","streamSid":"MZ1"}"#), Wrong::NotAMessage(_)));
        assert_eq!(says(r#"{"event":"surprise"}"#), Wrong::UnknownEvent("surprise".into()));
        assert_eq!(says(START), Wrong::SecondStart);
        let other = media("2", "1", "0").replace("MZ1", "MZ2");
        assert_eq!(says(&other), Wrong::OtherStream("MZ2".into()));
        let broken = r#"{"event":"media","streamSid":"MZ1","media":{"payload":"%%%"}}"#;
        assert!(matches!(says(broken), Wrong::Payload(_)));
        let key = r#"{"event":"dtmf","streamSid":"MZ1","dtmf":{"digit":"12"}}"#;
        assert_eq!(says(key), Wrong::Key("12".into()));
        let megabyte = "A".repeat(1 << 20);
        let huge = format!(r#"{{"event":"media","streamSid":"MZ1","media":{{"payload":"{megabyte}"}}}}"#);
        assert_eq!(says(&huge), Wrong::TooLong(786_432));
        assert_eq!(wrong(&[receiving.binary(7)]), &Wrong::Binary(7));
        assert_eq!(audio(&receiving.text(&media("9", "1", "0"))), 160);
    }

    #[test]
    fn before_start_nothing_is_taken_and_a_start_that_cannot_be_used_is_none() {
        let mut receiving = Receiving::default();
        assert_eq!(wrong(&receiving.text(&media("1", "1", "0"))), &Wrong::BeforeStart("media"));
        let nameless = START.replace("\"MZ1\"", "null");
        assert_eq!(wrong(&receiving.text(&nameless)), &Wrong::NoStreamSid);
        let wideband = START.replace("8000", "16000");
        assert!(matches!(wrong(&receiving.text(&wideband)), Wrong::Format(_)));
        assert!(!receiving.is_started());
        assert!(matches!(receiving.text(START)[..], [Received::Started(_)]));
    }

    #[test]
    fn a_message_without_a_stream_sid_belongs_to_the_one_stream() {
        let mut receiving = started();
        let text = media("2", "1", "0").replace(r#""streamSid":"MZ1","#, "");
        assert_eq!(audio(&receiving.text(&text)), 160);
    }

    #[test]
    fn odd_sizes_are_taken_as_they_are() {
        let mut receiving = started();
        for size in [1usize, 7, 159, 161, 4000] {
            let payload = crate::stream::encode_payload(&vec![1; size]);
            let text = format!(r#"{{"event":"media","streamSid":"MZ1","media":{{"payload":"{payload}"}}}}"#);
            assert_eq!(audio(&receiving.text(&text)), size);
            let unpadded = text.replace('=', "");
            assert_eq!(audio(&receiving.text(&unpadded)), size);
        }
        let empty = r#"{"event":"media","streamSid":"MZ1","media":{"payload":""}}"#;
        assert_eq!(receiving.text(empty), []);
    }

    #[test]
    fn what_was_lost_is_filled_with_silence() {
        let mut receiving = started();
        receiving.text(&media("2", "1", "0"));
        let received = receiving.text(&media("5", "4", "60"));
        assert_eq!(wrong(&received), &Wrong::Hole { lost: Lost::Messages(2), filled: 40 });
        let [_, Received::Audio(audio)] = &received[..] else { panic!("{received:?}") };
        assert_eq!(audio[..320], [0xFF; 320]);
        assert_eq!(audio[320..], [0x55; 160]);
        assert_eq!(receiving.text(&media("6", "5", "80")).len(), 1, "no further hole");
    }

    #[test]
    fn a_hole_is_seen_by_whatever_numbers_there_are() {
        let filled = |first: (&str, &str, &str), second: (&str, &str, &str)| {
            let mut receiving = started();
            receiving.text(&media(first.0, first.1, first.2));
            audio(&receiving.text(&media(second.0, second.1, second.2))) - 160
        };
        assert_eq!(filled(("2", "1", "null"), ("4", "3", "null")), 160, "by chunks");
        assert_eq!(filled(("2", "null", "0"), ("4", "null", "100")), 640, "by time");
        assert_eq!(filled(("2", "null", "0"), ("3", "null", "35")), 0, "which jitters");
        assert_eq!(filled(("2", "null", "null"), ("4", "null", "null")), 160, "by sequence");
        assert_eq!(filled(("2", "1", "0"), ("9", "2", "20")), 0, "other messages were lost, no audio");
        assert_eq!(filled(("2", "1", "0"), ("3", "1", "0")), 0, "numbers that stand still");
        assert_eq!(filled(("9", "9", "900"), ("1", "1", "0")), 0, "numbers that run backwards");
        let absurd = filled(("2", "1", "0"), ("3", "999999999", "18446744073709551615"));
        assert_eq!(absurd, 40_000, "a hole is never longer than 5 s");
    }
}
