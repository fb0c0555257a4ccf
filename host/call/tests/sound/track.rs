//! What the caller's line carries, and a call that hears it.

use audio::detect::{Silero, level};
use audio::g711;
use call::persona::{Action, Event, Interruption, Manner};
use call::{Call, Config, Input, Moment, Output, chat, llm, stt, tts};
use std::time::Duration;

pub const FRAME: usize = 160;

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn samples(time: Duration) -> usize {
    audio::TELEPHONE.samples_in(time)
}

/// Words as the built-in voice says them, without the silence around them.
pub fn speech(text: &str) -> Vec<i16> {
    let spoken = flite_rs::Engine::new().synthesize(text).samples;
    let frames: Vec<&[i16]> = spoken.chunks_exact(FRAME).collect();
    let audible = |frame: &&[i16]| level(frame) > -45.0;
    let first = frames.iter().position(audible).unwrap();
    let last = frames.iter().rposition(audible).unwrap();
    frames[first..=last].concat()
}

/// How loud speech is while it is spoken, in dB relative to full scale: pauses do not count.
pub fn speech_level(samples: &[i16]) -> f32 {
    let loud: Vec<i16> =
        samples.chunks_exact(FRAME).filter(|f| level(f) > -40.0).flatten().copied().collect();
    level(&loud)
}

/// The same sound at this level.
pub fn at_level(samples: &[i16], decibels: f32) -> Vec<i16> {
    let factor = 10f32.powf((decibels - level(samples)) / 20.0);
    samples.iter().map(|s| (f32::from(*s) * factor) as i16).collect()
}

pub fn silence(time: Duration) -> Vec<i16> {
    vec![0; samples(time)]
}

/// Numbers that look random and are the same every time.
pub fn random(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(2_654_435_769).max(1);
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}

pub fn white_noise(time: Duration, seed: u32) -> Vec<i16> {
    let mut random = random(seed);
    (0..samples(time)).map(|_| (random() * 8000.0) as i16).collect()
}

/// Many people at once.
pub fn babble(time: Duration, voices: u32) -> Vec<i16> {
    let sentences = [
        "I told him that the meeting was moved to the end of the week.",
        "Could you bring me another glass of water and the bill, please?",
        "The train was late again, so we missed the beginning of the film.",
        "My sister has bought a house near the river with a large garden.",
        "They said it would rain tomorrow, but it looks fine to me.",
        "Nobody knows where the keys are, have you looked in the kitchen?",
        "We had the fish, and I must say that it was better than last time.",
        "What a noise in here, I can hardly hear what you are saying.",
    ];
    let mut mixed = vec![0f32; samples(time)];
    for voice in 0..voices as usize {
        // each begins somewhere else, and says the sentences in an order of its own
        let mut at = voice * 3_700;
        let mut n = voice;
        let mut said: Vec<i16> = Vec::new();
        while said.len() < mixed.len() + at {
            said.extend(speech(sentences[n % sentences.len()]));
            n += 1 + voice % 3;
        }
        at %= said.len();
        for (sum, sample) in mixed.iter_mut().zip(&said[at..]) {
            *sum += f32::from(*sample) / voices as f32;
        }
    }
    mixed.into_iter().map(|s| s as i16).collect()
}

pub fn mix(a: &[i16], b: &[i16]) -> Vec<i16> {
    a.iter().zip(b).map(|(a, b)| a.saturating_add(*b)).collect()
}

/// What a recogniser says, and when.
pub struct Words {
    pub at: Duration,
    pub effect: stt::Effect,
}

impl Words {
    pub fn partial(at: Duration, text: &str) -> Self {
        Self { at, effect: stt::Effect::Partial(transcript(text)) }
    }

    pub fn last(at: Duration, text: &str) -> Self {
        Self { at, effect: stt::Effect::Final(transcript(text)) }
    }
}

fn transcript(text: &str) -> stt::Transcript {
    stt::Transcript { text: text.into(), confidence: 0.9, words: vec![], until: None }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Heard {
    /// the agent was paused or cut
    pub clears: Vec<Moment>,
    pub turns: Vec<(Moment, String)>,
    /// from when to when something of the agent was sent
    pub agent: Vec<(Moment, Moment)>,
    /// the detector's word on the caller
    pub speaking: Vec<Moment>,
}

/// How long model and voice take.
const MODEL: Duration = Duration::from_millis(100);
const VOICE: Duration = Duration::from_millis(50);

/// Plays a call over this line: the agent says `greeting` seconds of something, and answers every
/// turn with a second of something.
pub fn play(track: &[i16], words: Vec<Words>, greeting: u64, config: Config) -> Heard {
    let mut call = Call::new(config, Box::new(Silero::default()));
    let mut heard = Heard::default();
    let mut later: Vec<(Moment, Input)> =
        words.into_iter().map(|w| (Moment::since_start(w.at), Input::Stt(vec![w.effect]))).collect();
    // a recogniser that has nothing to say shows that it is there
    for second in 1..track.len() as u64 / 8000 {
        let usage = call::Usage { unit: "audio-ms".into(), amount: 1000 };
        later.push((Moment::since_start(ms(second * 1000)), Input::Stt(vec![stt::Effect::Usage(usage)])));
    }
    let frames = g711::encode_all(track);
    let mut played = 0;
    // the voice has said all of the greeting with its first piece
    let mut begun = false;
    let mut now = Moment::START;
    call.handle(now, Input::Attached);
    loop {
        let due = loop {
            match call.poll_output() {
                Output::Timeout(due) => break due,
                Output::Ended(_) => return heard,
                Output::Clear => heard.clears.push(now),
                Output::Media { audio, .. } => {
                    let length = audio::TELEPHONE.duration_of(audio.len());
                    let from = heard.agent.last().map_or(now, |(_, until)| now.max(*until));
                    heard.agent.push((from, from + length));
                }
                Output::Mark(name) => {
                    let played = heard.agent.last().map_or(now, |(_, until)| *until);
                    later.push((played, Input::Audio(call::audio::Input::Mark(name))));
                }
                Output::Tts(tts::Event::Speak { utterance, last, .. }) => {
                    let is_greeting = utterance.0 == 1 && greeting > 0;
                    let seconds = match is_greeting {
                        true if begun => 0,
                        true => greeting,
                        false => 1,
                    };
                    begun |= is_greeting;
                    let data = vec![0x20; seconds as usize * 8000];
                    let mut effects = vec![tts::Effect::Audio { utterance, data }];
                    effects.extend(last.then_some(tts::Effect::Finished(utterance)));
                    later.push((now + VOICE, Input::Tts(effects)));
                }
                Output::Model { reply, event: llm::Event::Generate(_) } => {
                    let effects = vec![
                        llm::Effect::Delta("I see.".into()),
                        llm::Effect::Finished(chat::Stop::Complete),
                    ];
                    later.push((now + MODEL, Input::Model { reply, effects }));
                }
                Output::Persona(event) => {
                    let actions = match event {
                        Event::Started if greeting > 0 => vec![Action::Say {
                            id: 1,
                            text: "And so on. ".repeat(greeting as usize),
                            manner: Manner::new(Interruption::Anything),
                        }],
                        Event::Turn(turn) => {
                            heard.turns.push((now, turn.said.text));
                            vec![ask()]
                        }
                        Event::Speaking => {
                            heard.speaking.push(now);
                            vec![]
                        }
                        _ => vec![Action::Listen(Default::default())],
                    };
                    call.handle(now, Input::Persona(actions));
                }
                _ => {}
            }
        };
        later.sort_by_key(|(when, _)| *when);
        let frame_at = Moment::since_start(audio::TELEPHONE.duration_of(played + FRAME));
        let first = later.first().map_or(Moment::NEVER, |(when, _)| *when);
        now = now.max(frame_at.min(first).min(due));
        if played + FRAME > frames.len() {
            return heard;
        }
        if first <= now {
            call.handle(now, later.remove(0).1);
        } else if frame_at <= now {
            let frame = frames[played..played + FRAME].to_vec();
            played += FRAME;
            call.handle(now, Input::Audio(call::audio::Input::Frame(frame)));
        } else {
            call.handle(now, Input::Timeout);
        }
    }
}

fn ask() -> Action {
    Action::Ask(call::persona::Question {
        id: 9,
        instructions: String::new(),
        context: call::persona::Context::Conversation,
        tools: vec![],
        tool_choice: chat::ToolChoice::Auto,
        schema: None,
        max_tokens: None,
        temperature: None,
        aloud: Some(Manner::new(Interruption::Anything)),
    })
}
