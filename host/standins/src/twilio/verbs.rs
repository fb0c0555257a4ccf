//! The verbs that need nobody else: what Twilio says, plays and waits, and where it goes.
//!
//! Not here: `<Record>`, `<Start>` and what else the schema has. The call goes on behind
//! them, and a violation says so.

use super::leg::{Cut, Ending, Leg};
use super::network::{Source, fresh_sid};
use super::people::Method;
use super::seen::{By, Event, Status};
use super::twiml::Element;
use super::webhook::Target;
use std::time::Duration;
use tokio::time::sleep;
use url::Url;

/// The longest text of a `<Say>`: characters.
const LONGEST: usize = 4096;

impl Leg {
    pub(super) async fn perform(&mut self, verb: &Element, base: Option<&Url>) -> Result<(), Cut> {
        let name = verb.name.as_str();
        if self.waits && !matches!(name, "Say" | "Play" | "Pause" | "Redirect")
            || self.whispers && matches!(name, "Dial" | "Connect" | "Reject" | "Enqueue")
        {
            let whom = if self.waits { "waits" } else { "is not joined yet" };
            self.breach(12200, format!("<{name}> in a document for somebody who {whom}"));
            return Ok(());
        }
        match name {
            "Say" => self.say(verb, self.network.config.saying).await,
            "Play" => self.play(verb, base, self.network.config.saying).await,
            "Pause" => self.pause(verb).await,
            "Hangup" => Err(Cut::Over(Ending::by(By::Document))),
            "Reject" => {
                self.breach(12200, "<Reject> after the call was answered");
                Err(Cut::Over(Ending::by(By::Document)))
            }
            "Redirect" => {
                let url = self.resolve(base, &verb.text)?;
                let target = Target::new(url, Method::of(verb.attribute("method")));
                Err(Cut::Goto { source: Source::At(target), by: Some(By::Document) })
            }
            "Gather" => self.gather(verb, base).await,
            "Connect" => self.connect(verb, base).await,
            "Dial" => self.dial(verb, base).await,
            _ => {
                self.breach(0, format!("<{name}> is not carried out by this stand-in"));
                Ok(())
            }
        }
    }

    pub(super) async fn pause(&mut self, pause: &Element) -> Result<(), Cut> {
        let pause = self.network.seconds(pause.number("length", 1));
        self.event(Event::Paused(pause));
        self.orders.unless_cut(sleep(pause)).await
    }

    /// The call is not taken.
    pub(super) fn reject(&self, reject: &Element) -> Cut {
        let reason = reject.attribute("reason").unwrap_or("rejected").to_owned();
        let status = if reason == "busy" { Status::Busy } else { Status::NoAnswer };
        self.event(Event::Rejected { reason });
        Cut::Over(Ending { status, by: Some(By::Document) })
    }

    /// For so long, whatever it is.
    pub(super) async fn say(&mut self, say: &Element, time: Duration) -> Result<(), Cut> {
        if say.text.chars().count() > LONGEST {
            self.breach(12200, format!("<Say> with more than {LONGEST} characters"));
        }
        let attribute = |name| say.attribute(name).map(str::to_owned);
        let (voice, language) = (attribute("voice"), attribute("language"));
        self.event(Event::Said { text: say.text.clone(), voice, language });
        self.orders.unless_cut(sleep(time)).await
    }

    pub(super) async fn play(
        &mut self,
        play: &Element,
        base: Option<&Url>,
        time: Duration,
    ) -> Result<(), Cut> {
        if let Some(keys) = play.attribute("digits") {
            self.event(Event::Pressed(keys.to_owned()));
            return Ok(());
        }
        let target = Target::new(self.resolve(base, &play.text)?, Method::Get);
        let (network, token) = (self.network.clone(), fresh_sid(""));
        let answer = self.orders.unless_cut(network.client.request(&target, &[], &token)).await?;
        let url = target.url.to_string();
        let status = answer.as_ref().ok().map(|answer| answer.status);
        self.event(Event::Played { url: url.clone(), status });
        match answer {
            Ok(answer) if !(200..300).contains(&answer.status) => {
                let text = format!("{url} was to be played, and answered with {}", answer.status);
                network.alert(&self.sid, 11200, text);
                return Ok(());
            }
            Ok(answer) if !answer.content_type.starts_with("audio/") => {
                let text = format!("{url} was to be played, and is of the type {:?}", answer.content_type);
                self.breach(12300, text);
                return Ok(());
            }
            Ok(_) => {}
            Err(reason) => {
                network.alert(&self.sid, 11205, format!("{url} was to be played, and no answer: {reason}"));
                return Ok(());
            }
        }
        self.orders.unless_cut(sleep(time)).await
    }
}

/// Never, if there is no time.
pub(super) async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}
