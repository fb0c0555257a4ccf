//! The call: from document to document, verb by verb.

use super::document::{self, Element};
use super::{Outcome, Plan};
use crate::line::{self, CallError, Ending, Told};
use crate::plan::{Step, after};
use crate::relay;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::{Url, form_urlencoded};

/// Who cuts in does so after this long.
const CUT_IN_AFTER: Duration = Duration::from_secs(1);
/// A server has this long to answer, as with Twilio.
const ANSWER: Duration = Duration::from_secs(15);

/// Where a call goes.
struct Asking {
    url: Url,
    is_get: bool,
    /// More than what every request says.
    more: Vec<(String, String)>,
}

/// What ends a document before its end.
enum Cut {
    Goto(Asking),
    Over(Ending),
    Failed(CallError),
}

impl From<CallError> for Cut {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

pub(super) struct Phone<'a, T> {
    plan: Plan,
    tell: &'a mut T,
    began: Instant,
    steps: VecDeque<Step>,
    /// The caller did something, or is about to for the first time.
    active: Instant,
    is_answered: bool,
    heard: bool,
    warnings: Vec<String>,
}

impl<'a, T: FnMut(Told)> Phone<'a, T> {
    pub(super) fn new(mut plan: Plan, tell: &'a mut T) -> Self {
        let now = Instant::now();
        Self {
            steps: std::mem::take(&mut plan.steps).into(),
            plan,
            tell,
            began: now,
            active: now,
            is_answered: false,
            heard: false,
            warnings: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) -> Result<Outcome, CallError> {
        let bad = |reason: String| CallError::Url { url: self.plan.url.clone(), reason };
        let url = Url::parse(&self.plan.url).map_err(|error| bad(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("it begins neither with http:// nor with https://".into()));
        }
        (self.tell)(Told::Connected { url: url.to_string() });
        let mut asking = Asking { url, is_get: false, more: Vec::new() };
        let ending = loop {
            match self.document(asking).await {
                Ok(()) => break Ending::Agent { departure: None },
                Err(Cut::Over(ending)) => break ending,
                Err(Cut::Failed(error)) => return Err(error),
                Err(Cut::Goto(next)) => asking = next,
            }
        };
        let at = self.began.elapsed();
        (self.tell)(Told::Ended { at, ending: ending.clone() });
        Ok(Outcome { ending, heard: self.heard, left: self.steps.len(), warnings: self.warnings })
    }

    async fn document(&mut self, asking: Asking) -> Result<(), Cut> {
        let base = asking.url.clone();
        let verbs = self.ask(asking).await?;
        if let Some(reject) = verbs.first().filter(|verb| verb.name == "Reject" && !self.is_answered) {
            let why = reject.attribute("reason").unwrap_or("rejected");
            return Err(Cut::Over(Ending::Agent { departure: Some(why.to_owned()) }));
        }
        self.is_answered = true;
        for verb in &verbs {
            self.perform(verb, &base).await?;
        }
        Ok(())
    }

    /// The verbs that answer.
    async fn ask(&mut self, asking: Asking) -> Result<Vec<Element>, Cut> {
        let Asking { mut url, is_get, more } = asking;
        let mut form = self.parameters();
        form.extend(more);
        url.set_fragment(None);
        let request = if is_get {
            url.query_pairs_mut().extend_pairs(&form);
            form.clear();
            self.plan.http.get(url.clone())
        } else {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
            let request = self.plan.http.post(url.clone());
            request.header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8").body(body)
        };
        let mut request = request.timeout(ANSWER);
        for (name, value) in (self.plan.sign)(url.as_str(), &form) {
            let (Ok(header), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) else {
                return Err(CallError::Header(name).into());
            };
            request = request.header(header, value);
        }
        let failed = |reason: String| CallError::Answer { url: url.to_string(), reason };
        let response = request.send().await.map_err(|error| failed(reason(&error)))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| failed(reason(&error)))?;
        if !status.is_success() {
            let detail: String = text.trim().chars().take(200).collect();
            return Err(failed(format!("it answered with {status} {detail}").trim().to_owned()).into());
        }
        Ok(document::read(&text).map_err(|error| failed(format!("its document cannot be read: {error}")))?)
    }

    /// What every request says.
    fn parameters(&self) -> Vec<(String, String)> {
        let Plan { identity, from, to, parameters, .. } = &self.plan;
        let status = if self.is_answered { "in-progress" } else { "ringing" };
        let all = [
            ("AccountSid", identity.account_sid.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", &identity.call_sid),
            ("CallStatus", status),
            ("Called", to),
            ("Caller", from),
            ("Direction", "inbound"),
            ("From", from),
            ("To", to),
        ];
        let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        all.into_iter().chain(parameters.iter().cloned()).collect()
    }

    async fn perform(&mut self, verb: &Element, base: &Url) -> Result<(), Cut> {
        match verb.name.as_str() {
            "Say" | "Play" | "Pause" => {
                let time = self.begin(verb, base)?;
                self.pass(time).await
            }
            "Gather" => self.gather(verb, base).await,
            "Connect" => self.connect(verb, base).await,
            "Redirect" => Err(self.goto(base, &verb.text, verb.attribute("method"), Vec::new())),
            "Hangup" => Err(Cut::Over(Ending::Agent { departure: None })),
            "Dial" => {
                self.warnings.push("<Dial>: nobody is dialled here, and the call ends".into());
                Err(Cut::Over(Ending::Agent { departure: None }))
            }
            other => {
                self.warnings.push(format!("<{other}> was left out"));
                Ok(())
            }
        }
    }

    /// Begins to say, to play or to wait; how long that takes.
    fn begin(&mut self, verb: &Element, base: &Url) -> Result<Duration, Cut> {
        let at = self.began.elapsed();
        match verb.name.as_str() {
            "Say" => {
                self.heard = true;
                let count = u32::try_from(verb.text.chars().count()).unwrap_or(u32::MAX);
                let time = self.plan.pace.saturating_mul(count);
                (self.tell)(Told::Spoken { at, text: verb.text.clone(), cut: false });
                Ok(time)
            }
            "Play" => {
                match verb.attribute("digits") {
                    Some(keys) => (self.tell)(Told::Keyed { at, keys: keys.to_owned() }),
                    None => {
                        self.heard = true;
                        let source = resolve(base, &verb.text)?.to_string();
                        (self.tell)(Told::Played { at, source });
                    }
                }
                Ok(Duration::ZERO)
            }
            _ => Ok(self.plan.second.saturating_mul(verb.number("length").unwrap_or(1))),
        }
    }

    async fn gather(&mut self, gather: &Element, base: &Url) -> Result<(), Cut> {
        let input = gather.attribute("input").unwrap_or("dtmf");
        let listens = |what: &str| input.split(' ').any(|word| word == what);
        let (speech, keys) = (listens("speech"), listens("dtmf"));
        let mut step = None;
        for prompt in &gather.children {
            let time = self.begin(prompt, base)?;
            let cuts = speech && gather.flag("bargeIn", true) && prompt.name == "Say";
            step = if cuts { self.cut_in(time).await? } else { self.pass(time).await.map(|()| None)? };
            if step.is_some() {
                break;
            }
        }
        let step = match step {
            Some(step) => Some(step),
            None => self.next_step(gather).await?,
        };
        let at = self.began.elapsed();
        if step.is_some() {
            self.active = Instant::now();
        }
        let mut form: Vec<(&str, String)> = Vec::new();
        match step {
            Some(Step::HangUp) => return Err(Cut::Over(Ending::Caller)),
            Some(Step::Say(text) | Step::Interrupt(text)) if !text.is_empty() => {
                (self.tell)(Told::Says { at, what: text.clone() });
                if speech {
                    let language = gather.attribute("language").unwrap_or("en-US").to_owned();
                    let confidence = self.plan.confidence.to_string();
                    form = vec![("SpeechResult", text), ("Confidence", confidence), ("Language", language)];
                }
            }
            Some(Step::Play { name, .. }) => (self.tell)(Told::Says { at, what: format!("({name})") }),
            Some(Step::Press(pressed)) => {
                for key in pressed.chars() {
                    (self.tell)(Told::Presses { at, key });
                }
                let digits = if keys { digits(gather, &pressed) } else { String::new() };
                form.extend((!digits.is_empty()).then_some(("Digits", digits)));
            }
            _ => {}
        }
        if form.is_empty() {
            if !gather.flag("actionOnEmptyResult", false) {
                return Ok(());
            }
            form = vec![("SpeechResult", String::new()), ("Digits", String::new())];
            form.retain(|(name, _)| if *name == "Digits" { keys } else { speech });
        }
        let form = form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Err(self.goto(base, gather.attribute("action").unwrap_or_default(), gather.attribute("method"), form))
    }

    /// Time goes by while something is said; whoever types, or has the step for it, cuts in.
    async fn cut_in(&mut self, time: Duration) -> Result<Option<Step>, Cut> {
        let over = after(Instant::now(), time);
        if matches!(self.steps.front(), Some(Step::Interrupt(_))) {
            self.pass(CUT_IN_AFTER.min(time / 2)).await?;
            return Ok(self.steps.pop_front());
        }
        let Some(typed) = self.plan.typed.clone() else {
            return self.pass(time).await.map(|()| None);
        };
        match timeout_at(over.min(self.limit()), typed.next()).await {
            Ok(Some(step)) => Ok(Some(step)),
            Ok(None) => {
                self.plan.typed = None;
                self.pass(over.saturating_duration_since(Instant::now())).await.map(|()| None)
            }
            Err(_) => self.pass(Duration::ZERO).await.map(|()| None),
        }
    }

    /// What the caller does while somebody listens; none: nothing, for as long as Twilio waits.
    async fn next_step(&mut self, gather: &Element) -> Result<Option<Step>, Cut> {
        if let Some(step) = self.steps.pop_front() {
            return Ok(Some(step));
        }
        if let Some(typed) = self.plan.typed.clone() {
            match timeout_at(self.limit(), typed.next()).await {
                Ok(Some(step)) => return Ok(Some(step)),
                Ok(None) => self.plan.typed = None,
                Err(_) => return Err(Cut::Over(Ending::Caller)),
            }
            self.active = Instant::now();
        }
        let timeout = self.plan.second.saturating_mul(gather.number("timeout").unwrap_or(5));
        let over = after(Instant::now(), timeout);
        let enough = after(self.active, self.plan.patience);
        if enough <= over {
            self.pass(enough.saturating_duration_since(Instant::now())).await?;
            return Err(Cut::Over(Ending::Caller));
        }
        self.pass(over.saturating_duration_since(Instant::now())).await.map(|()| None)
    }

    async fn connect(&mut self, connect: &Element, base: &Url) -> Result<(), Cut> {
        let Some(noun) = connect.children.first() else {
            self.warnings.push("<Connect> without a noun was left out".into());
            return Ok(());
        };
        let more = match noun.name.as_str() {
            "ConversationRelay" => self.relay(noun).await?,
            "Stream" => {
                self.stream(noun, base).await?;
                Vec::new()
            }
            other => {
                self.warnings.push(format!("<Connect><{other}> was left out"));
                return Ok(());
            }
        };
        let is_lost = more.iter().any(|(name, _)| name == "ErrorCode");
        match connect.attribute("action") {
            Some(action) => Err(self.goto(base, action, connect.attribute("method"), more)),
            None if is_lost => Err(Cut::Over(Ending::Dropped)),
            None => Ok(()),
        }
    }

    /// What the action is told.
    async fn relay(&mut self, noun: &Element) -> Result<Vec<(String, String)>, Cut> {
        let url = noun.attribute("url").unwrap_or_default();
        let mut plan = relay::Plan::new(url);
        plan.headers = (self.plan.sign)(url, &[]);
        plan.options = relay::Options::of(|name| noun.attribute(name));
        plan.setup.account_sid = Some(self.plan.identity.account_sid.clone());
        plan.setup.call_sid = Some(self.plan.identity.call_sid.clone());
        plan.setup.from = Some(self.plan.from.clone());
        plan.setup.to = Some(self.plan.to.clone());
        plan.setup.custom_parameters = parameters(noun).into_iter().collect();
        plan.steps = self.steps.iter().cloned().collect();
        plan.typed = self.plan.typed.clone();
        plan.pace = self.plan.pace;
        plan.pause = plan.pause.min(self.plan.second);
        plan.patience = self.plan.patience;
        plan.limit = self.limit().saturating_duration_since(Instant::now());
        let session = plan.setup.session_id.clone().unwrap_or_default();
        let (shift, began) = (self.began.elapsed(), Instant::now());
        let tell = &mut *self.tell;
        let outcome = relay::call(plan, |told| {
            // the session is over, and perhaps the call: that is told once
            if !matches!(told, Told::Ended { .. }) {
                tell(told.later(shift));
            }
        });
        let outcome = outcome.await?;
        self.heard |= outcome.heard;
        self.steps.drain(..self.steps.len().saturating_sub(outcome.left));
        self.warnings.extend(outcome.warnings);
        let mut more: Vec<(&str, String)> = vec![
            ("SessionId", session),
            ("SessionDuration", began.elapsed().as_millis().div_ceil(1000).to_string()),
        ];
        match outcome.ending {
            relay::Ending::Caller => return Err(Cut::Over(Ending::Caller)),
            relay::Ending::Ended { handoff } => {
                more.push(("SessionStatus", "ended".into()));
                more.extend(handoff.map(|handoff| ("HandoffData", handoff)));
            }
            relay::Ending::Closed | relay::Ending::Dropped | relay::Ending::Malformed => {
                more.push(("SessionStatus", "failed".into()));
                more.push(("ErrorCode", "64105".into()));
            }
        }
        Ok(more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    async fn stream(&mut self, noun: &Element, base: &Url) -> Result<(), Cut> {
        let url = noun.attribute("url").unwrap_or_default();
        let url = match Url::parse(url) {
            // as it is written, which is what is signed
            Ok(_) => url.to_owned(),
            Err(_) => resolve(base, url)?.to_string().replacen("http", "ws", 1),
        };
        let plan = crate::Plan {
            headers: (self.plan.sign)(&url, &[]),
            identity: self.plan.identity.clone(),
            parameters: parameters(noun),
            steps: self.steps.iter().cloned().collect(),
            patience: self.plan.patience,
            limit: self.limit().saturating_duration_since(Instant::now()),
            ..crate::Plan::new(url)
        };
        let shift = self.began.elapsed();
        let tell = &mut *self.tell;
        let outcome = line::call(plan, |told| tell(told.later(shift))).await?;
        self.heard |= !outcome.heard.is_zero();
        self.steps.drain(..self.steps.len().saturating_sub(outcome.left));
        self.warnings.extend(outcome.warnings);
        match outcome.ending {
            Ending::Caller => Err(Cut::Over(Ending::Caller)),
            Ending::Agent { .. } | Ending::Dropped => Ok(()),
        }
    }

    fn goto(&self, base: &Url, to: &str, method: Option<&str>, more: Vec<(String, String)>) -> Cut {
        match resolve(base, to) {
            Ok(url) => Cut::Goto(Asking { url, is_get: method == Some("GET"), more }),
            Err(error) => error.into(),
        }
    }

    fn limit(&self) -> Instant {
        after(self.began, self.plan.limit)
    }

    /// Time goes by, unless the caller has had enough.
    async fn pass(&self, time: Duration) -> Result<(), Cut> {
        let over = after(Instant::now(), time);
        sleep_until(over.min(self.limit())).await;
        if over < self.limit() { Ok(()) } else { Err(Cut::Over(Ending::Caller)) }
    }
}

/// The keys that count of those that were pressed.
fn digits(gather: &Element, pressed: &str) -> String {
    let finish = gather.attribute("finishOnKey").unwrap_or("#");
    let most = gather.number("numDigits").map_or(usize::MAX, |most| most as usize);
    pressed.chars().take_while(|key| !finish.contains(*key)).take(most).collect()
}

fn parameters(noun: &Element) -> Vec<(String, String)> {
    let parameters = noun.children.iter().filter(|child| child.name == "Parameter");
    let value = |child: &Element, name| child.attribute(name).unwrap_or_default().to_owned();
    parameters.map(|child| (value(child, "name"), value(child, "value"))).collect()
}

fn resolve(base: &Url, text: &str) -> Result<Url, CallError> {
    base.join(text).map_err(|error| CallError::Url { url: text.to_owned(), reason: error.to_string() })
}

fn reason(error: &reqwest::Error) -> String {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        reason = format!("{reason}: {error}");
        source = error.source();
    }
    reason
}
