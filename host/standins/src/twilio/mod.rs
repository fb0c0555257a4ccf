//! Twilio: its REST interface for calls, and the telephone network behind it.
//!
//! The network calls the customer's webhooks back, signed; it carries out the TwiML that they answer,
//! and opens the media streams, at whose other end a simulated person speaks and listens. What each
//! call went through is in its [timeline](CallSeen::timeline).
//!
//! Strict: what Twilio refuses is refused, and what it warns about is one of the server's
//! `violations`. A customer's server that does not answer, or closes a stream, has broken nothing:
//! that is an [`Event::Alert`] of the call, with the code that Twilio would have logged.
//!
//! A [`Fault`](crate::Fault) is one of the REST interface, and strikes a request:
//!
//! | fault | what it does |
//! |---|---|
//! | `Refuse` | Twilio's error of that status; nothing is done |
//! | `Silent` | nothing is done, and there is no response at all |
//! | `CloseMidWord` | it is done (a call is made), and the response breaks off in its middle |
//! | `Nothing` | it is done, and the response has no body |
//! | `Slow` | it is done later |
//! | `Garbage` | nothing is done; 200 with a body that is something else |
//!
//! The others have no effect. What is wrong with a telephone or a line is in [`Person`] and [`Callee`].
//!
//! Sources: Twilio's documentation, twilio-oai `twilio_api_v2010`, twilio-python 9.13, twilio-node 6.2.
//!
//! Deliberately not here: `<Record>`, `<Start>`; recordings, queues,
//! SIP; unidirectional streams; resources other than calls; what a call costs; the sound of anything
//! that Twilio itself says, and of two people who talk to each other.

mod callbacks;
mod conference;
mod dial;
mod following;
mod gather;
mod leg;
mod network;
mod outbound;
mod people;
mod refusal;
mod relay;
mod rest;
mod seen;
mod stream;
mod telling;
mod twiml;
mod verbs;
mod webhook;

pub use people::{Answers, Asking, Callee, Delivery, Incoming, Method, Person};
pub use seen::StreamOutcome;
pub use seen::{Asked, By, CallSeen, DialStatus, Event, Kind, Left, RelayOutcome, Request, Seen, Status};

use crate::fault::Fault;
use crate::serving;
use network::{Network, Order};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// The customer's number, where a test does not care.
pub const NUMBER: &str = "+15555550100";

#[derive(Clone, Debug)]
pub struct Config {
    /// On 127.0.0.1; 0 (the default) is any free port.
    pub port: u16,
    pub account_sid: String,
    /// Signs, and opens the REST interface.
    pub auth_token: String,
    /// Its sid and its secret: opens the REST interface too. Default: none.
    pub api_key: Option<(String, String)>,
    /// The customer's. Default: [`NUMBER`].
    pub numbers: Vec<String>,
    /// Who is at any other number. Default: [`Callee::answers`].
    pub callee: Callee,
    /// Who is at these.
    pub callees: BTreeMap<String, Callee>,
    /// Whether the customer hears of a call (by a callback, a webhook or a stream) and answers that
    /// before the response to the create comes, as may happen. Default: false.
    pub callback_first: bool,
    pub callbacks: Delivery,
    /// How often documents are asked for. Default: once.
    pub documents: Asking,
    /// A webhook or callback that takes longer has failed. Default: 15 s, as with Twilio.
    pub webhook_timeout: Duration,
    /// How long a second takes that a document or a request counts: of a `<Pause>`, the timeout of a
    /// `<Gather>`, of a `<Dial>` or of a create. Default: 1 s.
    pub second: Duration,
    /// How long Twilio takes for each `<Say>` and `<Play>`, whatever it is. Default: 0.
    pub saying: Duration,
    /// How long it takes to speak a character in a session of ConversationRelay; 0: everything is spoken
    /// at once. Default: 0.
    pub pace: Duration,
    /// How long it is quiet in such a session before the person takes the agent for finished.
    /// Default: 30 ms.
    pub pause: Duration,
    /// Ways to public addresses of the customer's that lead to this machine.
    pub tunnels: Vec<Tunnel>,
    /// From the start. Default: none.
    pub fault: Option<Fault>,
}

/// A server with a public address, without a certificate and without DNS: what goes to this host, by
/// http or https, ws or wss, arrives at `to` in plain, with the headers by which a proxy tells what was
/// asked for. It is signed for the public address.
#[derive(Clone, Debug)]
pub struct Tunnel {
    pub host: String,
    pub to: SocketAddr,
}

/// What came back of a request that was made once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            account_sid: "AC00000000000000000000000000000001".into(),
            auth_token: "0123456789abcdef0123456789abcdef".into(),
            api_key: None,
            numbers: vec![NUMBER.into()],
            callee: Callee::answers(),
            callees: BTreeMap::new(),
            callback_first: false,
            callbacks: Delivery::InOrder,
            documents: Asking::Once,
            webhook_timeout: Duration::from_secs(15),
            second: Duration::from_secs(1),
            saying: Duration::ZERO,
            pace: Duration::ZERO,
            pause: Duration::from_millis(30),
            tunnels: Vec::new(),
            fault: None,
        }
    }
}

impl Config {
    pub fn new() -> Self {
        Self::default()
    }
}

/// A stand-in at work, until it is dropped; all calls end with it.
pub struct Server {
    serving: serving::Server<Seen>,
    network: Arc<Network>,
}

impl Deref for Server {
    type Target = serving::Server<Seen>;

    fn deref(&self) -> &Self::Target {
        &self.serving
    }
}

impl Server {
    /// Serves as soon as it returns.
    pub async fn start(config: Config) -> io::Result<Self> {
        let (port, fault) = (config.port, config.fault.clone());
        let mut made = None;
        let serving = serving::Server::serve(port, fault, |kept| {
            let network = Network::new(config, kept);
            made = network.as_ref().ok().cloned();
            async move {
                let network = network?;
                network.settle();
                Ok(rest::router(network))
            }
        });
        let serving = serving.await?;
        let network = made.ok_or_else(|| io::Error::other("the network was not made"))?;
        Ok(Self { serving, network })
    }

    /// What stands for `https://api.twilio.com`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    pub fn account_sid(&self) -> &str {
        &self.network.config.account_sid
    }

    pub fn auth_token(&self) -> &str {
        &self.network.config.auth_token
    }

    /// Somebody dials a number of the customer's. The sid of the call.
    pub fn ring(&self, incoming: Incoming) -> String {
        self.network.ring(incoming)
    }

    /// The person at this telephone puts the receiver down; where it still rings, they do not want to
    /// be called. Whether there was such a call.
    pub fn hang_up(&self, sid: &str) -> bool {
        self.network.order(sid, Order::PutDown)
    }

    /// The connection of the call's stream, or of its ConversationRelay, goes without a word, as when a
    /// line breaks; the call is there, and its document goes on. Without one, nothing happens.
    pub fn drop_stream(&self, sid: &str) -> bool {
        self.network.order(sid, Order::DropStream)
    }

    /// Asks the customer once more for a document that this call has asked for, with the same form and
    /// the same signature; `back`: how many requests before the last one, 0 for the last one itself,
    /// which may not be answered yet. What comes back is here and nowhere else: the call goes on as if
    /// nothing had happened. Fails where there was no such request, or there is no answer, and says why.
    pub async fn repeat(&self, sid: &str, back: usize) -> Result<Repeated, String> {
        let answer = self.network.repeat(sid, back).await?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        Ok(Repeated { status: answer.status, content_type: answer.content_type, body })
    }

    /// From now on these are at this number.
    pub fn set_callee(&self, number: impl Into<String>, callee: Callee) {
        self.network.set_callee(number.into(), callee);
    }

    /// Waits for something to happen to a call; the caller bounds it in time. The call as it was then.
    pub async fn until_call(&self, sid: &str, condition: impl Fn(&CallSeen) -> bool) -> CallSeen {
        let found = std::sync::Mutex::new(None);
        self.until(|seen| {
            let call = seen.call(sid).filter(|call| condition(call)).cloned();
            let is_found = call.is_some();
            *network::lock(&found) = call;
            is_found
        })
        .await;
        let found = network::lock(&found).take();
        // there is one, unless the server was dropped meanwhile, which this borrow does not allow
        found.unwrap_or_else(|| CallSeen::new("inbound", "", "", Status::Failed))
    }

    /// Waits until a call is over and its customer was told all about it; the caller bounds it.
    pub async fn ended(&self, sid: &str) -> CallSeen {
        self.until_call(sid, |call| call.status.is_terminal() && call.settled).await
    }
}
