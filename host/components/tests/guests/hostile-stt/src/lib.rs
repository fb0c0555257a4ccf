//! Does what a recogniser must not do. Which of it is chosen by the setting `mode`.

use hostile_misdeeds as misdeeds;
use plugin::stt::{Effect, Event, Opening, Provider, Transcript};
use plugin::{Action, Cause, Failure, Timer, Usage, Websocket, Word, failure, net};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    mode: String,
}

struct Hostile {
    mode: String,
    events: u32,
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
            "refuse" => Err(failure(Cause::Denied, misdeeds::forged())),
            _ => Ok(Self { mode, events: 0 }),
        }
    }

    fn handle(&mut self, _: u64, event: Event, effects: &mut Vec<Effect>) {
        self.events += 1;
        misdeeds::at("handle", &self.mode);
        if self.events == 10 {
            misdeeds::at("tenth", &self.mode);
        }
        match event {
            Event::SpeechStarted => misdeeds::at("speech", &self.mode),
            Event::SpeechEnded => misdeeds::at("silence", &self.mode),
            _ => {}
        }
        match self.mode.as_str() {
            "flood" => effects.extend((0..5_000).map(|_| Effect::Partial(heard("x")))),
            "giant" => effects.push(Effect::Final(heard(&"x".repeat(6 << 20)))),
            "garbled" => effects.push(Effect::Final(heard(&misdeeds::garble()))),
            "nonsense" => nonsense(effects),
            "after-the-end" => after_the_end(effects),
            "bill" => effects
                .extend((0..3).map(|_| Effect::Usage(Usage { unit: "audio-ms".into(), amount: u64::MAX }))),
            // sound of nobody, and its own report of it
            "parrot" => {
                if let Event::Audio(audio) = event {
                    effects.push(Effect::Partial(heard(&format!("{} bytes", audio.len()))));
                }
            }
            _ => {}
        }
    }
}

fn heard(text: &str) -> Transcript {
    Transcript { text: text.into(), confidence: 1.0, words: vec![], until: None }
}

/// Numbers that are none, words that end before they begin, sound that nobody has heard yet.
fn nonsense(effects: &mut Vec<Effect>) {
    let word = |text: &str, start, end| Word { text: text.into(), start, end };
    for confidence in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 7.0] {
        let words = vec![word("", 9_000, 10), word("soup", u32::MAX, 0)];
        let until = Some(u32::MAX);
        effects.push(Effect::Final(Transcript { confidence, words, until, ..heard("") }));
    }
}

/// It has given up, and goes on.
fn after_the_end(effects: &mut Vec<Effect>) {
    let over = || Effect::Failed(failure(Cause::Busy, "no more today"));
    let url = "https://evil.example.org/".into();
    let open = Action::Open(Websocket { url, headers: vec![], protocols: vec![] });
    effects.extend([over(), over(), Effect::Final(heard("and another thing")), over()]);
    effects.push(Effect::Timer(Timer { id: 1, after: 10 }));
    effects.push(Effect::Net(net::Effect { connection: 1, action: open }));
}

plugin::stt!(Hostile);
