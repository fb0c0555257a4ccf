//! Does what a voice must not do. Which of it is chosen by the setting `mode`.

use hostile_misdeeds as misdeeds;
use plugin::tts::{Audio, Effect, Event, Opening, Piece, Provider, Timing};
use plugin::{Cause, Failure, Timer, Word, failure};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    mode: String,
}

struct Hostile {
    mode: String,
    events: u32,
    /// how much of which utterance was spelled, in milliseconds
    spelled: (u32, u32),
}

impl Drop for Hostile {
    fn drop(&mut self) {
        misdeeds::at("drop", &self.mode);
    }
}

impl Provider for Hostile {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let Settings { mode } = plugin::settings(&opening.settings)?;
        misdeeds::at("open", &mode);
        match mode.as_str() {
            "refuse" => Err(failure(Cause::Unsupported, misdeeds::forged())),
            _ => Ok(Self { mode, events: 0, spelled: (0, 0) }),
        }
    }

    fn handle(&mut self, _: u64, event: Event, effects: &mut Vec<Effect>) {
        self.events += 1;
        misdeeds::at("handle", &self.mode);
        if self.events == 10 {
            misdeeds::at("tenth", &self.mode);
        }
        let spoken = match event {
            Event::Speak(Piece { utterance, .. }) => Some(utterance),
            _ => None,
        };
        if self.mode.ends_with("-at-word") {
            return self.begin(event, effects);
        }
        match (self.mode.as_str(), spoken) {
            // never anything but that there is more
            ("more", _) => effects.push(Effect::More),
            ("mores", _) => effects.extend((0..5_000).map(|_| Effect::More)),
            ("giant", Some(utterance)) => effects.push(audio(utterance, 6 << 20)),
            ("garbled", Some(utterance)) => effects.push(timing(utterance, &misdeeds::garble(), 1)),
            ("foreign", Some(spoken)) => {
                for utterance in (0..100).map(|n| spoken + 1 + n).chain([u32::MAX]) {
                    effects.extend([audio(utterance, 4_800), timing(utterance, "", u32::MAX)]);
                }
                // one that nobody began is over, and this one is, and goes on
                effects.extend([
                    Effect::Finished(u32::MAX),
                    Effect::Finished(spoken),
                    Effect::Finished(spoken),
                ]);
                effects.push(audio(spoken, 4_800));
            }
            // half samples, and none
            ("crumbs", Some(utterance)) => effects.extend([0, 1, 1, 3, 0].map(|size| audio(utterance, size))),
            _ => {}
        }
    }
}

impl Hostile {
    /// Spells the first two words, as the stand-ins do, and does its deed behind them.
    fn begin(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Speak(Piece { utterance, text, .. }) => {
                // an utterance has one clock, however many pieces it comes in
                let (of, said) = self.spelled;
                let mut end = if of == utterance { said } else { 0 };
                for word in text.split_whitespace().take(2) {
                    let letters = word.to_lowercase().into_bytes().into_iter().filter(u8::is_ascii_lowercase);
                    let data: Vec<u8> = letters.flat_map(|letter| [0x90 + letter - b'a'; 160]).collect();
                    let start = end;
                    end += data.len() as u32 / 8;
                    effects.push(Effect::Audio(Audio { utterance, data: [data, vec![0xFF; 160]].concat() }));
                    let word = Word { text: word.into(), start, end };
                    effects.push(Effect::Timing(Timing { utterance, word }));
                    end += 20;
                }
                self.spelled = (utterance, end);
                effects.push(Effect::Timer(Timer { id: 1, after: 20 }));
            }
            Event::Timer(_) => misdeeds::at("word", &self.mode),
            _ => {}
        }
    }
}

fn audio(utterance: u32, size: usize) -> Effect {
    Effect::Audio(Audio { utterance, data: vec![1; size] })
}

fn timing(utterance: u32, text: &str, end: u32) -> Effect {
    Effect::Timing(Timing { utterance, word: Word { text: text.into(), start: u32::MAX, end } })
}

plugin::tts!(Hostile);
