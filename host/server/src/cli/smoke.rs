//! `cordboard smoke`: tries every route of a running server, without a telephone.
//!
//! Twilio's part is played with calls that are made up: webhooks are signed as Twilio signs them, and one
//! call of a few seconds is held over the media stream. Nobody is called: the number that is asked for is
//! none. What is right follows from the configuration here, which should be the server's own; without a
//! key, for instance, it is a refusal.
//!
//! Afterwards the server remembers the calls that were made up, all of them as over; where it records
//! calls, it has recorded the one that was held.
//!
//! Not here: whether Twilio, the public address and the keys are as calls need them. `cordboard doctor`
//! looks at those.

mod answers;

use super::call::plan;
use super::client::Server;
use crate::access::{API_KEY, PublicAddress, random};
use crate::config::{self, Flags, Loaded};
use answers::{
    Answer, Judge, Judged, Wrong, description, document, guarded, health, held, no_socket, nothing, page,
    ready, stream, unsigned,
};
use anyhow::{Context, anyhow};
use caller::{Plan, Step};
use clap::Args;
use components::grant::Operator;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use twilio::signature::{AuthToken, SIGNATURE_HEADER};

/// For one answer: a server that asks Twilio about a call waits for that.
const ANSWER: Duration = Duration::from_secs(30);
/// The agent greets by then.
const GREETING: Duration = Duration::from_secs(10);
/// The call that is held is no longer than this.
const CALL: Duration = Duration::from_secs(20);
/// Who calls and who is called in calls that are made up: numbers that nobody has.
const CALLER: &str = "+15555550199";
const CALLED: &str = "+15555550100";

#[derive(Args)]
pub struct Arguments {
    /// The server [default: the configured address, on this machine]
    #[arg(long)]
    pub url: Option<String>,
}

type Told = &'static [(&'static str, &'static str)];
const INBOUND: Told = &[("Direction", "inbound"), ("CallStatus", "ringing")];
const OUTBOUND: Told = &[("Direction", "outbound-api"), ("CallStatus", "in-progress")];
const OVER: Told = &[("CallStatus", "completed"), ("CallDuration", "1")];

/// What Twilio asks when a call begins; each answers with a stream.
const BEGINNINGS: [(Method, &str, Told); 8] = [
    (Method::POST, "/", INBOUND),
    (Method::GET, "/", INBOUND),
    (Method::POST, "/voice/incoming", INBOUND),
    (Method::GET, "/voice/incoming", INBOUND),
    (Method::POST, "/outbound-twiml", OUTBOUND),
    (Method::GET, "/outbound-twiml", OUTBOUND),
    (Method::POST, "/voice/outbound", OUTBOUND),
    (Method::GET, "/voice/outbound", OUTBOUND),
];

/// What Twilio asks and tells from there on, in an order that could be a call's.
const AFTERWARDS: [(&str, Told, Judge); 8] = [
    ("/voice/stream-status", &[("StreamSid", "MZ0"), ("StreamEvent", "stream-started")], nothing),
    ("/voice/answered-by", &[("AnsweredBy", "human")], nothing),
    ("/voice/after", &[("CallStatus", "in-progress")], document),
    ("/voice/brief", &[("CallStatus", "in-progress")], document),
    ("/voice/operator", &[("CallStatus", "in-progress")], document),
    ("/voice/operator-status", OVER, nothing),
    ("/voice/transferred", &[("DialCallStatus", "completed")], document),
    ("/call-status", OVER, nothing),
];

pub fn smoke(flags: &Flags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(flags)?;
    let server = Server::new(arguments.url, &loaded)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut smoke = Smoke::new(server, &loaded)?;
        smoke.introduce();
        smoke.host().await?;
        smoke.webhooks().await?;
        smoke.interface().await?;
        smoke.conversation().await?;
        Ok(smoke.conclude())
    })
}

struct Smoke<'a> {
    server: Server,
    loaded: &'a Loaded,
    /// where the server thinks that it is: webhooks are signed for this
    address: PublicAddress,
    /// none: webhooks are not signed, and need not be
    token: Option<AuthToken>,
    may: May,
    tried: usize,
    /// what to do, and where that was found
    failures: BTreeMap<String, Vec<String>>,
}

/// What the server should let us do.
struct May {
    /// see calls and place them
    call: bool,
    control: bool,
}

impl May {
    /// By our key; without one by being this machine, where Twilio cannot be told from others.
    fn of(loaded: &Loaded, base: &str) -> Self {
        let has = |name| loaded.variable(name).is_some();
        let every = has(API_KEY);
        let one = has("CORDBOARD_API_KEY_CALL");
        let open = loaded.config.twilio.signatures && !has("TWILIO_AUTH_TOKEN") && is_here(base);
        Self { call: every || one || open, control: every || open && !one }
    }
}

impl<'a> Smoke<'a> {
    fn new(server: Server, loaded: &'a Loaded) -> anyhow::Result<Self> {
        let configured = loaded.config.server.public_url.as_deref().map(PublicAddress::parse).transpose();
        let address = match configured.map_err(|wrong| anyhow!(wrong))? {
            Some(configured) => configured,
            None => PublicAddress::parse(&server.base)
                .map_err(|_| anyhow!("{:?} is not the address of a server", server.base))?,
        };
        let token = loaded.variable("TWILIO_AUTH_TOKEN").filter(|_| loaded.config.twilio.signatures);
        let token =
            token.map(|token| AuthToken::new(token.trim())).transpose().context("TWILIO_AUTH_TOKEN")?;
        let may = May::of(loaded, &server.base);
        Ok(Self { server, loaded, address, token, may, tried: 0, failures: BTreeMap::new() })
    }

    fn introduce(&self) {
        println!("trying {}; nobody is called", self.server.base);
        match &self.token {
            Some(_) => println!("webhooks are signed for {}", self.address.http("/")),
            None => println!("webhooks go unsigned: no TWILIO_AUTH_TOKEN here, or it is not used"),
        }
        if !self.may.control {
            println!("no {API_KEY} here: what needs one should be refused");
        }
        println!();
    }

    /// What anybody may ask. Fails where nobody is there to answer.
    async fn host(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let first = self.ask(self.server.anonymous(Method::GET, "/health")).await?;
        self.judge("GET    /health", began.elapsed(), Ok(first), health);
        let open: [(Method, &str, Judge); 9] = [
            (Method::GET, "/", health),
            (Method::GET, "/ready", ready),
            (Method::GET, "/openapi.json", description),
            (Method::GET, "/docs/", page),
            (Method::GET, "/console", page),
            (Method::GET, "/ws", no_socket),
            (Method::GET, "/media", no_socket),
            (Method::GET, "/there-is-no-such-route", |answer| answer.refused(404)),
            (Method::DELETE, "/health", |answer| answer.refused(405)),
        ];
        for (method, path, judge) in open {
            let request = self.server.anonymous(method.clone(), path);
            self.check(&format!("{method:<6} {path}"), request, judge).await;
        }
        Ok(())
    }

    /// What only Twilio may ask.
    async fn webhooks(&mut self) -> anyhow::Result<()> {
        for (method, path, told) in BEGINNINGS {
            let sid = made_up()?;
            let form = self.form(&sid, told);
            self.webhook(&method, path, &form, stream).await;
            // nobody waits for its stream any more
            let over = self.twilios(&Method::POST, "/call-status", &self.form(&sid, OVER), true);
            drop(self.ask(over).await);
        }
        let sid = made_up()?;
        for (path, told, judge) in AFTERWARDS {
            let form = self.form(&sid, told);
            self.webhook(&Method::POST, path, &form, judge).await;
        }
        Ok(())
    }

    /// As Twilio asks it; and, where that can be told, as somebody else does.
    async fn webhook(&mut self, method: &Method, path: &str, form: &[(String, String)], judge: Judge) {
        let what = format!("{method:<6} {path}");
        let signed = self.twilios(method, path, form, true);
        self.check(&what, signed, judge).await;
        if self.token.is_some() {
            let forged = self.twilios(method, path, form, false);
            self.check(&format!("{what}, unsigned"), forged, unsigned).await;
        }
    }

    /// What needs a key.
    async fn interface(&mut self) -> anyhow::Result<()> {
        let sid = made_up()?;
        let May { call, control } = self.may;
        for path in ["/outbound", "/make-call"] {
            // no number, so that nobody can be called
            let request = self.server.post(path, &json!({ "to_number": "nobody" }));
            self.check(&format!("POST   {path}"), request, guarded(call, &[422])).await;
        }
        // Twilio is asked about a call that is not known, and may not be there
        let seen: [(&str, &'static [u16]); 9] = [
            ("/access", &[200]),
            ("/console/choices", &[200]),
            ("/components", &[200]),
            ("/figures", &[200]),
            // nothing may be kept, or the database be away
            ("/conversations", &[200, 503]),
            ("/calls", &[200]),
            ("/calls/SID", &[404]),
            ("/calls/SID/events", &[404]),
            ("/call-status/SID", &[404, 502]),
        ];
        for (path, wanted) in seen {
            let request = self.server.request(Method::GET, &path.replace("SID", &sid));
            self.check(&format!("GET    {path}"), request, guarded(call, wanted)).await;
        }
        let text = json!({ "text": "Hello?" });
        let controls = [
            ("/interrupt-call/SID", json!({})),
            ("/calls/SID/interrupt", json!({})),
            ("/calls/SID/hangup", json!({})),
            ("/calls/SID/say", text.clone()),
            ("/calls/SID/operator", text),
            ("/calls/SID/dtmf", json!({ "digits": "1" })),
            ("/calls/SID/transfer", json!({ "to": CALLED })),
        ];
        for (path, body) in controls {
            let request = self.server.post(&path.replace("SID", &sid), &body);
            self.check(&format!("POST   {path}"), request, guarded(control, &[404])).await;
        }
        Ok(())
    }

    /// One call: it hears the greeting and hangs up.
    async fn conversation(&mut self) -> anyhow::Result<()> {
        // signed for where the server thinks that it is, opened where it is
        let signed = plan(self.address.socket("/ws"), self.loaded)?;
        let sid = signed.identity.call_sid.clone();
        let parameters = [("direction", "inbound"), ("caller", CALLER), ("called", CALLED)];
        let plan = Plan {
            url: format!("{}/ws", self.server.base.replacen("http", "ws", 1)),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            steps: vec![Step::HangUp],
            patience: GREETING,
            limit: CALL,
            ..signed
        };
        let began = Instant::now();
        let outcome = caller::call(plan, |_| {}).await;
        self.tell("a call over /ws", "", began.elapsed(), held(outcome));
        let request = self.server.request(Method::GET, &format!("/calls/{sid}"));
        self.check("GET    /calls/SID, of that call", request, guarded(self.may.call, &[200])).await;
        let request = self.server.anonymous(Method::GET, "/health");
        self.check("GET    /health, after it", request, health).await;
        Ok(())
    }

    /// What Twilio tells of a call, its name first.
    fn form(&self, sid: &str, told: Told) -> Vec<(String, String)> {
        let account = self.loaded.config.twilio.account_sid.as_deref();
        let account = account.unwrap_or("AC00000000000000000000000000000000");
        let common = [("CallSid", sid), ("AccountSid", account), ("From", CALLER), ("To", CALLED)];
        let all = common.iter().chain(told);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// A request as Twilio makes it.
    fn twilios(
        &self,
        method: &Method,
        path: &str,
        form: &[(String, String)],
        signed: bool,
    ) -> RequestBuilder {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let (target, body, parameters) = match *method == Method::GET {
            true => (format!("{path}?{encoded}"), None, &[][..]),
            false => (path.to_owned(), Some(encoded), form),
        };
        let mut request = self.server.anonymous(method.clone(), &target);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        match self.token.as_ref().filter(|_| signed) {
            Some(token) => {
                request.header(SIGNATURE_HEADER, token.sign(&self.address.http(&target), parameters))
            }
            None => request,
        }
    }

    async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let response = self.server.send(request.timeout(ANSWER)).await?;
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let text = response.text().await.context("the answer broke off")?;
        let json = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status, kind, text, json })
    }

    async fn check(&mut self, what: &str, request: RequestBuilder, judge: impl FnOnce(&Answer) -> Judged) {
        let began = Instant::now();
        let answer = self.ask(request).await;
        self.judge(what, began.elapsed(), answer, judge);
    }

    fn judge(
        &mut self,
        what: &str,
        took: Duration,
        answer: anyhow::Result<Answer>,
        judge: impl FnOnce(&Answer) -> Judged,
    ) {
        match answer {
            Ok(answer) => self.tell(what, &answer.status.to_string(), took, judge(&answer)),
            Err(error) => {
                let advice = "the server went away, or is too busy to answer: look at its log";
                self.tell(what, "", took, Err(Wrong::new(format!("{error:#}"), advice)));
            }
        }
    }

    fn tell(&mut self, what: &str, status: &str, took: Duration, judged: Judged) {
        let (word, found) = match &judged {
            Ok(found) => ("ok", found),
            Err(wrong) => ("FAILED", &wrong.found),
        };
        let line = format!("{word:<7} {what:<40} {status:>4} {:>6} ms  {found}", took.as_millis());
        println!("{}", line.trim_end());
        self.tried += 1;
        if let Err(wrong) = judged {
            self.failures.entry(wrong.advice).or_default().push(what.to_owned());
        }
    }

    fn conclude(&self) -> ExitCode {
        let failed: usize = self.failures.values().map(Vec::len).sum();
        println!("\n{} of {} are as they should be.", self.tried - failed, self.tried);
        for (advice, places) in &self.failures {
            println!("\n{}\n  → {advice}", places.join("\n"));
        }
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// A name that no call has.
fn made_up() -> anyhow::Result<String> {
    Ok(format!("CA{:032x}", u128::from_be_bytes(random::<16>()?)))
}

/// On this machine.
fn is_here(base: &str) -> bool {
    let url = url::Url::parse(base).ok();
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
