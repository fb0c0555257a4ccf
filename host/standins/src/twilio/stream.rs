//! `<Connect><Stream>`: a media stream to the customer's server, and at its other end the person,
//! speaking and listening in real time.

use super::callbacks::{Callback, Callbacks};
use super::leg::{Cut, Ending, Leg};
use super::network::{Network, Order, Source, fresh_sid};
use super::people::Method;
use super::seen::{By, Event, Kind, StreamOutcome};
use super::twiml::Element;
use super::webhook::{Target, forwarded};
use caller::{CallError, Identity, Leave, Plan, Told};
use jiff::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use twilio::signature::SIGNATURE_HEADER;
use url::{Host, Url};

/// The longest name and value of a parameter together: characters.
const LONGEST_PARAMETER: usize = 500;

/// A stream as the document has it.
struct Wanted {
    /// As it is signed.
    url: String,
    parameters: Vec<(String, String)>,
    name: Option<String>,
    callback: Option<Target>,
}

/// Why a stream is not even tried.
struct Refused {
    code: u32,
    text: String,
}

impl Leg {
    pub(super) async fn connect(&mut self, connect: &Element, base: Option<&Url>) -> Result<(), Cut> {
        let [stream] = connect.children.as_slice() else {
            self.breach(12200, format!("<Connect> with {} nouns instead of one", connect.children.len()));
            return Ok(());
        };
        if stream.name == "ConversationRelay" {
            return self.relay(connect, stream, base).await;
        }
        if stream.name != "Stream" {
            self.breach(0, format!("<{}> is not carried out by this stand-in", stream.name));
            return Ok(());
        }
        self.stream(stream, base).await?;
        match connect.attribute("action") {
            None => Ok(()),
            Some(action) => {
                let url = self.resolve(base, action)?;
                let target = Target::new(url, Method::of(connect.attribute("method")));
                Err(Cut::Goto { source: Source::At(target), by: None })
            }
        }
    }

    async fn stream(&mut self, element: &Element, base: Option<&Url>) -> Result<(), Cut> {
        let stream = self.wanted(element, base)?;
        let sid = fresh_sid("MZ");
        let (url, parameters) = (stream.url.clone(), stream.parameters.clone());
        self.event(Event::Stream { sid: sid.clone(), url, parameters });
        let told = Telling { network: self.network.clone(), call: self.sid.clone(), sid, wanted: stream };
        let checked = check(element, &told.wanted);
        if let Err(Refused { code, text }) = checked {
            self.breach(code, &text);
            told.failed(&self.callbacks, None, &text);
            return Ok(());
        }
        if self.person.stream_fails {
            let text = "the stream is to fail";
            self.network.alert(&self.sid, 31920, text);
            told.failed(&self.callbacks, None, text);
            return Ok(());
        }
        let (leaving, leave) = oneshot::channel();
        let leave = async {
            match leave.await {
                Ok(leave) => leave,
                Err(_) => std::future::pending().await,
            }
        };
        let (callbacks, gate) = (self.callbacks.clone(), self.gate.clone());
        let phone = caller::call_until(
            self.plan(&told),
            |event| {
                if matches!(event, Told::Connected { .. }) {
                    gate.open();
                    callbacks.send(told.callback("stream-started", None));
                }
                told.tell(event);
            },
            leave,
        );
        tokio::pin!(phone);
        let mut leaving = Some(leaving);
        let mut cut = None;
        let outcome = loop {
            let order = tokio::select! {
                outcome = &mut phone => break outcome,
                // the first one decides
                order = self.orders.next(), if leaving.is_some() => order,
            };
            let how = if matches!(order, Some(Order::DropStream)) { Leave::Drop } else { Leave::HangUp };
            cut = Cut::of(order);
            if (cut.is_some() || how == Leave::Drop)
                && let Some(leaving) = leaving.take()
            {
                // a telephone that is gone has an outcome, which comes next
                let _ = leaving.send(how);
            }
        };
        self.after_stream(&told, outcome, cut)
    }

    /// What became of it, and what happens next.
    fn after_stream(
        &mut self,
        told: &Telling,
        outcome: Result<caller::Outcome, CallError>,
        cut: Option<Cut>,
    ) -> Result<(), Cut> {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error @ CallError::Lost(_)) => {
                self.network.alert(&self.sid, 31903, error.to_string());
                self.callbacks.send(told.callback("stream-error", Some("31903")));
                told.ended(StreamOutcome::Broke, None);
                return cut.map_or(Ok(()), Err);
            }
            Err(error) => {
                let status =
                    if let CallError::Refused { status, .. } = &error { Some(*status) } else { None };
                self.network.alert(&self.sid, 31920, error.to_string());
                told.failed(&self.callbacks, status, &error.to_string());
                return cut.map_or(Ok(()), Err);
            }
        };
        for warning in outcome.warnings {
            self.network.kept.violation(format!("on a stream: {warning}"));
        }
        let done = self.person.steps.len() - outcome.left.min(self.person.steps.len());
        self.person.steps.drain(..done);
        let by_api = match &cut {
            Some(Cut::Over(ending)) => ending.by != Some(By::Person),
            Some(Cut::Goto { .. }) => true,
            None => false,
        };
        let (outcome, departure, next) = match outcome.ending {
            caller::Ending::Agent { departure } => {
                self.network.alert(&self.sid, 31921, "the server closed the stream");
                (StreamOutcome::ClosedByServer, departure, cut)
            }
            caller::Ending::Caller if by_api => (StreamOutcome::StoppedByApi, None, cut),
            caller::Ending::Caller => {
                let over = cut.unwrap_or(Cut::Over(Ending::by(By::Person)));
                (StreamOutcome::HungUp, None, Some(over))
            }
            caller::Ending::Dropped => {
                self.network.alert(&self.sid, 31903, "the connection of the stream broke");
                (StreamOutcome::Broke, None, cut)
            }
        };
        let (event, error) = match outcome {
            StreamOutcome::Broke => ("stream-error", Some("31903")),
            _ => ("stream-stopped", None),
        };
        self.callbacks.send(told.callback(event, error));
        told.ended(outcome, departure);
        next.map_or(Ok(()), Err)
    }

    fn wanted(&self, stream: &Element, base: Option<&Url>) -> Result<Wanted, Cut> {
        let url = stream.attribute("url").unwrap_or_default();
        let relative = Url::parse(url) == Err(url::ParseError::RelativeUrlWithoutBase);
        let url = match base {
            Some(base) if relative && !url.is_empty() => {
                let mut url = self.resolve(Some(base), url)?;
                let _ = url.set_scheme(if url.scheme() == "https" { "wss" } else { "ws" });
                url.to_string()
            }
            _ => url.to_owned(),
        };
        let callback = stream.attribute("statusCallback").map(|url| self.resolve(base, url)).transpose()?;
        let method = Method::of(stream.attribute("statusCallbackMethod"));
        Ok(Wanted {
            url,
            parameters: parameters_of(stream),
            name: stream.attribute("name").map(str::to_owned),
            callback: callback.map(|url| Target::new(url, method)),
        })
    }

    fn plan(&self, told: &Telling) -> Plan {
        let url = &told.wanted.url;
        let client = &self.network.client;
        let mut headers = vec![
            ("User-Agent".to_owned(), "Twilio.TmeWs/1.0".to_owned()),
            (SIGNATURE_HEADER.to_owned(), client.sign_stream(url)),
            ("Accept-Encoding".to_owned(), "gzip".to_owned()),
        ];
        let parsed = Url::parse(url).ok();
        let tunnel = parsed.as_ref().and_then(|url| client.tunnel(url));
        if let (Some(url), Some(_)) = (&parsed, tunnel) {
            headers.extend(forwarded(url));
        }
        Plan {
            connect_to: tunnel.map(|tunnel| tunnel.to),
            headers,
            identity: Identity {
                account_sid: self.network.config.account_sid.clone(),
                call_sid: self.sid.clone(),
                stream_sid: told.sid.clone(),
            },
            parameters: told.wanted.parameters.clone(),
            announces: self.person.announces,
            steps: self.person.steps.clone(),
            patience: self.person.patience,
            limit: self.person.limit,
            ..Plan::new(url)
        }
    }
}

/// What Twilio would not even connect to.
fn check(element: &Element, stream: &Wanted) -> Result<(), Refused> {
    let refused = |code, text: String| Err(Refused { code, text });
    let url = &stream.url;
    let Ok(parsed) = Url::parse(url) else {
        return refused(31920, format!("<Stream> with the URL {url:?}, which is none"));
    };
    if !(parsed.scheme() == "wss" || parsed.scheme() == "ws" && is_local(&parsed)) {
        return refused(31922, format!("<Stream> to {url}, which is not wss"));
    }
    if parsed.query().is_some() {
        return refused(
            31920,
            format!("<Stream> to {url}, which has a query; there are parameters for that"),
        );
    }
    if element.attribute("track").is_some_and(|track| track != "inbound_track") {
        return refused(31941, "<Connect><Stream> of another track than inbound_track".into());
    }
    match too_long(&stream.parameters) {
        Some(text) => refused(12200, text),
        None => Ok(()),
    }
}

/// The parameters of a noun.
pub(super) fn parameters_of(noun: &Element) -> Vec<(String, String)> {
    let parameters = noun.children.iter().filter(|child| child.name == "Parameter");
    let value = |parameter: &Element, name| parameter.attribute(name).unwrap_or_default().to_owned();
    parameters.map(|parameter| (value(parameter, "name"), value(parameter, "value"))).collect()
}

/// What is wrong with them, if one is too long.
pub(super) fn too_long(parameters: &[(String, String)]) -> Option<String> {
    let long =
        |(name, value): &&(String, String)| name.chars().count() + value.chars().count() > LONGEST_PARAMETER;
    let (name, _) = parameters.iter().find(long)?;
    Some(format!("<Parameter> {name:?} is longer than {LONGEST_PARAMETER} characters"))
}

/// On this machine, where nothing has a certificate.
pub(super) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// Keeps what happens on a stream, and tells the customer.
struct Telling {
    network: Arc<Network>,
    call: String,
    sid: String,
    wanted: Wanted,
}

impl Telling {
    fn tell(&self, told: Told) {
        let event = match told {
            Told::Says { what, .. } => Event::Spoke(what),
            Told::Presses { key, .. } => Event::Spoke(key.to_string()),
            Told::Understood { text, .. } => Event::Understood(text),
            Told::Agent { heard: text, length, .. } => Event::Heard { text, length },
            // the others are not of a media stream
            _ => return,
        };
        self.network.event(&self.call, event);
    }

    fn ended(&self, outcome: StreamOutcome, departure: Option<String>) {
        self.network.event(&self.call, Event::StreamEnded { sid: self.sid.clone(), outcome, departure });
    }

    /// It never opened.
    fn failed(&self, callbacks: &Callbacks, status: Option<u16>, text: &str) {
        callbacks.send(self.callback("stream-error", Some(text)));
        self.ended(StreamOutcome::Failed(status), None);
    }

    /// If the customer wants any.
    fn callback(&self, event: &str, error: Option<&str>) -> Option<Callback> {
        let mut target = self.wanted.callback.clone()?;
        let name = self.wanted.name.as_ref().unwrap_or(&self.sid);
        let mut parameters = vec![
            ("AccountSid", self.network.config.account_sid.clone()),
            ("CallSid", self.call.clone()),
            ("StreamSid", self.sid.clone()),
            ("StreamName", name.clone()),
            ("StreamEvent", event.to_owned()),
            ("Timestamp", Timestamp::now().to_string()),
        ];
        parameters.extend(error.map(|error| ("StreamError", error.to_owned())));
        target.parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Some(Callback { kind: Kind::Stream, event: event.to_owned(), target })
    }
}
