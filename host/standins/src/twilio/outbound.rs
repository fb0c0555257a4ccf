//! Calls to a telephone: it rings, is answered or not, and may turn out to be a machine.

use super::callbacks::{Callback, Gate};
use super::leg::{Cut, Ending, Leg};
use super::network::{Network, Order, Source};
use super::people::{Answers, Callee, Person};
use super::seen::{By, CallSeen, Event, Kind, Status};
use super::webhook::Target;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

/// A call that the customer asks for.
pub(super) struct Wanted {
    pub(super) to: String,
    pub(super) from: String,
    pub(super) source: Source,
    pub(super) fallback: Option<Target>,
    pub(super) callback: Option<Target>,
    pub(super) events: Vec<String>,
    /// It may ring for so long.
    pub(super) timeout: Duration,
    /// It may last so long.
    pub(super) time_limit: Option<Duration>,
    pub(super) send_digits: Option<String>,
    pub(super) detection: Option<Detection>,
}

/// Answering machine detection.
pub(super) struct Detection {
    /// Until the end of its message.
    pub(super) to_the_end: bool,
    pub(super) timeout: Duration,
    /// The call goes on meanwhile, and the finding is told here.
    pub(super) asynchronous: Option<Target>,
}

impl Network {
    /// Makes a call as soon as `begin` says so.
    pub(super) fn make(
        self: &Arc<Self>,
        wanted: Wanted,
        begin: oneshot::Receiver<()>,
        gate: Gate,
    ) -> CallSeen {
        let call = CallSeen::new("outbound-api", &wanted.from, &wanted.to, Status::Queued);
        let mut leg = self.open(call.clone(), Person::default(), gate);
        let events: Vec<&str> = wanted.events.iter().map(String::as_str).collect();
        leg.report_to(wanted.callback.clone(), &events);
        leg.fallback = wanted.fallback.clone();
        self.spawn(async move {
            // also when whoever asked has gone
            let _ = begin.await;
            let ending = leg.live(wanted).await;
            leg.end(ending);
        });
        call
    }
}

impl Leg {
    async fn live(&mut self, wanted: Wanted) -> Ending {
        let callee = self.network.callee(&wanted.to);
        let answers = match self.reach(&callee, wanted.timeout).await {
            Ok(answers) => answers,
            Err(ending) => return ending,
        };
        self.person = answers.person.clone();
        self.orders.deadline = wanted.time_limit.map(|time| Instant::now() + time);
        self.answer();
        let detection = wanted.detection.filter(|_| wanted.send_digits.is_none());
        if let Some(keys) = wanted.send_digits {
            self.event(Event::Pressed(keys));
        }
        let mut source = wanted.source;
        match detection {
            None => {}
            Some(Detection { asynchronous: Some(target), to_the_end, timeout }) => {
                self.detect_meanwhile(target, finding(&answers, to_the_end, timeout));
            }
            Some(Detection { asynchronous: None, to_the_end, timeout }) => {
                let (time, found) = finding(&answers, to_the_end, timeout);
                match self.orders.unless_cut(sleep(time)).await {
                    Ok(()) => {
                        detected(&self.network, &self.sid, found);
                        if let Source::At(target) = &mut source {
                            target.parameters.extend(told(found, time));
                        }
                    }
                    Err(Cut::Over(ending)) => return ending,
                    Err(Cut::Goto { source: other, .. }) => source = other,
                }
            }
        }
        self.follow(source).await
    }

    /// Rings until the callee answers, or it is clear that nobody will.
    pub(super) async fn reach(&mut self, callee: &Callee, at_most: Duration) -> Result<Answers, Ending> {
        self.progress("initiated", "initiated");
        let failed = |status| Ending { status, by: None };
        let (time, outcome) = match callee {
            Callee::Answers(answers) => (answers.after, Ok(answers.clone())),
            Callee::Busy { after } => (*after, Err(failed(Status::Busy))),
            Callee::NoAnswer { after } => (*after, Err(failed(Status::NoAnswer))),
            Callee::Fails => return Err(failed(Status::Failed)),
        };
        self.ring();
        let outcome = if time > at_most { Err(failed(Status::NoAnswer)) } else { outcome };
        let ringing = sleep(time.min(at_most));
        tokio::pin!(ringing);
        loop {
            let order = tokio::select! {
                order = self.orders.next() => order,
                () = &mut ringing => return outcome,
            };
            match order {
                Some(Order::PutDown) => return Err(failed(Status::Busy)),
                Some(Order::Complete | Order::Cancel) => {
                    return Err(Ending { status: Status::Canceled, by: Some(By::Api) });
                }
                // nothing that a call can do which nobody has answered
                Some(Order::Redirect(_) | Order::DropStream) | None => {}
            }
        }
    }

    fn detect_meanwhile(&mut self, target: Target, (time, found): (Duration, &'static str)) {
        let (network, sid, callbacks) = (self.network.clone(), self.sid.clone(), self.callbacks.clone());
        let task = tokio::spawn(async move {
            sleep(time).await;
            detected(&network, &sid, found);
            let mut parameters = vec![
                ("CallSid".to_owned(), sid),
                ("AccountSid".to_owned(), network.config.account_sid.clone()),
            ];
            parameters.extend(told(found, time));
            let target = Target { parameters, ..target };
            callbacks.send(Callback { kind: Kind::Detection, event: found.to_owned(), target });
        });
        self.detecting = Some(task.abort_handle());
    }
}

fn detected(network: &Network, sid: &str, found: &str) {
    network.note(sid, |call| {
        call.answered_by = Some(found.to_owned());
        call.timeline.push(Event::Detected { answered_by: found.to_owned() });
    });
}

fn told(found: &str, time: Duration) -> [(String, String); 2] {
    let milliseconds = time.as_millis().to_string();
    [("AnsweredBy".into(), found.to_owned()), ("MachineDetectionDuration".into(), milliseconds)]
}

/// What is found and when, in the words of the mode.
fn finding(answers: &Answers, to_the_end: bool, timeout: Duration) -> (Duration, &'static str) {
    if answers.verdict_after > timeout {
        return (timeout, "unknown");
    }
    let found = match (answers.answered_by.unwrap_or("unknown"), to_the_end) {
        ("machine_start", true) => "machine_end_beep",
        (end, false) if end.starts_with("machine_end") => "machine_start",
        (found, _) => found,
    };
    (answers.verdict_after, found)
}
