//! OpenAI's text to speech: a request for each piece of text, whose body is the audio.
//!
//! The next piece is asked for while the one before still comes, so that there is no gap between
//! them; its audio, and its failure, wait for their turn. The vendor says nothing of where words
//! lie. Source: OpenAI's API reference, "Create speech".

mod job;

use job::Job;
use plugin::tts::{Audio, Effect, Event, Opening, Piece, Provider, Utterance};
use plugin::url::Url;
use plugin::{Action, Cause, Encoding, Failure, Header, Outcome, Request, Usage, net};
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;

/// What the vendor gives as `pcm`.
const RATE: u32 = 24_000;
/// Requests under way.
const AT_ONCE: usize = 2;

#[derive(Deserialize)]
struct Settings {
    base_url: String,
    model: String,
    voice: String,
    speed: f64,
    instructions: String,
}

pub struct Speech {
    settings: Settings,
    /// the utterance that is being given, and the voice it wants
    given: Option<(u32, Option<String>)>,
    work: VecDeque<Work>,
    /// how many requests there were: a connection that was given up takes its time to end
    requests: u32,
}

enum Work {
    Speak(Job),
    Finish { utterance: u32 },
}

impl Work {
    fn utterance(&self) -> u32 {
        match self {
            Self::Speak(job) => job.utterance,
            Self::Finish { utterance } => *utterance,
        }
    }
}

impl Provider for Speech {
    fn open(opening: Opening) -> Result<Self, Failure> {
        if opening.format.encoding != Encoding::Pcm16 || opening.format.rate != RATE {
            let message = "the vendor gives pcm16 at 24000, and nothing else that a line can use";
            return Err(plugin::failure(Cause::Unsupported, message));
        }
        let mut settings: Settings = plugin::settings(&opening.settings)?;
        settings.voice = opening.voice.unwrap_or(settings.voice);
        Ok(Self { settings, given: None, work: VecDeque::new(), requests: 0 })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        match event {
            // the host keeps connections by itself; languages are heard from the text
            Event::Prepare | Event::More | Event::Timer(_) => {}
            Event::Begin(Utterance { id, voice, .. }) => self.given = Some((id, voice)),
            Event::Speak(piece) => self.speak(piece),
            Event::Cancel(utterance) => self.cancel(utterance, effects),
            Event::Net(net::Event { connection, outcome }) => self.came(connection, outcome, effects),
        }
        self.advance(effects);
    }
}

impl Speech {
    fn speak(&mut self, Piece { utterance, text, last }: Piece) {
        let Some((_, voice)) = self.given.as_ref().filter(|(id, _)| *id == utterance) else { return };
        if plugin::tts::is_speakable(&text) {
            self.work.push_back(Work::Speak(Job::new(utterance, text, voice.clone())));
        }
        if last {
            self.work.push_back(Work::Finish { utterance });
        }
    }

    fn cancel(&mut self, utterance: u32, effects: &mut Vec<Effect>) {
        self.given.take_if(|(id, _)| *id == utterance);
        self.work.retain(|work| {
            let stays = work.utterance() != utterance;
            if let (false, Work::Speak(Job { connection: Some(connection), .. })) = (stays, work) {
                effects.push(give_up(*connection));
            }
            stays
        });
    }

    fn came(&mut self, connection: u32, outcome: Outcome, effects: &mut Vec<Effect>) {
        let job = self.work.iter_mut().find_map(|work| match work {
            Work::Speak(job) if job.connection == Some(connection) => Some(job),
            _ => None,
        });
        // what still comes of one that was given up is not wanted
        if job.is_some_and(|job| job.came(outcome)) {
            effects.push(give_up(connection));
        }
    }

    /// Gives what is due, and asks for what comes next.
    fn advance(&mut self, effects: &mut Vec<Effect>) {
        while let Some(work) = self.work.front_mut() {
            match work {
                Work::Finish { utterance } => effects.push(Effect::Finished(*utterance)),
                Work::Speak(job) => {
                    let data = job.take();
                    if !data.is_empty() {
                        effects.push(Effect::Audio(Audio { utterance: job.utterance, data }));
                    }
                    match job.ended() {
                        Some(Ok(())) => {}
                        Some(Err(failure)) => {
                            effects.push(Effect::Failed(failure.clone()));
                            return self.work.clear();
                        }
                        None => break,
                    }
                }
            }
            self.work.pop_front();
        }
        let jobs = self.work.iter_mut().filter_map(|work| match work {
            Work::Speak(job) => Some(job),
            Work::Finish { .. } => None,
        });
        for job in jobs.take(AT_ONCE).filter(|job| job.connection.is_none()) {
            self.requests += 1;
            job.connection = Some(self.requests);
            effects.push(Effect::Net(net::Effect {
                connection: self.requests,
                action: Action::Request(request(&self.settings, job)),
            }));
            let amount = job.text.chars().count() as u64;
            effects.push(Effect::Usage(Usage { unit: "characters".into(), amount }));
        }
    }
}

fn request(settings: &Settings, job: &Job) -> Request {
    let mut body = json!({
        "model": settings.model,
        "voice": job.voice.as_ref().unwrap_or(&settings.voice),
        "input": job.text,
        "response_format": "pcm",
    });
    // models that do not know these refuse them, or ignore them
    if settings.speed != 1.0 {
        body["speed"] = json!(settings.speed);
    }
    if !settings.instructions.is_empty() {
        body["instructions"] = json!(settings.instructions);
    }
    Request {
        method: "POST".into(),
        url: Url::new(&settings.base_url, "audio/speech").into_string(),
        headers: vec![Header { name: "content-type".into(), value: "application/json".into() }],
        body: body.to_string().into_bytes(),
    }
}

fn give_up(connection: u32) -> Effect {
    Effect::Net(net::Effect { connection, action: Action::Close })
}

plugin::tts!(Speech);

#[cfg(test)]
mod tests;
