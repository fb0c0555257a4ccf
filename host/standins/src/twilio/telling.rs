//! What happened, in a line for whoever reads along. Parameters are left out.

use super::seen::{By, Event, Left, RelayOutcome, StreamOutcome};
use std::fmt;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ringing => f.write_str("rings"),
            Self::Answered => f.write_str("is answered"),
            Self::Detected { answered_by } => write!(f, "was answered by: {answered_by}"),
            Self::Webhook { url, status, .. } => write!(f, "asks {url}: {}", Answered(*status)),
            Self::Callback { event, url, status, .. } => {
                write!(f, "tells {url} of {event}: {}", Answered(*status))
            }
            Self::Repeated { url, status } => write!(f, "asks {url} once more: {}", Answered(*status)),
            Self::Document { text, .. } => write!(f, "is given: {text}"),
            Self::Said { text, .. } => write!(f, "hears Twilio say: {text}"),
            Self::CutShort => f.write_str("cuts in"),
            Self::Played { url, status } => write!(f, "hears {url}: {}", Answered(*status)),
            Self::Pressed(keys) => write!(f, "hears the keys {keys}"),
            Self::Paused(time) => write!(f, "hears nothing for {:.1} s", time.as_secs_f64()),
            Self::Stream { url, parameters, .. } => {
                write!(f, "is connected to {url} with {} parameters", parameters.len())
            }
            Self::StreamEnded { outcome, departure, .. } => {
                write!(f, "is no longer connected: {outcome}")?;
                departure.iter().try_for_each(|why| write!(f, " ({why})"))
            }
            Self::Relay { url, parameters, .. } => {
                write!(f, "talks by words with {url} with {} parameters", parameters.len())
            }
            Self::RelayEnded { outcome, .. } => write!(f, "talks by words no longer: {outcome}"),
            Self::Spoken { text, cut } => {
                write!(f, "hears the agent say: {text}{}", if *cut { "..." } else { "" })
            }
            Self::Spoke(what) => write!(f, "says: {what}"),
            Self::Understood(text) => write!(f, "was understood: {text}"),
            Self::Heard { text: Some(text), .. } => write!(f, "hears the agent say: {text}"),
            Self::Heard { text: None, length } => {
                write!(f, "hears the agent for {:.1} s", length.as_secs_f64())
            }
            Self::Redirected { to, by } => write!(f, "is sent to {to} by {by}"),
            Self::Dialled { number, status, bridged, .. } => {
                let joined = if *bridged { ", joined" } else { ", not joined" };
                write!(f, "has dialled {number}: {}{joined}", status.as_str())
            }
            Self::Bridged { with } => write!(f, "is joined with {with}"),
            Self::Unbridged { after } => write!(f, "is joined no more, after {:.1} s", after.as_secs_f64()),
            Self::JoinedConference { room, waits } => {
                write!(f, "is in the conference {room:?}{}", if *waits { " and waits" } else { "" })
            }
            Self::LeftConference { room, why } => write!(f, "leaves the conference {room:?}: {why}"),
            Self::Rejected { reason } => write!(f, "is rejected: {reason}"),
            Self::Alert { code, text } => write!(f, "would be in Twilio's log: {code} {text}"),
            Self::HungUp { by } => write!(f, "is hung up by {by}"),
            Self::Over(status) => write!(f, "is over: {}", status.as_str()),
        }
    }
}

/// By an HTTP server, or not at all.
struct Answered(Option<u16>);

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => status.fmt(f),
            None => f.write_str("no answer"),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person => "its person",
            Self::Document => "its document",
            Self::Api => "REST",
            Self::Other => "the other one",
            Self::Twilio => "Twilio",
        })
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HungUp => "hung up",
            Self::Redirected => "sent elsewhere",
            Self::Ended => "it is over",
        })
    }
}

impl fmt::Display for RelayOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the server ended it"),
            Self::Closed => f.write_str("the server closed it"),
            Self::Broke => f.write_str("the connection broke"),
            Self::Malformed => f.write_str("too much was not understood"),
            Self::HungUp => f.write_str("hung up"),
            Self::StoppedByApi => f.write_str("stopped by REST"),
            Self::Failed(Some(status)) => write!(f, "refused with {status}"),
            Self::Failed(None) => f.write_str("it did not open"),
        }
    }
}

impl fmt::Display for StreamOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedByServer => f.write_str("the server closed it"),
            Self::HungUp => f.write_str("hung up"),
            Self::StoppedByApi => f.write_str("stopped by REST"),
            Self::Broke => f.write_str("the connection broke"),
            Self::Failed(Some(status)) => write!(f, "refused with {status}"),
            Self::Failed(None) => f.write_str("it did not open"),
        }
    }
}
