//! CMU Flite's voice `kal`, which is native at the telephone's rate: speech without a vendor.
//!
//! Text is synthesised a clause at a time, which takes about a millisecond, and given out in pieces
//! of 150 ms, as fast as the host asks for more. Every word says where it lies.

mod synthesis;

use plugin::tts::{Audio, Effect, Event, Opening, Piece, Provider, Timing, Utterance};
use plugin::{Cause, Encoding, Failure, Word};
use serde::Deserialize;
use std::collections::VecDeque;
use synthesis::{Clause, Voice, clauses};

/// µ-law bytes given in one call: 150 ms.
const PIECE: usize = 1200;
const BYTES_PER_MS: usize = 8;

#[derive(Deserialize)]
struct Settings {
    speed: f32,
}

struct Flite {
    speed: f32,
    /// built with the first word: it costs more than a call that never speaks should pay
    voice: Option<Voice>,
    waiting: VecDeque<Work>,
    /// what was synthesised and not yet given
    ready: Clause,
    /// bytes of audio synthesised so far for the utterance in hand
    spoken: usize,
}

enum Work {
    Speak { utterance: u32, text: String },
    Finish { utterance: u32 },
}

impl Work {
    fn utterance(&self) -> u32 {
        match self {
            Self::Speak { utterance, .. } | Self::Finish { utterance } => *utterance,
        }
    }
}

impl Provider for Flite {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let unsupported = |message: String| Err(plugin::failure(Cause::Unsupported, message));
        let settings: Settings = plugin::settings(&opening.settings)?;
        if opening.format.encoding != Encoding::Mulaw || opening.format.rate != 8000 {
            return unsupported("the voice speaks mulaw at 8000".into());
        }
        if let Some(language) = opening.language.filter(|l| !l.to_lowercase().starts_with("en")) {
            return unsupported(format!("the voice speaks English, not {language:?}"));
        }
        Ok(Self {
            speed: settings.speed,
            voice: None,
            waiting: VecDeque::new(),
            ready: Clause::default(),
            spoken: 0,
        })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        let idle = self.waiting.is_empty();
        match event {
            Event::Begin(Utterance { .. }) | Event::Prepare | Event::Net(_) | Event::Timer(_) => {}
            Event::Speak(Piece { utterance, text, last }) => {
                let clauses = clauses(&text).map(|text| Work::Speak { utterance, text: text.to_owned() });
                self.waiting.extend(clauses);
                if last {
                    self.waiting.push_back(Work::Finish { utterance });
                }
                // what waits already is asked for with `more`
                if idle {
                    self.step(effects);
                }
            }
            Event::Cancel(utterance) => {
                if self.waiting.front().is_some_and(|work| work.utterance() == utterance) {
                    self.ready = Clause::default();
                    self.spoken = 0;
                }
                self.waiting.retain(|work| work.utterance() != utterance);
            }
            Event::More => self.step(effects),
        }
        if !self.waiting.is_empty() {
            effects.retain(|effect| *effect != Effect::More);
            effects.push(Effect::More);
        }
    }
}

impl Flite {
    /// The next piece of what waits.
    fn step(&mut self, effects: &mut Vec<Effect>) {
        match self.waiting.front() {
            None => {}
            Some(Work::Finish { utterance }) => {
                effects.push(Effect::Finished(*utterance));
                self.spoken = 0;
                self.waiting.pop_front();
            }
            Some(Work::Speak { utterance, text }) => {
                let utterance = *utterance;
                if self.ready.is_empty() {
                    let voice = self.voice.get_or_insert_with(|| Voice::new(self.speed));
                    self.ready = voice.synthesise(text);
                    let start = self.spoken;
                    let at = |bytes: usize| ((start + bytes) / BYTES_PER_MS) as u32;
                    effects.extend(self.ready.words.drain(..).map(|(text, from, to)| {
                        let word = Word { text, start: at(from), end: at(to) };
                        Effect::Timing(Timing { utterance, word })
                    }));
                    self.spoken += self.ready.len();
                }
                let data = self.ready.take(PIECE);
                if !data.is_empty() {
                    effects.push(Effect::Audio(Audio { utterance, data }));
                }
                if self.ready.is_empty() {
                    self.waiting.pop_front();
                    // the end of an utterance is not worth a call of its own
                    if let Some(Work::Finish { .. }) = self.waiting.front() {
                        self.step(effects);
                    }
                }
            }
        }
    }
}

plugin::tts!(Flite);

#[cfg(test)]
mod tests {
    use super::*;
    use plugin::AudioFormat;

    fn open() -> Flite {
        Flite::open(Opening {
            format: AudioFormat { encoding: Encoding::Mulaw, rate: 8000 },
            language: Some("en-US".into()),
            voice: None,
            settings: r#"{"speed":1.0}"#.into(),
        })
        .unwrap()
    }

    fn speak(session: &mut Flite, utterance: u32, text: &str, last: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        session.handle(0, Event::Speak(Piece { utterance, text: text.into(), last }), &mut effects);
        effects
    }

    /// Everything there is, by asking for more as long as there is more.
    fn drain(session: &mut Flite, mut effects: Vec<Effect>) -> Vec<Effect> {
        while effects.last() == Some(&Effect::More) {
            effects.pop();
            session.handle(0, Event::More, &mut effects);
        }
        effects
    }

    fn audio(effects: &[Effect], of: u32) -> Vec<u8> {
        let audio = effects.iter().filter_map(|effect| match effect {
            Effect::Audio(audio) if audio.utterance == of => Some(audio.data.clone()),
            _ => None,
        });
        audio.collect::<Vec<_>>().concat()
    }

    #[test]
    fn the_first_piece_comes_at_once_and_the_rest_when_asked_for() {
        let mut session = open();
        let first = speak(&mut session, 1, "I am sorry to hear that, and I will tell the kitchen.", true);
        assert_eq!(audio(&first, 1).len(), PIECE);
        assert_eq!(first.last(), Some(&Effect::More));
        let all = drain(&mut session, first);
        assert_eq!(all.last(), Some(&Effect::Finished(1)));
        let milliseconds = audio(&all, 1).len() / 8;
        assert!((2_000..5_000).contains(&milliseconds), "{milliseconds} ms");
    }

    #[test]
    fn words_lie_in_order_within_the_audio() {
        let mut session = open();
        let effects = speak(&mut session, 1, "One two, three. ", false);
        let mut all = drain(&mut session, effects);
        let effects = speak(&mut session, 1, "Mr. Lee paid $5.", true);
        all.extend(drain(&mut session, effects));
        let words: Vec<Word> = all
            .iter()
            .filter_map(|effect| match effect {
                Effect::Timing(timing) => Some(timing.word.clone()),
                _ => None,
            })
            .collect();
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["One", "two", "three", "Mr", "Lee", "paid", "$5"]);
        assert!(words.windows(2).all(|w| w[0].start < w[0].end && w[0].end <= w[1].start), "{words:?}");
        assert!(words.last().unwrap().end as usize <= audio(&all, 1).len() / 8);
    }

    #[test]
    fn a_cancelled_utterance_is_forgotten_and_the_next_is_spoken() {
        let mut session = open();
        speak(&mut session, 1, "This is much too long to be spoken in one piece.", true);
        let waiting = speak(&mut session, 2, "Yes.", true);
        assert!(audio(&waiting, 2).is_empty(), "one after the other");
        let mut effects = Vec::new();
        session.handle(0, Event::Cancel(1), &mut effects);
        let rest = drain(&mut session, effects);
        assert!(audio(&rest, 1).is_empty());
        assert!(!audio(&rest, 2).is_empty());
        assert_eq!(rest.last(), Some(&Effect::Finished(2)));
    }

    #[test]
    fn an_utterance_without_words_is_finished_at_once() {
        assert_eq!(speak(&mut open(), 1, " ", true), [Effect::Finished(1)]);
    }

    #[test]
    fn what_it_cannot_speak_is_refused() {
        let mut opening = Opening {
            format: AudioFormat { encoding: Encoding::Pcm16, rate: 16000 },
            language: None,
            voice: None,
            settings: r#"{"speed":1.0}"#.into(),
        };
        assert_eq!(Flite::open(opening.clone()).err().unwrap().cause, Cause::Unsupported);
        opening.format = AudioFormat { encoding: Encoding::Mulaw, rate: 8000 };
        opening.language = Some("de-DE".into());
        assert_eq!(Flite::open(opening).err().unwrap().cause, Cause::Unsupported);
    }
}
