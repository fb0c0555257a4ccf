//! A call follows documents: it asks for one, carries it out verb by verb, and goes where it is sent.

use super::leg::{Cut, Ending, Leg};
use super::network::{Request, Source, fresh_sid};
use super::people::Asking;
use super::seen::{By, Event};
use super::twiml::{self, Element};
use super::webhook::{Answer, Target};
use futures_util::future::BoxFuture;
use url::Url;

/// What is wrong with the answer to a request for a document.
struct Trouble {
    code: u32,
    text: String,
    /// The customer has broken the protocol.
    breach: bool,
}

impl Leg {
    /// Follows this document, and those it leads to, until the call is over.
    pub(super) async fn follow(&mut self, first: Source) -> Ending {
        match self.follow_to_the_end(first).await {
            Ok(()) => Ending::by(By::Document),
            Err(Cut::Over(ending)) => ending,
            // only one who whispers or waits is sent away from here
            Err(Cut::Goto { .. }) => Ending::FAILED,
        }
    }

    /// The same, where the end of a document is not the end of the call, and an order to go elsewhere
    /// is not this document's.
    pub(super) fn follow_to_the_end(&mut self, first: Source) -> BoxFuture<'_, Result<(), Cut>> {
        Box::pin(async move {
            let mut source = first;
            loop {
                source = match self.document(source).await {
                    Err(Cut::Goto { by: Some(By::Api), source }) if self.whispers || self.waits => {
                        return Err(Cut::Goto { by: Some(By::Api), source });
                    }
                    Err(Cut::Goto { source, by }) => {
                        self.redirected(&source, by);
                        source
                    }
                    done => return done,
                };
            }
        })
    }

    pub(super) fn redirected(&self, to: &Source, by: Option<By>) {
        if let Some(by) = by {
            self.event(Event::Redirected { to: to.name(), by });
        }
    }

    /// A leg that somebody else has walked on ends, or goes its own way.
    pub(super) fn go(mut self, cut: Cut) {
        match cut {
            Cut::Over(ending) => self.end(ending),
            Cut::Goto { source, by } => {
                self.redirected(&source, by);
                let network = self.network.clone();
                network.spawn(async move {
                    let ending = self.follow(source).await;
                    self.end(ending);
                });
            }
        }
    }

    pub(super) async fn document(&mut self, source: Source) -> Result<(), Cut> {
        let (verbs, base) = self.obtain(source).await?;
        if !self.is_answered() {
            if let Some(reject) = verbs.first().filter(|verb| verb.name == "Reject") {
                return Err(self.reject(reject));
            }
            self.answer();
        }
        for verb in &verbs {
            self.perform(verb, base.as_ref()).await?;
        }
        Ok(())
    }

    /// The verbs, and what their URLs are relative to.
    async fn obtain(&mut self, source: Source) -> Result<(Vec<Element>, Option<Url>), Cut> {
        let mut source = source;
        let mut fallback = self.fallback.clone();
        loop {
            let url = match &source {
                Source::At(target) => Some(target.url.clone()),
                Source::Twiml(_) => None,
            };
            let text = match source {
                Source::At(target) => self.ask(target).await?,
                Source::Twiml(text) => Ok(text),
            };
            if let Ok(text) = &text {
                let url = url.as_ref().map(Url::to_string);
                self.event(Event::Document { url, text: text.clone() });
            }
            let document = text.and_then(|text| {
                let breach = |text| Trouble { code: 12100, text, breach: true };
                twiml::read(&text).map_err(|error| breach(format!("the document cannot be read: {error}")))
            });
            let trouble = match document {
                Ok(document) => {
                    for warning in document.warnings {
                        self.breach(12200, warning);
                    }
                    return Ok((document.verbs, url));
                }
                Err(trouble) => trouble,
            };
            let code = trouble.code;
            if trouble.breach {
                self.breach(code, trouble.text);
            } else {
                self.network.alert(&self.sid, code, trouble.text);
            }
            let Some(mut next) = fallback.take() else { return Err(Cut::Over(Ending::FAILED)) };
            next.parameters.push(("ErrorCode".into(), code.to_string()));
            next.parameters.push(("ErrorUrl".into(), url.map(|url| url.to_string()).unwrap_or_default()));
            source = Source::At(next);
        }
    }

    async fn ask(&mut self, target: Target) -> Result<Result<String, Trouble>, Cut> {
        let mut parameters = self.parameters();
        parameters.extend(target.parameters.iter().cloned());
        let (network, sid) = (self.network.clone(), self.sid.clone());
        let url = target.url.to_string();
        let request = Request { target, parameters, token: fresh_sid("") };
        network.asking(&sid, request.clone());
        let asking = async {
            let first = network.client.request(&request.target, &request.parameters, &request.token);
            match network.config.documents {
                Asking::AtOnce => tokio::join!(first, network.again(&sid, &request)).0,
                _ => first.await,
            }
        };
        let answer = self.orders.unless_cut(asking).await?;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        self.event(Event::Webhook { url: url.clone(), parameters: request.parameters.clone(), status });
        self.gate.open();
        if network.config.documents == Asking::Again {
            // nobody looks at what comes back, as with every repetition
            let _ = self.orders.unless_cut(network.again(&sid, &request)).await?;
        }
        Ok(match answer {
            Ok(answer) => document_of(&url, answer),
            Err(reason) => {
                Err(Trouble { code: 11205, text: format!("no answer from {url}: {reason}"), breach: false })
            }
        })
    }
}

fn document_of(url: &str, answer: Answer) -> Result<String, Trouble> {
    let Answer { status, content_type, body } = answer;
    if !(200..300).contains(&status) {
        return Err(Trouble { code: 11200, text: format!("{url} answered with {status}"), breach: false });
    }
    let breach = |code, text| Trouble { code, text, breach: true };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(kind.as_str(), "text/xml" | "application/xml") {
        return Err(breach(12300, format!("{url} answered with a document of the type {content_type:?}")));
    }
    String::from_utf8(body.to_vec())
        .map_err(|error| breach(12100, format!("{url} answered with what is not UTF-8: {error}")))
}
