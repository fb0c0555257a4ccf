//! `<Gather>`: Twilio speaks its prompts, listens to what the person says or presses, and asks the
//! `action` with it.
//!
//! A person does one step of theirs, when the prompts are over; only one who interrupts does it in the
//! middle of the first thing that is said or played.
//!
//! Where Twilio's documentation has no answer, this is chosen:
//! - What is said while nobody listens for speech (`input="dtmf"`, or `bargeIn="false"` and the prompt
//!   goes on) is lost, and so are keys where only speech is listened for, and keys that are pressed
//!   after the last one that counts. The person who said it waits for an answer, and says no more.
//! - Keys without an end are waited for as long as `timeout`, and then are all. The finishing key alone
//!   is nothing.
//! - A sound without words is not understood: nothing was said.
//! - `speechTimeout="auto"` is minded (13335) where the document itself says `speechModel="default"`.
//! - With nothing, the action is asked with empty `SpeechResult` and `Digits`, as far as they were
//!   listened for.
//! - How long somebody speaks takes no time, so `speechTimeout` and `maxSpeechTime` are not waited for.

use super::callbacks::Callback;
use super::leg::{Cut, Ending, Leg};
use super::network::Source;
use super::people::Method;
use super::seen::{By, Event, Kind};
use super::twiml::Element;
use super::webhook::Target;
use caller::Step;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use url::Url;

/// A `<Gather>` as the document has it.
struct Wanted {
    speech: bool,
    keys: bool,
    action: Target,
    partial: Option<Target>,
    language: String,
    timeout: Duration,
    barge_in: bool,
    on_empty: bool,
    finish: Option<char>,
    most_keys: usize,
}

/// What the person did.
enum Input {
    Speech(String),
    Keys { digits: String, finished: Option<char> },
    Nothing,
}

impl Leg {
    pub(super) async fn gather(&mut self, gather: &Element, base: Option<&Url>) -> Result<(), Cut> {
        let wanted = self.gathering(gather, base)?;
        let input = match self.prompts(gather, base, &wanted).await? {
            Some(words) => self.said(&wanted, words),
            None => self.listen(&wanted).await?,
        };
        let mut parameters = Vec::new();
        let mut add = |name: &str, value: String| parameters.push((name.to_owned(), value));
        match input {
            Input::Nothing if !wanted.on_empty => return Ok(()),
            Input::Nothing => {
                if wanted.speech {
                    add("SpeechResult", String::new());
                }
                if wanted.keys {
                    add("Digits", String::new());
                }
            }
            Input::Speech(words) => {
                if let Some(confidence) = self.person.confidence_in(&words) {
                    add("Confidence", confidence.to_owned());
                }
                add("SpeechResult", words);
                add("Language", wanted.language);
            }
            Input::Keys { digits, finished } => {
                add("Digits", digits);
                if let Some(key) = finished {
                    add("FinishedOnKey", key.to_string());
                }
            }
        }
        let target = Target { parameters, ..wanted.action };
        Err(Cut::Goto { source: Source::At(target), by: None })
    }

    fn gathering(&self, gather: &Element, base: Option<&Url>) -> Result<Wanted, Cut> {
        if gather.attribute("speechTimeout") == Some("auto")
            && gather.attribute("speechModel") == Some("default")
        {
            self.breach(13335, "<Gather> with speechTimeout=\"auto\" and speechModel=\"default\"");
        }
        let input = gather.attribute("input").unwrap_or("dtmf");
        let listens = |what| input.split(' ').any(|word| word == what);
        let partial = gather.attribute("partialResultCallback").map(|url| self.resolve(base, url));
        let partial_method = Method::of(gather.attribute("partialResultCallbackMethod"));
        // without one, where this document came from
        let action = self.resolve(base, gather.attribute("action").unwrap_or_default())?;
        Ok(Wanted {
            speech: listens("speech"),
            keys: listens("dtmf"),
            action: Target::new(action, Method::of(gather.attribute("method"))),
            partial: partial.transpose()?.map(|url| Target::new(url, partial_method)),
            language: gather.attribute("language").unwrap_or("en-US").to_owned(),
            timeout: self.network.seconds(gather.number("timeout", 5)),
            barge_in: gather.flag("bargeIn", true),
            on_empty: gather.flag("actionOnEmptyResult", false),
            finish: gather.attribute("finishOnKey").unwrap_or("#").chars().next(),
            most_keys: usize::try_from(gather.number("numDigits", u64::MAX)).unwrap_or(usize::MAX),
        })
    }

    /// The words with which the person cut in, if they did.
    async fn prompts(
        &mut self,
        gather: &Element,
        base: Option<&Url>,
        wanted: &Wanted,
    ) -> Result<Option<String>, Cut> {
        let whole = self.network.config.saying;
        for prompt in &gather.children {
            let interrupts = matches!(self.person.steps.first(), Some(Step::Interrupt(_)));
            let half = if interrupts { whole / 2 } else { whole };
            match prompt.name.as_str() {
                "Say" => self.say(prompt, half).await?,
                "Play" => self.play(prompt, base, half).await?,
                _ => {
                    self.pause(prompt).await?;
                    continue;
                }
            }
            if !interrupts {
                continue;
            }
            let Step::Interrupt(words) = self.person.steps.remove(0) else { continue };
            if wanted.speech && wanted.barge_in {
                self.event(Event::CutShort);
                return Ok(Some(words));
            }
            self.event(Event::Spoke(words));
            self.orders.unless_cut(sleep(whole - half)).await?;
        }
        Ok(None)
    }

    /// The person's next step.
    async fn listen(&mut self, wanted: &Wanted) -> Result<Input, Cut> {
        let steps = &mut self.person.steps;
        let step = if steps.is_empty() { None } else { Some(steps.remove(0)) };
        match step {
            Some(Step::HangUp) => return Err(Cut::Over(Ending::by(By::Person))),
            Some(Step::Say(words) | Step::Interrupt(words)) if wanted.speech => {
                return Ok(self.said(wanted, words));
            }
            Some(Step::Say(words) | Step::Interrupt(words)) => self.event(Event::Spoke(words)),
            Some(Step::Play { name, .. }) => self.event(Event::Spoke(format!("({name})"))),
            Some(Step::Press(keys)) => {
                keys.chars().for_each(|key| self.event(Event::Spoke(key.to_string())));
                if wanted.keys {
                    return self.pressed(wanted, &keys).await;
                }
            }
            None => {}
        }
        self.silence(wanted.timeout).await?;
        Ok(Input::Nothing)
    }

    async fn pressed(&mut self, wanted: &Wanted, keys: &str) -> Result<Input, Cut> {
        let mut digits = String::new();
        let mut finished = None;
        for key in keys.chars() {
            if wanted.finish == Some(key) {
                finished = Some(key);
                break;
            }
            digits.push(key);
            if digits.len() >= wanted.most_keys {
                break;
            }
        }
        if finished.is_none() && digits.len() < wanted.most_keys {
            self.silence(wanted.timeout).await?;
        }
        Ok(if digits.is_empty() { Input::Nothing } else { Input::Keys { digits, finished } })
    }

    /// Nobody says anything for so long; unless the person has had enough before that.
    async fn silence(&mut self, time: Duration) -> Result<(), Cut> {
        let enough = self.answered.map(|answered| answered + self.person.limit);
        let over = Instant::now() + time;
        match enough.filter(|enough| *enough <= over) {
            None => self.orders.unless_cut(sleep(time)).await,
            Some(enough) => {
                self.orders.unless_cut(tokio::time::sleep_until(enough)).await?;
                Err(Cut::Over(Ending::by(By::Person)))
            }
        }
    }

    /// The person says this while somebody listens.
    fn said(&self, wanted: &Wanted, words: String) -> Input {
        self.event(Event::Spoke(words.clone()));
        if let Some(target) = &wanted.partial {
            for (number, so_far) in caller::partials(&words).iter().enumerate() {
                let (stable, unstable) = so_far.rsplit_once(' ').unwrap_or(("", so_far));
                let mut parameters = self.parameters();
                let mut add = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
                add("StableSpeechResult", stable);
                add("UnstableSpeechResult", unstable);
                add("SequenceNumber", &number.to_string());
                add("Language", &wanted.language);
                let target = Target { parameters, ..target.clone() };
                let event = (*so_far).to_owned();
                self.callbacks.send(Callback { kind: Kind::Gather, event, target });
            }
        }
        Input::Speech(words)
    }
}
