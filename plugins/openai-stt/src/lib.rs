//! Transcriptions in OpenAI's protocol, which Whisper-style servers speak too: a request for each
//! utterance.
//!
//! There is no stream: the host's detector says where an utterance begins and ends, and its audio
//! is sent as one file. So there are no partials, and a final comes only as fast as the server is.
//! Two requests may be under way; their finals are given in the order in which the words were said.
//! A server that stumbles is asked once more. Source: OpenAI's API reference, "Create
//! transcription".

mod ear;
mod form;
mod job;

use ear::{Cut, Ear};
use form::Form;
use job::{Job, Next, State};
use plugin::stt::{Effect, Event, Opening, Provider, Transcript, Tuning};
use plugin::url::Url;
use plugin::{Action, Cause, Encoding, Failure, Header, Outcome, Request, Timer, Usage, net};
use serde::Deserialize;
use std::collections::VecDeque;

/// Requests under way.
const AT_ONCE: usize = 2;
/// Utterances without their text. A server that is further behind than this is of no use in a
/// conversation.
const MOST: usize = 6;
/// Before a server that stumbled is asked again.
const REST: u32 = 250;

#[derive(Deserialize)]
struct Settings {
    base_url: String,
    model: String,
}

pub struct Transcriber {
    url: String,
    model: String,
    rate: u32,
    /// without its region
    language: Option<String>,
    /// words to listen for
    prompt: String,
    ear: Ear,
    /// in the order in which they were said
    jobs: VecDeque<Job>,
    /// how many there were so far
    utterances: u32,
    finishing: bool,
}

impl Provider for Transcriber {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings: Settings = plugin::settings(&opening.settings)?;
        let rate = opening.format.rate;
        if opening.format.encoding != Encoding::Pcm16 || rate == 0 {
            let message = "a file that servers understand takes pcm16";
            return Err(plugin::failure(Cause::Unsupported, message));
        }
        Ok(Self {
            url: Url::new(&settings.base_url, "audio/transcriptions").into_string(),
            model: settings.model,
            rate,
            language: opening.language.as_deref().and_then(plugin::primary_language),
            prompt: opening.keyterms.join(", "),
            ear: Ear::new(rate),
            jobs: VecDeque::new(),
            utterances: 0,
            finishing: false,
        })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        let cut = match event {
            Event::Audio(audio) => self.ear.hear(&audio),
            Event::SpeechStarted => {
                self.ear.speech_started();
                None
            }
            Event::SpeechEnded => self.ear.speech_ended(),
            Event::Finalize => self.ear.cut(),
            Event::Finish => {
                self.finishing = true;
                self.ear.speech_ended()
            }
            Event::Retune(Tuning { language, keyterms }) => {
                if let Some(language) = language {
                    self.language = plugin::primary_language(&language);
                }
                if let Some(terms) = keyterms {
                    self.prompt = terms.join(", ");
                }
                None
            }
            Event::Timer(number) => {
                if let Some(job) = self.find(number) {
                    job.state = State::Waiting;
                }
                None
            }
            Event::Net(net::Event { connection, outcome }) => {
                self.came(connection, outcome, effects);
                None
            }
        };
        if let Some(cut) = cut {
            self.utterances += 1;
            self.jobs.push_back(Job::new(self.utterances, cut));
        }
        self.advance(effects);
    }
}

impl Transcriber {
    fn came(&mut self, connection: u32, outcome: Outcome, effects: &mut Vec<Effect>) {
        let Some(job) = self.find(connection) else { return };
        match job.came(outcome) {
            Next::Nothing => {}
            Next::AskAgainLater => effects.push(Effect::Timer(Timer { id: connection, after: REST })),
            Next::GiveUp => {
                effects.push(Effect::Net(net::Effect { connection, action: Action::Close }));
            }
        }
    }

    /// Gives what is due, and asks for what comes next.
    fn advance(&mut self, effects: &mut Vec<Effect>) {
        while let Some(job) = self.jobs.front() {
            match &job.state {
                State::Ended(Ok(text)) => effects.extend(heard(text.trim(), &job.cut, self.rate)),
                State::Ended(Err(failure)) => {
                    effects.push(Effect::Failed(failure.clone()));
                    return self.jobs.clear();
                }
                State::Waiting | State::Asked { .. } | State::Resting => break,
            }
            self.jobs.pop_front();
        }
        if self.jobs.len() > MOST {
            let message = format!("the server is {MOST} utterances behind");
            effects.push(Effect::Failed(plugin::failure(Cause::Busy, message)));
            return self.jobs.clear();
        }
        for at in 0..self.jobs.len().min(AT_ONCE) {
            if let State::Waiting = self.jobs[at].state {
                effects.push(self.request(&self.jobs[at]));
                self.jobs[at].state = State::Asked { refusal: None, body: Vec::new() };
            }
        }
        if self.finishing && self.jobs.is_empty() {
            self.finishing = false;
            effects.push(Effect::Finished);
        }
    }

    fn request(&self, job: &Job) -> Effect {
        let mut form = Form::default().text("model", &self.model).text("response_format", "json");
        if let Some(language) = &self.language {
            form = form.text("language", language);
        }
        if !self.prompt.is_empty() {
            form = form.text("prompt", &self.prompt);
        }
        let request = Request {
            method: "POST".into(),
            url: self.url.clone(),
            headers: vec![Header { name: "content-type".into(), value: form::CONTENT_TYPE.into() }],
            body: form.wav("file", &job.cut.audio, self.rate).finish(),
        };
        Effect::Net(net::Effect { connection: job.number, action: Action::Request(request) })
    }

    fn find(&mut self, number: u32) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.number == number)
    }
}

/// What the answer is worth: the bill, and words, if there were any.
fn heard(text: &str, cut: &Cut, rate: u32) -> Vec<Effect> {
    let mut effects = vec![Effect::Usage(Usage { unit: "audio-ms".into(), amount: cut.duration(rate) })];
    if !text.is_empty() {
        let (text, words) = (text.to_owned(), Vec::new());
        effects.push(Effect::Final(Transcript { text, confidence: 1.0, words, until: Some(cut.until) }));
    }
    effects
}

plugin::stt!(Transcriber);

#[cfg(test)]
mod tests;
