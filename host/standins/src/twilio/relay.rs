//! `<Connect><ConversationRelay>`: a session of words with the customer's server, and at its other end
//! the person, whom Twilio understands and to whom it speaks. The session itself is the caller's
//! (`caller::relay`), with what is chosen there.
//!
//! Where Twilio's documentation has no answer, this is chosen:
//! - A URL that is none, or not `wss`, is refused like a server that cannot be reached (64102). A query
//!   may be in it, and is signed as part of it.
//! - The `action` is asked as well when the person hangs up (`SessionStatus=completed`), as a callback
//!   whose answer nobody looks at; not when REST ended the call or sent it elsewhere.
//! - A server that closes the socket without `end` has failed, as one that is gone (64105).
//! - Without an `action`, a document goes on after `end`, and the call fails after an error.
//! - `SessionDuration` counts whole seconds, one that has begun is one.
//! - What a sound sounds like, and whether it is there, is not looked at.

use super::callbacks::Callback;
use super::leg::{Cut, Ending, Leg};
use super::network::{Order, Source, fresh_sid};
use super::people::Method;
use super::seen::{By, Event, Kind, RelayOutcome};
use super::stream::{is_local, parameters_of, too_long};
use super::twiml::Element;
use super::webhook::{Target, forwarded};
use caller::relay::{Options, Plan};
use caller::{CallError, Leave, Told};
use std::collections::BTreeMap;
use tokio::sync::oneshot;
use tokio::time::Instant;
use twilio::relay::Setup;
use twilio::signature::SIGNATURE_HEADER;
use url::Url;

/// How a session went, for the `action`.
struct Session {
    sid: String,
    began: Instant,
    action: Option<Target>,
}

/// What Twilio calls an error.
struct Trouble {
    code: u32,
    text: String,
}

impl Leg {
    pub(super) async fn relay(
        &mut self,
        connect: &Element,
        relay: &Element,
        base: Option<&Url>,
    ) -> Result<(), Cut> {
        let action = connect.attribute("action").map(|action| self.resolve(base, action)).transpose()?;
        let action = action.map(|url| Target::new(url, Method::of(connect.attribute("method"))));
        let session = Session { sid: fresh_sid("VX"), began: Instant::now(), action };
        let url = relay.attribute("url").unwrap_or_default().to_owned();
        let parameters = parameters_of(relay);
        let (sid, told_url) = (session.sid.clone(), url.clone());
        self.event(Event::Relay { sid, url: told_url, parameters: parameters.clone() });
        if let Err(Trouble { code, text }) = check(&url, &parameters) {
            self.breach(code, &text);
            return self.relay_gone(&session, RelayOutcome::Failed(None), code, text);
        }
        if self.person.stream_fails {
            return self.relay_failed(&session, RelayOutcome::Failed(None), 64102, "it is to fail".into());
        }
        let (leaving, leave) = oneshot::channel();
        let leave = async {
            match leave.await {
                Ok(leave) => leave,
                Err(_) => std::future::pending().await,
            }
        };
        let (gate, network, call) = (self.gate.clone(), self.network.clone(), self.sid.clone());
        let plan = self.relay_plan(url, relay, parameters, &session.sid);
        let phone = caller::relay::call_until(
            plan,
            |told| {
                let event = match told {
                    Told::Connected { .. } => return gate.open(),
                    Told::Says { what, .. } => Event::Spoke(what),
                    Told::Presses { key, .. } => Event::Spoke(key.to_string()),
                    Told::Spoken { text, cut, .. } => Event::Spoken { text, cut },
                    Told::Played { source, .. } => Event::Played { url: source, status: None },
                    Told::Keyed { keys, .. } => Event::Pressed(keys),
                    _ => return,
                };
                network.event(&call, event);
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
                // a session that is over has an outcome, which comes next
                let _ = leaving.send(how);
            }
        };
        self.after_relay(&session, outcome, cut)
    }

    /// What became of it, and what happens next.
    fn after_relay(
        &mut self,
        session: &Session,
        outcome: Result<caller::relay::Outcome, CallError>,
        cut: Option<Cut>,
    ) -> Result<(), Cut> {
        use caller::relay::Ending as How;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let status = match &error {
                    CallError::Refused { status, .. } => Some(*status),
                    _ => None,
                };
                let failed =
                    self.relay_failed(session, RelayOutcome::Failed(status), 64102, error.to_string());
                return cut.map_or(failed, Err);
            }
        };
        for warning in &outcome.warnings {
            self.breach(64107, format!("in a session: {warning}"));
        }
        let done = self.person.steps.len() - outcome.left.min(self.person.steps.len());
        self.person.steps.drain(..done);
        let ended = |outcome| Event::RelayEnded { sid: session.sid.clone(), outcome };
        match (outcome.ending, cut) {
            // REST, or the person; whatever the server did meanwhile
            (_, Some(cut)) => {
                let by_person = matches!(&cut, Cut::Over(ending) if ending.by == Some(By::Person));
                self.event(ended(if by_person { RelayOutcome::HungUp } else { RelayOutcome::StoppedByApi }));
                if by_person {
                    self.tell_of_hanging_up(session);
                }
                Err(cut)
            }
            (How::Caller, None) => {
                self.event(ended(RelayOutcome::HungUp));
                self.tell_of_hanging_up(session);
                Err(Cut::Over(Ending::by(By::Person)))
            }
            (How::Ended { handoff }, None) => {
                self.event(ended(RelayOutcome::Ended));
                let handoff = handoff.map(|data| ("HandoffData".to_owned(), data));
                session.ask("ended", handoff.into_iter().collect()).map_or(Ok(()), Err)
            }
            (How::Closed, None) => {
                self.relay_failed(session, RelayOutcome::Closed, 64105, "the server closed it".into())
            }
            (How::Dropped, None) => {
                self.relay_failed(session, RelayOutcome::Broke, 64105, "the connection broke".into())
            }
            (How::Malformed, None) => {
                let text = "Too many consecutive malformed messages.";
                self.relay_failed(session, RelayOutcome::Malformed, 64105, text.into())
            }
        }
    }

    /// The session has an error: the action is asked with it, and without one the call fails.
    fn relay_failed(
        &self,
        session: &Session,
        outcome: RelayOutcome,
        code: u32,
        text: String,
    ) -> Result<(), Cut> {
        self.network.alert(&self.sid, code, &text);
        self.relay_gone(session, outcome, code, text)
    }

    /// The same, where the log has it already.
    fn relay_gone(
        &self,
        session: &Session,
        outcome: RelayOutcome,
        code: u32,
        text: String,
    ) -> Result<(), Cut> {
        self.event(Event::RelayEnded { sid: session.sid.clone(), outcome });
        let error = vec![("ErrorCode".to_owned(), code.to_string()), ("ErrorMessage".to_owned(), text)];
        Err(session.ask("failed", error).unwrap_or(Cut::Over(Ending::FAILED)))
    }

    fn tell_of_hanging_up(&self, session: &Session) {
        let Some(Cut::Goto { source: Source::At(mut target), .. }) = session.ask("completed", Vec::new())
        else {
            return;
        };
        let mut parameters = self.parameters();
        for (name, value) in &mut parameters {
            if name == "CallStatus" {
                "completed".clone_into(value);
            }
        }
        parameters.append(&mut target.parameters);
        target.parameters = parameters;
        self.callbacks.send(Callback { kind: Kind::Relay, event: "completed".into(), target });
    }

    fn relay_plan(
        &self,
        url: String,
        relay: &Element,
        parameters: Vec<(String, String)>,
        session_sid: &str,
    ) -> Plan {
        let client = &self.network.client;
        let mut headers = vec![
            ("User-Agent".to_owned(), "Twilio.TmeWs/1.0".to_owned()),
            (SIGNATURE_HEADER.to_owned(), client.sign_stream(&url)),
            ("Accept-Encoding".to_owned(), "gzip".to_owned()),
        ];
        let parsed = Url::parse(&url).ok();
        let tunnel = parsed.as_ref().and_then(|url| client.tunnel(url));
        if let (Some(url), Some(_)) = (&parsed, tunnel) {
            headers.extend(forwarded(url));
        }
        let config = &self.network.config;
        Plan {
            connect_to: tunnel.map(|tunnel| tunnel.to),
            headers,
            setup: self.setup(parameters.into_iter().collect(), session_sid),
            options: Options::of(|name| relay.attribute(name)),
            steps: self.person.steps.clone(),
            pace: config.pace,
            pause: config.pause,
            patience: self.person.patience,
            limit: self.person.limit,
            ..Plan::new(url)
        }
    }

    fn setup(&self, custom_parameters: BTreeMap<String, String>, session_sid: &str) -> Setup {
        let call = self.network.call(&self.sid);
        let call = call.as_ref();
        let own =
            |name: &str| self.more.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
        let inbound = call.is_some_and(|call| call.direction == "inbound");
        Setup {
            session_id: Some(session_sid.to_owned()),
            account_sid: Some(self.network.config.account_sid.clone()),
            call_sid: Some(self.sid.clone()),
            parent_call_sid: Some(call.and_then(|call| call.parent_sid.clone()).unwrap_or_default()),
            from: call.map(|call| call.from.clone()),
            to: call.map(|call| call.to.clone()),
            forwarded_from: Some(own("ForwardedFrom").unwrap_or_default()),
            call_type: Some("PSTN".to_owned()),
            caller_name: Some(own("CallerName").unwrap_or_default()),
            direction: call.map(|call| call.direction.to_owned()),
            // as the documentation shows it
            call_status: Some(if inbound { "RINGING" } else { "IN-PROGRESS" }.to_owned()),
            custom_parameters,
        }
    }
}

impl Session {
    /// The request of the action, if there is one.
    fn ask(&self, status: &str, more: Vec<(String, String)>) -> Option<Cut> {
        let mut target = self.action.clone()?;
        let seconds = self.began.elapsed().as_millis().div_ceil(1000);
        let own = [
            ("SessionId", self.sid.clone()),
            ("SessionStatus", status.to_owned()),
            ("SessionDuration", seconds.to_string()),
        ];
        target.parameters.extend(own.map(|(name, value)| (name.to_owned(), value)));
        target.parameters.extend(more);
        Some(Cut::Goto { source: Source::At(target), by: None })
    }
}

/// What Twilio would not even connect to.
fn check(url: &str, parameters: &[(String, String)]) -> Result<(), Trouble> {
    let trouble = |code, text| Err(Trouble { code, text });
    let Ok(parsed) = Url::parse(url) else {
        return trouble(64102, format!("<ConversationRelay> with the URL {url:?}, which is none"));
    };
    if !(parsed.scheme() == "wss" || parsed.scheme() == "ws" && is_local(&parsed)) {
        return trouble(64102, format!("<ConversationRelay> to {url}, which is not wss"));
    }
    match too_long(parameters) {
        Some(text) => trouble(64106, text),
        None => Ok(()),
    }
}
