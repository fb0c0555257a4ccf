//! What there is in TwiML: verbs and nouns, their attributes, what may stand in what.
//!
//! Source: twilio-python 9.13 and twilio-node 6.2 (`VoiceResponse`). Everything that a voice document
//! may contain is here, also what the network does not carry out.

/// What may stand in an element.
pub(super) struct Schema {
    attributes: &'static [(&'static str, Kind)],
    pub(super) needs: &'static [&'static str],
    pub(super) children: &'static [&'static str],
    pub(super) has_text: bool,
}

/// What an attribute may be.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    /// `true` or `false`.
    Flag,
    Number(u64, u64),
    OneOf(&'static [&'static str]),
    /// Any of these, with spaces between them.
    Some(&'static [&'static str]),
    /// Keys, and `w` for a pause.
    Keys,
    /// One key, or none.
    Key,
    /// A whole number (of a unit that depends), or `auto`.
    Seconds,
}

use Kind::{Any, Flag, Key, Keys, Number, OneOf, Seconds};

const MOST: u64 = u32::MAX as u64;
const METHOD: Kind = OneOf(&["GET", "POST"]);
const PROGRESS: Kind = Kind::Some(&["initiated", "ringing", "answered", "completed"]);
const RECORDING: Kind = Kind::Some(&["in-progress", "completed", "absent"]);
const DETECTION: Kind = OneOf(&["Enable", "DetectMessageEnd"]);
const INPUTS: Kind = OneOf(&["none", "dtmf", "speech", "any", "true", "false"]);
const SSML: &[&str] = &[
    "break",
    "emphasis",
    "lang",
    "p",
    "phoneme",
    "prosody",
    "s",
    "say-as",
    "sub",
    "w",
    "amazon:effect",
    "amazon:domain",
];

pub(super) fn of(name: &str) -> Schema {
    let verb = |attributes| Schema { attributes, needs: &[], children: &[], has_text: false };
    match name {
        "Response" => Schema {
            children: &[
                "Connect", "Dial", "Enqueue", "Gather", "Hangup", "Leave", "Pause", "Pay", "Play", "Record",
                "Redirect", "Refer", "Reject", "Say", "Sms", "Start", "Stop",
            ],
            ..verb(&[])
        },
        "Connect" => Schema {
            children: &["Stream", "ConversationRelay", "VirtualAgent", "Room", "Conversation", "Autopilot"],
            ..verb(&[("action", Any), ("method", METHOD)])
        },
        "Start" | "Stop" => {
            Schema { children: &["Stream", "Recording", "Siprec", "Transcription"], ..verb(&[]) }
        }
        "Stream" => Schema {
            children: &["Parameter"],
            ..verb(&[
                ("url", Any),
                ("name", Any),
                ("track", OneOf(&["inbound_track", "outbound_track", "both_tracks"])),
                ("statusCallback", Any),
                ("statusCallbackMethod", METHOD),
                ("connectorName", Any),
                ("audioFormat", Any),
                ("sampleRate", Any),
            ])
        },
        "ConversationRelay" => Schema {
            children: &["Language", "Parameter"],
            needs: &["url"],
            ..verb(&[
                ("url", Any),
                ("language", Any),
                ("ttsLanguage", Any),
                ("transcriptionLanguage", Any),
                ("ttsProvider", OneOf(&["Google", "Amazon", "ElevenLabs"])),
                ("voice", Any),
                ("transcriptionProvider", OneOf(&["Google", "Deepgram"])),
                ("speechModel", Any),
                ("profanityFilter", Flag),
                ("dtmfDetection", Flag),
                ("welcomeGreeting", Any),
                ("welcomeGreetingInterruptible", INPUTS),
                ("interruptible", INPUTS),
                ("interruptSensitivity", OneOf(&["low", "medium", "high"])),
                ("preemptible", Flag),
                ("partialPrompts", Flag),
                ("reportInputDuringAgentSpeech", INPUTS),
                ("hints", Any),
                ("intelligenceService", Any),
                ("elevenlabsTextNormalization", Any),
                ("debug", Any),
                ("events", Any),
                ("backgroundNoiseReduction", Any),
                ("speechTimeout", Seconds),
                ("deepgramSmartFormat", Flag),
                ("ignoreBackchannel", Flag),
                ("eotThreshold", Any),
                ("eagerEotThreshold", Any),
                ("partialPromptOnHangup", Flag),
                ("asrSmartFormat", Flag),
                ("ttsTextNormalization", Any),
                ("ttsLanguageTextNormalization", Any),
                ("elevenlabsLanguageTextNormalization", Any),
                ("includeInPrompt", Any),
                ("customerName", Any),
                ("applicationReconnect", Flag),
                ("echoPromptFiltering", Any),
                ("turnDetection", Any),
                ("conversationConfiguration", Any),
            ])
        },
        "Language" => Schema {
            needs: &["code"],
            ..verb(&[
                ("code", Any),
                ("ttsProvider", Any),
                ("voice", Any),
                ("transcriptionProvider", Any),
                ("speechModel", Any),
                ("hints", Any),
                ("asrSmartFormat", Flag),
                ("ttsTextNormalization", Any),
                ("ttsLanguageTextNormalization", Any),
            ])
        },
        "Parameter" => Schema { needs: &["name", "value"], ..verb(&[("name", Any), ("value", Any)]) },
        "Say" => Schema {
            children: SSML,
            has_text: true,
            ..verb(&[("voice", Any), ("language", Any), ("loop", Number(0, 1000))])
        },
        "Play" => Schema { has_text: true, ..verb(&[("loop", Number(0, 1000)), ("digits", Keys)]) },
        "Pause" => verb(&[("length", Number(0, MOST))]),
        "Redirect" => Schema { has_text: true, ..verb(&[("method", METHOD)]) },
        "Reject" => verb(&[("reason", OneOf(&["rejected", "busy"]))]),
        "Hangup" | "Leave" => verb(&[]),
        "Dial" => Schema {
            children: &["Number", "Conference", "Client", "Sip", "Queue", "Sim", "Application"],
            has_text: true,
            ..verb(&[
                ("action", Any),
                ("method", METHOD),
                ("timeout", Number(1, 600)),
                ("hangupOnStar", Flag),
                ("timeLimit", Number(1, MOST)),
                ("callerId", Any),
                (
                    "record",
                    OneOf(&[
                        "do-not-record",
                        "record-from-answer",
                        "record-from-ringing",
                        "record-from-answer-dual",
                        "record-from-ringing-dual",
                    ]),
                ),
                ("trim", OneOf(&["trim-silence", "do-not-trim"])),
                ("recordingStatusCallback", Any),
                ("recordingStatusCallbackMethod", METHOD),
                ("recordingStatusCallbackEvent", RECORDING),
                ("recordingTrack", OneOf(&["inbound", "outbound", "both"])),
                ("recordingConfigurationId", Any),
                ("answerOnBridge", Flag),
                ("ringTone", Any),
                ("sequential", Flag),
                ("referUrl", Any),
                ("referMethod", METHOD),
                ("events", Any),
                ("passports", Any),
            ])
        },
        "Number" => Schema {
            has_text: true,
            ..verb(&[
                ("sendDigits", Keys),
                ("url", Any),
                ("method", METHOD),
                ("statusCallback", Any),
                ("statusCallbackEvent", PROGRESS),
                ("statusCallbackMethod", METHOD),
                ("byoc", Any),
                ("machineDetection", DETECTION),
                ("machineDetectionTimeout", Number(3, 60)),
                ("machineDetectionSpeechThreshold", Number(1000, 6000)),
                ("machineDetectionSpeechEndThreshold", Number(500, 5000)),
                ("machineDetectionSilenceTimeout", Number(2000, 10_000)),
                ("amdStatusCallback", Any),
                ("amdStatusCallbackMethod", METHOD),
            ])
        },
        "Conference" => Schema {
            has_text: true,
            ..verb(&[
                ("muted", Flag),
                ("beep", OneOf(&["true", "false", "onEnter", "onExit"])),
                ("startConferenceOnEnter", Flag),
                ("endConferenceOnExit", Flag),
                ("waitUrl", Any),
                ("waitMethod", METHOD),
                ("maxParticipants", Number(2, 250)),
                ("record", OneOf(&["do-not-record", "record-from-start"])),
                ("region", Any),
                ("coach", Any),
                ("participantLabel", Any),
                ("jitterBufferSize", OneOf(&["off", "small", "medium", "large"])),
                ("trim", OneOf(&["trim-silence", "do-not-trim"])),
                ("statusCallback", Any),
                (
                    "statusCallbackEvent",
                    Kind::Some(&[
                        "start",
                        "end",
                        "join",
                        "leave",
                        "mute",
                        "hold",
                        "modify",
                        "speaker",
                        "announcement",
                    ]),
                ),
                ("statusCallbackMethod", METHOD),
                ("recordingStatusCallback", Any),
                ("recordingStatusCallbackMethod", METHOD),
                ("recordingStatusCallbackEvent", RECORDING),
                ("eventCallbackUrl", Any),
            ])
        },
        "Gather" => Schema {
            children: &["Say", "Play", "Pause"],
            ..verb(&[
                ("input", Kind::Some(&["dtmf", "speech"])),
                ("action", Any),
                ("method", METHOD),
                ("timeout", Number(0, MOST)),
                ("speechTimeout", Seconds),
                ("maxSpeechTime", Number(1, 60)),
                ("speechModel", Any),
                ("enhanced", Flag),
                ("language", Any),
                ("hints", Any),
                ("profanityFilter", Flag),
                ("finishOnKey", Key),
                ("numDigits", Number(1, MOST)),
                ("partialResultCallback", Any),
                ("partialResultCallbackMethod", METHOD),
                ("bargeIn", Flag),
                ("actionOnEmptyResult", Flag),
                ("debug", Flag),
            ])
        },
        name if SSML.contains(&name) => Schema { children: SSML, ..anything() },
        // what is not carried out here is not checked either
        _ => anything(),
    }
}

fn anything() -> Schema {
    const CHILDREN: &[&str] = &["Parameter", "Language", "Prompt", "Task", "Say", "Play", "Pause"];
    Schema { attributes: &[("*", Any)], needs: &[], children: CHILDREN, has_text: true }
}

impl Schema {
    /// Whether there is such an attribute, and it may be this.
    pub(super) fn check(&self, name: &str, value: &str) -> Result<(), String> {
        let kind = self.attributes.iter().find(|(known, _)| *known == name || *known == "*");
        let (_, kind) = kind.ok_or("there is no such attribute")?;
        match kind {
            Any => Ok(()),
            Flag if matches!(value, "true" | "false") => Ok(()),
            Flag => Err("it is true or false".into()),
            Number(least, most) => match value.parse::<u64>() {
                Ok(number) if (least..=most).contains(&&number) => Ok(()),
                _ => Err(format!("it is a whole number from {least} to {most}")),
            },
            OneOf(words) if words.contains(&value) => Ok(()),
            OneOf(words) => Err(format!("it is one of {}", words.join(", "))),
            Kind::Some(words) if value.split(' ').all(|word| words.contains(&word)) => Ok(()),
            Kind::Some(words) => Err(format!("it is any of {}, with spaces between them", words.join(", "))),
            Keys if is_keys(value) => Ok(()),
            Keys => Err("they are 0 to 9, A to D, *, # and w".into()),
            Key if value.len() <= 1 && is_keys(value) && !value.eq_ignore_ascii_case("w") => Ok(()),
            Key => Err("it is one of 0 to 9, A to D, *, #, or nothing".into()),
            Seconds if value == "auto" || value.parse::<u64>().is_ok_and(|seconds| seconds > 0) => Ok(()),
            Seconds => Err("it is a whole number, or auto".into()),
        }
    }
}

pub(in crate::twilio) fn is_keys(text: &str) -> bool {
    text.chars().all(|key| matches!(key, '0'..='9' | 'A'..='D' | '*' | '#' | 'w' | 'W'))
}
