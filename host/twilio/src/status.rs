//! What Twilio says about a call, in its webhooks and in its REST answers alike.
//!
//! Twilio adds words without notice. One that is not known here is kept as it came, and never makes a
//! request unreadable.

use std::fmt;

/// Where a call is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Queued,
    /// In callbacks only: Twilio began to dial.
    Initiated,
    Ringing,
    InProgress,
    /// It was answered, and is over.
    Completed,
    Busy,
    Failed,
    NoAnswer,
    /// Withdrawn before it was answered.
    Canceled,
    Other(String),
}

/// Who called whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Inbound,
    /// By REST.
    OutboundApi,
    /// By `<Dial>`.
    OutboundDial,
    /// From the telephone network into a SIP trunk.
    TrunkingOriginating,
    /// From a SIP trunk into the telephone network.
    TrunkingTerminating,
    Other(String),
}

/// What took the call, as far as Twilio's detection of answering machines can tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnsweredBy {
    Human,
    /// Twilio could not tell. Best taken for a person: hanging up on one is worse than talking to a machine.
    Unknown,
    Fax,
    /// A machine's greeting began; it is not over.
    MachineStart,
    /// The greeting is over, and the machine listens.
    MachineEndBeep,
    MachineEndSilence,
    MachineEndOther,
    Other(String),
}

/// How the far leg of a `<Dial>` went.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DialStatus {
    Completed,
    /// The same, where a conference was dialled.
    Answered,
    Busy,
    NoAnswer,
    Failed,
    Canceled,
    Other(String),
}

impl Status {
    /// Nothing comes after it. A word that is not known is no end: an end that is not noticed is found
    /// out when the call is asked for, a call that is given up too early is lost.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled)
    }
}

impl Direction {
    pub fn is_inbound(&self) -> bool {
        matches!(self, Self::Inbound | Self::TrunkingOriginating)
    }

    pub fn is_outbound(&self) -> bool {
        matches!(self, Self::OutboundApi | Self::OutboundDial | Self::TrunkingTerminating)
    }
}

impl AnsweredBy {
    /// Nobody to talk to: an answering machine, or a fax.
    pub fn is_machine(&self) -> bool {
        match self {
            Self::Human | Self::Unknown => false,
            Self::Other(word) => word.starts_with("machine"),
            _ => true,
        }
    }

    /// The machine is ready for a message.
    pub fn is_machine_listening(&self) -> bool {
        match self {
            Self::MachineEndBeep | Self::MachineEndSilence | Self::MachineEndOther => true,
            Self::Other(word) => word.starts_with("machine_end"),
            _ => false,
        }
    }
}

impl DialStatus {
    pub fn was_answered(&self) -> bool {
        matches!(self, Self::Completed | Self::Answered)
    }
}

/// Each word once, for both ways.
macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal),* $(,)? })*) => { $(
        impl $name {
            /// Twilio's word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}

words! {
    Status {
        Queued = "queued",
        Initiated = "initiated",
        Ringing = "ringing",
        InProgress = "in-progress",
        Completed = "completed",
        Busy = "busy",
        Failed = "failed",
        NoAnswer = "no-answer",
        Canceled = "canceled",
    }
    Direction {
        Inbound = "inbound",
        OutboundApi = "outbound-api",
        OutboundDial = "outbound-dial",
        TrunkingOriginating = "trunking-originating",
        TrunkingTerminating = "trunking-terminating",
    }
    AnsweredBy {
        Human = "human",
        Unknown = "unknown",
        Fax = "fax",
        MachineStart = "machine_start",
        MachineEndBeep = "machine_end_beep",
        MachineEndSilence = "machine_end_silence",
        MachineEndOther = "machine_end_other",
    }
    DialStatus {
        Completed = "completed",
        Answered = "answered",
        Busy = "busy",
        NoAnswer = "no-answer",
        Failed = "failed",
        Canceled = "canceled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_five_ends_are_ends() {
        for word in ["completed", "busy", "failed", "no-answer", "canceled"] {
            assert!(Status::from(word).is_over(), "{word}");
        }
        for word in ["queued", "initiated", "ringing", "in-progress", "on-hold", ""] {
            assert!(!Status::from(word).is_over(), "{word}");
        }
    }

    #[test]
    fn a_machine_is_told_from_a_person_and_doubt_goes_to_the_person() {
        for word in ["machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax"] {
            assert!(AnsweredBy::from(word).is_machine(), "{word}");
        }
        for word in ["human", "unknown", "android"] {
            assert!(!AnsweredBy::from(word).is_machine(), "{word}");
        }
        assert!(AnsweredBy::from("machine_end_tone").is_machine());
        assert!(AnsweredBy::from("machine_end_tone").is_machine_listening());
        assert!(AnsweredBy::from("machine_end_beep").is_machine_listening());
        assert!(!AnsweredBy::from("machine_start").is_machine_listening());
        assert!(!AnsweredBy::from("fax").is_machine_listening());
    }

    #[test]
    fn a_trunk_originates_what_comes_in() {
        assert!(Direction::from("trunking-originating").is_inbound());
        assert!(Direction::from("trunking-terminating").is_outbound());
        assert!(
            Direction::from("outbound-api").is_outbound() && Direction::from("outbound-dial").is_outbound()
        );
        let other = Direction::from("sideways");
        assert!(!other.is_inbound() && !other.is_outbound());
    }

    #[test]
    fn a_word_that_nobody_knows_is_kept() {
        assert_eq!(Status::from("on-hold"), Status::Other("on-hold".into()));
        assert_eq!(Status::from("on-hold").to_string(), "on-hold");
        assert_eq!(Status::from("in-progress").to_string(), "in-progress");
    }
}
