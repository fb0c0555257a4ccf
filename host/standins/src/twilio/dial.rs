//! `<Dial>`: another telephone is called, or a conference joined, and this one waits until that is
//! over. Of what is spoken there, nothing is heard; who was joined with whom is kept.
//!
//! Not here: `hangupOnStar`, recordings, SIP, queues, detection of answering machines on the way.

use super::callbacks::Gate;
use super::leg::{Cut, Ending, Leg};
use super::network::Source;
use super::people::{Answers, Method, Person};
use super::seen::{By, CallSeen, DialStatus, Event, Status};
use super::twiml::Element;
use super::verbs::after;
use super::webhook::Target;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A leg to a number, and how the document wants it.
struct Dialled {
    leg: Leg,
    number: String,
    whisper: Option<Target>,
    send_digits: Option<String>,
}

/// What came of a `<Dial>`.
pub(super) struct DialOutcome {
    pub(super) status: DialStatus,
    /// Of the other call; none: a conference.
    pub(super) sid: Option<String>,
    /// How long the two were joined.
    pub(super) bridged: Option<Duration>,
}

impl Leg {
    pub(super) async fn dial(&mut self, dial: &Element, base: Option<&Url>) -> Result<(), Cut> {
        let conference = dial.children.iter().find(|noun| noun.name == "Conference");
        let done = match conference {
            Some(conference) => self.conference(conference, base).await?,
            None => self.call_numbers(dial, base).await?,
        };
        let Some(action) = dial.attribute("action") else { return Ok(()) };
        let mut target = Target::new(self.resolve(base, action)?, Method::of(dial.attribute("method")));
        let mut add = |name: &str, value: String| target.parameters.push((name.to_owned(), value));
        add("DialCallStatus", done.status.as_str().into());
        if let Some(sid) = done.sid {
            add("DialCallSid", sid);
            add("DialBridged", done.bridged.is_some().to_string());
            let seconds = done.bridged.unwrap_or_default().as_millis().div_ceil(1000);
            add("DialCallDuration", seconds.to_string());
        }
        Err(Cut::Goto { source: Source::At(target), by: None })
    }

    async fn call_numbers(&mut self, dial: &Element, base: Option<&Url>) -> Result<DialOutcome, Cut> {
        let mut dialled = self.legs(dial, base)?;
        let timeout = self.network.seconds(dial.number("timeout", 30));
        let network = self.network.clone();
        let mut outcomes = Vec::new();
        let racing = async {
            let callees = dialled.iter().map(|to| network.callee(&to.number)).collect::<Vec<_>>();
            let ringing = dialled.iter_mut().zip(&callees).enumerate();
            let mut ringing: FuturesUnordered<_> = ringing
                .map(|(place, (to, callee))| async move { (place, to.leg.reach(callee, timeout).await) })
                .collect();
            while let Some((place, reached)) = ringing.next().await {
                match reached {
                    Ok(answers) => return Some((place, answers)),
                    Err(ending) => outcomes.push((place, ending)),
                }
            }
            None
        };
        let won = self.orders.unless_cut(racing).await;
        // those whom nobody can reach any more
        let mut result = DialOutcome { status: DialStatus::Failed, sid: None, bridged: None };
        let winner = won.as_ref().ok().and_then(|won| won.as_ref().map(|(place, _)| *place));
        let mut answering = None;
        for (place, to) in dialled.into_iter().enumerate() {
            if winner == Some(place) {
                answering = Some(to);
                continue;
            }
            let given_up = Ending { status: Status::Canceled, by: Some(By::Other) };
            let ending =
                outcomes.iter().find(|(lost, _)| *lost == place).map_or(given_up, |(_, ending)| *ending);
            result.status = DialStatus::of(ending.status);
            result.sid = Some(to.leg.sid.clone());
            let (number, sid) = (to.number, to.leg.sid.clone());
            self.event(Event::Dialled { number, sid, status: result.status, bridged: false });
            to.leg.end(ending);
        }
        match (won?, answering) {
            (Some((_, answers)), Some(to)) => self.join(to, answers, dial).await,
            _ => Ok(result),
        }
    }

    /// The other side has answered: it hears its whisper, and then the two are joined.
    async fn join(&mut self, to: Dialled, answers: Answers, dial: &Element) -> Result<DialOutcome, Cut> {
        let Dialled { mut leg, number, whisper, send_digits } = to;
        let sid = leg.sid.clone();
        leg.person = answers.person;
        leg.answer();
        if let Some(keys) = send_digits {
            leg.event(Event::Pressed(keys));
        }
        let dialled = |bridged| {
            let status = DialStatus::Completed;
            Event::Dialled { number: number.clone(), sid: sid.clone(), status, bridged }
        };
        let result = |bridged| DialOutcome { status: DialStatus::Completed, sid: Some(sid.clone()), bridged };
        if let Some(whisper) = whisper {
            leg.whispers = true;
            let whispered = self.orders.unless_cut(leg.follow_to_the_end(Source::At(whisper))).await;
            leg.whispers = false;
            match whispered {
                Ok(Ok(())) => {}
                Ok(Err(cut)) => {
                    leg.go(cut);
                    self.event(dialled(false));
                    return Ok(result(None));
                }
                Err(cut) => {
                    leg.end(Ending::by(By::Other));
                    self.event(dialled(false));
                    return Err(cut);
                }
            }
        }
        self.event(Event::Bridged { with: sid.clone() });
        leg.event(Event::Bridged { with: self.sid.clone() });
        let began = Instant::now();
        let limit = dial.attribute("timeLimit").map(|_| self.network.seconds(dial.number("timeLimit", 0)));
        let hung_up = Cut::Over(Ending::by(By::Person));
        let (own, other) = tokio::select! {
            cut = self.orders.cut() => (Some(cut), None),
            cut = leg.orders.cut() => (None, Some(cut)),
            () = after(self.person.talks) => (Some(hung_up), None),
            () = after(leg.person.talks) => (None, Some(hung_up)),
            () = after(limit) => (None, None),
        };
        let lasted = began.elapsed();
        self.event(Event::Unbridged { after: lasted });
        leg.event(Event::Unbridged { after: lasted });
        self.event(dialled(true));
        match other {
            None => leg.end(Ending::by(By::Other)),
            Some(cut) => leg.go(cut),
        }
        own.map_or(Ok(result(Some(lasted))), Err)
    }

    /// A leg for each number, none of them rings yet.
    fn legs(&self, dial: &Element, base: Option<&Url>) -> Result<Vec<Dialled>, Cut> {
        let Some(call) = self.network.call(&self.sid) else { return Err(Cut::Over(Ending::FAILED)) };
        let from = dial.attribute("callerId").unwrap_or(&call.from);
        let config = &self.network.config;
        if !config.numbers.iter().any(|number| number == from) && from != call.from && from != call.to {
            self.breach(13214, format!("<Dial> with the callerId {from}, which is not the customer's"));
            return Err(Cut::Over(Ending::FAILED));
        }
        let whole = Element::of_text("Number", &dial.text);
        let numbers = if dial.children.is_empty() { std::slice::from_ref(&whole) } else { &dial.children };
        let mut wanted = Vec::new();
        for noun in numbers {
            if noun.name != "Number" {
                self.breach(0, format!("<Dial><{}> is not carried out by this stand-in", noun.name));
                continue;
            }
            if !is_e164(&noun.text) {
                self.breach(13223, format!("<Dial> of {:?}, which is no telephone number", noun.text));
                continue;
            }
            let target = |url: Option<&str>, method| -> Result<Option<Target>, Cut> {
                let url = url.map(|url| self.resolve(base, url)).transpose()?;
                Ok(url.map(|url| Target::new(url, Method::of(noun.attribute(method)))))
            };
            let whisper = target(noun.attribute("url"), "method")?;
            wanted.push((noun, whisper, target(noun.attribute("statusCallback"), "statusCallbackMethod")?));
        }
        // from here on nothing fails: a leg that is there has to be ended
        let opened = wanted.into_iter().map(|(noun, whisper, callback)| {
            let number = noun.text.clone();
            let mut seen = CallSeen::new("outbound-dial", from, &number, Status::Queued);
            seen.parent_sid = Some(self.sid.clone());
            let mut leg = self.network.open(seen, Person::default(), Gate::default());
            let events = noun.attribute("statusCallbackEvent").unwrap_or("completed");
            leg.report_to(callback, &events.split(' ').collect::<Vec<_>>());
            let send_digits = noun.attribute("sendDigits").map(str::to_owned);
            Dialled { leg, number, whisper, send_digits }
        });
        Ok(opened.collect())
    }
}

impl DialStatus {
    fn of(status: Status) -> Self {
        match status {
            Status::Busy => Self::Busy,
            Status::NoAnswer => Self::NoAnswer,
            Status::Canceled => Self::Canceled,
            Status::Failed => Self::Failed,
            _ => Self::Completed,
        }
    }
}

pub(super) fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0')
}
