//! One telephone's part of a call: what is told about it to the customer, and what is told to it from
//! outside while it does something.

use super::callbacks::{Callback, Callbacks, Gate};
use super::network::{Network, Order, Source, rfc2822};
use super::people::Person;
use super::seen::{By, Event, Kind, Status};
use super::webhook::Target;
use jiff::Timestamp;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use url::Url;

pub(super) struct Leg {
    pub(super) network: Arc<Network>,
    pub(super) sid: String,
    pub(super) person: Person,
    pub(super) orders: Orders,
    pub(super) callbacks: Callbacks,
    pub(super) gate: Gate,
    /// Said with every request about this call.
    pub(super) more: Vec<(String, String)>,
    /// Asked when a document cannot be had.
    pub(super) fallback: Option<Target>,
    /// The document is for the ears of somebody who was dialled, before they are joined.
    pub(super) whispers: bool,
    /// The document is for somebody who waits.
    pub(super) waits: bool,
    /// Detection that goes on while the call does.
    pub(super) detecting: Option<AbortHandle>,
    report: Option<Report>,
    pub(super) answered: Option<Instant>,
}

/// The status callback.
struct Report {
    target: Target,
    events: Vec<String>,
    /// Of the next one.
    sequence: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ending {
    pub(super) status: Status,
    /// None: there was nobody to hang up.
    pub(super) by: Option<By>,
}

impl Ending {
    pub(super) const FAILED: Self = Self { status: Status::Failed, by: Some(By::Twilio) };

    pub(super) fn by(by: By) -> Self {
        Self { status: Status::Completed, by: Some(by) }
    }
}

/// What ends a verb before its time, and the document with it.
pub(super) enum Cut {
    Over(Ending),
    /// `by`: none, it is what follows upon the verb.
    Goto {
        source: Source,
        by: Option<By>,
    },
}

impl Leg {
    pub(super) fn new(
        network: Arc<Network>,
        sid: String,
        person: Person,
        orders: Orders,
        callbacks: Callbacks,
        gate: Gate,
    ) -> Self {
        Self {
            network,
            sid,
            person,
            orders,
            callbacks,
            gate,
            more: Vec::new(),
            fallback: None,
            whispers: false,
            waits: false,
            detecting: None,
            report: None,
            answered: None,
        }
    }

    /// Tells the customer about these events.
    pub(super) fn report_to(&mut self, target: Option<Target>, events: &[&str]) {
        let events = events.iter().map(|&event| event.to_owned()).collect();
        self.report = target.map(|target| Report { target, events, sequence: 0 });
    }

    pub(super) fn event(&self, event: Event) {
        self.network.event(&self.sid, event);
    }

    pub(super) fn breach(&self, code: u32, text: impl Into<String>) {
        self.network.breach(&self.sid, code, text);
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered.is_some()
    }

    pub(super) fn answer(&mut self) {
        self.answered = Some(Instant::now());
        self.network.note(&self.sid, |call| {
            call.status = Status::InProgress;
            call.started = Some(Timestamp::now());
            call.timeline.push(Event::Answered);
        });
        self.progress("answered", Status::InProgress.as_str());
    }

    pub(super) fn ring(&mut self) {
        self.network.note(&self.sid, |call| {
            call.status = Status::Ringing;
            call.timeline.push(Event::Ringing);
        });
        self.progress("ringing", Status::Ringing.as_str());
    }

    /// The call is over. What there is to tell is told after this.
    pub(super) fn end(mut self, ending: Ending) {
        if let Some(detecting) = self.detecting.take() {
            detecting.abort();
        }
        self.network.close(&self.sid);
        let status = match (ending.status, ending.by, self.answered) {
            (Status::Completed, Some(By::Api), None) => Status::Canceled,
            (Status::Completed, _, None) => Status::NoAnswer,
            (status, ..) => status,
        };
        self.network.note(&self.sid, |call| {
            call.status = status;
            call.ended = Some(Timestamp::now());
            call.timeline.extend(ending.by.map(|by| Event::HungUp { by }));
            call.timeline.push(Event::Over(status));
        });
        self.progress("completed", status.as_str());
    }

    /// What every request about this call says.
    pub(super) fn parameters(&self) -> Vec<(String, String)> {
        let Some(call) = self.network.call(&self.sid) else { return Vec::new() };
        let mut parameters = vec![
            ("AccountSid", self.network.config.account_sid.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("CallSid", call.sid),
            ("CallStatus", call.status.as_str().to_owned()),
            ("Called", call.to.clone()),
            ("Caller", call.from.clone()),
            ("Direction", call.direction.to_owned()),
            ("From", call.from),
            ("To", call.to),
        ];
        parameters.extend(call.parent_sid.map(|parent| ("ParentCallSid", parent)));
        // what is not known of a place is empty
        for place in ["CalledCity", "CalledState", "CallerCity", "FromCity", "ToCity", "ToZip"] {
            parameters.push((place, String::new()));
        }
        parameters.push(("FromCountry", "US".to_owned()));
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value));
        parameters.chain(self.more.iter().cloned()).collect()
    }

    /// A status callback, if the customer wants this one.
    pub(super) fn progress(&mut self, event: &str, status: &str) {
        let mut parameters = self.parameters();
        let Some(report) = self.report.as_mut().filter(|report| report.events.iter().any(|e| e == event))
        else {
            return;
        };
        for (name, value) in &mut parameters {
            if name == "CallStatus" {
                status.clone_into(value);
            }
        }
        let mut add = |name: &str, value: String| parameters.push((name.to_owned(), value));
        add("CallbackSource", "call-progress-events".into());
        add("SequenceNumber", report.sequence.to_string());
        add("Timestamp", rfc2822(Timestamp::now()));
        let answered_by = self.network.call(&self.sid).and_then(|call| call.answered_by);
        if let Some(answered_by) = answered_by {
            add("AnsweredBy", answered_by);
        }
        if event == "completed" {
            // as they are charged: a second that has begun is one
            let seconds =
                self.answered.map_or(0, |answered| answered.elapsed().as_millis().div_ceil(1000).max(1));
            add("CallDuration", seconds.to_string());
            add("Duration", seconds.div_ceil(60).to_string());
            let code = match status {
                "busy" => "486",
                "no-answer" | "canceled" => "487",
                "failed" => "404",
                _ => "200",
            };
            add("SipResponseCode", code.into());
        }
        report.sequence += 1;
        let target = Target { parameters, ..report.target.clone() };
        self.callbacks.send(Callback { kind: Kind::Call, event: event.to_owned(), target });
    }

    /// A URL in a document, or in a request without one.
    pub(super) fn resolve(&self, base: Option<&Url>, text: &str) -> Result<Url, Cut> {
        let url = match base {
            Some(base) => base.join(text),
            None => Url::parse(text),
        };
        match url {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            Ok(url) => {
                self.breach(11100, format!("{url} is neither http nor https"));
                Err(Cut::Over(Ending::FAILED))
            }
            Err(error) => {
                self.breach(11100, format!("{text:?} is no URL: {error}"));
                Err(Cut::Over(Ending::FAILED))
            }
        }
    }
}

/// What comes from outside.
pub(super) struct Orders {
    queue: mpsc::UnboundedReceiver<Order>,
    /// The call may not last longer.
    pub(super) deadline: Option<Instant>,
}

impl Orders {
    pub(super) fn new(queue: mpsc::UnboundedReceiver<Order>) -> Self {
        Self { queue, deadline: None }
    }

    /// The next one; none: the call's time is over. Can be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<Order> {
        let time = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            order = self.queue.recv() => match order {
                Some(order) => Some(order),
                // the other end is there until the call is over
                None => pending().await,
            },
            () = time => None,
        }
    }

    /// What ends what is being done.
    pub(super) async fn cut(&mut self) -> Cut {
        loop {
            if let Some(cut) = Cut::of(self.next().await) {
                return cut;
            }
        }
    }

    /// Does this, unless it is cut.
    pub(super) async fn unless_cut<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Cut> {
        tokio::select! {
            biased;
            cut = self.cut() => Err(cut),
            done = work => Ok(done),
        }
    }
}

impl Cut {
    /// Of a call that was answered. None: it goes on.
    pub(super) fn of(order: Option<Order>) -> Option<Self> {
        match order {
            None => Some(Self::Over(Ending::by(By::Twilio))),
            Some(Order::PutDown) => Some(Self::Over(Ending::by(By::Person))),
            Some(Order::Complete) => Some(Self::Over(Ending::by(By::Api))),
            Some(Order::Redirect(source)) => Some(Self::Goto { source, by: Some(By::Api) }),
            Some(Order::Cancel | Order::DropStream) => None,
        }
    }
}
