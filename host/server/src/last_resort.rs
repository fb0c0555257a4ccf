//! What is left when a call cannot go on: a few phrases, rendered at start by the voice that is built in
//! (DESIGN, rule 8), and somebody whom the caller is put through to.

use crate::config::{Config, Loaded, Route};
use call::audio::Phrase;
use call::conversation::LastResort;
use call::line::UtteranceId;
use call::{Moment, tts};
use components::manifest::Kind;
use components::{Catalogue, Generation, Host, Speaking, Surroundings};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Needs no key, no network and no time to speak of.
const VOICE: &str = "flite-tts";
/// A phrase is no speech: one that takes more steps than this is given up.
const MOST_STEPS: u32 = 1000;

/// What has to be heard whatever has failed.
pub fn phrases(config: &Config) -> Vec<&str> {
    let connecting = config.has_last_resort().then_some(config.speech.connecting.as_str());
    [config.speech.apology.as_str()].into_iter().chain(connecting).collect()
}

/// Who takes over the callers of this route.
pub fn of(config: &Config, route: &Route) -> Option<LastResort> {
    let to = route.last_resort()?.to_owned();
    Some(LastResort { to, phrase: config.speech.connecting.clone() })
}

/// Renders these phrases. What cannot be rendered is missing, and the log says why: calls are
/// possible without it.
pub fn render(catalogue: &Catalogue, host: &Host, loaded: &Loaded, phrases: &[&str]) -> Vec<Phrase> {
    let voice = match catalogue.load(host, VOICE, Kind::Tts, loaded) {
        Ok(voice) => voice,
        Err(e) => {
            tracing::warn!("a call whose voice is lost will end without an apology: {e}");
            return Vec::new();
        }
    };
    let rendered = phrases.iter().filter_map(|text| {
        let audio = speak(&voice, text);
        if audio.is_none() {
            tracing::warn!(text, "{VOICE} cannot say this; a call whose voice is lost will end without it");
        }
        Some(Phrase { text: (*text).to_owned(), audio: audio?.into() })
    });
    rendered.collect()
}

fn speak(voice: &Arc<Generation>, text: &str) -> Option<Vec<u8>> {
    // nothing of what it wants of a network is wanted here
    let (arrivals, _) = mpsc::channel(1);
    let surroundings = Surroundings::new("start", 0, 0, arrivals);
    let (mut session, mut effects) =
        voice.open_tts(&surroundings, Moment::START, Speaking::default()).ok()?;
    let utterance = UtteranceId(1);
    let begin = tts::Event::Begin { utterance, voice: None, language: None };
    effects.extend(session.handle(Moment::START, begin));
    let speak = tts::Event::Speak { utterance, text: text.to_owned(), last: true };
    effects.extend(session.handle(Moment::START, speak));
    let mut audio = Vec::new();
    for _ in 0..MOST_STEPS {
        let mut more = false;
        for effect in effects {
            match effect {
                tts::Effect::Audio { data, .. } => audio.extend(data),
                tts::Effect::Finished(_) => return (!audio.is_empty()).then_some(audio),
                tts::Effect::Failed(_) => return None,
                tts::Effect::More => more = true,
                tts::Effect::Timing { .. } | tts::Effect::Usage(_) => {}
            }
        }
        if !more {
            return None;
        }
        effects = session.handle(Moment::START, tts::Event::More);
    }
    None
}
