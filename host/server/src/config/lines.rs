//! What a call is held over, and how that is set up: `line`, `[route.relay]` and `[route.gather]`.

use super::{Config, Seconds};
use anyhow::bail;
use components::manifest::nearest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use twilio::twiml::RELAY_ATTRIBUTES;

/// What a call is held over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineKind {
    /// Sound, over Twilio's media streams.
    #[default]
    #[serde(alias = "media-stream")]
    Stream,
    /// Words, over ConversationRelay: Twilio recognises and speaks.
    Relay,
    /// Words, turn by turn, with `<Gather>` and `<Say>`: nothing but webhooks.
    Gather,
}

impl LineKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Relay => "relay",
            Self::Gather => "gather",
        }
    }

    /// Somebody else recognises and speaks.
    pub fn is_text(self) -> bool {
        self != Self::Stream
    }
}

impl fmt::Display for LineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a call goes on with whose line cannot be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    #[default]
    Gather,
    /// the caller hears the apology
    None,
}

/// How calls are held with `<Gather>`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gather {
    /// Twilio's voice, as Twilio names it: `Polly.Amy-Neural`
    pub voice: Option<String>,
    /// as Twilio names it: `phone_call`, `googlev2_telephony`
    pub speech_model: Option<String>,
    /// words to be expected, besides those that the persona names
    pub hints: Vec<String>,
    pub profanity_filter: Option<bool>,
    /// how long the caller may be silent, before the agent may say something
    pub timeout: Seconds,
    /// how long a pause ends what the caller says, in whole seconds
    pub speech_timeout: Seconds,
    /// how long the caller may speak in one go
    pub max_speech: Seconds,
    /// Words that Twilio is less sure of are asked for again, twice at the most: 0 to 1
    pub min_confidence: f32,
    /// what is said then
    pub reprompt: String,
    /// what is said where an answer takes long
    pub filler: String,
    /// partial results are asked for: the agent knows at once that the caller speaks
    pub partials: bool,
}

impl Default for Gather {
    fn default() -> Self {
        Self {
            voice: None,
            speech_model: None,
            hints: Vec::new(),
            profanity_filter: None,
            timeout: Seconds(Duration::from_secs(5)),
            speech_timeout: Seconds(Duration::from_secs(1)),
            max_speech: Seconds(Duration::from_secs(60)),
            min_confidence: 0.3,
            reprompt: "I am sorry, I did not understand that. Could you say it again?".into(),
            filler: "One moment, please.".into(),
            partials: true,
        }
    }
}

impl Config {
    /// What Twilio would not take is refused at start.
    pub(super) fn check_lines(&self) -> anyhow::Result<()> {
        let rules = self.rules().map(|(key, _, rule)| (key, rule.relay.as_ref(), rule.gather.as_ref()));
        let default = ("route".to_owned(), Some(&self.route.relay), Some(&self.route.gather));
        for (key, relay, gather) in [default].into_iter().chain(rules) {
            if let Some(relay) = relay {
                check_relay(&key, relay)?;
            }
            if let Some(gather) = gather {
                check_gather(&key, gather)?;
            }
        }
        Ok(())
    }
}

fn check_relay(key: &str, attributes: &BTreeMap<String, String>) -> anyhow::Result<()> {
    for name in attributes.keys() {
        if !RELAY_ATTRIBUTES.contains(&name.as_str()) {
            let meant = nearest(name, RELAY_ATTRIBUTES);
            let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            bail!(
                "`{key}.relay.{name}`: that is no attribute of <ConversationRelay> that can be chosen{meant}"
            );
        }
    }
    Ok(())
}

fn check_gather(key: &str, gather: &Gather) -> anyhow::Result<()> {
    if !(0.0..=1.0).contains(&gather.min_confidence) {
        bail!("`{key}.gather.min_confidence`: {} is not between 0 and 1", gather.min_confidence);
    }
    let second = Duration::from_secs(1);
    let lengths = [
        ("timeout", gather.timeout),
        ("speech_timeout", gather.speech_timeout),
        ("max_speech", gather.max_speech),
    ];
    for (name, length) in lengths {
        if length.0 < second || length.0 > 60 * second {
            bail!("`{key}.gather.{name}`: Twilio takes 1 to 60 seconds");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<(), String> {
        let config: Config = toml::from_str(toml).map_err(|error| error.to_string())?;
        config.check_lines().map_err(|error| error.to_string())
    }

    #[test]
    fn what_twilio_would_not_take_is_refused_and_says_what_was_meant() {
        assert_eq!(check("[route.relay]\nttsProvider = \"Amazon\"\nvoice = \"Amy-Neural\""), Ok(()));
        let wrong = check("[route.relay]\nttsprovider = \"Amazon\"").unwrap_err();
        assert!(wrong.contains("route.relay.ttsprovider") && wrong.contains("ttsProvider"), "{wrong}");
        let ours = check("[route.relay]\nurl = \"wss://elsewhere.example\"").unwrap_err();
        assert!(ours.contains("can be chosen"), "{ours}");
        assert!(check("[route.gather]\nmin_confidence = 30").is_err());
        assert!(check("[route.gather]\ntimeout = 0").is_err());
        assert!(check("[route]\nline = \"telegraph\"").is_err());
        let rule = "[[routes]]\ndirection = \"inbound\"\nline = \"gather\"\n[routes.gather]\ntimeout = 90";
        assert!(check(rule).unwrap_err().contains("routes[0].gather.timeout"));
    }
}
